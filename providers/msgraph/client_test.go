package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// bearer is a credential with a fixed token that notes what it is asked for.
type bearer struct {
	token  string
	mu     sync.Mutex
	scopes []string
}

func (b *bearer) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scopes = append(b.scopes, o.Scopes...)
	return azcore.AccessToken{Token: b.token, ExpiresOn: noon.Add(time.Hour)}, nil
}

func TestClientSendsItsToken(t *testing.T) {
	t.Parallel()
	for _, cloud := range []msgraph.Cloud{msgraph.Global, msgraph.USGov, msgraph.USGovDoD, msgraph.China} {
		t.Run(cloud.Graph, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t, func(s *graphsim.Sim) { s.Token = "good" })
			good := &bearer{token: "good"}
			c, err := msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: good, Transport: tn.trips})
			must(t, err)
			m, err := c.Mailbox(msgraph.MailboxOptions{Address: support})
			must(t, err)
			id := tn.receive(1)
			equal(t, "read", one(t, tn.changes(m)).ID, id)
			for _, s := range good.scopes {
				equal(t, "scope", s, cloud.Graph+"/.default")
			}

			c, err = msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: &bearer{token: "bad"}, Transport: tn.trips})
			must(t, err)
			m, err = c.Mailbox(msgraph.MailboxOptions{Address: support})
			must(t, err)
			_, err = m.Changes(context.Background(), "")
			var permanent *pipeline.Permanent
			if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "secret") {
				t.Errorf("%v, want a permanent error", err)
			}
		})
	}
}

