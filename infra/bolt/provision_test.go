package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/infra/bolt"
)

func openProvision(t *testing.T, path string) *bolt.Provision {
	t.Helper()
	p, err := bolt.OpenProvision(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestJournal(t *testing.T) {
	t.Parallel()
	coretest.Journal(t, func(t *testing.T) (provision.Journal, func() provision.Journal) {
		path := filepath.Join(t.TempDir(), "provision.db")
		return openProvision(t, path), func() provision.Journal { return openProvision(t, path) }
	})
}

func TestLocks(t *testing.T) {
	t.Parallel()
	coretest.Locks(t, func(t *testing.T) (provision.Locks, func() provision.Locks) {
		path := filepath.Join(t.TempDir(), "provision.db")
		return openProvision(t, path), func() provision.Locks { return openProvision(t, path) }
	})
}

// TestTwoProcesses: two values of one file stand for two processes, for the file's lock knows no difference.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "provision.db")
	a, b := openProvision(t, path), openProvision(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read it", info, err)
	}
	if err := a.Lock(t.Context(), "a", opened, opened.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	locked := (*provision.Locked)(nil)
	if err := b.Lock(t.Context(), "b", opened, opened.Add(time.Hour)); !errors.As(err, &locked) || locked.Holder != "a" {
		t.Fatalf("got %v, want that a has the lock", err)
	}
	entry := provision.Entry{Key: "1", Mailbox: support, At: opened, Stage: provision.Begun}
	if err := a.Record(t.Context(), []provision.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	list, _, err := b.Entries(t.Context(), support, "", 10)
	if err != nil || len(list) != 1 || list[0] != entry {
		t.Errorf("the other reads %v, %v", list, err)
	}
	if _, _, err := b.Entries(t.Context(), support, "no cursor", 10); err == nil {
		t.Error("anything is taken for a cursor")
	}
}

func TestProvisionRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	f := newFile(t, bolt.Options{})
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.OpenProvision(f.path); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("got %v, want that it is the database of serve", err)
	}
	f.open()
	missing := filepath.Join(t.TempDir(), "none", "provision.db")
	if _, err := bolt.OpenProvision(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error that names %s", err, missing)
	}
}
