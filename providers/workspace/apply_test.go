package workspace_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// A manifest's worth of mailboxes, applied while requests are lost and throttled and everything takes its time, ends in
// an empty plan; and nobody is ever in a group that the file does not give them.
func TestApply(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.Lag = workspacesim.Lag{
		Account: 8 * time.Second, Listed: time.Minute, Group: 15 * time.Second, Members: 30 * time.Second,
		Mailbox: 3 * time.Minute, NewLicence: 20 * time.Second,
	}
	var want []provision.Mailbox
	may := map[string][]string{}
	for i := range 12 {
		m := support()
		address := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		m.Address = address
		for f, value := range m.Facts {
			if f.Aspect == provision.Alias || f.Aspect == provision.GroupMember {
				delete(m.Facts, f)
			}
			if f.Aspect == provision.Group {
				delete(m.Facts, f)
				m.Facts[fact(provision.Group, fmt.Sprintf("front%d@contoso.com", i))] = value
			}
		}
		group := fmt.Sprintf("front%d@contoso.com", i)
		for _, who := range []string{string(address), fmt.Sprintf("person%d@contoso.com", i)} {
			m.Facts[fact(provision.GroupMember, group, who)] = "MEMBER"
			may[group] = append(may[group], who)
		}
		m.Facts[fact(provision.Alias, fmt.Sprintf("alias%d@contoso.com", i))] = ""
		if i%2 == 1 {
			// Any name will do, and a new group gets this one.
			m.Facts[fact(provision.Group, group)] = ""
			m.AtCreation = map[provision.Fact]string{fact(provision.Group, group): "Usual"}
		}
		want = append(want, m)
		d.sim.AddAccount(workspacesim.Account{Address: fmt.Sprintf("person%d@contoso.com", i), Name: "Some Body"})
	}
	// One group is there already, with somebody who does not belong; and one account with an alias too many.
	d.sim.AddGroup("front3@contoso.com", "Old", "person0@contoso.com")
	d.sim.AddAccount(workspacesim.Account{Address: "box5@contoso.com", Name: "Old", Aliases: []string{"old@contoso.com"}, Licences: []string{starter}})
	d.sim.OnMembers = func(group string, members []string) {
		for _, who := range members {
			if !slices.Contains(may[group], who) && (group != "front3@contoso.com" || who != "person0@contoso.com" || len(members) > 1) {
				t.Errorf("%s is in %s with %v", who, group, members)
			}
		}
	}
	for i, kind := range []fault.Kind{fault.Lost, fault.Throttle, fault.Unavailable, fault.Reset, fault.ThrottleBare} {
		d.dial.Add(fault.Rule{Kind: kind, Rate: 0.04, Skip: 3 * i, RetryAfter: 5 * time.Second})
	}

	estate := &provision.Estate{Admins: []provision.Admin{d.admin}}
	options := provision.Options{AllowRemove: true, Made: d.clock.Now(), Manifest: provision.Source{Name: "postroom.yaml", SHA256: fmt.Sprintf("%064d", 1)}}
	plan, err := estate.Plan(t.Context(), want, options)
	d.ok(err)
	if plan.Empty() {
		t.Fatal("there is nothing to do")
	}
	run := provision.Run{
		Estate: estate, Journal: &memory.Journal{}, Locks: &memory.Locks{}, Holder: "a run", By: "a test", Now: d.clock.Now,
		Wait: d.clock.Wait,
	}
	report, err := run.Apply(t.Context(), want, plan)
	d.ok(err)
	for _, e := range report.Ended {
		if e.Outcome != provision.Shown && e.Outcome != provision.WasSo {
			t.Errorf("%s of %s %s: %s", e.Step.What, e.Step.Mailbox, e.Outcome, e.Says)
		}
	}
	d.dial.Clear()
	d.clock.Advance(5 * time.Minute)
	plan, err = estate.Plan(t.Context(), want, options)
	d.ok(err)
	if !plan.Empty() {
		t.Errorf("left to do: %v", plan.Steps)
	}
	for group, name := range map[string]string{"front1@contoso.com": "Usual", "front2@contoso.com": "Contoso Help", "front3@contoso.com": "Old"} {
		if g, _ := d.sim.Group(group); g.Name != name {
			t.Errorf("%s is named %q, want %q", group, g.Name, name)
		}
	}
	if n := d.sim.TooFast(); n > 0 {
		t.Errorf("%d licensing requests came within a second of another", n)
	}
}