func TestClientRefuses(t *testing.T) {
	t.Parallel()
	if _, err := msgraph.NewClient(msgraph.Options{}); err == nil || !strings.Contains(err.Error(), "credential") {
		t.Errorf("a real tenant without a credential: %v", err)
	}
	if _, err := msgraph.NewClient(msgraph.Options{BaseURL: "localhost"}); err == nil {
		t.Error("a relative base URL is taken")
	}
	if _, err := msgraph.CloudNamed("mars"); err == nil || !strings.Contains(err.Error(), "usgov") {
		t.Errorf("an unknown cloud: %v", err)
	}
	if c, err := msgraph.CloudNamed("China"); err != nil || c != msgraph.China {
		t.Errorf("China: %v, %v", c, err)
	}
	tn := newTenant(t)
	for _, o := range []msgraph.MailboxOptions{
		{Address: ""},
		{Address: "../subscriptions"},
		{Address: support, Folders: []string{" / "}},
	} {
		if _, err := tn.client.Mailbox(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	var many []string
	for n := range 15 {
		many = append(many, fmt.Sprint("Folder ", n))
	}
	if _, err := tn.client.Mailbox(msgraph.MailboxOptions{Address: support, Folders: many}); err == nil {
		t.Error("more folders than a batch holds are taken")
	}
	// A token goes over plain HTTP to this machine only.
	c, err := msgraph.NewClient(msgraph.Options{BaseURL: "http://graph.contoso.com/v1.0", Credential: &bearer{token: "good"}, Transport: tn.trips})
	must(t, err)
	m, err := c.Mailbox(msgraph.MailboxOptions{Address: support})
	must(t, err)
	if _, err := m.Changes(context.Background(), ""); err == nil {
		t.Error("a token was sent in the clear")
	}
	equal(t, "round trips", tn.trips.RoundTrips(), 0)
}

// entra answers as the authority that issues tokens does; refusal, if set, is its error.
type entra struct {
	refusal string
	down    bool
	asked   []string
}

func (e *entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	authority := "https://" + r.Host + "/contoso"
	switch {
	case strings.Contains(r.URL.Path, "discovery/instance"):
		fmt.Fprintf(w, `{"tenant_discovery_endpoint":"%s/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":%q,"preferred_cache":%q,"aliases":[%q]}]}`,
			authority, r.Host, r.Host, r.Host)
	case strings.Contains(r.URL.Path, "openid-configuration"):
		fmt.Fprintf(w, `{"token_endpoint":"%s/oauth2/v2.0/token","issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, authority, authority, authority)
	case e.down:
		e.asked = append(e.asked, r.Host)
		w.WriteHeader(http.StatusServiceUnavailable)
	case e.refusal != "":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s: the provided client secret keys are expired"}`, e.refusal)
	default:
		body, _ := io.ReadAll(r.Body)
		e.asked = append(e.asked, r.Host+" "+string(body))
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"good"}`)
	}
}

func TestAppWithSecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-of-the-app"
	tn := newTenant(t, func(s *graphsim.Sim) { s.Token = "good" })
	login := &entra{}
	app := msgraph.App{Tenant: "contoso", ClientID: "app-id", Cloud: msgraph.USGov, Transport: &fault.Transport{Handler: login}}
	open := func() *msgraph.Mailbox {
		credential, err := app.WithSecret(secret)
		must(t, err)
		c, err := msgraph.NewClient(msgraph.Options{Cloud: app.Cloud, Credential: credential, Transport: tn.trips})
		must(t, err)
		m, err := c.Mailbox(msgraph.MailboxOptions{Address: support})
		must(t, err)
		return m
	}
	m := open()
	tn.changes(m)
	tn.changes(m)
	if len(login.asked) != 1 || !strings.HasPrefix(login.asked[0], "login.microsoftonline.us ") || !strings.Contains(login.asked[0], secret) {
		t.Errorf("tokens were asked for as %q, want once of the cloud's authority", login.asked)
	}
	if s := fmt.Sprintf("%+v %v", m, app); strings.Contains(s, secret) {
		t.Error("the secret can be printed")
	}

	login.refusal = "AADSTS7000222"
	_, err := open().Changes(context.Background(), "")
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) {
		t.Fatalf("%v, want a permanent error", err)
	}
	if s := err.Error(); !strings.Contains(s, "AADSTS7000222") || !strings.Contains(s, "expired") || strings.Contains(s, secret) || len(s) > 400 {
		t.Errorf("the error reads: %s", s)
	}

	// An authority that is down is nobody's mistake, and is not waited for.
	login.down, login.asked = true, nil
	_, err = open().Changes(context.Background(), "")
	if err == nil || errors.As(err, &permanent) {
		t.Errorf("%v, want a plain error", err)
	}
	equal(t, "times asked", len(login.asked), 1)
	if _, err := app.WithSecret(""); err == nil {
		t.Error("an empty secret is taken")
	}
	if _, err := app.WithCertificate([]byte("no certificate"), ""); err == nil {
		t.Error("rubbish is taken for a certificate")
	}
}

// script answers every request with the same body.
func script(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func scripted(t testing.TB, h http.Handler, folders ...string) *msgraph.Mailbox {
	c, err := msgraph.NewClient(msgraph.Options{BaseURL: root, Transport: &fault.Transport{Handler: h}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Mailbox(msgraph.MailboxOptions{Address: support, Own: own, Folders: folders})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// atInbox is a cursor with nothing left to do but to begin the inbox.
const atInbox = inbox.Cursor(`{"v":1,"f":[{"n":"inbox","i":"I","d":true},{"n":"sentitems","i":"S","l":"/users/x"},` +
	`{"n":"drafts","i":"D","l":"/users/x"},{"n":"archive","i":"A","l":"/users/x"},{"n":"deleteditems","i":"T"},{"n":"junkemail","i":"J"}]}`)

func TestAnswersThatAreNoGraph(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Handler{
		"no JSON":              script(200, "<html>captive portal</html>"),
		"no link":              script(200, `{"value":[]}`),
		"a link elsewhere":     script(200, `{"value":[],"@odata.deltaLink":"https://evil.test/v1.0/users/x/delta?$deltatoken=1"}`),
		"a link to plain HTTP": script(200, `{"value":[],"@odata.nextLink":"http://graph.microsoft.com.evil.test/v1.0/users"}`),
		"a redirect": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "graph.microsoft.com" {
				t.Errorf("a redirect to %s is followed", r.Host)
			}
			http.Redirect(w, r, "https://evil.test/", http.StatusTemporaryRedirect)
		}),
		"a server error":  script(500, `{"error":{"code":"InternalServerError","message":"x"}}`),
		"a gateway's 502": script(502, `<html>`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := scripted(t, h).Changes(context.Background(), atInbox)
			var permanent *pipeline.Permanent
			var throttled *pipeline.Throttled
			if err == nil || errors.As(err, &permanent) || errors.As(err, &throttled) || errors.Is(err, pipeline.ErrCursorExpired) {
				t.Errorf("%+v, %v, want a plain error", page, err)
			}
		})
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.trips.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", noon.Add(2*time.Minute).Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := tn.mailbox().Changes(context.Background(), "")
	var throttled *pipeline.Throttled
	if !errors.As(err, &throttled) || throttled.After != 2*time.Minute {
		t.Errorf("%v, want to be throttled for two minutes", err)
	}
}

func TestMailboxThatIsNone(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox(func(o *msgraph.MailboxOptions) { o.Address = "nobody@contoso.com" })
	_, err := m.Changes(context.Background(), "")
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "check the address") {
		t.Errorf("%v, want a permanent error that says to check the address", err)
	}
}

// A message whose content is broken keeps its place in the world.
func TestUnreadableMessage(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/$batch"):
			fmt.Fprint(w, `{"responses":[{"id":"0","status":200,"body":{"id":"I"}},{"id":"3","status":404,"body":{"error":{"code":"ErrorItemNotFound"}}},`+
				`{"id":"1","status":200,"body":{"id":"S"}},{"id":"2","status":200,"body":{"id":"D"}},{"id":"4","status":200,"body":{"id":"T"}},{"id":"5","status":200,"body":{"id":"J"}}]}`)
		case strings.Contains(r.URL.RawQuery, "subject"):
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"error":{"code":"ErrorCorruptData","message":"Data is corrupt."}}`)
		default:
			fmt.Fprint(w, `{"@odata.etag":"W/\"1\"","id":"m","conversationId":"c","categories":["VIP"],"parentFolderId":"I","lastModifiedDateTime":"2026-05-04T12:00:00Z"}`)
		}
	})
	got, err := scripted(t, h).Fetch(context.Background(), []inbox.MessageID{"m"})
	must(t, err)
	o := one(t, got)
	if o.Gone || o.State == nil || o.Message == nil || !strings.Contains(o.Message.Unreadable, "ErrorCorruptData") {
		t.Fatalf("%+v", o)
	}
	equal(t, "place", o.State.Place, inbox.Inbox)
	equal(t, "thread", o.Thread, "c")
	equalSet(t, "markers", o.State.Markers, "VIP")
}

