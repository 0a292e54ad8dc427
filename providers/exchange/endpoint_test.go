package exchange_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
)

var getAnna = exchange.Command{Name: "Get-Mailbox", Parameters: map[string]any{"Identity": "anna@contoso.com"}, Anchor: "anna@contoso.com", Select: []string{"Guid", "DisplayName"}}

// TestWhatIsSent compares a request with what programs that use the endpoint send.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		command exchange.Command
		query   string
		anchor  string
		body    string
	}{
		{"a reading", getAnna, "$select=Guid%2CDisplayName", "anna@contoso.com",
			`{"CmdletInput":{"CmdletName":"Get-Mailbox","Parameters":{"Identity":"anna@contoso.com"}}}`},
		{"of the organisation", exchange.Command{Name: "Get-ServicePrincipal"}, "", "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + tenantID,
			`{"CmdletInput":{"CmdletName":"Get-ServicePrincipal","Parameters":{}}}`},
		{"a change", exchange.Command{Name: "Set-Mailbox", Anchor: "s@contoso.com", Parameters: map[string]any{"Identity": "s@contoso.com",
			"EmailAddresses": exchange.Change{Add: []string{"smtp:a@contoso.com"}, Remove: []string{"smtp:b@contoso.com"}}}}, "", "s@contoso.com",
			`{"CmdletInput":{"CmdletName":"Set-Mailbox","Parameters":{"Confirm":false,"EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Add":["smtp:a@contoso.com"],"Remove":["smtp:b@contoso.com"]},"Identity":"s@contoso.com"}}}`},
		{"nothing", exchange.Command{Name: "Set-MailboxRegionalConfiguration", Parameters: map[string]any{"DateFormat": nil}}, "",
			"APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + tenantID,
			`{"CmdletInput":{"CmdletName":"Set-MailboxRegionalConfiguration","Parameters":{"Confirm":false,"DateFormat":null}}}`},
		{"a test", exchange.Command{Name: "Test-ServicePrincipalAuthorization", Parameters: map[string]any{"Identity": "x"}}, "",
			"APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + tenantID,
			`{"CmdletInput":{"CmdletName":"Test-ServicePrincipalAuthorization","Parameters":{"Identity":"x"}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := served(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != tt.body {
					t.Errorf("body %s", body)
				}
				if r.Method != http.MethodPost || r.URL.Path != "/adminapi/beta/"+tenantID+"/InvokeCommand" || r.URL.RawQuery != tt.query {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				for name, want := range map[string]string{
					"Content-Type": "application/json; charset=utf-8", "Prefer": "odata.maxpagesize=1000", "X-Anchormailbox": tt.anchor,
					"X-Cmdletname": tt.command.Name, "Parameter-Based-Routing": "true", "Authorization": "Bearer secret-token",
				} {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				_, _ = io.WriteString(w, `{"value":[],"@adminapi.warnings":["nothing\u0000 to do"]}`)
			})
			got, err := e.Run(t.Context(), tt.command)
			if err != nil || got[0].Err != nil || len(got[0].Rows) > 0 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// served is an endpoint whose waits cost no time.
func served(t testing.TB, handler http.HandlerFunc) *exchange.Endpoint {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := clock.At(noon)
	return mustEndpoint(t, exchange.Options{Tenant: tenantID, BaseURL: server.URL, Credential: &token{}, Now: c.Now, Wait: c.Wait})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const deep = `{"error":{"code":"NotFound","message":"Invalid Operation","innererror":{"message":"Error executing cmdlet","internalexception":{"message":"The operation couldn't be performed because object 'x' couldn't be found.","type":"Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"}}}}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		rows   int
		err    string // part of the result's error; "" none
	}{
		{"rows", 200, `{"value":[{"Guid":"1"},{"Guid":"2"}]}`, 2, ""},
		{"no row", 200, `{"value":[]}`, 0, ""},
		// Whoever asks for one thing gets it or an error; nothing at all is neither.
		{"no body", 200, ``, 0, "says neither"},
		{"no content", 204, ``, 0, "says neither"},
		{"no value", 200, `{"@odata.context":"x"}`, 0, "says neither"},
		{"null", 200, `{"value":null}`, 0, "says neither"},
		{"no JSON", 200, `<html>sign in</html>`, 0, "no JSON of rows"},
		{"cut off", 200, `{"value":[{"Guid":`, 0, "no JSON of rows"},
		{"an inner exception", 404, deep, 0, "Exchange refuses Get-Mailbox: The operation couldn't be performed because object 'x' couldn't be found."},
		{"details alone", 400, `{"error":{"message":"Invalid Operation","details":[{"message":"Ex6F9304|Microsoft.Exchange.Management.Tasks.NoSuchThing|Not like\n this."}]}}`, 0, "Get-Mailbox: Not like this."},
		{"a bare type", 400, `{"error":{"message":"Invalid Operation","details":[{"message":"|System.Management.Automation.AmbiguousParameterSetException|Parameter set cannot be resolved."}]}}`, 0, "does not take a parameter of the command, or the role of the app does not"},
		{"outside the write scope", 400, `{"error":{"innererror":{"internalexception":{"message":"'x' isn't within your current write scopes."}}}}`, 0, "let the write scope of the app's role group take the mailbox in"},
		{"nothing said", 400, strings.Repeat("\x00", 100), 0, "HTTP 400 without a reason"},
		{"a redirect", 302, ``, 0, "HTTP 302 without a reason"},
		{"a long story", 400, `{"error":{"message":"` + strings.Repeat("word ", 10_000) + `"}}`, 0, "word word …"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := served(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://example.com/")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			got, err := e.Run(t.Context(), getAnna)
			if err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprint(got[0].Err)
			if len(got[0].Rows) != tt.rows || (got[0].Err != nil) != (tt.err != "") || !strings.Contains(said, tt.err) && tt.err != "" {
				t.Errorf("%d rows, %v", len(got[0].Rows), got[0].Err)
			}
			if len(said) > 1000 || strings.ContainsAny(said, "\n\x00") || strings.Contains(said, "secret-token") {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestRefusalsOfTheWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{401, "", "Exchange.ManageAsApp"},
		{403, strings.Repeat("\x00", 4096), "Exchange Recipient Administrator, or a role group"},
		{403, `{"error":{"message":"The role assigned to application 1 isn't supported"}}`, "isn't supported"},
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		t.Cleanup(server.Close)
		cred := &token{}
		e := mustEndpoint(t, exchange.Options{Tenant: tenantID, BaseURL: server.URL, Credential: cred})
		for _, commands := range [][]exchange.Command{{getAnna}, {getAnna, getAnna}} {
			_, err := e.Run(t.Context(), commands...)
			var refused *provision.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || strings.ContainsRune(err.Error(), 0) {
				t.Errorf("%d: %v", tt.status, err)
			}
		}
		if forgot := tt.status == 401; (cred.refused > 0) != forgot {
			t.Errorf("%d: the token was forgotten %d times", tt.status, cred.refused)
		}
	}
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rule   fault.Rule
		waited time.Duration
		later  bool
		after  time.Duration
	}{
		{"for a named time", fault.Rule{Kind: fault.Throttle, RetryAfter: 17 * time.Second, Times: 1}, 17 * time.Second, false, 0},
		{"twice without one", fault.Rule{Kind: fault.ThrottleBare, Times: 2}, 6 * time.Second, false, 0},
		{"unavailable", fault.Rule{Kind: fault.Unavailable, Times: 1}, 2 * time.Second, false, 0},
		{"for ever", fault.Rule{Kind: fault.ThrottleBare}, 30 * time.Second, true, 0},
		{"for an hour", fault.Rule{Kind: fault.Throttle, RetryAfter: time.Hour}, 0, true, time.Hour},
		{"in a batch", fault.Rule{Kind: fault.InnerThrottle, RetryAfter: 9 * time.Second, Times: 2}, 9 * time.Second, false, 0},
		{"in a batch for an hour", fault.Rule{Kind: fault.InnerThrottle, RetryAfter: time.Hour, Times: 1}, 0, true, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			tn.Dial.Add(tt.rule)
			got, err := tn.endpoint.Run(t.Context(), getAnna, getAnna, getAnna)
			if waited := tn.clock.Now().Sub(noon); waited != tt.waited {
				t.Errorf("waited %v, want %v", waited, tt.waited)
			}
			var later *provision.NotYet
			if errors.As(err, &later) != tt.later || err != nil && !tt.later {
				t.Fatal(err)
			}
			if tt.later {
				if later.After != tt.after {
					t.Errorf("later after %v", later.After)
				}
				return
			}
			for i, r := range got {
				if r.Err != nil || len(r.Rows) != 1 {
					t.Errorf("answer %d: %v, %v", i, r.Rows, r.Err)
				}
			}
		})
	}
}

// TestOneAtATime: however many ask, one request is under way.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	sim := &exchangesim.Sim{}
	must(t, sim.AddUser(exchangesim.Recipient{Address: "anna@contoso.com"}))
	trips := &fault.Transport{Handler: sim}
	e := mustEndpoint(t, exchange.Options{Tenant: tenantID, BaseURL: "http://exchange.simulated", Transport: trips})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := e.Run(t.Context(), getAnna, getAnna); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := trips.MaxInFlight(); n != 1 || e.Requests() != 8 {
		t.Errorf("%d at once, %d in all", n, e.Requests())
	}
}

