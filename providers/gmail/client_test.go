package gmail_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

// A mailbox that is not on the list is refused before anything is signed or sent.
func TestOnlyListedMailboxes(t *testing.T) {
	d := newDesk(t)
	d.sim.AddMailbox("ceo@contoso.com")
	for _, address := range []inbox.MailboxID{"ceo@contoso.com", "", "support@contoso.com.evil.example"} {
		_, err := d.client.Mailbox(gmail.Options{Address: address})
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || permanent.Fix == "" {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if len(*d.minted) > 0 || d.wire.RoundTrips() > 0 {
		t.Errorf("tokens for %v, %d requests", *d.minted, d.wire.RoundTrips())
	}
}

func TestTokenIsKept(t *testing.T) {
	d := newDesk(t)
	m, err := d.client.Mailbox(gmail.Options{Address: " Support@Contoso.com "})
	d.ok(err)
	for range 3 {
		_, err := m.Changes(t.Context(), "")
		d.ok(err)
		d.start()
	}
	if len(*d.minted) != 1 || (*d.minted)[0] != box {
		t.Errorf("tokens for %v", *d.minted)
	}
}

// answers is a wire that gives these answers, the last one for ever.
func answers(list ...*http.Response) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		next := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		if next == nil {
			return nil, io.ErrUnexpectedEOF
		}
		body, err := io.ReadAll(next.Body)
		if err != nil {
			return nil, err
		}
		next.Body = io.NopCloser(strings.NewReader(string(body)))
		out := *next
		out.Body, out.Request = io.NopCloser(strings.NewReader(string(body))), r
		return &out, nil
	}
}

func answer(code int, reason, message string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{
		"code": code, "message": message, "errors": []any{map[string]any{"reason": reason, "message": message}},
	}})
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(string(body)))}
}

// alone is a mailbox behind a wire of the test's.
func alone(t *testing.T, wire http.RoundTripper, c *clock.Clock) *gmail.Mailbox {
	t.Helper()
	return behind(t, gmail.Config{Transport: wire, Now: c.Now, Sleep: c.Wait}, gmail.Options{})
}

func behind(t *testing.T, c gmail.Config, o gmail.Options) *gmail.Mailbox {
	t.Helper()
	c.Mailboxes, o.Address = []inbox.MailboxID{box}, box
	c.Tokens = func(inbox.MailboxID) (oauth2.TokenSource, error) {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}), nil
	}
	client, err := gmail.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := client.Mailbox(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What Google answers decides what the pipeline does: wait, stop, or try again.
func TestAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		with  *http.Response
		after time.Duration // throttled, -1: for some time of our own choice
		fix   string        // permanent
	}{
		{"time in the header", answer(429, "rateLimitExceeded", "Slow down", "Retry-After", "40"), 40 * time.Second, ""},
		{"date in the header", answer(429, "rateLimitExceeded", "Slow down", "Retry-After", "Tue, 03 Nov 2026 09:02:00 GMT"), 2 * time.Minute, ""},
		{"time in the message", answer(429, "rateLimitExceeded", "User-rate limit exceeded.  Retry after 2026-11-03T09:00:25.500Z"), 25500 * time.Millisecond, ""},
		{"time in the past", answer(429, "rateLimitExceeded", "Retry after 2025-11-03T09:00:25.500Z"), -1, ""},
		{"absurd time", answer(429, "rateLimitExceeded", "", "Retry-After", "99999999999"), 24 * time.Hour, ""},
		{"no time", answer(429, "rateLimitExceeded", "Too many concurrent requests for user"), -1, ""},
		{"429 without a body", &http.Response{StatusCode: 429, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>"))}, -1, ""},
		{"quota as 403", answer(403, "userRateLimitExceeded", "Quota exceeded"), -1, ""},
		{"quota of the project", answer(403, "rateLimitExceeded", "Quota exceeded", "Retry-After", "7"), 7 * time.Second, ""},
		{"503 with a time", answer(503, "backendError", "", "Retry-After", "90"), 90 * time.Second, ""},
		{"daily cap", answer(403, "dailyLimitExceeded", "Daily Limit Exceeded"), 0, "daily cap"},
		{"Gmail is off", answer(403, "domainPolicy", "The domain administrators have disabled Gmail apps."), 0, "Admin console"},
		{"scope", answer(403, "insufficientPermissions", "Insufficient Permission"), 0, gmail.Scope},
		{"API is off", answer(403, "accessNotConfigured", "Gmail API has not been used"), 0, "enable the Gmail API"},
		{"somebody else's token", answer(403, "forbidden", "Delegation denied for x"), 0, "domain-wide delegation"},
		{"no mailbox", answer(400, "failedPrecondition", "Mail service not enabled"), 0, "licence"},
		{"401 twice", answer(401, "authError", "Invalid Credentials"), 0, "suspended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hand := clock.At(now)
			_, err := alone(t, answers(c.with), hand).Changes(t.Context(), "")
			var limited *pipeline.Throttled
			var permanent *pipeline.Permanent
			switch {
			case c.after > 0 && (!errors.As(err, &limited) || limited.After != c.after):
				t.Errorf("got %v, want to wait %v", err, c.after)
			case c.after < 0 && (!errors.As(err, &limited) || limited.After < time.Second || limited.After > 33*time.Second):
				t.Errorf("got %v", err)
			case c.fix != "" && (!errors.As(err, &permanent) || !strings.Contains(permanent.Fix, c.fix)):
				t.Errorf("got %v, want %q", err, c.fix)
			}
			if slept := hand.Waits(); len(slept) > 0 {
				t.Errorf("slept %v", slept)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), box)) {
				t.Errorf("%v: the token is in it, or the mailbox is not", err)
			}
		})
	}
}

