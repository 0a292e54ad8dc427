package exchange_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
)

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	support  = inbox.MailboxID("support@contoso.com")
	appID    = "aaaaaaaa-0000-0000-0000-000000000001"
	appOID   = "bbbbbbbb-0000-0000-0000-000000000002"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type token struct{ refused int }

func (t *token) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if !slices.Equal(o.Scopes, []string{"https://outlook.office365.com/.default"}) {
		return azcore.AccessToken{}, errScope
	}
	return azcore.AccessToken{Token: "secret-token"}, nil
}

func (t *token) Refused() { t.refused++ }

var errScope = &scopeError{}

type scopeError struct{}

func (*scopeError) Error() string { return "a token was asked for of the wrong scope" }

// tenant is a simulator with people in it, reached through real HTTP.
type tenant struct {
	*exchangesim.Sim
	clock    *clock.Clock
	endpoint *exchange.Endpoint
	admin    *exchange.Admin
}

func newTenant(t testing.TB) *tenant {
	t.Helper()
	c := clock.At(noon)
	tn := &tenant{clock: c, Sim: &exchangesim.Sim{Now: c.Now, Dial: &fault.Dial{Sleep: func(time.Duration) {}}, Token: "secret-token"}}
	server := httptest.NewServer(tn.Sim)
	t.Cleanup(server.Close)
	// A broken connection is not to be tried again by the transport: the tests count tries.
	transport := &http.Transport{DisableKeepAlives: true}
	tn.endpoint = mustEndpoint(t, exchange.Options{Tenant: tenantID, BaseURL: server.URL, Credential: &token{}, Transport: transport, Now: c.Now, Wait: c.Wait})
	tn.admin = mustAdmin(t, tn.endpoint)
	for _, r := range []exchangesim.Recipient{
		{Address: "anna@contoso.com", Name: "Anna Berg"},
		{Address: "bo@contoso.com", Name: "Bo Dahl"},
		// The user principal name is not the address, and the name is hostile.
		{Address: "o.hara@contoso.com", Name: `Miles O'Hara $(Remove-Item C:\) ‘"`, UPN: "u4711@contoso.com", Aliases: []string{"miles@contoso.com"}},
	} {
		if err := tn.AddUser(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := tn.AddGroup(exchangesim.Recipient{Address: "team@contoso.com", Name: "Team Nord"}); err != nil {
		t.Fatal(err)
	}
	return tn
}

func mustEndpoint(t testing.TB, o exchange.Options) *exchange.Endpoint {
	t.Helper()
	e, err := exchange.NewEndpoint(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustAdmin(t testing.TB, shell exchange.Shell) *exchange.Admin {
	t.Helper()
	a, err := exchange.New(shell, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fact writes a fact in short.
func fact(a provision.Aspect, subject string) provision.Fact {
	return provision.Fact{Aspect: a, Subject: subject}
}

func box(address inbox.MailboxID, facts map[provision.Fact]string) provision.Mailbox {
	return provision.Mailbox{Address: address, Provider: inbox.M365, Facts: facts}
}

// ideal is a mailbox with something of every aspect.
func ideal(address inbox.MailboxID) provision.Mailbox {
	return box(address, map[provision.Fact]string{
		fact(provision.Existence, ""):                    "shared",
		fact(provision.SignIn, ""):                       "blocked",
		fact(provision.Reach, ""):                        "Postroom",
		fact(provision.Name, ""):                         "Contoso Support",
		fact(provision.Language, ""):                     "da-DK",
		fact(provision.TimeZone, ""):                     "Europe/Copenhagen",
		fact(provision.FolderNames, ""):                  "localised",
		fact(provision.Quota, ""):                        "52613349376",
		fact(provision.AddressList, ""):                  "hidden",
		fact(provision.AutoReply, ""):                    "off",
		fact(provision.SentCopies, "as"):                 "on",
		fact(provision.SentCopies, "on-behalf"):          "on",
		fact(provision.Licence, ""):                      "",
		fact(provision.Alias, "help@contoso.com"):        "",
		fact(provision.Open, "anna@contoso.com"):         "mapped",
		fact(provision.Open, "o.hara@contoso.com"):       "unmapped",
		fact(provision.Read, "bo@contoso.com"):           "",
		fact(provision.SendAs, "anna@contoso.com"):       "",
		fact(provision.SendAs, "team@contoso.com"):       "",
		fact(provision.SendOnBehalf, "bo@contoso.com"):   "",
		fact(provision.SendOnBehalf, "team@contoso.com"): "",
	})
}

func idealTenant() provision.Mailbox {
	return box("", map[provision.Fact]string{
		fact(provision.AppPrincipal, appID):                              appOID,
		fact(provision.AppScope, "Postroom"):                             "CustomAttribute15 -eq 'Postroom'",
		fact(provision.AppRole, "Application Mail.ReadWrite"):            "Postroom",
		fact(provision.AppRole, "Application MailboxSettings.ReadWrite"): "Postroom",
	})
}

// order is in which the aspects are done.
var order = []provision.Aspect{
	provision.AppPrincipal, provision.AppScope, provision.AppRole, provision.Existence, provision.SignIn, provision.Name, provision.Language,
	provision.TimeZone, provision.FolderNames, provision.Quota, provision.AddressList, provision.AutoReply, provision.SentCopies,
	provision.Alias, provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf, provision.Reach, provision.Licence,
}

var sets = []provision.Aspect{provision.Alias, provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf, provision.AppRole, provision.Reach}

// steps are what brings have to want, removals first.
func steps(want, have provision.Mailbox) []provision.Step {
	var removals, rest []provision.Step
	for f, v := range have.Facts {
		if _, ok := want.Facts[f]; !ok && slices.Contains(sets, f.Aspect) {
			removals = append(removals, provision.Step{Mailbox: want.Address, Provider: inbox.M365, Verb: provision.Remove, Fact: f, Before: v})
		}
	}
	for f, v := range want.Facts {
		is, ok := have.Facts[f]
		if ok && (is == v || is == "" && f.Aspect == provision.Open) || v == "" && !slices.Contains(sets, f.Aspect) {
			continue
		}
		s := provision.Step{Mailbox: want.Address, Provider: inbox.M365, Verb: provision.Set, Fact: f, Before: is, After: v}
		switch {
		case f.Aspect == provision.Existence:
			s.Verb = provision.Create
			s.With = []provision.Value{{Fact: fact(provision.Name, ""), Value: want.Facts[fact(provision.Name, "")]}}
		case !ok && slices.Contains(sets, f.Aspect) || !ok && slices.Contains(order[:3], f.Aspect):
			s.Verb = provision.Add
		}
		rest = append(rest, s)
	}
	by := func(a, b provision.Step) int {
		if d := slices.Index(order, a.Fact.Aspect) - slices.Index(order, b.Fact.Aspect); d != 0 {
			return d
		}
		return strings.Compare(a.Fact.Subject, b.Fact.Subject)
	}
	slices.SortFunc(removals, by)
	slices.SortFunc(rest, by)
	return append(removals, rest...)
}

func (tn *tenant) read(t testing.TB, want ...provision.Mailbox) []provision.Mailbox {
	t.Helper()
	have, err := tn.admin.Read(t.Context(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	return have
}

func (tn *tenant) do(t testing.TB, list ...provision.Step) {
	t.Helper()
	for _, s := range list {
		if err := tn.admin.Do(t.Context(), s); err != nil {
			t.Fatalf("%s %s %s: %v", s.Verb, s.Fact.Aspect, s.Fact.Subject, err)
		}
	}
}

// apply brings the mailboxes about, and fails the test if anything is left to do.
func (tn *tenant) apply(t testing.TB, want ...provision.Mailbox) {
	t.Helper()
	for i, have := range tn.read(t, want...)[:len(want)] {
		tn.do(t, steps(want[i], have)...)
	}
	tn.settled(t, want...)
}

func (tn *tenant) settled(t testing.TB, want ...provision.Mailbox) {
	t.Helper()
	for i, have := range tn.read(t, want...)[:len(want)] {
		if len(have.Unread) > 0 {
			t.Errorf("%s: unread %v", have.Address, have.Unread)
		}
		for _, s := range steps(want[i], have) {
			t.Errorf("%s: left to do: %s %s %s: %q is to be %q", have.Address, s.Verb, s.Fact.Aspect, s.Fact.Subject, s.Before, s.After)
		}
	}
}
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func asRefused(err error, refused **provision.Refused) bool { return errors.As(err, refused) }
