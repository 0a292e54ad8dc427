package workspace_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// crowd puts people and shared mailboxes into the organisation and gives the wishes for the mailboxes.
func (d *desk) crowd(people, mailboxes int, unit string) []provision.Mailbox {
	for i := range people {
		d.sim.AddAccount(workspacesim.Account{Address: fmt.Sprintf("person%05d@contoso.com", i), Name: "Some Body", Licences: []string{standard}})
	}
	var want []provision.Mailbox
	for i := range mailboxes {
		address := fmt.Sprintf("box%04d@contoso.com", i)
		d.sim.AddAccount(workspacesim.Account{Address: address, Name: "A Box", OrgUnit: unit, Licences: []string{starter}})
		want = append(want, wish(inbox.MailboxID(address),
			fact(provision.Existence), "account", fact(provision.Name), "A Box", fact(provision.OrgUnit), unit, fact(provision.Licence), starter))
	}
	return want
}

// How many requests a reading takes.
func TestRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		people, mailboxes int
		unit              string // where they are; the wish says so
		only              []provision.Aspect
		want              map[string]int
	}{
		{"500 in a unit of their own", 3000, 500, unit, []provision.Aspect{provision.Existence, provision.Name},
			map[string]int{"directory.users.list": 1}},
		{"500 with their licences", 3000, 500, unit, nil,
			map[string]int{"directory.users.list": 1, "licensing.licenseAssignments.listForProduct": 1}},
		{"500 among all others", 3000, 500, "/", []provision.Aspect{provision.Existence},
			map[string]int{"directory.users.list": 1, "directory.users.get": 1}},
		{"one", 3000, 1, "/", nil,
			map[string]int{"directory.users.get": 1, "licensing.licenseAssignments.get": 1}},
		{"one aspect alone", 3000, 1, "/", []provision.Aspect{provision.Licence},
			map[string]int{"licensing.licenseAssignments.get": 1}},
		{"three in a unit", 3000, 3, unit, []provision.Aspect{provision.Alias},
			map[string]int{"directory.users.list": 1}},
		{"none of it", 10, 3, unit, []provision.Aspect{provision.Open, provision.Marker}, map[string]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			want := d.crowd(c.people, c.mailboxes, c.unit)
			have, err := d.admin.Read(t.Context(), want, c.only)
			d.ok(err)
			if got := d.sim.Requests(); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("requests %v, want %v", got, c.want)
			}
			if len(have) != len(want) {
				t.Fatalf("%d mailboxes, want %d", len(have), len(want))
			}
			for i := range want {
				if have[i].Address != want[i].Address {
					t.Fatalf("%s in the place of %s", have[i].Address, want[i].Address)
				}
				for f, value := range want[i].Facts {
					if asked := c.only == nil || slices.Contains(c.only, f.Aspect); asked && have[i].Facts[f] != value {
						t.Fatalf("%s: %v is %q, want %q", have[i].Address, f, have[i].Facts[f], value)
					}
				}
			}
		})
	}
}

// Where the few are among many, listing stops as soon as asking for each is cheaper.
func TestRequestsAmongMany(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := d.crowd(6000, 0, "/")
	for i := range 4 {
		// They sort last, so that every page before is in vain.
		address := fmt.Sprintf("z%d@contoso.com", i)
		d.sim.AddAccount(workspacesim.Account{Address: address, Name: "A Box"})
		want = append(want, wish(inbox.MailboxID(address), fact(provision.Existence), "account"))
	}
	have, err := d.admin.Read(t.Context(), want, []provision.Aspect{provision.Existence})
	d.ok(err)
	got := d.sim.Requests()
	if got["directory.users.list"] != 4 || got["directory.users.get"] != 4 {
		t.Errorf("requests %v", got)
	}
	for _, m := range have {
		if !m.Exists() {
			t.Errorf("%s is not found", m.Address)
		}
	}
}

