package workspace_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Of every change the answer may be lost, or the request; done again, all is as if nothing had been.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	from := wish(box, fact(provision.Existence), "account", fact(provision.Name), "Old Name", fact(provision.OrgUnit), "/",
		fact(provision.Licence), starter, fact(provision.AddressList), "shown", fact(provision.Alias, "old@contoso.com"), "",
		fact(provision.Group, front), "Old Help", fact(provision.GroupMember, front, "anna@contoso.com"), "MEMBER")
	for _, start := range []struct {
		name string
		from *provision.Mailbox
	}{{"from nothing", nil}, {"from another", &from}} {
		for _, kind := range []fault.Kind{fault.Lost, fault.Reset, fault.Unavailable} {
			for _, verb := range []string{"POST", "PATCH", "PUT", "DELETE"} {
				t.Run(fmt.Sprintf("%s, %s %s", start.name, kind, verb), func(t *testing.T) {
					t.Parallel()
					d := newDesk(t)
					d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
					want := support()
					if start.from != nil {
						d.apply(*start.from)
					}
					have := d.read(want)[0] // the group's other members are nobody's wish now
					for _, s := range steps(want, have) {
						d.dial.Add(fault.Rule{Kind: kind, Method: verb, Times: 1})
						if err := d.do(s); err != nil {
							t.Fatalf("%s %v: %v", s.Verb, s.Fact, err)
						}
						d.dial.Clear()
					}
					d.same(d.read(want)[0].Facts, want.Facts)
				})
			}
		}
	}
}

// A lost answer is no reason to think that it has not happened, nor that it has.
func TestLostAnswerIsNotYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	step := provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Create, Fact: fact(provision.Existence), After: "account"}
	d.dial.Add(fault.Rule{Kind: fault.Lost, Method: "POST", Path: "/users", Times: 1})
	err := d.admin.Do(t.Context(), step)
	if later := new(provision.NotYet); !errors.As(err, &later) {
		t.Fatalf("got %v", err)
	}
	// Google may know the address before it shows the account.
	d.sim.Lag.Account = 20 * time.Second
	err = d.admin.Do(t.Context(), step)
	if later := new(provision.NotYet); !errors.As(err, &later) {
		t.Fatalf("before it shows: %v", err)
	}
	d.clock.Advance(20 * time.Second)
	d.ok(d.admin.Do(t.Context(), step))
	if n := d.sim.Requests()["directory.users.insert"]; n != 3 || len(d.sim.Accounts()) != 2 {
		t.Errorf("%d inserts, %d accounts", n, len(d.sim.Accounts()))
	}
}

// What somebody else has created since the plan is not taken over in silence.
func TestCreatedBySomebodyElse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Sue Port"})
	d.sim.AddGroup(front, "Somebody's")
	for _, f := range []provision.Fact{fact(provision.Existence), fact(provision.Group, front)} {
		err := d.do(provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Create, Fact: f, After: "account"})
		if err == nil {
			t.Errorf("%v: adopted", f)
		}
	}
	if acc, _ := d.sim.Account(box); acc.Name != "Sue Port" {
		t.Errorf("it is named %s now", acc.Name)
	}
}
