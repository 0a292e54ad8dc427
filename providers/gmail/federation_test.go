package gmail_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/gmail"
)

const (
	pool           = "projects/123456789012/locations/global/workloadIdentityPools/aws/providers/postroom"
	serviceAccount = "postroom@contoso-mail.iam.gserviceaccount.com"
	proofOfRole    = "%7B%22url%22%3A%22https%3A%2F%2Fsts.eu-central-1.amazonaws.com%22%7D"
)

// google is Google's three token services and Gmail's profile, behind one socket of this machine. It is as strict as they
// are about what is handed from one to the next.
type google struct {
	t   *testing.T
	now func() time.Time
	url *url.URL

	mu      sync.Mutex
	scope   string         // that the assertions are for
	asked   map[string]int // by host
	refusal map[string]answered
	fresh   int               // of the process's tokens
	valid   map[string]string // token of a mailbox by its text
	own     string            // the process's token that holds
}

// answered is what a host answers instead.
type answered struct {
	status int
	body   string
}

func newGoogle(t *testing.T, now func() time.Time) *google {
	t.Helper()
	g := &google{t: t, now: now, scope: gmail.Scope, asked: map[string]int{}, refusal: map[string]answered{}, valid: map[string]string{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.url, _ = url.Parse(server.URL)
	return g
}

// RoundTrip carries a request for any of Google's hosts to the socket.
func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.Host, to.URL.Scheme, to.URL.Host = r.URL.Host, g.url.Scheme, g.url.Host
	return http.DefaultTransport.RoundTrip(to)
}

func (g *google) count(host string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[host]
}

func (g *google) total() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.asked {
		n += m
	}
	return n
}

// refuses makes a host answer so until it is told otherwise.
func (g *google) refuses(host string, status int, body string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if status == 0 {
		delete(g.refusal, host)
		return
	}
	g.refusal[host] = answered{status, body}
}

const (
	sts   = "sts.googleapis.com"
	iam   = "iamcredentials.googleapis.com"
	oauth = "oauth2.googleapis.com"
)

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[r.Host]++
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if refusal, ok := g.refusal[r.Host]; ok {
		w.WriteHeader(refusal.status)
		_, _ = io.WriteString(w, refusal.body)
		return
	}
	fail := func(why string) {
		g.t.Errorf("%s%s: %s", r.Host, r.URL.Path, why)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"`+why+`"}`)
	}
	_ = r.ParseForm()
	switch r.Host + r.URL.Path {
	case sts + "/v1/token":
		for name, want := range map[string]string{
			"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "//iam.googleapis.com/" + pool,
			"requested_token_type": "urn:ietf:params:oauth:token-type:access_token", "scope": "https://www.googleapis.com/auth/cloud-platform",
			"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", "subject_token": proofOfRole,
		} {
			if got := r.PostForm.Get(name); got != want {
				fail(name + " is " + got)
				return
			}
		}
		g.fresh++
		g.own = fmt.Sprint("federated-", g.fresh)
		fmt.Fprintf(w, `{"access_token":%q,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`, g.own)
	case iam + "/v1/projects/-/serviceAccounts/" + serviceAccount + ":signJwt":
		if r.Header.Get("Authorization") != "Bearer "+g.own {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`)
			return
		}
		var in struct{ Payload string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			fail(err.Error())
			return
		}
		signed := "h." + base64.RawURLEncoding.EncodeToString([]byte(in.Payload)) + ".s"
		fmt.Fprintf(w, `{"keyId":"k1","signedJwt":%q}`, signed)
	case oauth + "/token":
		parts := strings.Split(r.PostForm.Get("assertion"), ".")
		var claims struct {
			Iss, Sub, Scope, Aud string
			Iat, Exp             int64
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		if err == nil {
			err = json.Unmarshal(payload, &claims)
		}
		now := g.now().Unix()
		if err != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.Header.Get("Authorization") != "" ||
			claims.Iss != serviceAccount || claims.Scope != g.scope || claims.Aud != "https://oauth2.googleapis.com/token" ||
			claims.Iat > now || claims.Exp <= now || claims.Exp-claims.Iat > 3600 {
			fail(fmt.Sprintf("assertion %+v, %v", claims, err))
			return
		}
		token := fmt.Sprint("mailbox-token-", len(g.valid)+1)
		g.valid[token] = claims.Sub
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":3599,"token_type":"Bearer"}`, token)
	default:
		who := g.valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if who == "" || !strings.HasPrefix(r.URL.Path, "/gmail/v1/users/"+who+"/") {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":401,"message":"Invalid Credentials","errors":[{"reason":"authError"}]}}`)
			return
		}
		fmt.Fprintf(w, `{"historyId":"5","expiration":"%d"}`, g.now().Add(7*24*time.Hour).UnixMilli())
	}
}

