package workspace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

var _ provision.Admin = (*workspace.Admin)(nil)

func TestHandles(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, aspect := range order {
		if !d.admin.Handles(inbox.Gmail, aspect) || d.admin.Handles(inbox.M365, aspect) {
			t.Errorf("%s is Google's alone", aspect)
		}
	}
	for _, aspect := range []provision.Aspect{provision.Open, provision.Sender, provision.Signature, provision.Marker, provision.Language, provision.AutoReply} {
		if d.admin.Handles(inbox.Gmail, aspect) {
			t.Errorf("%s is inside the mailbox", aspect)
		}
	}
	if err := d.admin.Do(t.Context(), provision.Step{Mailbox: box, Provider: inbox.M365, Verb: provision.Create, Fact: fact(provision.Existence)}); err == nil {
		t.Error("a step of Microsoft's is done")
	}
}

// From nothing to a mailbox with all there is, while everything takes its time to get around.
func TestFromNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.Lag = workspacesim.Lag{
		Account: 8 * time.Second, Listed: 90 * time.Second, Group: 15 * time.Second, Members: 45 * time.Second,
		Mailbox: 4 * time.Minute, NewLicence: 20 * time.Second,
	}
	var ready time.Time
	d.sim.OnAccount = func(address, name string, at time.Time) {
		if address != box || name != "Contoso Support" {
			t.Errorf("a mailbox for %s, named %s", address, name)
		}
		ready = at
	}
	want := support()
	have := d.read(want)[0]
	if len(have.Facts) > 0 || len(have.Unread) > 0 || have.Exists() {
		t.Fatalf("there is %v, unread %v", have.Facts, have.Unread)
	}
	d.apply(want)
	if d.clock.Now().Before(ready) || ready.IsZero() {
		t.Errorf("done at %v, before the mailbox is ready at %v", d.clock.Now(), ready)
	}
	d.clock.Advance(time.Minute)
	d.same(d.read(want)[0].Facts, want.Facts)

	acc, _ := d.sim.Account(box)
	if acc.ChangePassword {
		t.Error("the password has to be changed, so that nobody can be made a delegate")
	}
	g, _ := d.sim.Group(front)
	if g.Delivery[box] != "ALL_MAIL" {
		t.Errorf("the account gets %q of the group's mail", g.Delivery[box])
	}
	if d.sim.TooFast() > 0 {
		t.Errorf("%d licensing requests came within a second of another", d.sim.TooFast())
	}
}

// Each value can be changed, and what is in no wish can be taken away.
func TestChanges(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := support()
	d.apply(want)
	d.sim.AddOrgUnit("/Teams/O'Hara")
	want.Facts[fact(provision.Name)] = "Support"
	want.Facts[fact(provision.OrgUnit)] = "/Teams/O'Hara"
	want.Facts[fact(provision.Licence)] = starter
	want.Facts[fact(provision.AddressList)] = "shown"
	want.Facts[fact(provision.Group, front)] = "Help"
	want.Facts[fact(provision.GroupSetting, "enableCollaborativeInbox")] = "false"
	want.Facts[fact(provision.GroupMember, front, box)] = "OWNER"
	delete(want.Facts, fact(provision.Alias, "hilfe@contoso.com"))
	want.Facts[fact(provision.Alias, "aide@contoso.com")] = ""
	d.same(d.apply(want).Facts, want.Facts)
	if acc, _ := d.sim.Account(box); !slices.Equal(acc.Licences, []string{starter}) {
		t.Errorf("licences %v", acc.Licences)
	}
}

// Whatever was done may be done again.
func TestAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := support()
	todo := steps(want, d.read(want)[0])
	for range 3 {
		for _, s := range todo {
			if err := d.do(s); err != nil {
				t.Fatalf("%s %v: %v", s.Verb, s.Fact, err)
			}
		}
	}
	d.same(d.read(want)[0].Facts, want.Facts)

	without := wish(box, fact(provision.Existence), "account", fact(provision.GroupMember, front, "nobody@contoso.com"), "MEMBER")
	for range 3 {
		for _, s := range steps(without, d.read(want)[0]) {
			if s.Verb != provision.Remove {
				continue
			}
			d.ok(d.do(s))
			d.ok(d.do(s))
		}
	}
	acc, _ := d.sim.Account(box)
	g, _ := d.sim.Group(front)
	if len(acc.Aliases) > 0 || len(g.Members) > 0 {
		t.Errorf("aliases %v, members %v", acc.Aliases, g.Members)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var gone []string
	d.sim.OnDelete = func(address string) { gone = append(gone, address) }
	d.apply(support())
	step := provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Delete, Fact: fact(provision.Existence), Before: "account"}
	d.ok(d.do(step))
	d.ok(d.do(step))
	if len(gone) != 1 || gone[0] != box {
		t.Errorf("deleted %v", gone)
	}
	if have := d.read(wish(box))[0]; len(have.Facts) > 0 {
		t.Errorf("left: %v", have.Facts)
	}
	group := provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Remove, Fact: fact(provision.Group, front)}
	d.ok(d.do(group))
	d.ok(d.do(group))
	if _, ok := d.sim.Group(front); ok {
		t.Error("the group is there still")
	}
}

// The licence can be taken away, and only that of the mailbox.
func TestUnlicense(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Licences: []string{standard}})
	d.apply(support())
	step := provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Remove, Fact: fact(provision.Licence), Before: standard}
	d.ok(d.do(step))
	d.ok(d.do(step))
	acc, _ := d.sim.Account(box)
	anna, _ := d.sim.Account("anna@contoso.com")
	if len(acc.Licences) > 0 || len(anna.Licences) != 1 {
		t.Errorf("licences %v and %v", acc.Licences, anna.Licences)
	}
}
