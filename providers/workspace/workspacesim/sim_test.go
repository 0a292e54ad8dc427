package workspacesim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type desk struct {
	*testing.T
	*workspacesim.Sim
	clock *clock
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	d := &desk{T: t, Sim: workspacesim.New(), clock: &clock{now: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)}}
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

func TestBooleansAreTexts(t *testing.T) {
	d := newDesk(t)
	d.AddGroup("help@contoso.com", "Help")
	at := settings + "help@contoso.com"
	d.say("400 invalid", "PATCH", at, `{"enableCollaborativeInbox":true}`)
	d.say("400 invalid", "PATCH", at, `{"enableCollaborativeInbox":"yes"}`)
	d.say("400 invalid", "PATCH", at, `{"collaborative":"true"}`)
	d.say("400 invalid", "PATCH", at, `{"whoCanPostMessage":"EVERYBODY"}`)
	if got := d.say("200", "PATCH", at, `{"enableCollaborativeInbox":"true"}`); got["enableCollaborativeInbox"] != "true" {
		t.Errorf("got %v", got["enableCollaborativeInbox"])
	}
	// What is refused in one key changes none.
	d.say("400 invalid", "PATCH", at, `{"isArchived":"true","x":"y"}`)
	if got := d.say("200", "GET", at, ""); got["isArchived"] != "false" {
		t.Errorf("half of it was done: %v", got["isArchived"])
	}
	d.say("400 invalid", "PATCH", at, `{"whoCanPostMessage":"NONE_CAN_POST"}`)
	if got := d.say("200", "PATCH", at, `{"archiveOnly":"true"}`); got["whoCanPostMessage"] != "NONE_CAN_POST" {
		t.Errorf("archived, and %v", got["whoCanPostMessage"])
	}
	if got := d.say("200", "PATCH", at, `{"archiveOnly":"false"}`); got["whoCanPostMessage"] != "ALL_MANAGERS_CAN_POST" {
		t.Errorf("open again, and %v", got["whoCanPostMessage"])
	}
}