func (g *google) federation() gmail.Federation {
	return gmail.Federation{
		Provider: pool, Account: serviceAccount, Transport: g, Now: g.now,
		Proof: func(_ context.Context, audience string) (string, error) {
			if audience != "//iam.googleapis.com/"+pool {
				return "", fmt.Errorf("audience %s", audience)
			}
			return proofOfRole, nil
		},
	}
}

func (g *google) client(f gmail.Federation, mailboxes ...inbox.MailboxID) *gmail.Client {
	g.t.Helper()
	tokens, err := f.Tokens()
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := gmail.NewClient(gmail.Config{Transport: g, Tokens: tokens, Mailboxes: mailboxes, Now: g.now})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

const topic = "projects/contoso-mail/topics/gmail"

func watch(t *testing.T, c *gmail.Client, mailbox inbox.MailboxID) error {
	t.Helper()
	m, err := c.Mailbox(gmail.Options{Address: mailbox})
	if err != nil {
		return err
	}
	_, err = m.Watch(t.Context(), topic)
	return err
}

// The service account signs for each mailbox and for nothing else; the process proves itself once for all of them, and a
// token that holds is used again.
func TestFederation(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, time.Now)
	boxes := []inbox.MailboxID{"support@contoso.com", "billing@contoso.com", "sales@contoso.com"}
	c := g.client(g.federation(), boxes...)
	var all sync.WaitGroup
	for _, b := range boxes {
		for range 10 {
			all.Go(func() {
				if err := watch(t, c, b); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	for host, want := range map[string]int{sts: 1, iam: 3, oauth: 3, "gmail.googleapis.com": 30} {
		if n := g.count(host); n != want {
			t.Errorf("%d requests to %s, want %d", n, host, want)
		}
	}
	var subjects []string
	for _, s := range g.valid {
		subjects = append(subjects, s)
	}
	slices.Sort(subjects)
	if !slices.Equal(subjects, []string{"billing@contoso.com", "sales@contoso.com", "support@contoso.com"}) {
		t.Errorf("tokens for %v", subjects)
	}
}

// Another service account signs for the scopes of the settings.
func TestFederationWithOtherScopes(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, time.Now)
	f := g.federation()
	f.Scopes = gmail.SettingsScopes()
	c := g.client(f, "support@contoso.com")
	g.scope = "https://www.googleapis.com/auth/gmail.settings.sharing https://www.googleapis.com/auth/gmail.settings.basic https://www.googleapis.com/auth/gmail.labels"
	if err := watch(t, c, "support@contoso.com"); err != nil {
		t.Error(err)
	}
}

// No request leaves for a mailbox that is not on the list: neither for it nor for a token.
func TestFederationKeepsToTheList(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, time.Now)
	f := g.federation()
	f.Proof = func(context.Context, string) (string, error) {
		t.Error("the process proves itself for a mailbox that is not on the list")
		return proofOfRole, nil
	}
	c := g.client(f, "support@contoso.com")
	for _, address := range []inbox.MailboxID{"ceo@contoso.com", "", "support@contoso.com.evil.example", "support+x@contoso.com"} {
		err := watch(t, c, address)
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "manifest") {
			t.Errorf("%q: got %v", address, err)
		}
	}
	if n := g.total(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The process's token is made anew before it ends, and at once when Google does not take it any more.
func TestFederatedTokenIsRenewed(t *testing.T) {
	t.Parallel()
	hand := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	g := newGoogle(t, func() time.Time { return hand })
	tokens, err := g.federation().Tokens()
	if err != nil {
		t.Fatal(err)
	}
	get := func() error {
		source, err := tokens("support@contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		token, err := source.Token()
		if err == nil && (!token.Expiry.Equal(hand.Add(3599*time.Second)) || token.Type() != "Bearer") {
			t.Errorf("the token ends at %v, of type %s", token.Expiry, token.Type())
		}
		return err
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {58 * time.Minute, 1}, {2 * time.Minute, 2}, {time.Minute, 2}} {
		hand = hand.Add(step.pass)
		if err := get(); err != nil || g.count(sts) != step.want {
			t.Errorf("at %v: %d exchanges, %v, want %d", hand, g.count(sts), err, step.want)
		}
	}
	g.mu.Lock()
	g.own = "revoked"
	g.mu.Unlock()
	if err := get(); err == nil {
		t.Error("a revoked token is taken")
	}
	if err := get(); err != nil || g.count(sts) != 3 {
		t.Errorf("after the refusal: %v, %d exchanges", err, g.count(sts))
	}
}

// A clock that is a little fast does no harm: Google takes no assertion of the future.
func TestClockThatIsFast(t *testing.T) {
	t.Parallel()
	hand := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	g := newGoogle(t, func() time.Time { return hand })
	f := g.federation()
	f.Now = func() time.Time { return hand.Add(5 * time.Second) }
	if err := watch(t, g.client(f, "support@contoso.com"), "support@contoso.com"); err != nil {
		t.Error(err)
	}
}

// A process that was frozen for an hour does not use what has ended meanwhile.
func TestFederatedTokenEndsWhileTheProcessIsFrozen(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := newGoogle(t, func() time.Time { return now })
	tokens, err := g.federation().Tokens()
	if err != nil {
		t.Fatal(err)
	}
	source, err := tokens("support@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 2; want++ {
		if _, err := source.Token(); err != nil || g.count(sts) != want {
			t.Errorf("%d exchanges, %v, want %d", g.count(sts), err, want)
		}
		slept := now.Add(2 * time.Hour)
		type layout struct {
			wall uint64
			ext  int64 // the monotonic reading, which stands still
			loc  *time.Location
		}
		(*layout)(unsafe.Pointer(&slept)).ext = (*layout)(unsafe.Pointer(&now)).ext
		if slept.Sub(now) != 0 {
			t.Fatal("a time is laid out otherwise in this version of Go")
		}
		now = slept
	}
}

// What Google answers on the way to a token says what to do about it. The bodies are as Google writes them.
func TestFederationRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, host string
		status     int
		body, fix  string // no fix: it may be tried again
	}{
		{"no such provider", sts, 400, `{"error":"invalid_target","error_description":"The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist."}`, "pool and provider are enabled"},
		{"a pool's name", sts, 400, `{"error":"invalid_request","error_description":"Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats."}`, "project's number"},
		{"condition", sts, 401, `{"error":"unauthorized_client","error_description":"The given credential is rejected by the attribute condition."}`, "attribute condition"},
		{"proof refused", sts, 400, `{"error":"invalid_grant","error_description":"The AWS response code was 403."}`, "clock"},
		{"AWS is down", sts, 400, `{"error":"invalid_grant","error_description":"The AWS response code was 503."}`, ""},
		{"AWS is busy", sts, 400, `{"error":"invalid_grant","error_description":"The AWS response code was 429."}`, ""},
		{"sts is down", sts, 503, `{"error":"internal_failure"}`, ""},
		{"a proxy in between", sts, 407, `<html>`, ""},
		{"may not sign", iam, 403, `{"error":{"code":403,"message":"Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","domain":"iam.googleapis.com","metadata":{"permission":"iam.serviceAccounts.signJwt"}}]}}`, "Service Account Token Creator"},
		{"API is off", iam, 403, `{"error":{"code":403,"message":"IAM Service Account Credentials API has not been used in project 123456789012 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.Help","links":[]},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com"}]}}`, "enable the IAM Service Account Credentials API"},
		{"no such account", iam, 404, `{"error":{"code":404,"message":"Not found; Gaia id not found for email postroom@contoso-mail.iam.gserviceaccount.com","status":"NOT_FOUND"}}`, "service account's e-mail address"},
		{"quota of signatures", iam, 429, `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`, ""},
		{"no delegation", oauth, 401, `{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}`, "Domain-wide delegation"},
		{"no such mailbox", oauth, 400, `{"error":"invalid_grant","error_description":"Invalid email or User ID"}`, "Workspace account"},
		{"clock", oauth, 400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}`, "clock"},
		{"oauth is down", oauth, 500, `{"error":"server_error"}`, ""},
		{"no token in it", oauth, 200, `{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGoogle(t, time.Now)
			client := g.client(g.federation(), "support@contoso.com")
			g.refuses(c.host, c.status, c.body)
			err := watch(t, client, "support@contoso.com")
			var permanent *pipeline.Permanent
			switch is := errors.As(err, &permanent); {
			case err == nil:
				t.Fatal("no error")
			case is != (c.fix != ""):
				t.Errorf("%v: permanent %t", err, is)
			case is && !strings.Contains(permanent.Fix, c.fix):
				t.Errorf("%v, want %q", err, c.fix)
			}
			if s := err.Error(); !strings.Contains(s, "support@contoso.com") || len(s) > 1000 || strings.Contains(s, "federated-") || strings.Contains(s, proofOfRole) || strings.Contains(s, "\n") {
				t.Errorf("the error reads: %s", s)
			}
			if g.count("gmail.googleapis.com") != 0 {
				t.Error("a request was sent without a token")
			}
			// Once it is put right, the same client works.
			g.refuses(c.host, 0, "")
			if err := watch(t, client, "support@contoso.com"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// What is wrong on this side comes back as it is, with the mailbox.
func TestProofThatFails(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, time.Now)
	f := g.federation()
	cause := errors.New("no answer")
	f.Proof = func(context.Context, string) (string, error) {
		return "", &pipeline.Permanent{What: "identity: prove the role", Fix: "do this", Err: cause}
	}
	err := watch(t, g.client(f, "support@contoso.com"), "support@contoso.com")
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || permanent.Fix != "do this" || !errors.Is(err, cause) || strings.Count(err.Error(), "do this") != 1 ||
		!strings.Contains(err.Error(), "support@contoso.com") {
		t.Errorf("got %v", err)
	}
	f.Proof = func(context.Context, string) (string, error) { return "", cause }
	if err := watch(t, g.client(f, "support@contoso.com"), "support@contoso.com"); !errors.Is(err, cause) || errors.As(err, &permanent) && permanent.Fix == "" {
		t.Errorf("got %v", err)
	}
	if g.total() != 0 {
		t.Error("a request was sent")
	}
}

func TestFederationNames(t *testing.T) {
	t.Parallel()
	for _, f := range []gmail.Federation{
		{Provider: "projects/contoso-mail/locations/global/workloadIdentityPools/aws/providers/postroom", Account: serviceAccount},
		{Provider: "projects/1/locations/global/workloadIdentityPools/aws", Account: serviceAccount},
		{Provider: "//iam.googleapis.com/" + pool, Account: serviceAccount},
		{Provider: pool, Account: "postroom"},
		{Provider: pool, Account: "x@y.iam.gserviceaccount.com/../z"},
		{},
	} {
		if _, err := f.Tokens(); err == nil {
			t.Errorf("%q, %q are taken", f.Provider, f.Account)
		}
	}
}

func TestTokenSourcesShowNoToken(t *testing.T) {
	t.Parallel()
	g := newGoogle(t, time.Now)
	tokens, err := g.federation().Tokens()
	if err != nil {
		t.Fatal(err)
	}
	source, err := tokens("support@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, source); strings.Contains(s, "federated-") || strings.Contains(s, "mailbox-token") {
			t.Errorf("%s shows %s", verb, s)
		}
	}
}
