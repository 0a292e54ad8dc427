package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

type fact = provision.Fact

var people = []string{"anna@contoso.com", "bo@contoso.com", "cem@contoso.com"}

// world is a random wish and a random finding that the wish can be made true of.
func world(t *rapid.T) (want, have []provision.Mailbox) {
	chance := func(what string, percent int) bool { return rapid.IntRange(0, 99).Draw(t, what) < percent }
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	app := chance("app", 70)
	for _, provider := range []inbox.Provider{inbox.M365, inbox.Gmail} {
		names := []string{"a@contoso.com", "b@contoso.com", "c@contoso.com"}
		if provider == inbox.Gmail {
			names = []string{"a@example.net", "b@example.net", "c@example.net"}
		}
		var live, there []int
		wants, haves := make([]provision.Mailbox, 3), make([]provision.Mailbox, 3)
		for i, name := range names {
			wants[i] = provision.Mailbox{Address: inbox.MailboxID(name), Provider: provider, Facts: facts{}}
			haves[i] = provision.Mailbox{Address: inbox.MailboxID(name), Provider: provider, Facts: facts{}}
			if chance("live "+name, 80) {
				live = append(live, i)
				wants[i].Facts = one(t, provider, name, true, app)
				wants[i].AtCreation = facts{{Aspect: provision.Language}: "sv-SE", {Aspect: provision.Marker, Subject: "Closed"}: "gray"}
				if provider == inbox.M365 {
					wants[i].AtCreation[fact{Aspect: provision.TimeZone}] = "Europe/Stockholm"
				}
			}
			if chance("there "+name, 65) {
				there = append(there, i)
				haves[i].Facts = one(t, provider, name, false, true)
			}
		}
		// Each alias belongs to one mailbox at most, and the address of the last mailbox may be one where it is none.
		for _, alias := range []string{"x@alias.example", "y@alias.example", names[2]} {
			for _, side := range []struct {
				boxes  []provision.Mailbox
				owners []int
			}{{wants, live}, {haves, there}} {
				_, taken := side.boxes[2].Facts[fact{Aspect: provision.Existence}]
				if len(side.owners) > 0 && chance("alias "+alias, 60) && (alias != names[2] || !taken) {
					owner := rapid.SampledFrom(side.owners).Draw(t, "owner")
					side.boxes[owner].Facts[fact{Aspect: provision.Alias, Subject: alias}] = ""
				}
			}
		}
		want, have = append(want, wants...), append(have, haves...)
	}
	if app {
		tenant := provision.Mailbox{Provider: inbox.M365, Facts: facts{
			{Aspect: provision.AppPrincipal, Subject: "app"}: "object", {Aspect: provision.AppScope, Subject: "Postroom"}: "filter",
			{Aspect: provision.AppRole, Subject: "Mail"}: "Postroom", {Aspect: provision.AppRole, Subject: "Settings"}: "Postroom",
		}}
		want = append([]provision.Mailbox{tenant}, want...)
		is := provision.Mailbox{Provider: inbox.M365, Facts: facts{}}
		if chance("principal", 50) {
			is.Facts[fact{Aspect: provision.AppPrincipal, Subject: "app"}] = pick("object", "object", "other")
			is.Facts[fact{Aspect: provision.AppScope, Subject: "Postroom"}] = pick("filter", "filter", "other")
			for _, role := range []string{"Mail", "Settings", "Everything"} {
				if chance(role, 50) {
					is.Facts[fact{Aspect: provision.AppRole, Subject: role}] = pick("scope", "", "Postroom", "Old")
				}
			}
		}
		have = append([]provision.Mailbox{is}, have...)
		if chance("beyond", 40) {
			have = append(have, provision.Mailbox{Address: "beyond@contoso.com", Provider: inbox.M365, Facts: facts{
				{Aspect: provision.Existence}: "shared", {Aspect: provision.Reach}: "Postroom", {Aspect: provision.Read, Subject: people[0]}: "",
			}})
		}
	}
	return want, have
}