func TestOneLicensingRequestASecond(t *testing.T) {
	d := newDesk(t)
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg"})
	const body = `{"userId":"anna@contoso.com"}`
	d.say("200", "POST", product+"sku/1010020027/user", body)
	d.clock.Add(999 * time.Millisecond)
	d.say("429 rateLimitExceeded", "GET", product+"sku/1010020027/user/anna@contoso.com", "")
	d.say("404 notFound", "GET", users+"/nobody@contoso.com", "") // another API
	d.clock.Add(time.Second)
	d.say("412 conditionNotMet", "POST", product+"sku/1010020027/user", body)
	d.clock.Add(time.Second)
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

// An account comes into sight step by step.
func TestAccountComesIntoSight(t *testing.T) {
	d := newDesk(t)
	d.Lag = workspacesim.Lag{Account: 8 * time.Second, Listed: time.Minute, Mailbox: 4 * time.Minute, NewLicence: 20 * time.Second}
	d.FreeLicensing = true
	var ready []time.Time
	d.OnAccount = func(address, name string, at time.Time) {
		if address != "anna@contoso.com" || name != "Anna Berg" {
			t.Errorf("told of %s, %s", address, name)
		}
		ready = append(ready, at)
		d.Account(address) // outside of the lock
	}
	id := d.say("200", "POST", users, anna)["id"].(string)
	d.say("404 notFound", "GET", users+"/anna@contoso.com", "")
	d.say("409 duplicate", "POST", users, anna)
	d.say("412 conditionNotMet", "PATCH", users+"/"+id, `{"suspended":true}`)
	d.say("412 conditionNotMet", "DELETE", users+"/"+id, "")
	d.clock.Add(8 * time.Second)
	if got := d.say("200", "GET", users+"/anna@contoso.com", ""); got["isMailboxSetup"] != false || got["customerId"] != workspacesim.Customer {
		t.Errorf("got %v", got)
	}
	if got := d.say("200", "GET", users+"?customer=my_customer", ""); got["users"] != nil {
		t.Errorf("listed at once: %v", got)
	}
	d.say("400 invalid", "POST", product+"sku/1010020027/user", `{"userId":"anna@contoso.com"}`)
	d.clock.Add(12 * time.Second)
	d.say("200", "POST", product+"sku/1010020027/user", `{"userId":"anna@contoso.com"}`)
	if len(ready) != 1 || !ready[0].Equal(d.clock.Now().Add(4*time.Minute)) {
		t.Fatalf("ready at %v", ready)
	}
	d.clock.Add(4 * time.Minute)
	if got := d.say("200", "GET", users+"/"+id, ""); got["isMailboxSetup"] != true {
		t.Error("the mailbox is not set up")
	}
	if got := d.say("200", "GET", users+"?customer=my_customer", ""); len(got["users"].([]any)) != 1 {
		t.Errorf("listed: %v", got)
	}
}

func TestAutoLicence(t *testing.T) {
	d := newDesk(t)
	d.AutoLicence = "Google-Apps/1010020028"
	told := 0
	d.OnAccount = func(string, string, time.Time) { told++ }
	d.say("200", "POST", users, anna)
	if acc, _ := d.Account("anna@contoso.com"); told != 1 || !slices.Equal(acc.Licences, []string{d.AutoLicence}) {
		t.Errorf("told %d times, licences %v", told, acc.Licences)
	}
}

func TestWhatAnAccountNeeds(t *testing.T) {
	d := newDesk(t)
	d.AddOrgUnit("/Shared/O'Hara")
	for body, want := range map[string]string{
		strings.Replace(anna, "Berg", "", 1):                                    "400 invalid",
		strings.Replace(anna, "Berg", strings.Repeat("ü", 61), 1):               "400 invalid",
		strings.Replace(anna, "Berg", "<b>", 1):                                 "400 invalid",
		strings.Replace(anna, "12345678", "short", 1):                           "400 invalid",
		strings.Replace(anna, "contoso.com", "elsewhere.com", 1):                "404 notFound",
		strings.Replace(anna, "{", `{"orgUnitPath":"/Nowhere",`, 1):             "400 invalid",
		strings.Replace(anna, "{", `{"aliases":["a@contoso.com"],`, 1):          "400 invalid", // cannot be written
		strings.Replace(anna, "{", `{"includeInGlobalAddressList":"false",`, 1): "400 invalid",
		anna[1:]:     "400 invalid",
		anna + anna:  "400 invalid",
		`{}`:         "400 invalid",
		`[]`:         "400 invalid",
		"":           "400 invalid",
		"\x00\xff\"": "400 invalid",
	} {
		d.say(want, "POST", users, body)
	}
	if len(d.Accounts()) > 0 {
		t.Fatalf("created: %v", d.Accounts())
	}
	d.say("200", "POST", users, strings.Replace(anna, "{", `{"orgUnitPath":"/shared/o'hara","includeInGlobalAddressList":false,`, 1))
	if acc, _ := d.Account("anna@contoso.com"); acc.OrgUnit != "/Shared/O'Hara" || !acc.Hidden || acc.ChangePassword {
		t.Errorf("created: %+v", acc)
	}
}

func TestListsComeInPages(t *testing.T) {
	d := newDesk(t)
	d.AddOrgUnit("/Shared/Sales")
	for i := range 250 {
		unit := "/"
		if i%2 == 0 {
			unit = "/Shared/Sales"
		}
		d.AddAccount(workspacesim.Account{Address: fmt.Sprintf("p%d@contoso.com", i), OrgUnit: unit})
	}
	seen := map[string]bool{}
	token, pages := "", 0
	for {
		page := d.say("200", "GET", users+"?customer=my_customer&maxResults=100&pageToken="+token, "")
		pages++
		for _, u := range page["users"].([]any) {
			seen[u.(map[string]any)["primaryEmail"].(string)] = true
		}
		next, ok := page["nextPageToken"].(string)
		if !ok {
			break
		}
		token = next
	}
	if len(seen) != 250 || pages != 3 {
		t.Errorf("%d accounts on %d pages", len(seen), pages)
	}
	got := d.say("200", "GET", users+"?customer=my_customer&maxResults=500&query=orgUnitPath%3D%27/Shared%27", "")
	if n := len(got["users"].([]any)); n != 125 {
		t.Errorf("%d in the unit", n)
	}
	for _, query := range []string{"", "?customer=my_customer&maxResults=501", "?customer=my_customer&maxResults=0", "?customer=my_customer&pageToken=x",
		"?customer=my_customer&query=orgUnitPath%3D%27/Nowhere%27", "?customer=my_customer&query=email:x*"} {
		d.say("400 invalid", "GET", users+query, "")
	}
	d.say("403 forbidden", "GET", users+"?customer=C09other", "")
}

func TestAliases(t *testing.T) {
	d := newDesk(t)
	d.say("200", "POST", users, anna)
	d.AddGroup("all@contoso.com", "All")
	at := users + "/anna@contoso.com/aliases"
	d.say("200", "POST", at, `{"alias":"Berg@contoso.com"}`)
	d.say("409 duplicate", "POST", at, `{"alias":"berg@contoso.com"}`)
	d.say("409 duplicate", "POST", at, `{"alias":"all@contoso.com"}`)
	d.say("404 notFound", "POST", at, `{"alias":"a@elsewhere.com"}`)
	d.say("400 invalid", "POST", at, `{"alias":"nonsense"}`)
	if got := d.say("200", "GET", users+"/berg@contoso.com", ""); got["primaryEmail"] != "anna@contoso.com" {
		t.Error("a key may be an alias")
	}
	d.say("204", "DELETE", at+"/berg@contoso.com", "")
	d.say("404 notFound", "DELETE", at+"/berg@contoso.com", "")
	for i := range 30 {
		d.say("200", "POST", at, fmt.Sprintf(`{"alias":"a%d@contoso.com"}`, i))
	}
	d.say("403 limitExceeded", "POST", at, `{"alias":"more@contoso.com"}`)
}

func TestGroupsAndMembers(t *testing.T) {
	d := newDesk(t)
	d.Lag = workspacesim.Lag{Group: 10 * time.Second, Members: 30 * time.Second}
	var told [][]string
	d.OnMembers = func(_ string, members []string) { told = append(told, members) }
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Aliases: []string{"berg@contoso.com"}})
	d.say("200", "POST", groups, `{"email":"help@contoso.com","name":"Help"}`)
	d.say("409 duplicate", "POST", groups, `{"email":"help@contoso.com"}`)
	d.say("409 duplicate", "POST", groups, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "POST", groups, `{"email":"help@elsewhere.com"}`)
	d.say("400 invalid", "POST", groups, `{"email":"nonsense"}`)
	at := groups + "/help@contoso.com/members"
	d.say("404 notFound", "POST", at, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "GET", settings+"help@contoso.com", "")
	d.clock.Add(10 * time.Second)
	if got := d.say("200", "POST", at, `{"email":"berg@contoso.com","role":"MANAGER","delivery_settings":"NONE"}`); got["email"] != "anna@contoso.com" || got["delivery_settings"] != "NONE" {
		t.Errorf("got %v", got)
	}
	d.say("409 duplicate", "POST", at, `{"email":"anna@contoso.com"}`)
	d.say("404 notFound", "POST", at, `{"email":"nobody@contoso.com"}`)
	d.say("400 invalid", "POST", at, `{"email":"guest@elsewhere.com","role":"KING"}`)
	if got := d.say("200", "GET", at, ""); got["members"] != nil {
		t.Errorf("listed at once: %v", got)
	}
	d.clock.Add(30 * time.Second)
	listed := d.say("200", "GET", at, "")["members"].([]any)[0].(map[string]any)
	if listed["role"] != "MANAGER" || listed["delivery_settings"] != nil {
		t.Errorf("listed: %v", listed)
	}
	// Patching does not set the delivery, updating does.
	d.say("200", "PATCH", at+"/anna@contoso.com", `{"role":"MEMBER","delivery_settings":"DIGEST"}`)
	if g, _ := d.Group("help@contoso.com"); g.Delivery["anna@contoso.com"] != "NONE" || g.Members["anna@contoso.com"] != "MEMBER" {
		t.Errorf("after a patch: %+v", g)
	}
	d.say("200", "PUT", at+"/berg@contoso.com", `{"delivery_settings":"ALL_MAIL"}`)
	if got := d.say("200", "GET", at+"/anna@contoso.com", ""); got["delivery_settings"] != "ALL_MAIL" {
		t.Errorf("after an update: %v", got)
	}
	// A group in a group, but not in itself.
	d.AddGroup("team@contoso.com", "Team")
	d.say("200", "POST", at, `{"email":"team@contoso.com"}`)
	d.say("400 invalid", "POST", groups+"/team@contoso.com/members", `{"email":"help@contoso.com"}`)
	d.say("400 invalid", "POST", at, `{"email":"help@contoso.com"}`)

	d.say("204", "DELETE", at+"/anna@contoso.com", "")
	d.say("404 notFound", "DELETE", at+"/anna@contoso.com", "")
	if want := [][]string{{"anna@contoso.com"}, {"anna@contoso.com", "team@contoso.com"}, {"team@contoso.com"}}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %v, want %v", told, want)
	}
	d.say("204", "DELETE", groups+"/help@contoso.com", "")
	d.say("404 notFound", "GET", groups+"/help@contoso.com", "")
}

func TestDeleting(t *testing.T) {
	d := newDesk(t)
	var gone []string
	d.OnDelete = func(address string) { gone = append(gone, address) }
	d.AddAccount(workspacesim.Account{Address: "anna@contoso.com", Name: "Anna Berg", Licences: []string{"Google-Apps/1010020027"}})
	d.AddLicences("Google-Apps", "1010020027", 1)
	d.AddAccount(workspacesim.Account{Address: "bert@contoso.com", Name: "Bert Olm"})
	d.AddGroup("help@contoso.com", "Help", "anna@contoso.com")
	d.say("204", "DELETE", users+"/anna@contoso.com", "")
	d.say("404 notFound", "DELETE", users+"/anna@contoso.com", "")
	if g, _ := d.Group("help@contoso.com"); len(g.Members) > 0 || !slices.Equal(gone, []string{"anna@contoso.com"}) {
		t.Errorf("gone %v, members %v", gone, g.Members)
	}
	d.say("200", "POST", product+"sku/1010020027/user", `{"userId":"bert@contoso.com"}`) // her licence is free
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
