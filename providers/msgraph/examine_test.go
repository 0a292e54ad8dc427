package msgraph_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	sales   = "sales@contoso.com"
	private = "ceo@contoso.com" // the control
	appID   = "11111111-aaaa-bbbb-cccc-000000000001"
	object  = "22222222-aaaa-bbbb-cccc-000000000002"
)

// jwt is a token with those roles, whose signature nobody checks.
func jwt(roles ...string) string {
	payload := fmt.Sprintf(`{"appid":%q,"oid":%q,"tid":"t"`, appID, object)
	if len(roles) > 0 {
		payload += `,"roles":["` + strings.Join(roles, `","`) + `"]`
	}
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload+"}")) + ".signature"
}

// tenantWish is the wish for a tenant whose app is scoped.
func tenantWish(app, principal string) provision.Mailbox {
	return provision.Mailbox{Provider: inbox.M365, Facts: map[provision.Fact]string{
		{Aspect: provision.AppPrincipal, Subject: app}:    principal,
		{Aspect: provision.AppScope, Subject: "Postroom"}: "CustomAttribute15 -eq 'Postroom'",
	}}
}

// examined is a tenant in which all is well: two mailboxes that the app reaches and is subscribed to, and a control that
// refuses it.
type examined struct {
	*tenant
	credential azcore.TokenCredential
	ahead      time.Duration // of this machine's clock
	want       []provision.Mailbox
	control    inbox.Address
	url        string
}

func newExamined(t *testing.T) *examined {
	x := &examined{
		credential: &bearer{token: jwt()}, control: private, url: notifyURL,
		want: []provision.Mailbox{
			tenantWish(appID, object), wish(support), wish(sales),
			{Address: "team@gmail.test", Provider: inbox.Gmail, Facts: map[provision.Fact]string{{Aspect: provision.Existence}: "account"}},
			{Address: "retired@contoso.com", Provider: inbox.M365, Facts: map[provision.Fact]string{}},
		},
	}
	x.tenant = newTenant(t, func(s *graphsim.Sim) {
		s.Client = &http.Client{Transport: &fault.Transport{Handler: echo}}
	})
	must(t, x.AddMailbox(graphsim.Mailbox{Address: sales}))
	must(t, x.AddMailbox(graphsim.Mailbox{Address: private, Purpose: "user"}))
	for _, address := range []string{support, sales} {
		x.subscribe(address, notifyURL)
	}
	x.Reach = func(address string) bool { return address != private }
	return x
}

func (x *examined) subscribe(address, url string) {
	x.t.Helper()
	w := &msgraph.Watcher{
		Client: x.client, Mailbox: inbox.MailboxID(address), NotificationURL: url, LifecycleURL: url,
		Rand: strings.NewReader(strings.Repeat("x", 32)), Now: func() time.Time { return x.now },
	}
	_, err := w.Ensure(context.Background())
	must(x.t, err)
}

func (x *examined) findings() []provision.Finding {
	x.t.Helper()
	client, err := msgraph.NewClient(msgraph.Options{
		BaseURL: root, Transport: x.trips, Credential: x.credential, Now: func() time.Time { return x.now.Add(x.ahead) },
	})
	must(x.t, err)
	e := &msgraph.Examination{Client: client, Control: x.control, NotificationURL: x.url}
	return e.Examine(context.Background(), x.want)
}

// line writes a finding as "check mailbox: verdict".
func line(f provision.Finding) string {
	return strings.TrimSpace(f.Check+" "+string(f.Mailbox)) + ": " + string(f.Verdict)
}

func TestExamineWhenAllIsWell(t *testing.T) {
	t.Parallel()
	x := newExamined(t)
	var got []string
	x.ResetStats()
	for _, f := range x.findings() {
		got = append(got, line(f))
		if f.Says == "" || f.Fix != "" {
			t.Errorf("%s says %q, fix %q", line(f), f.Says, f.Fix)
		}
	}
	equal(t, "findings", strings.Join(got, "\n"), strings.TrimSpace(`
graph-token: good
graph-consent: good
graph-clock: good
graph-reach support@contoso.com: good
graph-purpose support@contoso.com: good
graph-reach sales@contoso.com: good
graph-purpose sales@contoso.com: good
graph-control ceo@contoso.com: good
graph-subscription support@contoso.com: good
graph-subscription sales@contoso.com: good`))
	stats := x.Stats()
	equal(t, "round trips", stats.RoundTrips, 2)
	equal(t, "requests at once for one mailbox", stats.MaxInFlight, 2)
	equal(t, "requests to the control", stats.Mailboxes[private].Requests, 1)
}