// one is a random mailbox that exists.
func one(t *rapid.T, provider inbox.Provider, name string, wish, app bool) facts {
	f := facts{}
	chance := func(percent int) bool { return rapid.IntRange(0, 99).Draw(t, "chance") < percent }
	set := func(aspect provision.Aspect, subject string, percent int, values ...string) {
		if chance(percent) {
			f[fact{Aspect: aspect, Subject: subject}] = rapid.SampledFrom(values).Draw(t, string(aspect))
		}
	}
	if provider == inbox.M365 {
		f[fact{Aspect: provision.Existence}] = "shared"
		set(provision.SignIn, "", 60, "blocked", "allowed")
		set(provision.FolderNames, "", 30, "localised")
		set(provision.TimeZone, "", 30, "Europe/Copenhagen", "UTC")
		set(provision.SentCopies, "as", 50, "on", "off")
		set(provision.Licence, "", 50, "assigned")
		set(provision.Quota, "", 50, "10737418240", "52613349376", "107374182400")
		if f[fact{Aspect: provision.Licence}] == "" && f[fact{Aspect: provision.Quota}] == "107374182400" {
			f[fact{Aspect: provision.Licence}] = "assigned"
		}
		for _, who := range people {
			set(provision.Open, who, 30, "mapped", "unmapped")
			set(provision.Read, who, 20, "")
			set(provision.SendAs, who, 25, "")
			set(provision.SendOnBehalf, who, 20, "")
		}
		if app {
			set(provision.Reach, "", 60, "Postroom")
			if !wish && chance(20) {
				f[fact{Aspect: provision.Reach}] = "Other"
			}
		}
	} else {
		f[fact{Aspect: provision.Existence}] = "account"
		set(provision.OrgUnit, "", 50, "/Shared", "/")
		set(provision.Licence, "", 50, "Google-Apps/1")
		set(provision.Signature, "", 30, "<b>Regards</b>", "")
		for _, who := range people {
			set(provision.Open, who, 40, "")
		}
		set(provision.Sender, name, 30, "", "default")
		group := "front-" + name
		if chance(50) {
			f[fact{Aspect: provision.Group, Subject: group}] = "Front"
			set(provision.GroupSetting, "enableCollaborativeInbox", 60, "true", "false")
			for _, who := range append([]string{name}, people...) {
				set(provision.GroupMember, string(provision.GroupMembership(inbox.Address(group), inbox.Address(who))), 40, "MEMBER", "MANAGER")
			}
		}
	}
	set(provision.Name, "", 60, "Support", "Sales")
	set(provision.Language, "", 40, "da-DK", "en-GB")
	set(provision.AddressList, "", 30, "shown", "hidden")
	set(provision.AutoReply, "", 50, "off", "on")
	for _, marker := range []string{"@Anna", "Closed", "A/B"} {
		set(provision.Marker, marker, 50, "", "none", "red", "blue")
	}
	if _, ok := f[fact{Aspect: provision.Marker, Subject: "Closed"}]; !ok && !wish {
		set(provision.Marker, "closed", 40, "", "red") // never both: a provider takes them for one
	}
	return f
}

func plan(t *tenant, want []provision.Mailbox, o provision.Options) provision.Plan {
	p, err := t.estate().Plan(context.Background(), want, o)
	if err != nil {
		panic(err)
	}
	return p
}

