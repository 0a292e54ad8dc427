package provision_test

import (
	"context"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// TestTheSamePlanLater: what it did was taken back by hand, and it is applied once more. Each change has entries of its own.
func TestTheSamePlanLater(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help")}
	tn, p := office(t, want, boxes{support}, false)
	at, name := site{inbox.M365, "support@contoso.com"}, fact{Aspect: provision.Name}
	stages := map[provision.Stage]int{}
	for round := range 3 {
		r, err := tn.run("one").Apply(context.Background(), want, p)
		if err != nil || !r.Complete() || len(tn.changes) != round+1 {
			t.Fatalf("round %d: %v after %d changes", round, err, len(tn.changes))
		}
		if r, err = tn.run("one").Apply(context.Background(), want, p); err != nil || r.Count(provision.WasSo) != 1 {
			t.Fatalf("round %d, once more: %v\n%s", round, err, outcomes(r))
		}
		tn.truth[at][name] = "Support"
		tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
	}
	for _, e := range tn.entries {
		stages[e.Stage]++
	}
	if stages[provision.Begun] != 3 || stages[provision.Done] != 3 || len(stages) != 2 {
		t.Errorf("three changes have the entries %v", stages)
	}
}

// TestWhatSomebodyElseHasDoneIsNotOurs: a step of the plan was done by hand before its apply.
func TestWhatSomebodyElseHasDoneIsNotOurs(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "language = da-DK")}
	tn, p := office(t, want, boxes{support}, false)
	tn.truth[site{inbox.M365, "support@contoso.com"}][fact{Aspect: provision.Name}] = "Help"
	tn.history = append(tn.history, moment{tn.now, tn.copyTruth()})
	r, err := tn.run("one").Apply(context.Background(), want, p)
	if err != nil || r.Count(provision.WasSo) != 1 || r.Count(provision.Shown) != 1 {
		t.Fatalf("%v\n%s", err, outcomes(r))
	}
	for _, e := range tn.entries {
		if e.Fact.Aspect == provision.Name {
			t.Errorf("the journal says that %s has %s: %s", e.By, e.Stage, e.Fact.Aspect)
		}
	}
}