// Each case spoils one thing of a tenant in which all is well. The findings that are not good afterwards are its rows.
func TestExamineFinds(t *testing.T) {
	t.Parallel()
	type row struct{ line, says, fix string } // parts of what is said, and of the fix
	reachable := func(x *examined) { x.Reach = nil }
	unscoped := func(x *examined) { x.want = x.want[1:] }
	tests := []struct {
		name  string
		spoil func(x *examined)
		want  []row
	}{
		{"a secret that has expired", func(x *examined) {
			x.credential = failing{&pipeline.Permanent{What: "the secret", Err: errors.New("it has expired"), Fix: "make a new one"}}
		}, []row{
			{"graph-token: bad", "the secret: it has expired", "make a new one"},
			{"graph-consent: skipped", "without a token", ""}, {"graph-clock: skipped", "", ""},
			{"graph-reach: skipped", "", ""}, {"graph-control: skipped", "", ""}, {"graph-subscription: skipped", "", ""},
		}},
		{"no way to Entra", func(x *examined) { x.credential = failing{errors.New("no such host")} }, []row{
			{"graph-token: bad", "no such host", "reaches Entra"},
			{"graph-consent: skipped", "", ""}, {"graph-clock: skipped", "", ""},
			{"graph-reach: skipped", "", ""}, {"graph-control: skipped", "", ""}, {"graph-subscription: skipped", "", ""},
		}},
		{"no credential", func(x *examined) { x.credential = nil }, []row{
			{"graph-token: skipped", "simulator", ""}, {"graph-consent: skipped", "", ""},
		}},
		{"a token that cannot be read", func(x *examined) { x.credential = &bearer{token: "opaque"} }, []row{
			{"graph-consent: skipped", "", ""},
		}},
		{"another app", func(x *examined) { x.want[0] = tenantWish("other", object) }, []row{
			{"graph-token: bad", "scopes the app other", "m365.app"},
		}},
		{"the object id of App registrations", func(x *examined) { x.want[0] = tenantWish(strings.ToUpper(appID), "other") }, []row{
			{"graph-token: bad", object, "Enterprise applications"},
		}},
		{"consent besides the scope", func(x *examined) {
			reachable(x)
			x.credential = &bearer{token: jwt("User.Read.All", "MailboxSettings.ReadWrite", "Mail.ReadWrite")}
		}, []row{
			{"graph-consent: bad", "restricts nothing: Mail.ReadWrite, MailboxSettings.ReadWrite", "take the consent back"},
			{"graph-control ceo@contoso.com: bad", "the manifest does not declare it", "graph-consent"},
		}},
		{"consent to settings besides the scope", func(x *examined) { x.credential = &bearer{token: jwt("MailboxSettings.ReadWrite")} }, []row{
			{"graph-consent: warning", "settings of every mailbox", "take the consent back"},
		}},
		{"Exchange roles that the manifest does not know of", unscoped, nil},
		{"nothing at all", func(x *examined) {
			unscoped(x)
			x.Reach = func(string) bool { return false }
		}, []row{
			{"graph-consent: bad", "nothing with mail", "Mail.ReadWrite and MailboxSettings.ReadWrite"},
			{"graph-reach support@contoso.com: bad", "403 ErrorAccessDenied", "RBAC for Applications"},
			{"graph-reach sales@contoso.com: bad", "", ""},
			{"graph-control ceo@contoso.com: skipped", "proves nothing", ""},
		}},
		{"consent alone", func(x *examined) {
			unscoped(x)
			reachable(x)
			x.credential = &bearer{token: jwt("Mail.ReadWrite", "MailboxSettings.ReadWrite", "Mail.Send")}
		}, []row{
			{"graph-consent: warning", "Mail.Send is consented to", "take the consent back"},
			{"graph-consent: warning", "every mailbox of the tenant", "m365.app"},
			{"graph-control ceo@contoso.com: bad", "", "m365.app"},
		}},
		{"consent to reading alone", func(x *examined) {
			unscoped(x)
			x.credential = &bearer{token: jwt("Mail.Read")}
			x.NoSettings = true
		}, []row{
			{"graph-consent: bad", "mail cannot be marked", "Mail.ReadWrite"},
			{"graph-consent: bad", "categories cannot be made", "MailboxSettings.ReadWrite"},
			{"graph-consent: warning", "no use for it", ""},
			{"graph-consent: warning", "every mailbox", ""},
			{"graph-purpose support@contoso.com: bad", "settings cannot be read", "MailboxSettings.ReadWrite"},
			{"graph-purpose sales@contoso.com: bad", "", ""},
		}},
		{"a clock that is ahead", func(x *examined) { x.ahead = 6 * time.Minute }, []row{{"graph-clock: bad", "6m0s ahead of", "NTP"}}},
		{"a clock that is behind", func(x *examined) { x.ahead = -61 * time.Second }, []row{{"graph-clock: warning", "1m1s behind", "NTP"}}},
		{"a clock that is good enough", func(x *examined) { x.ahead = 59 * time.Second }, nil},
		{"outside the scope", func(x *examined) { x.Reach = func(address string) bool { return address == support } }, []row{
			{"graph-reach sales@contoso.com: bad", "403 ErrorAccessDenied", "Test-ServicePrincipalAuthorization -Identity " + object + " -Resource " + sales},
		}},
		{"not made yet", func(x *examined) { must(x.t, x.RemoveMailbox(sales)) }, []row{
			{"graph-reach sales@contoso.com: bad", "404 ErrorInvalidUser", "apply makes it"},
			{"graph-subscription sales@contoso.com: bad", "no subscription", "no notifications for now"},
		}},
		{"no shared mailbox", func(x *examined) {
			must(x.t, x.RemoveMailbox(sales))
			must(x.t, x.AddMailbox(graphsim.Mailbox{Address: sales, Purpose: "user"}))
			x.subscribe(sales, notifyURL)
		}, []row{{"graph-purpose sales@contoso.com: warning", "user", "Set-Mailbox sales@contoso.com -Type Shared"}}},
		{"no mailbox in the manifest", func(x *examined) { x.want = x.want[:1] }, []row{
			{"graph-reach: skipped", "", ""},
			{"graph-subscription sales@contoso.com: bad", "does not declare", "DELETE /subscriptions/"},
			{"graph-subscription support@contoso.com: bad", "", ""},
		}},
		{"throttled", func(x *examined) {
			x.Dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 20 * time.Second, Path: "$batch"})
		}, []row{
			{"graph-clock: skipped", "", ""}, {"graph-reach: skipped", "429", "in 20s"}, {"graph-control ceo@contoso.com: skipped", "429", ""},
		}},
		{"one throttled", func(x *examined) {
			x.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, RetryAfter: 20 * time.Second, Path: "/sales"})
		}, []row{{"graph-reach sales@contoso.com: skipped", "429", "in 20s"}}},
		{"a token that Graph does not take", func(x *examined) { x.Token = "another" }, []row{
			{"graph-clock: skipped", "", ""}, {"graph-reach: bad", "401", "client id"}, {"graph-control ceo@contoso.com: bad", "401", ""},
			{"graph-subscription: bad", "401", "client id"},
		}},
		{"no control", func(x *examined) { x.control = "" }, []row{{"graph-control: skipped", "", "m365.control"}}},
		{"a control that lets the app in", reachable, []row{
			{"graph-control ceo@contoso.com: bad", "though the manifest does not declare it", "Get-ManagementRoleAssignment"},
		}},
		{"a control that is not there", func(x *examined) { x.control = "nobody@contoso.com" }, []row{
			{"graph-control nobody@contoso.com: warning", "no such mailbox", "one that exists"},
		}},
		{"a control that is declared", func(x *examined) { x.control = "Support@contoso.com" }, []row{
			{"graph-control Support@contoso.com: warning", "declares the control itself", "another"},
		}},
		{"a subscription near its end", func(x *examined) { x.now = x.now.Add(5*24*time.Hour + time.Hour) }, []row{
			{"graph-subscription support@contoso.com: warning", "ends on 2026-05-11", "could not be renewed"},
			{"graph-subscription sales@contoso.com: warning", "", ""},
		}},
		{"no subscriptions", func(x *examined) { x.now = x.now.Add(8 * 24 * time.Hour) }, []row{
			{"graph-subscription support@contoso.com: bad", "no subscription", ""},
			{"graph-subscription sales@contoso.com: bad", "", ""},
		}},
		{"no subscriptions where none may be meant to be", func(x *examined) {
			x.now = x.now.Add(8 * 24 * time.Hour)
			x.url = ""
		}, []row{
			{"graph-subscription support@contoso.com: warning", "no subscription", "polled"},
			{"graph-subscription sales@contoso.com: warning", "", ""},
		}},
		{"notifications to another place", func(x *examined) { x.url = "https://new.contoso.com/graph" }, []row{
			{"graph-subscription support@contoso.com: bad", notifyURL, "DELETE"},
			{"graph-subscription sales@contoso.com: bad", "", ""},
		}},
		{"wherever notifications go", func(x *examined) { x.url = "" }, nil},
		{"a subscription to a stranger", func(x *examined) {
			must(x.t, x.AddMailbox(graphsim.Mailbox{Address: "Old@contoso.com"}))
			x.subscribe("Old@contoso.com", notifyURL)
		}, []row{{"graph-subscription old@contoso.com: bad", "does not declare", "DELETE"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newExamined(t)
			tt.spoil(x)
			var got []provision.Finding
			for _, f := range x.findings() {
				if f.Verdict != provision.Good {
					got = append(got, f)
				}
			}
			for i, f := range got {
				if i >= len(tt.want) {
					t.Errorf("also: %s %q", line(f), f.Says)
					continue
				}
				w := tt.want[i]
				if line(f) != w.line || !strings.Contains(f.Says, w.says) || !strings.Contains(f.Fix, w.fix) {
					t.Errorf("%s\n says %q\n fix %q, want %+v", line(f), f.Says, f.Fix, w)
				}
				if f.Verdict == provision.Bad && f.Fix == "" {
					t.Errorf("%s says no fix", line(f))
				}
			}
			if len(got) < len(tt.want) {
				t.Errorf("%d findings, want %d", len(got), len(tt.want))
			}
		})
	}
}

