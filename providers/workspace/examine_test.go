package workspace_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// lines writes findings one a line.
func lines(found []provision.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s %s: %s", f.Verdict, f.Check, f.Mailbox, f.Says)
		if f.Fix != "" {
			b.WriteString(" => " + f.Fix)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// What is as it should be is said in so many lines, and nothing is to be done.
func TestExamineGood(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := support()
	d.apply(want)
	want.Facts[fact(provision.Open, "anna@contoso.com")] = ""
	retired := wish("retired@contoso.com")
	other := provision.Mailbox{Address: "m@contoso.com", Provider: inbox.M365, Facts: want.Facts}
	before := fmt.Sprint(d.sim.Accounts())
	found := d.admin.Examine(t.Context(), []provision.Mailbox{want, retired, other})
	const all = `good workspace-access : accounts can be read
good workspace-access : groups can be read
good workspace-access : groups' settings can be read
good workspace-access : licences can be read
good workspace-org-unit : the organizational unit /Shared mailboxes exists
good workspace-account support@contoso.com: the account is there and in use
good workspace-mailbox support@contoso.com: its mailbox is set up
good workspace-licence support@contoso.com: it has the licence Google-Apps/1010020028
good workspace-front support@contoso.com: mail to help@contoso.com comes to it
skipped workspace-delegation : no API tells whether mail delegation is on, for the accounts and for the people => switch it on in the Admin console under Apps > Google Workspace > Gmail > User settings > Mail delegation, for the organizational units of both; it is off to begin with
`
	if got := lines(found); got != all {
		t.Errorf("found\n%swant\n%s", got, all)
	}
	if after := fmt.Sprint(d.sim.Accounts()); after != before {
		t.Error("looking has changed something")
	}
	if found := d.admin.Examine(t.Context(), []provision.Mailbox{other}); len(found) > 0 {
		t.Errorf("without Google: %v", found)
	}
}

// Each thing that is wrong is found, with where to set it right.
func TestExamineBad(t *testing.T) {
	t.Parallel()
	account := func(change func(*workspacesim.Account)) func(*desk) {
		return func(d *desk) {
			a := workspacesim.Account{Address: box, Name: "Support", OrgUnit: unit, Licences: []string{standard}}
			change(&a)
			d.sim.AddAccount(a)
		}
	}
	for _, c := range []struct {
		name  string
		given func(*desk)
		check string
		says  string
		fix   string
	}{
		{"nobody there", func(*desk) {}, "workspace-account", "no such account", "postroom apply"},
		{"suspended", account(func(a *workspacesim.Account) { a.Suspended = true }), "workspace-account", "suspended", "Directory > Users"},
		{"archived", account(func(a *workspacesim.Account) { a.Archived = true }), "workspace-account", "archived", "unarchive"},
		{"password to be changed", account(func(a *workspacesim.Account) { a.ChangePassword = true }), "workspace-account", "delegate", "reset the password"},
		{"no licence", account(func(a *workspacesim.Account) { a.Licences = nil }), "workspace-mailbox", "no mailbox", "licence"},
		{"being set up", account(func(a *workspacesim.Account) { a.Ready = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }), "workspace-mailbox", "no mailbox", "some minutes"},
		{"another licence", account(func(a *workspacesim.Account) { a.Licences = []string{starter} }), "workspace-licence", "does not have the licence " + standard, "Billing > Subscriptions"},
		{"an alias of somebody", func(d *desk) {
			d.sim.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Aliases: []string{box}})
		}, "workspace-account", "alias of anna@contoso.com", "take the alias away"},
		{"no front", account(func(*workspacesim.Account) {}), "workspace-front", "no member", "postroom apply"},
		{"quota", func(d *desk) { d.sim.Forbid = func(m string) bool { return m == "directory.users.list" } }, "workspace-org-unit", "403", "Admin roles"},
		{"no role for licences", func(d *desk) {
			account(func(*workspacesim.Account) {})(d)
			d.sim.Forbid = func(m string) bool { return strings.HasPrefix(m, "licensing.") }
		}, "workspace-access", "403", "License Management"},
		{"no role for groups", func(d *desk) {
			d.sim.Forbid = func(m string) bool { return strings.HasPrefix(m, "directory.groups.") }
		}, "workspace-access", "403", "Groups"},
		{"delivers nothing", func(d *desk) {
			account(func(*workspacesim.Account) {})(d)
			d.sim.AddGroup(front, "Help", box)
			d.sim.SetDelivery(front, box, "NONE")
		}, "workspace-front", "its delivery is NONE", "postroom apply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			c.given(d)
			found := d.admin.Examine(t.Context(), []provision.Mailbox{support()})
			for _, f := range found {
				if f.Check == c.check && f.Verdict == provision.Bad && strings.Contains(f.Says, c.says) && strings.Contains(f.Fix, c.fix) {
					return
				}
			}
			t.Errorf("not found; there is\n%s", lines(found))
		})
	}
}

func TestExamineWarns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	found := d.admin.Examine(t.Context(), []provision.Mailbox{wish("admin@contoso.com", fact(provision.Existence), "account")})
	if got := lines(found); !strings.Contains(got, "warning workspace-account admin@contoso.com: the account is an administrator") {
		t.Errorf("found\n%s", got)
	}
	want := wish(box, fact(provision.Existence), "account", fact(provision.OrgUnit), "/Nowhere")
	if got := lines(d.admin.Examine(t.Context(), []provision.Mailbox{want})); !strings.Contains(got, "bad workspace-org-unit : there is no organizational unit /Nowhere => create") {
		t.Errorf("found\n%s", got)
	}
}

// Without delegation the one thing to do comes first, and nothing is guessed of the rest.
func TestExamineWithoutDelegation(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	server := httptest.NewServer(d.sim)
	t.Cleanup(server.Close)
	admin := d.open(server.URL, func(c *workspace.Config) {
		c.Tokens = func(...string) (oauth2.TokenSource, error) {
			return nil, &oauth2.RetrieveError{ErrorCode: "unauthorized_client", ErrorDescription: "Client is unauthorized"}
		}
	})
	found := admin.Examine(t.Context(), []provision.Mailbox{support()})
	for i, scope := range []string{workspace.ScopeUsers, workspace.ScopeGroups, workspace.ScopeGroupsSettings, workspace.ScopeLicensing} {
		if f := found[i]; f.Verdict != provision.Bad || !strings.Contains(f.Fix, scope) || !strings.Contains(f.Fix, "domain-wide delegation") {
			t.Errorf("%d: %v", i, f)
		}
	}
	for _, f := range found[4:] {
		if f.Verdict != provision.Skipped {
			t.Errorf("%v", f)
		}
	}
}
