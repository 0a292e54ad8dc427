package provision_test

import (
	"strings"
	"testing"

	"github.com/postroom/postroom/core/provision"
)

// team is a mailbox that a group opens; its one member by the manifest is Anna.
var team = with(jobs, "-open anna@example.net", "group team@example.net = Team", "open team@example.net", "group-member team@example.net/anna@example.net = MEMBER")

// heldBack is why the step is held back whose words have the text; empty where it is not.
func heldBack(p provision.Plan, text string) string {
	for _, h := range p.Held {
		if strings.Contains(h.Step.What, text) {
			return h.Why
		}
	}
	return ""
}

func planned(p provision.Plan, text string) *provision.Step {
	for i := range p.Steps {
		if strings.Contains(p.Steps[i].What, text) {
			return &p.Steps[i]
		}
	}
	return nil
}

// TestAGroupIsGivenNothingWhileAStrangerIsInIt: whoever is in a group has what the group is given.
func TestAGroupIsGivenNothingWhileAStrangerIsInIt(t *testing.T) {
	t.Parallel()
	have := boxes{with(team, "-open team@example.net", "group-member team@example.net/eve@example.net = MEMBER")}
	p := provision.Make(boxes{team}, have, provision.Options{})
	if why := heldBack(p, "make team@example.net a delegate"); !strings.Contains(why, "eve@example.net") {
		t.Errorf("the group becomes a delegate with a stranger in it: held back because %q, steps %+v", why, p.Steps)
	}
	tn, all := office(t, boxes{team}, have, true)
	r, err := tn.run("one").Apply(t.Context(), boxes{team}, all)
	if err != nil || !r.Complete() || !r.Left.Empty() {
		t.Fatalf("%v\n%s", err, outcomes(r))
	}
	if tn.changes[0].Verb != provision.Remove {
		t.Errorf("first it did: %s", tn.changes[0].What)
	}
}

// TestNobodyIsToldToGiveAGroupWithAStrangerInItAnything: Google shows no group among the delegates, so a person makes it one.
func TestNobodyIsToldToGiveAGroupWithAStrangerInItAnything(t *testing.T) {
	t.Parallel()
	unseen := func(m provision.Mailbox) provision.Mailbox {
		m = with(m, "-open team@example.net")
		m.Unseen = facts{{Aspect: provision.Open, Subject: "Team@example.net"}: "in Gmail: Settings > Accounts > Grant access"}
		return m
	}
	stranger := with(team, "group-member team@example.net/eve@example.net = MEMBER")
	blind := unread(with(team, "-group-member team@example.net/anna@example.net"), provision.GroupMember, "busy")
	for _, tt := range []struct {
		name  string
		have  provision.Mailbox
		o     provision.Options
		first bool
	}{
		{"a stranger held back", stranger, provision.Options{}, true},
		{"members that could not be read", blind, provision.Options{}, true},
		{"a stranger taken out", stranger, provision.Options{AllowRemove: true}, true},
		{"nobody else in it", team, provision.Options{}, false},
	} {
		p := provision.Make(boxes{team}, boxes{unseen(tt.have)}, tt.o)
		if len(p.Unseen) != 1 || !strings.HasSuffix(p.Unseen[0].Why, "Grant access") {
			t.Fatalf("%s: %+v", tt.name, p.Unseen)
		}
		if got := strings.HasPrefix(p.Unseen[0].Why, "not before"); got != tt.first {
			t.Errorf("%s: it says %q", tt.name, p.Unseen[0].Why)
		}
	}
}

// TestALastMemberLeavesTheGroup: the membership of a group that is given the mailbox is the manifest's also when it names
// nobody; that of any other group is nobody's business.
func TestALastMemberLeavesTheGroup(t *testing.T) {
	t.Parallel()
	have := boxes{with(team, "open other@example.net", "group-member other@example.net/bo@example.net = MEMBER")}
	want := boxes{with(team, "-group-member team@example.net/anna@example.net", "open other@example.net")}
	p := provision.Make(want, have, provision.Options{AllowRemove: true})
	if len(p.Steps) != 1 || p.Steps[0].Verb != provision.Remove || p.Steps[0].Fact.Subject != "team@example.net/anna@example.net" {
		t.Errorf("the plan is %+v", p.Steps)
	}
}

// TestALowerRoleInAGroupTakesSomethingAway: who owns a group may put anybody into it.
func TestALowerRoleInAGroupTakesSomethingAway(t *testing.T) {
	t.Parallel()
	const anna = "group-member team@example.net/anna@example.net = "
	want := with(team, anna+"MANAGER", "open anna@example.net")
	for _, tt := range []struct {
		is    string
		takes bool
	}{{"OWNER", true}, {"owner", true}, {"MEMBER", false}} {
		have := with(team, anna+tt.is)
		p := provision.Make(boxes{want}, boxes{have}, provision.Options{})
		if held := heldBack(p, "in the group"); (held != "") != tt.takes {
			t.Errorf("from %s: held back because %q", tt.is, held)
		}
		if held := heldBack(p, "make anna@example.net a delegate"); (held != "") != tt.takes {
			t.Errorf("from %s: the right is held back because %q", tt.is, held)
		}
		p = provision.Make(boxes{want}, boxes{have}, provision.Options{AllowRemove: true})
		if len(p.Held) > 0 || len(p.Steps) != 2 || p.Steps[0].Takes != tt.takes || p.Steps[0].Fact.Aspect != provision.GroupMember {
			t.Errorf("from %s: %+v", tt.is, p)
		}
	}
	// The account is behind the group already, so what the group is like is not held back with its role.
	front := with(jobs, "group work@example.net = Work", "group-member work@example.net/jobs@example.net = MEMBER", "group-setting whoCanPostMessage = ANYONE_CAN_POST")
	p := provision.Make(boxes{front}, boxes{with(front, "group-member work@example.net/jobs@example.net = OWNER", "-group-setting whoCanPostMessage")}, provision.Options{})
	if planned(p, "whoCanPostMessage") == nil || heldBack(p, "in the group") == "" {
		t.Errorf("the plan is %+v", p)
	}
}
