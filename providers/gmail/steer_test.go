package gmail_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/gmail"
)

// settingsBehind are the settings of the mailbox behind a wire of the test's.
func settingsBehind(t *testing.T, wire http.RoundTripper, tokens gmail.Tokens) *gmail.Settings {
	t.Helper()
	c := clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))
	if tokens == nil {
		tokens = func(inbox.MailboxID) (oauth2.TokenSource, error) {
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}), nil
		}
	}
	s, err := gmail.NewSettings(gmail.Config{Transport: wire, Mailboxes: []inbox.MailboxID{box}, Tokens: tokens, Now: c.Now, Sleep: c.Wait})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verdict is how provisioning goes on after an error.
func verdict(err error) string {
	var later *provision.NotYet
	var refused *provision.Refused
	var hand *provision.ByHand
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &hand):
		return "by hand"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &later):
		return "later"
	}
	return "failed"
}

// What Google answers decides how provisioning goes on: later, with the next mailbox, or not at all.
func TestSettingsSteer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		with  *http.Response
		want  string
		after time.Duration
	}{
		{"concurrency", answer(429, "rateLimitExceeded", "Too many concurrent requests for user", "Retry-After", "90"), "later", 90 * time.Second},
		{"quota as 403", answer(403, "userRateLimitExceeded", "Quota exceeded", "Retry-After", "7"), "later", 7 * time.Second},
		{"quota of the project", answer(403, "rateLimitExceeded", "Quota exceeded", "Retry-After", "7"), "later", 7 * time.Second},
		{"503", answer(503, "backendError", "unavailable"), "later", 0},
		{"lost", nil, "later", 0},
		{"not ready", answer(400, "failedPrecondition", "Mail service not enabled"), "later", 0},
		{"daily cap", answer(403, "dailyLimitExceeded", "Daily Limit Exceeded"), "refused", 0},
		{"scope", answer(403, "insufficientPermissions", "Insufficient Permission"), "refused", 0},
		{"API is off", answer(403, "accessNotConfigured", "Gmail API has not been used"), "refused", 0},
		{"Gmail is off", answer(403, "domainPolicy", "The domain administrators have disabled Gmail apps."), "failed", 0},
		{"somebody else's token", answer(403, "forbidden", "Delegation denied for x"), "failed", 0},
		{"suspended", answer(401, "authError", "Invalid Credentials"), "failed", 0},
		{"nonsense", answer(400, "invalidArgument", "Nonsense"), "failed", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := settingsBehind(t, answers(c.with), nil).Do(t.Context(), step(provision.Add, provision.Open, "anna@contoso.com", ""))
			var later *provision.NotYet
			if got := verdict(err); got != c.want || errors.As(err, &later) && later.After != c.after {
				t.Errorf("got %s: %v", got, err)
			}
			if c.name == "scope" && !strings.Contains(err.Error(), strings.Join(gmail.SettingsScopes(), ",")) {
				t.Errorf("%v does not name the scopes as the console takes them", err)
			}
		})
	}
}

// The provisioning identity has scopes of its own, and its refusals name them.
func TestSettingsTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, text string
		want, read string
	}{
		{"unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.", "refused", "refused"},
		{"invalid_grant", "Invalid email or User ID", "later", "unread"},
		{"invalid_grant", "Invalid JWT: Token must be a short-lived token", "failed", "unread"},
		{"access_denied", "Account restricted", "failed", "unread"},
		{"access_denied", "Requested client not authorized.", "refused", "refused"},
		{"invalid_client", "The OAuth client was not found.", "refused", "refused"},
		{"server_error", "Sorry", "later", "unread"},
	} {
		t.Run(c.code+" "+c.text, func(t *testing.T) {
			t.Parallel()
			tokens, err := gmail.ServiceAccount(serviceKey(t), roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 400, Status: "400 Bad Request", Header: http.Header{"Content-Type": {"application/json"}},
					Body: io.NopCloser(strings.NewReader(`{"error":"` + c.code + `","error_description":"` + c.text + `"}`)), Request: r}, nil
			}), gmail.SettingsScopes()...)
			if err != nil {
				t.Fatal(err)
			}
			s := settingsBehind(t, roundTrip(func(*http.Request) (*http.Response, error) {
				t.Error("sent without a token")
				return nil, io.EOF
			}), tokens)
			err = s.Do(t.Context(), step(provision.Set, provision.Language, "", "da"))
			if got := verdict(err); got != c.want {
				t.Errorf("got %s: %v", got, err)
			}
			if c.code == "unauthorized_client" && !strings.Contains(err.Error(), strings.Join(gmail.SettingsScopes(), ",")) {
				t.Errorf("%v does not name the scopes", err)
			}
			got, err := s.Read(t.Context(), []provision.Mailbox{{Address: box, Provider: inbox.Gmail}}, nil)
			switch read := verdict(err); {
			case read == "done" && len(got[0].Unread) == 6 && c.read == "unread":
			case read == c.read:
			default:
				t.Errorf("read: %s %v %+v", read, err, got)
			}
		})
	}
}

func TestSettingsScopesAreApart(t *testing.T) {
	t.Parallel()
	if slices.Contains(gmail.SettingsScopes(), gmail.Scope) || len(gmail.SettingsScopes()) != 3 {
		t.Errorf("scopes %v", gmail.SettingsScopes())
	}
}