// A large manifest costs two requests a mailbox, twenty a round trip, and one for the list of subscriptions.
func TestExamineManyInBatches(t *testing.T) {
	t.Parallel()
	x := newExamined(t)
	x.trips.Handler = x.Sim
	x.want, x.control = nil, ""
	for i := range 200 {
		address := fmt.Sprintf("box%d@contoso.com", i)
		must(t, x.AddMailbox(graphsim.Mailbox{Address: address}))
		x.want = append(x.want, wish(address))
	}
	x.ResetStats()
	good := 0
	for _, f := range x.findings() {
		if f.Check == "graph-reach" && f.Verdict == provision.Good {
			good++
		}
	}
	equal(t, "mailboxes reached", good, 200)
	equal(t, "round trips", x.Stats().RoundTrips, 21)
	equal(t, "requests at once for one mailbox", x.Stats().MaxInFlight, 2)
}

// Nothing that is asked could bring mail along.
func TestExamineReadsNoMail(t *testing.T) {
	t.Parallel()
	x := newExamined(t)
	x.receive(1)
	next := x.trips.Handler
	x.trips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &heard{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		for _, word := range []string{"Question", "customer.test", "Hello"} {
			if strings.Contains(answer.text.String(), word) {
				t.Errorf("%s %s answered with mail", r.Method, r.URL)
			}
		}
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/$batch") {
			t.Errorf("%s %s changes something", r.Method, r.URL)
		}
	})
	if len(x.findings()) == 0 {
		t.Error("nothing was found")
	}
}

// heard keeps what is answered.
type heard struct {
	http.ResponseWriter
	text strings.Builder
}

func (h *heard) Write(b []byte) (int, error) {
	h.text.Write(b)
	return h.ResponseWriter.Write(b)
}

// failing is a credential that gives no token.
type failing struct{ err error }

func (f failing) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, f.err
}
