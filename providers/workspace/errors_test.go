package workspace_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace"
)

// answering is an administration behind which every request gets the same answer.
func answering(t testing.TB, status int, body string, header ...string) *workspace.Admin {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c := clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))
	a, err := workspace.New(workspace.Config{
		Endpoints: workspace.At(server.URL), Now: c.Now, Wait: c.Wait,
		Tokens: func(...string) (oauth2.TokenSource, error) {
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret-token"}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func said(reason, message string) string {
	return `{"error":{"errors":[{"domain":"global","reason":"` + reason + `","message":"` + message + `"}],"message":"` + message + `"}}`
}

var create = provision.Step{
	Mailbox: box, Provider: inbox.Gmail, Verb: provision.Create, Fact: provision.Fact{Aspect: provision.Existence}, After: "account",
	With: []provision.Value{{Fact: provision.Fact{Aspect: provision.OrgUnit}, Value: unit}},
}

func license(after string) provision.Step {
	return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: provision.Fact{Aspect: provision.Licence}, After: after}
}

func rename(after string) provision.Step {
	return provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Set, Fact: provision.Fact{Aspect: provision.Name}, After: after}
}

// What Google answers decides what an apply does: wait, fail this mailbox, leave it to a person, or stop.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		later = iota
		fails
		byHand
		refused
	)
	for _, c := range []struct {
		name   string
		step   provision.Step
		status int
		body   string
		header []string
		is     int
		after  time.Duration
		fix    string
	}{
		{"429 with a time", create, 429, said("rateLimitExceeded", "Slow down"), []string{"Retry-After", "40"}, later, 40 * time.Second, ""},
		{"429 with a date", create, 429, said("rateLimitExceeded", ""), []string{"Retry-After", "Tue, 03 Nov 2026 09:02:00 GMT"}, later, 2 * time.Minute, ""},
		{"429 with an absurd time", create, 429, said("rateLimitExceeded", ""), []string{"Retry-After", "99999999"}, later, time.Hour, ""},
		{"429 with a negative time", create, 429, said("rateLimitExceeded", ""), []string{"Retry-After", "-5"}, later, 0, ""},
		{"429 of a proxy", create, 429, "<html>", nil, later, 0, ""},
		{"quota of the project", create, 403, said("rateLimitExceeded", "x"), nil, later, 0, ""},
		{"quota of the user", create, 403, said("userRateLimitExceeded", "x"), nil, later, 0, ""},
		{"quota", license(standard), 403, said("quotaExceeded", "x"), nil, later, 0, ""},
		{"500", create, 500, said("backendError", "x"), nil, later, 0, ""},
		{"502 of a proxy", create, 502, "<html>", nil, later, 0, ""},
		{"503", license(standard), 503, said("backendError", "x"), []string{"Retry-After", "9"}, later, 9 * time.Second, ""},
		{"rubbish as success", create, 200, "{", nil, later, 0, ""},
		{"still being created", create, 412, said("conditionNotMet", "User creation is not complete."), nil, later, 0, ""},
		{"unknown to the licensing yet", license(standard), 400, said("invalid", "Invalid Value: userId"), nil, later, 0, ""},

		{"no org unit", create, 400, said("invalid", "Invalid Input: INVALID_OU_ID"), nil, fails, 0, "Directory > Organizational units"},
		{"another domain", create, 404, said("notFound", "Resource Not Found: domain"), nil, fails, 0, "Manage domains"},
		{"no place", create, 412, said("limitExceeded", "Domain user limit reached."), nil, fails, 0, "Billing > Subscriptions"},
		{"no licence left", license(standard), 412, said("conditionNotMet", "There aren't enough available licenses for the specified product-SKU pair"), nil, fails, 0, "Billing > Subscriptions"},
		{"no licence at all", license("Standard"), 200, "{}", nil, fails, 0, "product/sku"},
		{"bad request", create, 400, said("invalid", "Invalid Password"), nil, fails, 0, ""},

		{"automatic licensing", license(standard), 412, said("conditionNotMet", "Auto License switching is not allowed."), nil, byHand, 0, "Billing > License settings"},

		{"401 twice", create, 401, said("authError", "Invalid Credentials"), nil, refused, 0, "suspended"},
		{"scope", create, 403, said("insufficientPermissions", "Insufficient Permission"), nil, refused, 0, "domain-wide delegation"},
		{"scope, newer form", create, 403, `{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`, nil, refused, 0, "domain-wide delegation"},
		{"API is off", create, 403, said("accessNotConfigured", "Admin SDK API has not been used"), nil, refused, 0, "enable the Admin SDK API"},
		{"APIs are off", create, 403, said("domainCannotUseApis", "x"), nil, refused, 0, "Admin console"},
		{"daily cap", create, 403, said("dailyLimitExceeded", "x"), nil, refused, 0, "daily cap"},
		{"no privilege to create", create, 403, said("forbidden", "Not Authorized to access this resource/api"), nil, refused, 0, "Admin roles"},
		{"no privilege for licences", license(standard), 403, said("forbidden", "Not Authorized to access this resource/api"), nil, refused, 0, "License Management"},
		{"this account is out of bounds", rename("New Name"), 403, said("forbidden", "Not Authorized to access this resource/api"), nil, fails, 0, "super administrator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := answering(t, c.status, c.body, c.header...).Do(t.Context(), c.step)
			var isLater *provision.NotYet
			var isByHand *provision.ByHand
			var isRefused *provision.Refused
			is := fails
			switch {
			case errors.As(err, &isRefused):
				is = refused
			case errors.As(err, &isByHand):
				is = byHand
			case errors.As(err, &isLater):
				is = later
			case err == nil:
				t.Fatal("no error")
			}
			if is != c.is {
				t.Fatalf("kind %d: %v", is, err)
			}
			if is == later && isLater.After != c.after {
				t.Errorf("after %v, want %v", isLater.After, c.after)
			}
			if !strings.Contains(err.Error(), c.fix) || !strings.Contains(err.Error(), box) && c.fix != "product/sku" {
				t.Errorf("it says %q", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("it tells the token: %q", err)
			}
		})
	}
}

func TestTokensRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		fix   string
		later bool
	}{
		{&oauth2.RetrieveError{ErrorCode: "unauthorized_client"}, workspace.ScopeUsers, false},
		{&oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: "Invalid email or User ID"}, "clock", false},
		{&oauth2.RetrieveError{ErrorCode: "invalid_client"}, "new key", false},
		{&oauth2.RetrieveError{Response: &http.Response{StatusCode: 503}, Body: []byte("secret")}, "", true},
		{errors.New("connection refused"), "", true},
		{errors.New("403: access_denied"), "domain-wide delegation", false},
	} {
		d := newDesk(t)
		admin := d.open("http://127.0.0.1:1", func(config *workspace.Config) {
			config.Tokens = func(...string) (oauth2.TokenSource, error) { return nil, c.err }
		})
		err := admin.Do(t.Context(), create)
		var refused *provision.Refused
		var later *provision.NotYet
		if errors.As(err, &later) != c.later || errors.As(err, &refused) == c.later || !strings.Contains(err.Error(), c.fix) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: got %v", c.err, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := workspace.New(workspace.Config{}); err == nil {
		t.Error("without tokens")
	}
	for _, key := range []string{"", "{}", `{"type":"service_account","private_key":"sesame"}`} {
		_, err := workspace.ServiceAccount([]byte(key), "admin@contoso.com", nil)
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", key, err)
		}
	}
	if _, err := workspace.ServiceAccount(nil, "", nil); err == nil || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("got %v", err)
	}
}

// FuzzAnswer: no answer makes it panic, and what is kept of one is short.
func FuzzAnswer(f *testing.F) {
	f.Add(403, said("rateLimitExceeded", "x"), "3")
	f.Add(404, said("notFound", "Resource Not Found: userKey"), "")
	f.Add(409, said("duplicate", "Entity already exists."), "")
	f.Add(412, said("conditionNotMet", "User already has a license of the product, but with a different SKU."), "")
	f.Add(200, `{"primaryEmail":"support@contoso.com","id":"1","externalIds":[{"customType":"postroom"},3,null]}`, "")
	f.Add(200, `{"users":[{"name":null,"aliases":[""]}],"externalIds":{}}`, "")
	f.Add(200, `{"nextPageToken":"again","members":[{"email":"a@contoso.com"}],"items":[{"userId":"b@contoso.com"}]}`, "")
	f.Add(500, strings.Repeat("x", 5000), "Tue, 03 Nov 2026 09:02:00 GMT")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 200 || status > 599 || strings.ContainsAny(after, "\r\n\x00") {
			t.Skip()
		}
		wire := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {after}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}, nil
		})
		c := clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))
		a, err := workspace.New(workspace.Config{
			Transport: wire, Now: c.Now, Wait: c.Wait,
			Tokens: func(...string) (oauth2.TokenSource, error) {
				return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret-token"}), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := support()
		for _, s := range append(steps(want, wish(box)), provision.Step{Mailbox: box, Provider: inbox.Gmail, Verb: provision.Delete, Fact: fact(provision.Existence)}) {
			err := a.Do(t.Context(), s)
			if err != nil && (len(err.Error()) > 3000 || strings.Contains(err.Error(), "secret-token")) {
				t.Fatalf("%d bytes: %.4000s", len(err.Error()), err)
			}
			var later *provision.NotYet
			if errors.As(err, &later) && (later.After < 0 || later.After > time.Hour) {
				t.Fatalf("after %v", later.After)
			}
		}
		if _, err := a.Read(t.Context(), []provision.Mailbox{want}, nil); err != nil && len(err.Error()) > 3000 {
			t.Fatalf("%d bytes", len(err.Error()))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