func TestABrokenConnectionIsForLater(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Dial.Add(fault.Rule{Kind: fault.Reset, Times: 1})
	_, err := tn.endpoint.Run(t.Context(), getAnna)
	var later *provision.NotYet
	if !errors.As(err, &later) || strings.Contains(err.Error(), "adminapi") {
		t.Errorf("said %v", err)
	}
}

// TestNothingSaidOfAChange: what changes something may answer with nothing, and so may a list.
func TestNothingSaidOfAChange(t *testing.T) {
	t.Parallel()
	e := served(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, c := range []exchange.Command{
		{Name: "Set-Mailbox", Parameters: map[string]any{"Identity": "anna@contoso.com", "AccountDisabled": true}},
		{Name: "Get-Mailbox", Parameters: map[string]any{"ResultSize": "Unlimited"}},
	} {
		if got, err := e.Run(t.Context(), c); err != nil || got[0].Err != nil {
			t.Errorf("%s: %v, %v", c.Name, err, got[0].Err)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.PageSize = 3
	for i := range 8 {
		must(t, tn.AddMailbox(exchangesim.Recipient{Address: fmt.Sprintf("box%d@contoso.com", i)}))
	}
	all := exchange.Command{Name: "Get-Mailbox", Parameters: map[string]any{"ResultSize": "Unlimited", "RecipientTypeDetails": "SharedMailbox"}, Select: []string{"PrimarySmtpAddress"}}
	for _, commands := range [][]exchange.Command{{all}, {all, getAnna}} {
		got, err := tn.endpoint.Run(t.Context(), commands...)
		must(t, err)
		seen := map[any]bool{}
		for _, r := range got[0].Rows {
			seen[r["PrimarySmtpAddress"]] = true
			if len(r) != 1 {
				t.Errorf("a later page forgot $select: %v", r)
			}
		}
		if len(seen) != 8 || len(got[0].Rows) != 8 {
			t.Errorf("%d commands: %d rows of %d mailboxes", len(commands), len(got[0].Rows), len(seen))
		}
	}
}

// TestLinksElsewhere: whatever the link to the next page is, the token goes to no other host and out of no other path.
func TestLinksElsewhere(t *testing.T) {
	t.Parallel()
	stolen := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen++ }))
	t.Cleanup(thief.Close)
	for _, link := range []string{
		thief.URL + "/adminapi/beta/x", "//" + strings.TrimPrefix(thief.URL, "http://") + "/adminapi/beta/x", "https://%zz/", "/adminapi", "/other/adminapi/",
		"ftp://127.0.0.1/adminapi/x", "http://user@{host}/adminapi/x", "javascript:alert(1)",
	} {
		calls := 0
		e := served(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			_ = json.NewEncoder(w).Encode(map[string]any{"value": []any{}, "@odata.nextLink": strings.ReplaceAll(link, "{host}", r.Host)})
		})
		if _, err := e.Run(t.Context(), getAnna); err == nil || !strings.Contains(err.Error(), "not followed") {
			t.Errorf("%s: %v", link, err)
		}
		if calls != 1 || stolen != 0 {
			t.Errorf("%s: followed", link)
		}
	}
}

