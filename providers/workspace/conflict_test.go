package workspace_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// A directory key may be an alias. Whatever is asked of a mailbox whose address is a person's alias, the person's account
// stays as it is.
func TestAliasOfAPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Aliases: []string{box}, Licences: []string{standard}})
	before, _ := d.sim.Account("anna@contoso.com")
	want := support()
	delete(want.Facts, fact(provision.Group, front))
	have := d.read(want)[0]
	if have.Exists() || !strings.Contains(have.Unread[provision.Existence], "alias of anna@contoso.com") {
		t.Errorf("facts %v, unread %v", have.Facts, have.Unread)
	}
	other := wish("sales@contoso.com", fact(provision.Existence), "account")
	if have := d.read(want, other, wish("z@contoso.com"))[0]; !strings.Contains(have.Unread[provision.Existence], "anna") {
		t.Errorf("in a list: %v", have.Unread)
	}
	for _, s := range append(steps(want, wish(box)),
		provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Delete, Fact: fact(provision.Existence)},
		provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Remove, Fact: fact(provision.Alias, box)},
	) {
		switch s.Fact.Aspect {
		case provision.Licence, provision.GroupSetting, provision.GroupMember:
			continue // licences go by primary address alone; the others are not about the account
		}
		err := d.do(s)
		if err == nil || !strings.Contains(err.Error(), "alias of anna@contoso.com") {
			t.Errorf("%s %v: %v", s.Verb, s.Fact, err)
		}
	}
	if after, ok := d.sim.Account("anna@contoso.com"); !ok || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("anna's account was\n%v and is\n%v", before, after)
	}
}

// Whoever has an address that shall be created or become an alias is named, with what to do.
func TestTakenAddresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.apply(wish(box, fact(provision.Existence), "account"))
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Aliases: []string{"berg@contoso.com"}})
	d.sim.AddGroup("all@contoso.com", "Everybody")
	alias := func(a string) provision.Step {
		return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Add, Fact: fact(provision.Alias, a)}
	}
	group := func(a string) provision.Step {
		return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Create, Fact: fact(provision.Group, a), After: "G"}
	}
	account := func(a inbox.MailboxID) provision.Step {
		return provision.Step{Mailbox: a, Provider: inbox.Gmail, Verb: provision.Create, Fact: fact(provision.Existence), After: "account"}
	}
	for _, c := range []struct {
		step provision.Step
		says string
	}{
		{alias("anna@contoso.com"), "an account of its own"},
		{alias("berg@contoso.com"), "alias of anna@contoso.com"},
		{alias("all@contoso.com"), "a group's address"},
		{alias("x@elsewhere.com"), "Manage domains"},
		{account("all@contoso.com"), "a group's address"},
		{account("x@elsewhere.com"), "Manage domains"},
		{group("anna@contoso.com"), "is an account"},
		{group("berg@contoso.com"), "alias of anna@contoso.com"},
		{group("x@elsewhere.com"), "Manage domains"},
	} {
		err := d.do(c.step)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.step.Fact.Subject) {
			t.Errorf("%s %v of %s: %v", c.step.Verb, c.step.Fact, c.step.Mailbox, err)
		}
	}
}

func TestAliasLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := wish(box, fact(provision.Existence), "account")
	for i := range 30 {
		want.Facts[fact(provision.Alias, fmt.Sprintf("a%d@contoso.com", i))] = ""
	}
	d.same(d.apply(want).Facts, withAccount(want.Facts))
	err := d.do(provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Add, Fact: fact(provision.Alias, "more@contoso.com")})
	if err == nil || !strings.Contains(err.Error(), "30 aliases") {
		t.Errorf("got %v", err)
	}
}

// withAccount adds what every new account has.
func withAccount(facts map[provision.Fact]string) map[provision.Fact]string {
	facts[fact(provision.Name)] = "support"
	facts[fact(provision.OrgUnit)] = "/"
	facts[fact(provision.AddressList)] = "shown"
	return facts
}

// Aliases of a domain alias come and go with it, and nobody can take one away.
func TestDomainAliases(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support", DomainAliases: []string{"support@contoso.com.test-google-a.com"}})
	have := d.read(wish(box, fact(provision.Existence), "account"))[0]
	for f := range have.Facts {
		if f.Aspect == provision.Alias {
			t.Errorf("alias %s", f.Subject)
		}
	}
}

// One that the manifest has among its aliases is there already, in whatever letter case Google gives it.
func TestDomainAliasWished(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{
		Address: box, Name: "Contoso Support", Aliases: []string{"hilfe@contoso.com"}, DomainAliases: []string{"Support@Contoso.example"},
	})
	want := wish(box, fact(provision.Existence), "account", fact(provision.Alias, "support@contoso.example"), "", fact(provision.Alias, "hilfe@contoso.com"), "")
	for _, s := range steps(want, d.read(want)[0]) {
		t.Errorf("to do: %s %v", s.Verb, s.Fact)
	}
}

func TestAdministratorStays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	err := d.do(provision.Step{Mailbox: "admin@contoso.com", Provider: inbox.Gmail, Verb: provision.Delete, Fact: fact(provision.Existence)})
	if _, ok := d.sim.Account("admin@contoso.com"); !ok || err == nil {
		t.Errorf("got %v", err)
	}
}

