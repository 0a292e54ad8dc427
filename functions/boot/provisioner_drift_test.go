package boot_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

// What differs at the first look at a large tenant, before anything is applied, is more than fits a record and a message one by one. It is told all
// the same, and once.
func TestDriftOfALargeTenantIsTold(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil {
			e.Admins[0] = crowded{e.Admins[0], 40_000}
		}
		return e, err
	}
	for look := range 2 {
		var r boot.DriftReport
		b.ask(`{"do": "report"}`, &r)
		if r.Drift != 40_000 || len(b.told) != 1 {
			t.Fatalf("look %d: %+v, told %d times", look, r, len(b.told))
		}
	}
}

// Nor does it keep a look of several invocations from being handed on.
func TestLookAtALargeTenantIsHandedOn(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.shelf.put(large(60))
	b.equip()
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil {
			e.Admins[0] = crowded{tardy{e.Admins[0], func() { _ = b.wait(context.Background(), 4*time.Minute) }}, 2000}
		}
		return e, err
	}
	b.cut = b.now.Add(15 * time.Minute)
	if _, err := b.handle(`{"do": "report"}`); err != nil {
		t.Fatal(err)
	}
	if legs := b.goOn(); legs == 0 || len(b.told) != 1 {
		t.Errorf("%d invocations more, told %d times", legs, len(b.told))
	}
}

// crowded finds so many people in each mailbox.
type crowded struct {
	provision.Admin
	people int
}

func (c crowded) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	list, err := c.Admin.Read(ctx, want, only)
	for i := range list {
		if list[i].Address != "" {
			for n := range c.people {
				list[i].Facts[provision.Fact{Aspect: provision.Read, Subject: fmt.Sprintf("u%d@contoso.com", n)}] = "x"
			}
		}
	}
	return list, err
}
