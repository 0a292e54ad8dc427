package exchangesim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
)

const (
	root = "/adminapi/beta/11111111-2222-3333-4444-555555555555/"
	box  = "support@contoso.com"
	anna = "anna@contoso.com"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type tenant struct {
	*exchangesim.Sim
	t   *testing.T
	now time.Time
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	tn := &tenant{t: t, now: noon}
	tn.Sim = &exchangesim.Sim{Now: func() time.Time { return tn.now }, Dial: &fault.Dial{}}
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: box, Name: "Support", Aliases: []string{"help@contoso.com"}}))
	must(t, tn.AddUser(exchangesim.Recipient{Address: anna, Name: "Anna Berg", UPN: "u1@contoso.com"}))
	must(t, tn.AddGroup(exchangesim.Recipient{Address: "team@contoso.com", Name: "Team"}))
	return tn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post sends a body and gives the status and the answer decoded.
func (tn *tenant) post(path, body string) (int, map[string]any) {
	tn.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	tn.ServeHTTP(w, r)
	var out map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			tn.t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, out
}

func cmdlet(name, parameters string) string {
	return fmt.Sprintf(`{"CmdletInput":{"CmdletName":%q,"Parameters":%s}}`, name, parameters)
}

// run runs a cmdlet and gives its rows; what is refused comes back as the exception's type and message.
func (tn *tenant) run(name, parameters string) ([]map[string]any, string) {
	tn.t.Helper()
	status, out := tn.post(root+"InvokeCommand", cmdlet(name, parameters))
	if status == http.StatusOK {
		var rows []map[string]any
		for _, x := range out["value"].([]any) {
			rows = append(rows, x.(map[string]any))
		}
		return rows, ""
	}
	failure := out["error"].(map[string]any)
	if failure["message"] != "Invalid Operation" {
		tn.t.Errorf("the outer message says %v", failure["message"])
	}
	return nil, fmt.Sprint(status, " ", failure["details"].([]any)[0].(map[string]any)["message"])
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ cmdlet, parameters, want string }{
		{"Get-Nothing", `{}`, "CommandNotFoundException"},
		{"Get-Mailbox", `{"Identiti":"x"}`, "AmbiguousParameterSetException"},
		{"Get-Mailbox", `{"Identity":"support@contoso.com","Confirm":false}`, "AmbiguousParameterSetException"},
		{"Get-Mailbox", `{"Identity":"nobody@contoso.com"}`, "404 Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|"},
		{"Get-MailboxPermission", `{}`, "missing mandatory parameters: Identity"},
		{"Get-MailboxPermission", `{"Identity":"team@contoso.com"}`, "couldn't be found"},
		{"Set-Mailbox", `{"Identity":"support@contoso.com","DisplayName":"x"}`, "prompts the user"},
		{"New-Mailbox", `{"Confirm":false,"Shared":true,"Name":"Support2","Alias":"s2","PrimarySmtpAddress":"HELP@contoso.com"}`, "ProxyAddressExistsException"},
		{"New-Mailbox", `{"Confirm":false,"Shared":true,"Name":"support","PrimarySmtpAddress":"s@contoso.com"}`, "NameNotAvailableException"},
		{"New-Mailbox", `{"Confirm":false,"Shared":true,"Name":"` + strings.Repeat("x", 65) + `","PrimarySmtpAddress":"s@contoso.com"}`, "64 characters"},
		{"New-Mailbox", `{"Confirm":false,"Shared":true,"Name":"x","Alias":"a b","PrimarySmtpAddress":"s@contoso.com"}`, "of Alias isn't valid"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","EmailAddresses":{"Add":["smtp:x@contoso.com"]}}`, "argument transformation"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Add":["smtp:anna@contoso.com"]}}`, "ProxyAddressExistsException"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Remove":["smtp:support@contoso.com"]}}`, "can't be removed"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","ProhibitSendReceiveQuota":"60GB"}`, "exceeds the maximum"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","ProhibitSendReceiveQuota":"1GB"}`, "must be between"},
		{"Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","GrantSendOnBehalfTo":{"@odata.type":"#Exchange.GenericHashTable","Add":["nobody"]}}`, "Couldn't find object \"nobody\""},
		{"Add-MailboxPermission", `{"Confirm":false,"Identity":"support@contoso.com","User":"nobody","AccessRights":["FullAccess"]}`, "wasn't found"},
		{"Remove-RecipientPermission", `{"Confirm":false,"Identity":"support@contoso.com","Trustee":"u1@contoso.com","AccessRights":["SendAs"]}`, "The ACE doesn't exist"},
		{"New-ManagementScope", `{"Confirm":false,"Name":"x","RecipientRestrictionFilter":"Department -eq 'x'"}`, "not a recognized filterable property"},
		{"New-ManagementScope", `{"Confirm":false,"Name":"x","RecipientRestrictionFilter":"CustomAttribute1 -eq 'x' -or Alias -like '*'"}`, "Invalid filter"},
		{"New-ManagementRoleAssignment", `{"Confirm":false,"App":"x","Role":"Application Mail.Read"}`, "couldn't be found"},
	} {
		tn := newTenant(t)
		if _, said := tn.run(tt.cmdlet, tt.parameters); !strings.Contains(said, tt.want) {
			t.Errorf("%s %s: said %q, want %q", tt.cmdlet, tt.parameters, said, tt.want)
		}
	}
}

func TestADateFormatOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.Run("Set-MailboxRegionalConfiguration", map[string]any{"Identity": box, "Language": "en-US"}))
	_, said := tn.run("Set-MailboxRegionalConfiguration", `{"Confirm":false,"Identity":"support@contoso.com","Language":"da-DK"}`)
	if !strings.Contains(said, `isn't valid for current language setting "da-DK"`) {
		t.Errorf("said %q", said)
	}
	if _, said := tn.run("Set-MailboxRegionalConfiguration", `{"Confirm":false,"Identity":"support@contoso.com","Language":"da-DK","DateFormat":null,"TimeFormat":null}`); said != "" {
		t.Errorf("said %q", said)
	}
	rows, _ := tn.run("Get-MailboxRegionalConfiguration", `{"Identity":"support@contoso.com","VerifyDefaultFolderNameLanguage":true}`)
	if rows[0]["DateFormat"] != "dd-MM-yyyy" || rows[0]["DefaultFolderNameMatchingUserLanguage"] != false {
		t.Errorf("got %v", rows[0])
	}
}

func TestWhoIsMeant(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for _, identity := range []string{anna, "ANNA@contoso.com", "u1@contoso.com", "Anna Berg", "anna", "anna@contoso.onmicrosoft.com", "CN=anna"} {
		rows, said := tn.run("Get-Recipient", fmt.Sprintf(`{"Identity":%q}`, identity))
		if len(rows) != 1 || rows[0]["PrimarySmtpAddress"] != anna {
			t.Errorf("%s: %v %s", identity, rows, said)
		}
	}
	must(t, tn.AddUser(exchangesim.Recipient{Address: "anna2@contoso.com", Name: "Anna Berg"}))
	if rows, _ := tn.run("Get-Recipient", `{"Identity":"Anna Berg"}`); len(rows) != 2 {
		t.Errorf("two of one name: %d rows", len(rows))
	}
	// A beginning of an enumeration's value is one, and what is none finds nothing without an error.
	for kind, want := range map[string]int{"SharedMailbox": 1, "Shared": 1, "Shard": 0} {
		if rows, said := tn.run("Get-Mailbox", fmt.Sprintf(`{"RecipientTypeDetails":%q}`, kind)); len(rows) != want || said != "" {
			t.Errorf("%s: %d rows, %s", kind, len(rows), said)
		}
	}
}

