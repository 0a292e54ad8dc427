package workspace_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Importing asks for a mailbox of which nothing is wished: all that can be listed is given, and is then as wished.
func TestImport(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{
		Address: box, Name: "Contoso Customer Support", OrgUnit: unit, Licences: []string{"Google-Apps/1010020020", "Google-Drive-storage/20GB"},
		Aliases: []string{"hilfe@contoso.com"}, Hidden: true,
	})
	have := d.read(wish(box))[0]
	d.same(have.Facts, map[provision.Fact]string{
		fact(provision.Existence): "account", fact(provision.Name): "Contoso Customer Support", fact(provision.OrgUnit): unit,
		fact(provision.Licence): "Google-Apps/1010020020", fact(provision.AddressList): "hidden", fact(provision.Alias, "hilfe@contoso.com"): "",
	})
	for _, s := range steps(have, d.read(have)[0]) {
		t.Errorf("to do: %s %v", s.Verb, s.Fact)
	}
}

// What is for new mailboxes alone is brought about with them and read back, and changes nothing of others.
func TestAtCreation(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := wish(box, fact(provision.Existence), "account", fact(provision.Name), "Contoso Support")
	want.AtCreation = map[provision.Fact]string{fact(provision.Licence): standard, fact(provision.OrgUnit): unit}
	full := want.Clone()
	maps.Copy(full.Facts, want.AtCreation)
	for _, s := range steps(full, d.read(want)[0]) {
		d.ok(d.do(s))
	}
	have := d.read(want)[0]
	if have.Facts[fact(provision.Licence)] != standard || have.Facts[fact(provision.OrgUnit)] != unit {
		t.Errorf("got %v", have.Facts)
	}
	if len(want.Facts) != 2 {
		t.Errorf("the wish has grown: %v", want.Facts)
	}
}

// Whatever else is in want keeps its place and has no facts.
func TestPlaces(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	have := d.read(
		provision.Mailbox{Provider: inbox.Gmail}, provision.Mailbox{Address: box, Provider: inbox.M365, Facts: map[provision.Fact]string{fact(provision.Name): "x"}},
		wish(box, fact(provision.Existence), "account"), wish("nobody@contoso.com", fact(provision.Existence), "account"),
	)
	var there []bool
	for _, m := range have {
		there = append(there, m.Exists())
	}
	if !slices.Equal(there, []bool{false, false, true, false}) {
		t.Errorf("there is %v", have)
	}
	if len(d.read()) > 0 {
		t.Error("of nothing there is something")
	}
}

// A mailbox of another organisation cannot be read; its neighbours can.
func TestOutsider(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	have := d.read(wish(box, fact(provision.Existence), "account"))
	if !have[0].Exists() {
		t.Fatal("it is not there")
	}
	have = d.read(wish("x@elsewhere.com", fact(provision.Existence), "account"))
	if why := have[0].Unread[provision.Existence]; !strings.Contains(why, "403") {
		t.Errorf("unread: %v", have[0].Unread)
	}
}

// More members than a page are all read, and a member without an address is named by its id.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var people []string
	for i := range 450 {
		people = append(people, strings.Repeat("p", i%30+1)+string(rune('a'+i/30))+"@contoso.com")
	}
	d.sim.AddGroup(front, "Help", append(people, "")...)
	have := d.read(wish(box, fact(provision.GroupMember, front, box), "MEMBER"))[0]
	if len(have.Facts) != 451 {
		t.Errorf("%d of 451 members", len(have.Facts))
	}
	for _, p := range people {
		if have.Facts[fact(provision.GroupMember, front, p)] != "MEMBER" {
			t.Fatalf("%s is missing", p)
		}
	}
	for f := range have.Facts {
		if _, who, _ := strings.Cut(f.Subject, "/"); !strings.Contains(who, "@") {
			d.ok(d.do(provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Remove, Fact: f}))
		}
	}
	if g, _ := d.sim.Group(front); len(g.Members) != 450 {
		t.Errorf("%d members left", len(g.Members))
	}
}

// An organizational unit that is not there has nobody in it; that is no reason to read nothing.
func TestMissingUnit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	have := d.read(
		wish(box, fact(provision.Existence), "account", fact(provision.OrgUnit), "/Nowhere"),
		wish("sales@contoso.com", fact(provision.Existence), "account", fact(provision.OrgUnit), "/Nowhere"),
	)
	if !have[0].Exists() || have[1].Exists() || len(have[0].Unread) > 0 {
		t.Errorf("got %v", have)
	}
}