func TestBatchThatPassesOverARequest(t *testing.T) {
	t.Parallel()
	m := scripted(t, script(200, `{"responses":[{"id":"1","status":200,"body":{"id":"b","@odata.etag":"W/\"2\"","categories":["VIP"],"lastModifiedDateTime":"2026-05-04T12:00:00Z"}}]}`))
	state := inbox.State{Place: inbox.Inbox, Revision: `W/"1"`}
	done, err := m.Mark(context.Background(), []pipeline.Write{
		{Message: "a", State: state, Add: markers("VIP")}, {Message: "b", State: state, Add: markers("VIP")},
	})
	if err == nil {
		t.Error("a request without an answer is no error")
	}
	if !slices.ContainsFunc(done, func(w pipeline.Written) bool { return w.Message == "b" && w.Outcome == pipeline.Done }) || len(done) != 1 {
		t.Errorf("reported are %+v, want b alone", done)
	}
}

func TestMarkRefusedForGood(t *testing.T) {
	t.Parallel()
	m := scripted(t, script(400, `{"error":{"code":"ErrorInvalidRequest","message":"Too many categories."}}`))
	state := inbox.State{Place: inbox.Inbox, Revision: `W/"1"`}
	w := mark(t, m, pipeline.Write{Message: "a", State: state, Add: markers("VIP")})["a"]
	equal(t, "outcome", w.Outcome, pipeline.Refused)
	if !strings.Contains(w.Why, "Too many categories.") {
		t.Errorf("why: %s", w.Why)
	}
}
