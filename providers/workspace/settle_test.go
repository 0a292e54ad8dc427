package workspace_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// An account that Google is still working on is a matter of time, whatever the words.
func TestSettling(t *testing.T) {
	t.Parallel()
	for _, answer := range []struct {
		status          int
		reason, message string
	}{
		{409, "duplicate", "Entity already exists."},
		{404, "notFound", "Resource Not Found: userKey"},
		{412, "conditionNotMet", "User creation is not complete."},
	} {
		d := newDesk(t)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(w, `{"id":"1","primaryEmail":"`+box+`"}`)
				return
			}
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, said(answer.reason, answer.message))
		}))
		t.Cleanup(server.Close)
		admin := d.open(server.URL, nil)
		for _, s := range []provision.Step{rename("New Name"), {Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: fact(provision.AddressList), After: "hidden"}} {
			err := admin.Do(t.Context(), s)
			if later := new(provision.NotYet); !errors.As(err, &later) || strings.Count(err.Error(), "workspace:") != 1 {
				t.Errorf("%d: %v", answer.status, err)
			}
		}
	}
}

// A token that Google takes no more is asked for anew, once.
func TestTokenRenewed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	minted := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Authorization"), "old") {
			r.Header.Del("Authorization")
		}
		d.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	admin := d.open(server.URL, func(c *workspace.Config) {
		c.Tokens = func(...string) (oauth2.TokenSource, error) {
			minted++
			token := "sim:admin@contoso.com"
			if minted == 1 {
				token = "old"
			}
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), nil
		}
	})
	for range 2 {
		have, err := admin.Read(t.Context(), []provision.Mailbox{wish(box)}, []provision.Aspect{provision.Existence})
		d.ok(err)
		if !have[0].Exists() || minted != 2 {
			t.Errorf("there: %v, tokens: %d", have[0].Exists(), minted)
		}
	}
}

// An account is out of the address list from its first moment when it shall be.
func TestHiddenFromTheBeginning(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := create
	s.With = []provision.Value{{Fact: fact(provision.AddressList), Value: "hidden"}, {Fact: fact(provision.OrgUnit), Value: unit}, {Fact: fact(provision.Name), Value: "Contoso Support"}}
	d.ok(d.admin.Do(t.Context(), s))
	if acc, _ := d.sim.Account(box); !acc.Hidden || acc.OrgUnit != unit || acc.Name != "Contoso Support" {
		t.Errorf("created %+v", acc)
	}
}

// The account behind a group gets its mail, also where it was a member before and did not want it.
func TestDelivers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
	d.sim.AddGroup(front, "Help", box, "anna@contoso.com")
	for _, who := range []string{box, "anna@contoso.com"} {
		d.sim.SetDelivery(front, who, "NONE")
		d.ok(d.do(provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: fact(provision.GroupMember, front, who), After: "MANAGER"}))
	}
	g, _ := d.sim.Group(front)
	if g.Delivery[box] != "ALL_MAIL" || g.Delivery["anna@contoso.com"] != "NONE" {
		t.Errorf("delivery %v", g.Delivery)
	}
	if g.Members[box] != "MANAGER" || g.Members["anna@contoso.com"] != "MANAGER" {
		t.Errorf("roles %v", g.Members)
	}
}

// A member that gets no mail is not what the account behind a group shall be. Everybody else's delivery is their own.
func TestDeliveryIsRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
	d.sim.AddGroup(front, "Help", box, "anna@contoso.com")
	want := wish(box, fact(provision.GroupMember, front, box), "MEMBER", fact(provision.GroupMember, front, "anna@contoso.com"), "MEMBER")
	for _, delivery := range []string{"DIGEST", "NONE"} {
		d.sim.SetDelivery(front, box, delivery)
		d.sim.SetDelivery(front, "anna@contoso.com", delivery)
		todo := steps(want, d.read(want)[0])
		if len(todo) != 1 || !strings.Contains(todo[0].Before, delivery) {
			t.Fatalf("to do: %+v", todo)
		}
		d.ok(d.do(todo[0]))
		g, _ := d.sim.Group(front)
		if g.Delivery[box] != "ALL_MAIL" || g.Delivery["anna@contoso.com"] != delivery {
			t.Errorf("delivery %v", g.Delivery)
		}
		if todo := steps(want, d.read(want)[0]); len(todo) > 0 {
			t.Errorf("left to do: %+v", todo)
		}
	}
}

// A text can be taken away again.
func TestEmptySetting(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.AddGroup(front, "Help")
	for _, text := range []string{"Contoso", ""} {
		d.ok(d.do(provision.Step{
			Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: fact(provision.GroupSetting, "customFooterText"), After: text,
			With: []provision.Value{{Fact: fact(provision.Group, front), Value: "Help"}},
		}))
		if g, _ := d.sim.Group(front); g.Settings["customFooterText"] != text {
			t.Errorf("it is %q, want %q", g.Settings["customFooterText"], text)
		}
	}
}
