package workspacesim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

const (
	users    = "/admin/directory/v1/users"
	groups   = "/admin/directory/v1/groups"
	product  = "/apps/licensing/v1/product/Google-Apps/"
	settings = "/groups/v1/groups/"
	anna     = `{"primaryEmail":"anna@contoso.com","name":{"givenName":"Anna","familyName":"Berg"},"password":"12345678"}`
)

type desk struct {
	*testing.T
	*workspacesim.Sim
	clock *clock.Clock
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	d := &desk{T: t, Sim: workspacesim.New(), clock: clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC))}
	d.Now, d.Domains = d.clock.Now, []string{"contoso.com"}
	return d
}

// say sends a request and holds its answer to "status", or "status reason", and gives the body.
func (d *desk) say(want, verb, target, body string) map[string]any {
	d.Helper()
	r := httptest.NewRequest(verb, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sim:admin@contoso.com")
	return d.answer(want, r)
}

func (d *desk) answer(want string, r *http.Request) map[string]any {
	d.Helper()
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	var out map[string]any
	if text := rec.Body.Bytes(); len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			d.Fatalf("%s %s: %v in %s", r.Method, r.URL, err, text)
		}
	}
	got := fmt.Sprint(rec.Code)
	if e, ok := out["error"].(map[string]any); ok {
		got += " " + e["errors"].([]any)[0].(map[string]any)["reason"].(string)
	}
	if got != want {
		d.Errorf("%s %s: %s, want %s: %s", r.Method, r.URL, got, want, rec.Body)
	}
	return out
}

func TestOneLicensingRequestASecond(t *testing.T) {
	d := newDesk(t)
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
	const body = `{"userId":"anna@contoso.com"}`
	d.say("200", "POST", product+"sku/1010020027/user", body)
	d.clock.Advance(999 * time.Millisecond)
	d.say("429 rateLimitExceeded", "GET", product+"sku/1010020027/user/anna@contoso.com", "")
	d.say("404 notFound", "GET", users+"/nobody@contoso.com", "") // another API
	d.clock.Advance(time.Second)
	d.say("412 conditionNotMet", "POST", product+"sku/1010020027/user", body)
	d.clock.Advance(time.Second)
	d.say("412 conditionNotMet", "POST", product+"sku/1010020028/user", body)
	if d.TooFast() != 1 {
		t.Errorf("%d too fast", d.TooFast())
	}
	d.FreeLicensing = true
	d.say("200", "PATCH", product+"sku/1010020027/user/anna@contoso.com", `{"skuId":"1010020028"}`)
	d.say("404 notFound", "GET", product+"sku/1010020027/user/anna@contoso.com", "")
	d.say("200", "DELETE", product+"sku/1010020028/user/anna@contoso.com", "")
	d.say("404 notFound", "DELETE", product+"sku/1010020028/user/anna@contoso.com", "")
	d.say("400 invalid", "POST", product+"sku/nonsense/user", body)
	d.say("400 invalid", "POST", product+"sku/1010020027/user", `{"userId":"x@contoso.com"}`)
	d.say("400 invalid", "GET", product+"users", "")
	d.AddLicences("Google-Apps", "1010020027", 1)
	d.say("200", "POST", product+"sku/1010020027/user", body)
	d.AddAccount(workspacesim.Account{Address: "bert@contoso.com", Name: "Bert Olm"})
	d.say("412 conditionNotMet", "POST", product+"sku/1010020027/user", `{"userId":"bert@contoso.com"}`)
}

func TestWhoMay(t *testing.T) {
	d := newDesk(t)
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com"})
	target := users + "/anna@contoso.com"
	ask := func(want, authorization string) {
		t.Helper()
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Authorization", authorization)
		d.answer(want, r)
	}
	const scope = "https://www.googleapis.com/auth/"
	ask("401 authError", "")
	ask("401 authError", "Bearer sim:")
	ask("401 authError", "Bearer other")
	ask("200", "Bearer sim:admin@contoso.com")
	ask("200", "Bearer sim:admin@contoso.com "+scope+"admin.directory.user.readonly")
	ask("403 insufficientPermissions", "Bearer sim:admin@contoso.com "+scope+"admin.directory.group")
	d.Scopes = []string{scope + "admin.directory.group"}
	ask("403 insufficientPermissions", "Bearer sim:admin@contoso.com")
	d.Scopes = nil
	d.Forbid = func(method string) bool { return method == "directory.users.get" }
	ask("403 forbidden", "Bearer sim:admin@contoso.com")
	d.say("403 forbidden", "GET", users+"/x@elsewhere.com", "")
	d.say("404 notFound", "GET", "/admin/directory/v1/nonsense", "")
}

func TestFaults(t *testing.T) {
	d := newDesk(t)
	d.Dial = &fault.Dial{}
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com"})
	d.Dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 90 * time.Second, Times: 1})
	d.Dial.Add(fault.Rule{Kind: fault.Unavailable, Times: 1})
	d.say("429 rateLimitExceeded", "GET", users+"/anna@contoso.com", "")
	d.say("503 backendError", "GET", users+"/anna@contoso.com", "")
	d.say("200", "GET", users+"/anna@contoso.com", "")
	if n := d.Requests()["directory.users.get"]; n != 1 {
		t.Errorf("%d came through", n)
	}
}

// FuzzRequest: no request breaks it, and every answer is JSON or none.
func FuzzRequest(f *testing.F) {
	f.Add("POST", users, anna)
	f.Add("PATCH", users+"/anna@contoso.com", `{"name":{"givenName":"x"}}`)
	f.Add("GET", users+"?customer=my_customer&query=orgUnitPath%3D%27%5C%27", "")
	f.Add("POST", groups+"/help@contoso.com/members", `{"email":null}`)
	f.Add("PATCH", settings+"help@contoso.com", `{"archiveOnly":"true","name":null}`)
	f.Add("PATCH", product+"sku/1010020027/user/anna@contoso.com", `{"skuId":"1010020028"}`)
	f.Fuzz(func(t *testing.T, verb, target, body string) {
		r, err := http.NewRequest(verb, "http://x"+target, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") {
			t.Skip()
		}
		r.Header.Set("Authorization", "Bearer sim:admin@contoso.com")
		s := workspacesim.New()
		s.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Licences: []string{"Google-Apps/1010020027"}})
		s.AddGroup("help@contoso.com", "Help", "anna@contoso.com")
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		answer, _ := io.ReadAll(rec.Body)
		if rec.Code >= 500 || len(answer) > 0 && !json.Valid(answer) {
			t.Errorf("%d: %s", rec.Code, answer)
		}
	})
}
