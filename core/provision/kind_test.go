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
	byHand := func(s provision.Step) string {
		if s.Fact.Aspect == provision.Existence {
			return "make it a shared mailbox"
		}
		return ""
	}
	for _, allow := range []bool{false, true} {
		tn, p := office(t, boxes{support}, boxes{bo}, allow)
		p = provision.Make(boxes{support}, boxes{bo}, provision.Options{Made: p.Made, AllowRemove: allow, Manual: byHand})
		for _, s := range p.Steps {
			if !allow {
				t.Errorf("without leave it would %s", s.What)
			}
		}
		tn.manual = func(s provision.Step) bool { return s.Fact.Aspect == provision.Existence }
		r, err := tn.run("a").Apply(t.Context(), boxes{support}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Ended {
			if !slices.Contains([]provision.Outcome{provision.ByPerson, provision.Untried}, e.Outcome) {
				t.Errorf("allowed to remove %v: %s: %s", allow, e.Step.What, e.Outcome)
			}
		}
	}
}