func quiet(t *rapid.T, tn *tenant) {
	for _, a := range tn.alarms {
		t.Error(a)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// TestApplyEndsWithAnEmptyPlan: whatever there is and whatever is wished, and however slowly the provider shows it.
func TestApplyEndsWithAnEmptyPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, have := world(t)
		wantCopy, haveCopy := cloneAll(want), cloneAll(have)
		tn := newTenant(have)
		tn.lag = time.Duration(rapid.IntRange(0, 90).Draw(t, "lag")) * time.Second
		tn.watch(want)
		p := plan(tn, want, provision.Options{AllowRemove: true})
		if len(p.Held) > 0 {
			t.Fatalf("held back although all is allowed: %s: %s", p.Held[0].Step.What, p.Held[0].Why)
		}
		if again := plan(tn, want, provision.Options{AllowRemove: true}); !reflect.DeepEqual(p, again) {
			t.Fatal("the same plan twice differs")
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := provision.ReadPlan(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, back) {
			t.Fatalf("read back it is\n%+v\ninstead of\n%+v", back, p)
		}
		r, err, _ := tn.apply(context.Background(), "one", want, back)
		quiet(t, tn)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Ended {
			if e.Outcome != provision.Shown {
				t.Fatalf("%s: %s: %s", e.Step.What, e.Outcome, e.Says)
			}
		}
		if left := plan(tn, want, provision.Options{AllowRemove: true}); !left.Empty() || !r.Left.Empty() {
			t.Fatalf("left: %+v", left)
		}
		if !reflect.DeepEqual(want, wantCopy) || !reflect.DeepEqual(have, haveCopy) {
			t.Fatal("the arguments have changed")
		}
		journalled(t, tn, p)
	})
}

func cloneAll(list []provision.Mailbox) []provision.Mailbox {
	out := make([]provision.Mailbox, len(list))
	for i := range list {
		out[i] = list[i].Clone()
	}
	return out
}

// journalled: every step of the plan has begun and is done, in this order.
func journalled(t *rapid.T, tn *tenant, p provision.Plan) {
	stages := map[string][]provision.Stage{}
	for _, e := range tn.entries {
		stages[e.Key] = append(stages[e.Key], e.Stage)
	}
	if len(stages) != len(p.Steps) {
		t.Fatalf("%d steps in the journal, %d in the plan", len(stages), len(p.Steps))
	}
	for key, got := range stages {
		if !reflect.DeepEqual(got, []provision.Stage{provision.Begun, provision.Done}) {
			t.Fatalf("%s went %v", key, got)
		}
	}
}

// TestNothingIsTakenWithoutLeave: without AllowRemove all facts that were there stay, and only what is held back is left.
func TestNothingIsTakenWithoutLeave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, have := world(t)
		tn := newTenant(have)
		tn.watch(want)
		p := plan(tn, want, provision.Options{})
		if p.Taking() != 0 {
			t.Fatal("it takes something away")
		}
		if _, err, _ := tn.apply(context.Background(), "one", want, p); err != nil {
			t.Fatal(err)
		}
		quiet(t, tn)
		for at, f := range tn.had {
			for had := range f {
				if _, ok := tn.truth[at][had]; !ok {
					t.Fatalf("%v of %s is gone", had, at.mailbox)
				}
			}
		}
		left := plan(tn, want, provision.Options{})
		if len(left.Steps) > 0 {
			t.Fatalf("left to be done: %s", left.Steps[0].What)
		}
		held := map[string]bool{}
		for _, h := range p.Held {
			held[h.Step.ID] = true
		}
		for _, h := range left.Held {
			if !held[h.Step.ID] {
				t.Fatalf("held back only now: %s", h.Step.What)
			}
		}
		if len(left.Held) != len(p.Held) {
			t.Fatalf("%d held back, then %d", len(p.Held), len(left.Held))
		}
	})
}

// TestDeathAtAnyCall: whenever a run dies, the same plan applied again comes to the same end.
func TestDeathAtAnyCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, have := world(t)
		undisturbed := newTenant(have)
		p := plan(undisturbed, want, provision.Options{AllowRemove: true})
		undisturbed.calls = 0
		if _, err, _ := undisturbed.apply(context.Background(), "one", want, p); err != nil {
			t.Fatal(err)
		}
		tn := newTenant(have)
		tn.lag = time.Duration(rapid.IntRange(0, 60).Draw(t, "lag")) * time.Second
		tn.watch(want)
		for death := range rapid.IntRange(1, 3).Draw(t, "deaths") {
			tn.calls, tn.dieAt = 0, rapid.IntRange(1, undisturbed.calls).Draw(t, "call")
			tn.late = rapid.Bool().Draw(t, "late")
			_, err, died := tn.apply(context.Background(), fmt.Sprint("victim ", death), want, p)
			if err != nil {
				t.Fatal(err)
			}
			if died {
				tn.revive()
			}
		}
		tn.dieAt = 0
		r, err, _ := tn.apply(context.Background(), "last", want, p)
		quiet(t, tn)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Complete() || !r.Left.Empty() {
			t.Fatalf("not complete: %+v", r)
		}
		if !reflect.DeepEqual(tn.truth, undisturbed.truth) {
			t.Fatalf("it ended as\n%v\ninstead of\n%v", tn.truth, undisturbed.truth)
		}
		begun := map[string]bool{}
		for _, e := range tn.entries {
			begun[string(e.Mailbox)+string(e.Fact.Aspect)+e.Fact.Subject] = true
		}
		for _, s := range tn.changes {
			if !begun[string(s.Mailbox)+string(s.Fact.Aspect)+s.Fact.Subject] {
				t.Fatalf("done and not in the journal: %s", s.What)
			}
		}
	})
}