// To be created are those that a whole list does not have; they cost nothing more.
func TestRequestsForTheMissing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.crowd(1500, 0, "/")
	var want []provision.Mailbox
	for i := range 500 {
		want = append(want, wish(inbox.MailboxID(fmt.Sprintf("new%d@contoso.com", i)), fact(provision.Existence), "account", fact(provision.OrgUnit), unit, fact(provision.Licence), starter))
	}
	for _, m := range d.read(want...) {
		if len(m.Facts) > 0 || len(m.Unread) > 0 {
			t.Fatalf("%s has %v", m.Address, m.Facts)
		}
	}
	if got := d.sim.Requests(); len(got) != 1 || got["directory.users.list"] != 5 {
		t.Errorf("requests %v", got)
	}
}

// A scope is asked for when something needs it, and not before.
func TestScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		want provision.Mailbox
		asks string
	}{
		{"an account", wish(box, fact(provision.Existence), "account", fact(provision.Alias, "a@contoso.com"), ""), "admin.directory.user"},
		{"a licence", wish(box, fact(provision.Existence), "account", fact(provision.Licence), standard), "admin.directory.user apps.licensing"},
		{"a group", wish(box, fact(provision.Existence), "account", fact(provision.Group, front), "Help"), "admin.directory.group admin.directory.user"},
		{"everything", support(), "admin.directory.group admin.directory.user apps.groups.settings apps.licensing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.apply(c.want)
			if got := strings.Join(d.asked(), " "); got != c.asks {
				t.Errorf("asked for %s, want %s", got, c.asks)
			}
		})
	}
}

// An administrator who did not authorise a scope learns which, and the rest is read all the same.
func TestScopeNotAuthorised(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := support()
	d.apply(want)
	server := httptest.NewServer(checked(t, d.sim))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		scope  string
		unread []provision.Aspect
	}{
		{workspace.ScopeLicensing, []provision.Aspect{provision.Licence}},
		{workspace.ScopeGroups, []provision.Aspect{provision.Group, provision.GroupMember}},
		{workspace.ScopeGroupsSettings, []provision.Aspect{provision.GroupSetting}},
	} {
		admin := d.open(server.URL, func(config *workspace.Config) {
			usual := config.Tokens
			config.Tokens = func(scopes ...string) (oauth2.TokenSource, error) {
				if slices.Contains(scopes, c.scope) {
					return nil, &oauth2.RetrieveError{ErrorCode: "unauthorized_client", ErrorDescription: "Client is unauthorized to retrieve access tokens using this method."}
				}
				return usual(scopes...)
			}
		})
		have, err := admin.Read(t.Context(), []provision.Mailbox{want}, nil)
		d.ok(err)
		if len(have[0].Unread) != len(c.unread) {
			t.Errorf("%s: unread %v", c.scope, have[0].Unread)
		}
		for _, aspect := range c.unread {
			if why := have[0].Unread[aspect]; !strings.Contains(why, c.scope) || !strings.Contains(why, "domain-wide delegation") {
				t.Errorf("%s is unread since %q", aspect, why)
			}
		}
		for f, value := range want.Facts {
			if is, ok := have[0].Facts[f]; !slices.Contains(c.unread, f.Aspect) && (!ok || is != value) {
				t.Errorf("%s: %v is %q", c.scope, f, is)
			}
		}
	}
	// Without accounts nothing can be read.
	admin := d.open(server.URL, func(config *workspace.Config) {
		config.Tokens = func(...string) (oauth2.TokenSource, error) {
			return nil, errors.New("401 unauthorized_client: Client is unauthorized")
		}
	})
	_, err := admin.Read(t.Context(), []provision.Mailbox{want}, nil)
	if refused := new(provision.Refused); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkRead500(b *testing.B) {
	d := newDesk(b)
	want := d.crowd(3000, 500, unit)
	before := d.sim.Requests()
	for b.Loop() {
		if _, err := d.admin.Read(b.Context(), want, nil); err != nil {
			b.Fatal(err)
		}
	}
	total := 0
	for method, n := range d.sim.Requests() {
		total += n - before[method]
	}
	b.ReportMetric(float64(total)/float64(b.N)/float64(len(want)), "requests/mailbox")
}