// Names as people write them, and as Google keeps them in two halves.
func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 60)
	for _, c := range []struct {
		name          string
		given, family string
		fails         bool
	}{
		{"Contoso Support", "Contoso", "Support", false},
		{"Support", "Support", ".", false},
		{"Contoso  Customer   Support", "Contoso Customer", "Support", false},
		{"Rechnungen · Büro (Köln)", "Rechnungen · Büro", "(Köln)", false},
		{"客服", "客服", ".", false},
		{long + " " + long, long, long, false},
		{"A " + long + " b", "A", "", true}, // no cut at a space leaves two halves of 60
		{long + "x", "", "", true},
		{"Support <support@contoso.com>", "", "", true},
		{"  ", "", "", true},
	} {
		d := newDesk(t)
		d.apply(wish(box, fact(provision.Existence), "account"))
		err := d.do(rename(c.name))
		if c.fails {
			if err == nil {
				t.Errorf("%q is taken", c.name)
			}
			continue
		}
		d.ok(err)
		want := wish(box, fact(provision.Name), c.name)
		if have := d.read(want)[0].Facts[fact(provision.Name)]; have != c.name {
			t.Errorf("%q is read back as %q", c.name, have)
		}
		acc, _ := d.sim.Account(box)
		if acc.Name != c.given+" "+c.family {
			t.Errorf("%q is kept as %q", c.name, acc.Name)
		}
	}
}

// The passwords of new accounts differ, hold 256 bits, and are in no error.
func TestPasswords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	seen := map[string]bool{}
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var body bytes.Buffer
			_, _ = body.ReadFrom(r.Body)
			_, rest, _ := strings.Cut(body.String(), `"password":"`)
			password, _, _ := strings.Cut(rest, `"`)
			seen[password] = true
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		d.sim.ServeHTTP(w, r)
	})
	server := httptest.NewServer(spy)
	t.Cleanup(server.Close)
	for _, random := range []*rand.ChaCha8{nil, rand.NewChaCha8([32]byte{1})} {
		admin := d.open(server.URL, func(c *workspace.Config) {
			if random != nil {
				c.Random = random
			}
		})
		for range 3 {
			err := admin.Do(t.Context(), create)
			if err == nil {
				t.Fatal("created")
			}
			for password := range seen {
				if len(password) != 43 || strings.Contains(err.Error(), password) {
					t.Errorf("password of %d characters; it says %q", len(password), err)
				}
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d passwords for 6 accounts", len(seen))
	}
	broken := d.open(server.URL, func(c *workspace.Config) { c.Random = strings.NewReader("short") })
	if err := broken.Do(t.Context(), create); err == nil || len(seen) != 6 {
		t.Errorf("without randomness: %v", err)
	}
}

// Who was made a member under an alias is told to be written otherwise, and a stranger is named.
func TestMembers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Aliases: []string{"berg@contoso.com"}})
	d.sim.AddGroup(front, "Help", "old@contoso.com")
	d.sim.AddGroup("team@contoso.com", "Team")
	member := func(who, role string) provision.Step {
		return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Add, Fact: fact(provision.GroupMember, front, who), After: role}
	}
	d.ok(d.do(member("anna@contoso.com", "MEMBER")))
	d.ok(d.do(member("anna@contoso.com", "manager")))
	d.ok(d.do(member("team@contoso.com", "")))
	d.sim.AddAccount(workspacesim.Account{Address: "bert@contoso.com", Name: "Bert Olm", Aliases: []string{"olm@contoso.com"}})
	for who, says := range map[string]string{"olm@contoso.com": "bert@contoso.com", "berg@contoso.com": "anna@contoso.com", "nobody@contoso.com": "nobody@contoso.com is, Google knows no such"} {
		if err := d.do(member(who, "MEMBER")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if err := d.do(member("anna@contoso.com", "KING")); err == nil {
		t.Error("anna is a king")
	}
	have := d.read(wish(box, fact(provision.GroupMember, front, "anna@contoso.com"), "MEMBER"))[0]
	d.same(have.Facts, map[provision.Fact]string{
		fact(provision.GroupMember, front, "old@contoso.com"):  "MEMBER",
		fact(provision.GroupMember, front, "anna@contoso.com"): "MANAGER",
		fact(provision.GroupMember, front, "team@contoso.com"): "MEMBER",
	})
}

// A mailbox may have a group in front and another whose members are its delegates: the settings are the first one's.
func TestTwoGroups(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
	want := support()
	const delegates = "delegates@contoso.com"
	want.Facts[fact(provision.Group, delegates)] = "Delegates"
	want.Facts[fact(provision.GroupMember, delegates, "anna@contoso.com")] = "MEMBER"
	d.same(d.apply(want).Facts, want.Facts)
	g, _ := d.sim.Group(delegates)
	if g.Settings["enableCollaborativeInbox"] != "false" || len(g.Members) != 1 {
		t.Errorf("the delegates' group has %v and members %v", g.Settings, g.Members)
	}
}

// What is no key of Groups Settings is not sent.
func TestUnknownSetting(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddGroup(front, "Help")
	for _, key := range []string{"enableCollaborativeinbox", "email", "maxMessageBytes", "", "ForceSendFields"} {
		s := provision.Step{
			Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: fact(provision.GroupSetting, key), After: "true",
			With: []provision.Value{{Fact: fact(provision.Group, front), Value: "Help"}},
		}
		if err := d.admin.Do(t.Context(), s); err == nil || errors.As(err, new(*provision.NotYet)) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if n := d.sim.Requests()["groupsSettings.groups.patch"]; n > 0 {
		t.Errorf("%d requests", n)
	}
}