// TestByHand: some steps only a person can do. With each round of applying and of a person doing what is theirs, less is left,
// until nothing is; and a person is never told to give somebody more than the file does.
func TestByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, have := world(t)
		tn := newTenant(have)
		tn.watch(want)
		hard := map[string]bool{}
		odd := rapid.IntRange(1, 9).Draw(t, "odd")
		late := map[string]bool{}
		tn.manual = func(s provision.Step) string {
			if _, ok := hard[s.ID]; !ok {
				hard[s.ID] = int(s.ID[0]+s.ID[1])%10 < odd
				late[s.ID] = int(s.ID[2])%2 == 0 // only the call tells that it takes a person
			}
			if hard[s.ID] && !late[s.ID] {
				return "do " + s.What
			}
			return ""
		}
		hands := false
		tn.before = func(s provision.Step) error {
			if hard[s.ID] && late[s.ID] && !hands {
				return &provision.ByHand{Instruction: "do " + s.What, Err: fmt.Errorf("no API")}
			}
			return nil
		}
		for round := 0; ; round++ {
			p := plan(tn, want, provision.Options{AllowRemove: true})
			if p.Empty() {
				break
			}
			if round == 20 {
				t.Fatalf("still left: %s", p.Steps[0].What)
			}
			r, err, _ := tn.apply(context.Background(), "one", want, p)
			if err != nil {
				t.Fatal(err)
			}
			hands = true
			for _, e := range r.Ended {
				if e.Outcome == provision.Broke {
					t.Fatalf("%s: %s", e.Step.What, e.Says)
				}
				if e.Outcome == provision.ByPerson {
					if e.Step.Manual == "" {
						t.Fatalf("no instruction for %s", e.Step.What)
					}
					e.Step.Manual = ""
					if err := tn.Do(context.Background(), e.Step); err != nil {
						t.Fatalf("%s: %v", e.Step.What, err)
					}
				}
			}
			hands = false
			quiet(t, tn)
		}
	})
}

// TestFlakyProvider: calls that fail for a while, or fail although their effect has happened, change nothing about the end.
func TestFlakyProvider(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, have := world(t)
		tn := newTenant(have)
		tn.watch(want)
		faults := rapid.SliceOfN(rapid.IntRange(0, 5), 40, 40).Draw(t, "faults")
		n := 0
		next := func() int {
			n++
			return faults[n%len(faults)]
		}
		lost := fmt.Errorf("connection reset")
		tn.before = func(provision.Step) error {
			switch next() {
			case 0:
				return &provision.NotYet{Err: lost, After: 7 * time.Second}
			case 1:
				if n < 30 {
					return lost
				}
			}
			return nil
		}
		tn.after = func(provision.Step) error {
			if next() == 2 && n < 60 {
				return lost
			}
			return nil
		}
		for round := range 30 {
			p := plan(tn, want, provision.Options{AllowRemove: true})
			if p.Empty() {
				return
			}
			if _, err, _ := tn.apply(context.Background(), fmt.Sprint(round), want, p); err != nil {
				t.Fatal(err)
			}
			quiet(t, tn)
		}
		t.Fatal("it never ends")
	})
}