func TestChangesShowLater(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Delays = exchangesim.Delays{Recipient: 2 * time.Minute, Setting: time.Minute, Permission: 10 * time.Minute, Scope: time.Hour}
	must(t, tn.Run("New-Mailbox", map[string]any{"Shared": true, "Name": "new", "PrimarySmtpAddress": "new@contoso.com"}))
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": box, "DisplayName": "Other", "CustomAttribute15": "Postroom"}))
	must(t, tn.Run("Add-MailboxPermission", map[string]any{"Identity": box, "User": anna, "AccessRights": "FullAccess"}))
	must(t, tn.Run("New-ServicePrincipal", map[string]any{"AppId": "app", "ObjectId": "oid"}))
	must(t, tn.Run("New-ManagementScope", map[string]any{"Name": "Postroom", "RecipientRestrictionFilter": "CustomAttribute15 -eq 'Postroom'"}))
	must(t, tn.Run("New-ManagementRoleAssignment", map[string]any{"App": "app", "Role": "Application Mail.ReadWrite", "CustomResourceScope": "Postroom"}))
	shows := func() string {
		var out []string
		if rows, _ := tn.run("Get-Mailbox", `{"Identity":"new@contoso.com"}`); len(rows) > 0 {
			out = append(out, "mailbox")
		}
		if rows, _ := tn.run("Get-Mailbox", `{"Identity":"support@contoso.com"}`); rows[0]["DisplayName"] == "Other" {
			out = append(out, "name")
		}
		if rows, _ := tn.run("Get-MailboxPermission", `{"Identity":"support@contoso.com"}`); len(rows) > 3 {
			out = append(out, "permission")
		}
		if rows, _ := tn.run("Test-ServicePrincipalAuthorization", `{"Identity":"oid","Resource":"support@contoso.com"}`); rows[0]["InScope"] == true {
			out = append(out, "scope")
		}
		if tn.Reaches(box) {
			out = append(out, "reach")
		}
		return strings.Join(out, " ")
	}
	for _, at := range []struct {
		after time.Duration
		want  string
	}{{0, "scope"}, {time.Minute, "name scope"}, {2 * time.Minute, "mailbox name scope"}, {10 * time.Minute, "mailbox name permission scope"}, {time.Hour, "mailbox name permission scope reach"}} {
		tn.now = noon.Add(at.after)
		if got := shows(); got != at.want {
			t.Errorf("after %v: %s, want %s", at.after, got, at.want)
		}
	}
	// And the same the other way.
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": box, "CustomAttribute15": ""}))
	if !tn.Reaches(box) {
		t.Error("the reach ends at once")
	}
	tn.now = tn.now.Add(time.Hour)
	if tn.Reaches(box) {
		t.Error("the reach does not end")
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Delays.Recipient, tn.Delays.Permission = time.Minute, time.Hour
	var told []string
	tn.OnMailbox = func(address, name string, visible time.Time) {
		told = append(told, fmt.Sprint("made ", address, " ", name, " ", visible.Sub(noon)))
	}
	tn.OnDelete = func(address string) { told = append(told, "deleted "+address) }
	tn.OnAccess = func(mailbox string, rights map[string][]string) {
		var who []string
		for _, name := range slices.Sorted(maps.Keys(rights)) {
			who = append(who, fmt.Sprint(name, rights[name]))
		}
		told = append(told, mailbox+" "+strings.Join(who, " "))
	}
	must(t, tn.Run("New-Mailbox", map[string]any{"Shared": true, "Name": "new", "DisplayName": "New one", "PrimarySmtpAddress": "New@contoso.com"}))
	must(t, tn.Run("Add-MailboxPermission", map[string]any{"Identity": box, "User": anna, "AccessRights": "FullAccess"}))
	must(t, tn.Run("Add-RecipientPermission", map[string]any{"Identity": box, "Trustee": "Team", "AccessRights": "SendAs"}))
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": box, "GrantSendOnBehalfTo": map[string]any{"Add": []string{anna}}}))
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": box, "DisplayName": "No matter of access"}))
	must(t, tn.Run("Remove-MailboxPermission", map[string]any{"Identity": box, "User": anna, "AccessRights": "FullAccess"}))
	must(t, tn.Run("Remove-Mailbox", map[string]any{"Identity": box}))
	want := []string{
		"made new@contoso.com New one 1m0s",
		"support@contoso.com anna@contoso.com[FullAccess]",
		"support@contoso.com anna@contoso.com[FullAccess] team@contoso.com[SendAs]",
		"support@contoso.com anna@contoso.com[FullAccess SendOnBehalf] team@contoso.com[SendAs]",
		"support@contoso.com anna@contoso.com[SendOnBehalf] team@contoso.com[SendAs]",
		"deleted support@contoso.com", "support@contoso.com ",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

func TestMappingStaysAsItWasGiven(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	grant := func(mapped bool) {
		must(t, tn.Run("Add-MailboxPermission", map[string]any{"Identity": box, "User": anna, "AccessRights": "FullAccess", "AutoMapping": mapped}))
	}
	grant(true)
	grant(false) // it is there already, so nothing changes
	if mapped, ok := tn.Mapped(box, anna); !mapped || !ok {
		t.Errorf("mapped %v, there %v", mapped, ok)
	}
	must(t, tn.Run("Remove-MailboxPermission", map[string]any{"Identity": box, "User": anna, "AccessRights": "FullAccess"}))
	grant(false)
	if mapped, ok := tn.Mapped(box, anna); mapped || !ok {
		t.Errorf("mapped %v, there %v", mapped, ok)
	}
}

func TestPagesAndSelect(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.PageSize = 2
	for i := range 3 {
		must(t, tn.AddMailbox(exchangesim.Recipient{Address: fmt.Sprintf("box%d@contoso.com", i)}))
	}
	body := cmdlet("Get-Mailbox", `{"RecipientTypeDetails":"SharedMailbox"}`)
	var got []string
	pages := 0
	for path := root + "InvokeCommand?$select=PrimarySmtpAddress"; path != ""; pages++ {
		status, out := tn.post(path, body)
		if status != 200 || pages > 5 {
			t.Fatalf("%d %v", status, out)
		}
		for _, x := range out["value"].([]any) {
			row := x.(map[string]any)
			if len(row) != 1 {
				t.Errorf("row %v", row)
			}
			got = append(got, row["PrimarySmtpAddress"].(string))
		}
		path, _ = out["@odata.nextLink"].(string)
	}
	if pages != 2 || strings.Join(got, " ") != "support@contoso.com box0@contoso.com box1@contoso.com box2@contoso.com" {
		t.Errorf("%d pages: %v", pages, got)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, RetryAfter: 5 * time.Second, Skip: 1, Times: 1})
	one := func(id int, url, body string) string {
		return fmt.Sprintf(`{"id":"%d","method":"POST","url":%q,"headers":{},"body":%s}`, id, url, body)
	}
	invoke := root + "InvokeCommand"
	status, out := tn.post(root+"$batch", `{"requests":[`+strings.Join([]string{
		one(1, invoke, cmdlet("Get-Recipient", `{"Identity":"anna"}`)), one(2, invoke, cmdlet("Get-Recipient", `{"Identity":"anna"}`)),
		one(3, invoke, cmdlet("Get-Recipient", `{"Identity":"nobody"}`)), one(4, "/elsewhere", `{}`),
	}, ",")+`]}`)
	got := map[string]string{}
	var order []string
	for _, x := range out["responses"].([]any) {
		r := x.(map[string]any)
		id := r["id"].(string)
		got[id] = fmt.Sprint(r["status"], r["headers"])
		order = append(order, id)
	}
	want := map[string]string{"1": "200 <nil>", "2": "429 map[Retry-After:5]", "3": "404 <nil>", "4": "404 <nil>"}
	if status != 200 || !maps.Equal(got, want) || strings.Join(order, "") == "1234" {
		t.Errorf("%d %v in order %v", status, got, order)
	}
	if status, _ := tn.post(root+"$batch", `{"requests":[`+strings.TrimSuffix(strings.Repeat(one(1, invoke, `{}`)+",", 11), ",")+`]}`); status != 400 {
		t.Errorf("eleven: %d", status)
	}
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Token = "right"
	body := cmdlet("Get-Mailbox", `{}`)
	if status, _ := tn.post(root+"InvokeCommand", body); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	tn.Token, tn.NoRole = "", true
	r := httptest.NewRequest(http.MethodPost, root+"InvokeCommand", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	tn.ServeHTTP(w, r)
	if all, _ := io.ReadAll(w.Body); w.Code != 403 || strings.Trim(string(all), "\x00") != "" || len(all) == 0 {
		t.Errorf("without a role: %d %q", w.Code, all)
	}
	tn.NoRole, tn.Lacks = false, map[string]bool{"Get-Mailbox": true}
	if _, said := tn.run("Get-Mailbox", `{}`); !strings.Contains(said, "CommandNotFoundException") {
		t.Errorf("without the cmdlet: %s", said)
	}
	for name, request := range map[string]*http.Request{
		"GET": httptest.NewRequest(http.MethodGet, root+"InvokeCommand", nil), "no JSON": httptest.NewRequest(http.MethodPost, root+"InvokeCommand", nil),
		"elsewhere": httptest.NewRequest(http.MethodPost, "/adminapi/v1.0/x/InvokeCommand", nil),
	} {
		w := httptest.NewRecorder()
		if name == "elsewhere" {
			request.Header.Set("Content-Type", "application/json")
		}
		tn.ServeHTTP(w, request)
		if w.Code < 400 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestFaultsByCmdlet: a rule of the dial names a cmdlet, and a lost answer has its effect.
func TestFaultsByCmdlet(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Dial.Add(fault.Rule{Kind: fault.Lost, Path: "/InvokeCommand/Set-Mailbox", Times: 1})
	post := func(name, parameters string) (err error) {
		r, e := http.NewRequest(http.MethodPost, "http://sim"+root+"InvokeCommand", strings.NewReader(cmdlet(name, parameters)))
		must(t, e)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-CmdletName", name)
		res, err := (&fault.Transport{Handler: tn}).RoundTrip(r)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	must(t, post("Get-Mailbox", `{}`))
	if post("Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","DisplayName":"New"}`) == nil {
		t.Error("the answer came")
	}
	if rows, _ := tn.run("Get-Mailbox", `{"Identity":"support@contoso.com"}`); rows[0]["DisplayName"] != "New" {
		t.Error("the lost command had no effect")
	}
}

func FuzzServe(f *testing.F) {
	f.Add("InvokeCommand", cmdlet("Set-Mailbox", `{"Confirm":false,"Identity":"support@contoso.com","EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Add":["smtp:x@y"]}}`))
	f.Add("InvokeCommand", cmdlet("Get-Mailbox", `{"Filter":"((CustomAttribute1 -eq 'x'))"}`))
	f.Add("$batch", `{"requests":[{"id":"1","method":"POST","url":"InvokeCommand","body":{}}]}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		s := &exchangesim.Sim{}
		must(t, s.AddMailbox(exchangesim.Recipient{Address: box}))
		r := httptest.NewRequest(http.MethodPost, root, strings.NewReader(body))
		r.URL.Path += operation
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("answered %d", w.Code)
		}
	})
}
