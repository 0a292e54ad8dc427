package graphsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// fuzzed is a simulator for fuzz targets, with one mail in it.
func fuzzed(t testing.TB) (*graphsim.Sim, string) {
	sim := &graphsim.Sim{Now: func() time.Time { return noon }}
	if err := sim.AddMailbox(graphsim.Mailbox{Address: support}); err != nil {
		t.Fatal(err)
	}
	id, err := sim.Receive(support, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	return sim, id
}

// serve makes a request; every answer must be JSON or empty unless it is raw.
func serve(t *testing.T, sim *graphsim.Sim, method, path, query, contentType, body string) (int, []byte) {
	r := httptest.NewRequest("GET", "https://graph.microsoft.com/", strings.NewReader(body))
	r.Method = method
	r.URL = &url.URL{Scheme: "https", Host: "graph.microsoft.com", RawQuery: query}
	if p, err := url.PathUnescape(path); err == nil {
		r.URL.Path, r.URL.RawPath = p, path
	} else {
		r.URL.Path = path
	}
	r.Header.Set("Content-Type", contentType)
	rec := httptest.NewRecorder()
	sim.ServeHTTP(rec, r)
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && !json.Valid(rec.Body.Bytes()) {
		t.Errorf("%s %q?%q: %d with broken JSON %q", method, path, query, rec.Code, rec.Body)
	}
	return rec.Code, rec.Body.Bytes()
}

func FuzzRequest(f *testing.F) {
	for _, s := range [][3]string{
		{"GET", "/v1.0/users/support@contoso.com/mailFolders('inbox')/messages/delta()", "$select=subject&$filter=receivedDateTime ge 2026-05-01T00:00:00Z"},
		{"GET", "/users/support%40contoso.com/messages", "$filter=categories/any(c:c eq 'it''s')&$top=3&$skip=1"},
		{"GET", "/users/support@contoso.com/messages", "$expand=attachments($select=id;$top=1),singleValueExtendedProperties($filter=id eq 'Integer 0x0E08' or id eq 'x')"},
		{"GET", "/users/support@contoso.com/mailFolders/inbox/messages/delta", "$skiptoken=eyJtIjoxfQ"},
		{"GET", "/users/('')/('", "%zz"},
		{"POST", "/users/support@contoso.com/messages", ""},
		{"PATCH", "/users/support@contoso.com/mailboxSettings", ""},
		{"POST", "/subscriptions", ""},
		{"POST", "/$batch", ""},
	} {
		f.Add(s[0], s[1], s[2], `{"message":{"subject":"x"},"displayName":"y","expirationDateTime":"2026-05-05T12:00:00Z"}`)
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		sim, _ := fuzzed(t)
		status, _ := serve(t, sim, method, path, query, "application/json", body)
		if status < 200 || status > 599 {
			t.Errorf("status %d", status)
		}
	})
}

// FuzzFilter holds that a filter is understood, refused or declined, and that an
// understood one gives a list.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"isRead eq false", "conversationId eq 'x' and isDraft eq false", "categories/any(c: c eq 'a')", "receivedDateTime ge 2026-05-01T00:00:00Z",
		"singleValueExtendedProperties/Any(ep: ep/id eq 'String x' and ep/value eq 'y')", "'", "(", "isRead eq", "a/any(", "from/emailAddress/address eq 'a''b'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		sim, _ := fuzzed(t)
		status, body := serve(t, sim, http.MethodGet, "/v1.0/users/"+support+"/messages", "$filter="+url.QueryEscape(filter), "", "")
		switch status {
		case 400, 501:
		case 200:
			var list struct{ Value []json.RawMessage }
			if err := json.Unmarshal(body, &list); err != nil || list.Value == nil {
				t.Errorf("filter %q: %s", filter, body)
			}
		default:
			t.Errorf("filter %q: status %d", filter, status)
		}
	})
}

// FuzzBatch holds that every request of an accepted batch is answered once.
func FuzzBatch(f *testing.F) {
	_, id := fuzzed(f)
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"/users/support@contoso.com/messages/` + id + `"}]}`)
	f.Add(`{"requests":[{"id":"1","method":"PATCH","url":"users/support@contoso.com/messages/` + id + `","headers":{"Content-Type":"application/json"},"body":{"categories":["a"]}},{"id":"2","method":"DELETE","url":"/users/x/messages/y","dependsOn":["1"]}]}`)
	f.Add(`{"requests":[{"id":"1","method":"POST","url":"/users/support@contoso.com/sendMail","headers":{"Content-Type":"text/plain"},"body":"RnJvbTogYQ=="}]}`)
	f.Add(`{"requests":[null,{}]}`)
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"?$select=x"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		sim, _ := fuzzed(t)
		status, raw := serve(t, sim, "POST", "/v1.0/$batch", "", "application/json", body)
		if status != 200 {
			return
		}
		var asked struct{ Requests []struct{ ID string } }
		var answered struct {
			Responses []struct {
				ID     string
				Status int
			}
		}
		if err := json.Unmarshal([]byte(body), &asked); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		if err := json.Unmarshal(raw, &answered); err != nil {
			t.Fatal(err)
		}
		left := map[string]int{}
		for _, q := range asked.Requests {
			left[q.ID]++
		}
		for _, a := range answered.Responses {
			left[a.ID]--
			if a.Status < 200 || a.Status > 599 {
				t.Errorf("%s has status %d", a.ID, a.Status)
			}
		}
		for id, n := range left {
			if n != 0 {
				t.Errorf("%q is answered %d times too few", id, n)
			}
		}
	})
}
