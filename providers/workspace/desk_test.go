package workspace_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail/contract"
	"github.com/postroom/postroom/providers/workspace"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

const (
	box      = "support@contoso.com"
	front    = "help@contoso.com"
	unit     = "/Shared mailboxes"
	standard = "Google-Apps/1010020028"
	starter  = "Google-Apps/1010020027"
)

// contracts are the discovery documents of the three APIs, by what their paths begin with.
var contracts = sync.OnceValues(func() (map[string]*contract.Contract, error) {
	all := map[string]*contract.Contract{}
	for prefix, api := range map[string]string{
		"/admin/":    "admin/directory/v1/admin-api.json",
		"/apps/":     "licensing/v1/licensing-api.json",
		"/groups/v1": "groupssettings/v1/groupssettings-api.json",
	} {
		path, err := contract.DiscoveryOf(context.Background(), api)
		if err != nil {
			return nil, err
		}
		c, err := contract.Load(path)
		if err != nil {
			return nil, err
		}
		c.OldErrors = true
		all[prefix] = c
	}
	return all, nil
})

// checked holds every exchange to the documents.
func checked(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	all, err := contracts()
	if err != nil {
		t.Fatal(err)
	}
	report := func(v string) { t.Error(v) }
	by := map[string]http.Handler{}
	for prefix, c := range all {
		by[prefix] = c.Wrap(next, report)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for prefix, h := range by {
			if strings.HasPrefix(r.URL.Path, prefix) {
				h.ServeHTTP(w, r)
				return
			}
		}
		t.Errorf("%s %s is of none of the APIs", r.Method, r.URL.Path)
	})
}

// desk is an administration of a simulated organisation, with real HTTP in between.
type desk struct {
	testing.TB
	sim   *workspacesim.Sim
	dial  *fault.Dial
	clock *clock.Clock
	admin *workspace.Admin

	mu     sync.Mutex
	scopes []string // that tokens were asked for
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{TB: t, sim: workspacesim.New(), dial: &fault.Dial{}, clock: clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))}
	d.dial.Sleep = func(time.Duration) {}
	d.sim.Now, d.sim.Dial, d.sim.Domains = d.clock.Now, d.dial, []string{"contoso.com", "contoso.example"}
	d.sim.AddOrgUnit(unit)
	d.sim.AddAccount(workspacesim.Account{Address: "admin@contoso.com", Name: "Ad Min", Admin: true})
	server := httptest.NewServer(checked(t, d.sim))
	t.Cleanup(server.Close)
	d.admin = d.open(server.URL, nil)
	return d
}

func (d *desk) open(url string, change func(*workspace.Config)) *workspace.Admin {
	d.Helper()
	c := workspace.Config{
		Endpoints: workspace.At(url), Now: d.clock.Now, Wait: d.clock.Wait,
		Tokens: func(scopes ...string) (oauth2.TokenSource, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.scopes = append(d.scopes, scopes...)
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:admin@contoso.com " + strings.Join(scopes, " ")}), nil
		},
	}
	if change != nil {
		change(&c)
	}
	a, err := workspace.New(c)
	if err != nil {
		d.Fatal(err)
	}
	return a
}

