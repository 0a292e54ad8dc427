package provision_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/postroom/postroom/core/provision"
)

// TestAMailboxOfAnotherKindIsLeftAlone: where the manifest declares what is somebody's own mailbox, nothing is done to it before a
// person has made a shared one of it, least of all its sign-in blocked.
func TestAMailboxOfAnotherKindIsLeftAlone(t *testing.T) {
	t.Parallel()
	bo := m365("support@contoso.com", "mailbox = user", "name = Bo", "sign-in = allowed", "auto-reply = on", "open cara@contoso.com", "alias bo@contoso.com")
	for _, allow := range []bool{false, true} {
		tn := newTenant(boxes{bo})
		tn.manual = func(s provision.Step) string {
			if s.Fact.Aspect == provision.Existence {
				return "make a shared mailbox of it"
			}
			return ""
		}
		p, err := tn.estate().Plan(t.Context(), boxes{support}, provision.Options{AllowRemove: allow})
		if err != nil {
			t.Fatal(err)
		}
		if !allow && len(p.Steps) > 0 {
			t.Errorf("without leave to remove the plan has: %s", p.Steps[0].What)
		}
		r, err := tn.run("one").Apply(t.Context(), boxes{support}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Ended {
			if !slices.Contains([]provision.Outcome{provision.ByPerson, provision.Untried}, e.Outcome) {
				t.Errorf("with leave to remove %v: %s: %s", allow, e.Outcome, e.Step.What)
			}
		}
	}
}

// TestNoMailboxIsMarkedForAnAppThatMayDoMore: each role of the app acts in every mailbox that carries the mark.
func TestNoMailboxIsMarkedForAnAppThatMayDoMore(t *testing.T) {
	t.Parallel()
	want := boxes{tenantWish, with(support, "reach = Postroom")}
	have := boxes{with(tenantWish, "app-role Application Mail.Send = Postroom"), support}
	tn, p := office(t, want, have, true)
	tn.before = func(s provision.Step) error {
		if s.Fact.Aspect == provision.AppRole {
			return errors.New("the role is in use")
		}
		return nil
	}
	r, err := tn.run("one").Apply(t.Context(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "failed: take the role Application Mail.Send from the app; its scope was Postroom", "not tried: mark it with Postroom, so that the app reaches it")
	p, err = tn.estate().Plan(t.Context(), want, provision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) > 0 {
		t.Errorf("without leave to take the role away it would %s", p.Steps[0].What)
	}
}
