package workspacesim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

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
	d.clock.Advance(8 * time.Second)
	if got := d.say("200", "GET", users+"/anna@contoso.com", ""); got["isMailboxSetup"] != false || got["customerId"] != workspacesim.Customer {
		t.Errorf("got %v", got)
	}
	if got := d.say("200", "GET", users+"?customer=my_customer", ""); got["users"] != nil {
		t.Errorf("listed at once: %v", got)
	}
	d.say("400 invalid", "POST", product+"sku/1010020027/user", `{"userId":"anna@contoso.com"}`)
	d.clock.Advance(12 * time.Second)
	d.say("200", "POST", product+"sku/1010020027/user", `{"userId":"anna@contoso.com"}`)
	if len(ready) != 1 || !ready[0].Equal(d.clock.Now().Add(4*time.Minute)) {
		t.Fatalf("ready at %v", ready)
	}
	d.clock.Advance(4 * time.Minute)
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
