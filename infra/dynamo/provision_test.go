package dynamo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/infra/dynamo"
)

// provisionSuites runs both suites on tables that open makes.
func provisionSuites(t *testing.T, opened func(t *testing.T) (*dynamo.Table, func() *dynamo.Table)) {
	t.Run("journal", func(t *testing.T) {
		coretest.Journal(t, func(t *testing.T) (provision.Journal, func() provision.Journal) {
			table, open := opened(t)
			return table.Provision(), func() provision.Journal { return open().Provision() }
		})
	})
	t.Run("locks", func(t *testing.T) {
		coretest.Locks(t, func(t *testing.T) (provision.Locks, func() provision.Locks) {
			table, open := opened(t)
			return table.Provision(), func() provision.Locks { return open().Provision() }
		})
	})
}

func TestProvision(t *testing.T) {
	t.Parallel()
	provisionSuites(t, opened)
}

func TestProvisionShaken(t *testing.T) {
	t.Parallel()
	provisionSuites(t, shaken)
}

func TestProvisionStrict(t *testing.T) {
	t.Parallel()
	provisionSuites(t, func(t *testing.T) (*dynamo.Table, func() *dynamo.Table) {
		client, name := newTable(t)
		open := func() *dynamo.Table { return dynamo.Open(strict{client}, name, dynamo.Options{}) }
		return open(), open
	})
}

// TestProvisionLostCalls loses calls before and after they were done; whoever was told of an error asks again, and
// everything is as if it had happened once.
func TestProvisionLostCalls(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	s := newShaky(client, 3, 0)
	s.lose = func(call int, write bool) (before, after bool) { return call%11 == 3, write && call%7 == 2 }
	p := dynamo.Open(s, name, dynamo.Options{Sleep: noSleep}).Provision()
	again := func(what string, do func() error) {
		t.Helper()
		var err error
		for range 30 {
			if err = do(); !errors.Is(err, errLost) {
				break
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	var list []provision.Entry
	for n := range 70 { // several transactions
		list = append(list, provision.Entry{Key: strings.Repeat("k", n+1), Mailbox: support, At: epoch.Add(time.Duration(n)), Stage: provision.Begun})
	}
	again("lock", func() error { return p.Lock(t.Context(), "a", epoch, epoch.Add(time.Hour)) })
	again("record", func() error { return p.Record(t.Context(), list) })
	again("unlock", func() error { return p.Unlock(t.Context(), "a") })
	again("lock by another", func() error { return p.Lock(t.Context(), "b", epoch, epoch.Add(time.Hour)) })
	found, _, err := dynamo.Open(client, name, dynamo.Options{}).Provision().Entries(t.Context(), support, "", 1000)
	if err != nil || len(found) != len(list) {
		t.Fatalf("%d entries, want %d: %v", len(found), len(list), err)
	}
	for i, e := range found {
		if e != list[i] {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
	if _, _, err := p.Entries(t.Context(), support, "bSNhYmM", 10); err == nil {
		t.Error("anything is taken for a cursor")
	}
}