// asked gives the last part of each scope that a token was asked for, sorted.
func (d *desk) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, s := range d.scopes {
		out = append(out, s[strings.LastIndexByte(s, '/')+1:])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func fact(aspect provision.Aspect, subject ...string) provision.Fact {
	return provision.Fact{Aspect: aspect, Subject: strings.Join(subject, "/")}
}

// wish is a mailbox with facts given in pairs of fact and value.
func wish(address inbox.MailboxID, pairs ...any) provision.Mailbox {
	m := provision.Mailbox{Address: address, Provider: inbox.Gmail, Facts: map[provision.Fact]string{}}
	for i := 0; i < len(pairs); i += 2 {
		m.Facts[pairs[i].(provision.Fact)] = pairs[i+1].(string)
	}
	return m
}

// support is a mailbox with all that can be wished.
func support() provision.Mailbox {
	return wish(box,
		fact(provision.Existence), "account", fact(provision.Name), "Contoso Support", fact(provision.OrgUnit), unit,
		fact(provision.Licence), standard, fact(provision.AddressList), "hidden",
		fact(provision.Alias, "hilfe@contoso.com"), "", fact(provision.Alias, "service@contoso.example"), "",
		fact(provision.Group, front), "Contoso Help", fact(provision.GroupMember, front, box), "MEMBER",
		fact(provision.GroupSetting, "enableCollaborativeInbox"), "true",
		fact(provision.GroupSetting, "whoCanPostMessage"), "ANYONE_CAN_POST",
		fact(provision.GroupSetting, "messageModerationLevel"), "MODERATE_NONE",
	)
}

// order is in which aspects are brought about.
var order = []provision.Aspect{
	provision.Existence, provision.OrgUnit, provision.Licence, provision.Name, provision.AddressList, provision.Alias,
	provision.Group, provision.GroupSetting, provision.GroupMember,
}

// steps that make want of have, removals of what is in no wish among them.
func steps(want, have provision.Mailbox) []provision.Step {
	var out []provision.Step
	step := func(verb provision.Verb, f provision.Fact, before, after string) {
		s := provision.Step{Mailbox: want.Address, Provider: inbox.Gmail, Verb: verb, Fact: f, Before: before, After: after}
		for _, aspect := range []provision.Aspect{provision.Name, provision.OrgUnit, provision.AddressList, provision.Licence} {
			if v, ok := want.Facts[fact(aspect)]; ok && verb == provision.Create {
				s.With = append(s.With, provision.Value{Fact: fact(aspect), Value: v})
			}
		}
		out = append(out, s)
	}
	for _, aspect := range order {
		for f, value := range have.Facts {
			if _, ok := want.Facts[f]; !ok && f.Aspect == aspect && (aspect == provision.Alias || aspect == provision.GroupMember) {
				step(provision.Remove, f, value, "")
			}
		}
		for f, value := range want.Facts {
			is, ok := have.Facts[f]
			switch {
			case f.Aspect != aspect || ok && is == value:
			case ok:
				step(provision.Set, f, is, value)
			case aspect == provision.Existence || aspect == provision.Group:
				step(provision.Create, f, "", value)
			case aspect == provision.Alias || aspect == provision.GroupMember:
				step(provision.Add, f, "", value)
			default:
				step(provision.Set, f, "", value)
			}
		}
	}
	return out
}

// do does a step with the patience that an apply has.
func (d *desk) do(s provision.Step) error {
	for range 200 {
		err := d.admin.Do(d.Context(), s)
		var later *provision.NotYet
		if !errors.As(err, &later) {
			return err
		}
		d.clock.Advance(max(later.After, 10*time.Second))
	}
	return errors.New("it is not yet, for ever")
}

func (d *desk) read(want ...provision.Mailbox) []provision.Mailbox {
	d.Helper()
	have, err := d.admin.Read(d.Context(), want, nil)
	d.ok(err)
	return have
}

// apply brings a wish about and gives what is then read.
func (d *desk) apply(want provision.Mailbox) provision.Mailbox {
	d.Helper()
	for _, s := range steps(want, d.read(want)[0]) {
		if err := d.do(s); err != nil {
			d.Fatalf("%s %v: %v", s.Verb, s.Fact, err)
		}
	}
	return d.read(want)[0]
}

// same compares facts.
func (d *desk) same(have, want map[provision.Fact]string) {
	d.Helper()
	for f, value := range want {
		if is, ok := have[f]; !ok || is != value {
			d.Errorf("%v is %q (%v), want %q", f, is, ok, value)
		}
	}
	for f, value := range have {
		if _, ok := want[f]; !ok {
			d.Errorf("%v is %q, want it not to be there", f, value)
		}
	}
}