func TestEndlessPages(t *testing.T) {
	t.Parallel()
	e := served(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"value": []any{}, "@odata.nextLink": r.URL.Path})
	})
	if _, err := e.Run(t.Context(), getAnna); err == nil || !strings.Contains(err.Error(), "goes on after 1000 pages") {
		t.Errorf("said %v", err)
	}
}

// TestStrangeBatches: what a batch leaves out or says twice is asked for alone.
func TestStrangeBatches(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"responses":[]}`, `{}`, `{"responses":[{"id":"1","status":200,"body":{"value":[{"Guid":"one"}]}},{"id":"1","status":200,"body":{"value":[{"Guid":"two"}]}}]}`,
		`{"responses":[{"id":"99","status":200},{"id":"0","status":200},{"id":"x","status":200},{"id":"2","status":0}]}`,
		`{"responses":[{"id":"1","status":403,"body":null},{"id":"2","status":429}]}`,
	} {
		e := served(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "$batch") {
				_, _ = io.WriteString(w, body)
				return
			}
			_, _ = io.WriteString(w, `{"value":[{"Guid":"one"}]}`)
		})
		got, err := e.Run(t.Context(), getAnna, getAnna)
		must(t, err)
		for _, r := range got {
			if r.Err != nil || len(r.Rows) != 1 || r.Rows[0]["Guid"] != "one" {
				t.Errorf("%s: %v, %v", body, r.Rows, r.Err)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []exchange.Options{
		{}, {Tenant: tenantID}, {Tenant: "a/b", Credential: &token{}}, {Tenant: tenantID, BaseURL: "nowhere"}, {Tenant: tenantID, BaseURL: "::"},
	} {
		if _, err := exchange.NewEndpoint(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	for name, want := range map[string]string{"": exchange.Global, "China": exchange.China, "usgov": exchange.USGov, "usgov-dod": exchange.USGovDoD, "mars": ""} {
		if got, err := exchange.CloudNamed(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
