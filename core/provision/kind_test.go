package provision_test

import (
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