// Without a time of Google's, waits grow up to 32 seconds and a random one, and begin anew after a quiet minute.
func TestThrottledWithoutTime(t *testing.T) {
	t.Parallel()
	hand := clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))
	m := alone(t, answers(answer(429, "rateLimitExceeded", "")), hand)
	after := func() time.Duration {
		_, err := m.Changes(t.Context(), "")
		var limited *pipeline.Throttled
		if !errors.As(err, &limited) {
			t.Fatalf("got %v", err)
		}
		hand.Advance(limited.After)
		return limited.After
	}
	// Refusals of requests that flew together are one.
	started := hand.Now()
	first := after()
	hand.Set(started)
	if d := after(); d != first {
		t.Errorf("first %v, then %v at the same time", first, d)
	}
	for i, least := range []time.Duration{2, 4, 8, 16, 32, 32} {
		least *= time.Second
		if d := after(); d < least || d > least+time.Second {
			t.Errorf("refusal %d: %v", i, d)
		}
	}
	hand.Advance(2 * time.Minute)
	if d := after(); d > 2*time.Second {
		t.Errorf("after a quiet time: %v", d)
	}
}

// Broken answers are tried again a few times, slower each time.
func TestRetries(t *testing.T) {
	d := newDesk(t)
	d.dial.Add(fault.Rule{Kind: fault.Unavailable})
	_, err := d.mailbox.Changes(t.Context(), "")
	if err == nil || d.wire.RoundTrips() != 4 || len(d.clock.Waits()) != 3 {
		t.Fatalf("got %v after %d requests and %v", err, d.wire.RoundTrips(), d.clock.Waits())
	}
	for i, s := range d.clock.Waits() {
		if least := time.Second << i; s < least || s > least+time.Second {
			t.Errorf("wait %d is %v", i, s)
		}
	}
}

func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	signed := []string{}
	n := 0
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		signed = append(signed, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") != "Bearer t2" {
			return answer(401, "authError", "Invalid Credentials"), nil
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"historyId":"5"}`))}, nil
	})
	client, err := gmail.NewClient(gmail.Config{Transport: wire, Mailboxes: []inbox.MailboxID{box}, Tokens: func(inbox.MailboxID) (oauth2.TokenSource, error) {
		n++
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: fmt.Sprintf("t%d", n)}), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := client.Mailbox(gmail.Options{Address: box})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Watch(t.Context(), "projects/contoso-mail/topics/gmail"); err != nil || strings.Join(signed, ",") != "Bearer t1,Bearer t2" {
		t.Errorf("got %v, signed %v", err, signed)
	}
}

func serviceKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	out, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "postroom@contoso-mail.iam.gserviceaccount.com", "private_key_id": "k1",
		"private_key": string(block), "token_uri": "https://oauth2.test/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The key signs for the mailbox and for no more than the one scope.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	var claims struct{ Iss, Sub, Scope string }
	tokens, err := gmail.ServiceAccount(serviceKey(t), roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		part, err := base64.RawURLEncoding.DecodeString(strings.Split(form.Get("assertion"), ".")[1])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(part, &claims); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"access_token":"a","token_type":"Bearer","expires_in":3600}`))}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	source, err := tokens(box)
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil || token.AccessToken != "a" {
		t.Fatalf("got %v, %v", token, err)
	}
	if claims.Sub != box || claims.Scope != gmail.Scope || !strings.HasPrefix(claims.Iss, "postroom@") {
		t.Errorf("claims %+v", claims)
	}
}

func TestServiceAccountRefusals(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`{"type":"authorized_user","private_key":"hush"}`, `{"type":"service_account","private_key":"hush"}`} {
		if _, err := gmail.ServiceAccount([]byte(key), nil); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v", key, err)
		}
	}
	for code, fix := range map[string]string{
		"unauthorized_client": gmail.Scope, "invalid_grant": "Workspace account", "invalid_client": "new key", "server_error": "",
	} {
		tokens, err := gmail.ServiceAccount(serviceKey(t), roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 401, Status: "401 Unauthorized", Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(strings.NewReader(`{"error":"` + code + `","error_description":"Google says so"}`)), Request: r}, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		sent := false
		client, err := gmail.NewClient(gmail.Config{Tokens: tokens, Mailboxes: []inbox.MailboxID{box}, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			sent = true
			return nil, io.EOF
		})})
		if err != nil {
			t.Fatal(err)
		}
		m, err := client.Mailbox(gmail.Options{Address: box})
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Changes(t.Context(), "")
		var permanent *pipeline.Permanent
		if is := errors.As(err, &permanent); is != (fix != "") || is && !strings.Contains(permanent.Fix, fix) || sent {
			t.Errorf("%s: got %v, sent %t", code, err, sent)
		}
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%s: got %v", code, err)
		}
	}
}
