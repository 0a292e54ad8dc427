package graphsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// A mailbox that Exchange has just made is there for its people before it is there for Graph.
func TestMailboxShowsLater(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	const address = "new@contoso.com"
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: address, Visible: noon.Add(time.Minute)}))
	if _, err := tn.Receive(address, email(1, "a@customer.test", "early")); err != nil {
		t.Errorf("mail for it: %v", err)
	}
	subscription := map[string]any{
		"resource": "users/" + address + "/messages", "changeType": "created",
		"notificationUrl": "https://hooks.contoso.com/graph", "expirationDateTime": "2026-05-05T12:00:00Z",
	}
	for _, target := range []string{"", "/mailFolders/inbox", "/outlook/masterCategories"} {
		if a := tn.want(404, "GET", "/users/"+address+target, nil, nil); a.code() != "MailboxNotEnabledForRESTAPI" {
			t.Errorf("%s: %s", target, a.raw)
		}
	}
	tn.want(404, "POST", "/subscriptions", subscription, nil)
	tn.now = noon.Add(time.Minute)
	if a := tn.want(200, "GET", "/users/"+address+"/mailFolders/inbox", nil, nil); a.body["totalItemCount"] != 1.0 {
		t.Errorf("its inbox: %s", a.raw)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: "Sales@contoso.com"}))
	var mu sync.Mutex
	scope := map[string]bool{support: true}
	tn.Reach = func(address string) bool {
		// The other half of a tenant may look at this one while it holds a lock of its own.
		if _, err := tn.Messages(support); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return scope[address]
	}
	if a := tn.want(403, "GET", "/users/sales@contoso.com/mailFolders/inbox", nil, nil); a.code() != "ErrorAccessDenied" {
		t.Errorf("outside the scope: %s", a.raw)
	}
	tn.want(200, "GET", "/users/"+support+"/mailFolders/inbox", nil, nil)
	batch := map[string]any{"requests": []any{
		map[string]any{"id": "a", "method": "GET", "url": "/users/sales@contoso.com/mailFolders/inbox"},
		map[string]any{"id": "b", "method": "GET", "url": "/users/" + support + "/mailFolders/inbox"},
	}}
	statuses := map[any]any{}
	for _, r := range tn.want(200, "POST", "/$batch", batch, nil).body["responses"].([]any) {
		statuses[r.(map[string]any)["id"]] = r.(map[string]any)["status"]
	}
	if got := fmt.Sprint(statuses); got != "map[a:403 b:200]" {
		t.Errorf("in a batch: %s", got)
	}
	tn.want(403, "POST", "/subscriptions", map[string]any{
		"resource": "users/sales@contoso.com/messages", "changeType": "created",
		"notificationUrl": "https://hooks.contoso.com/graph", "expirationDateTime": "2026-05-05T12:00:00Z",
	}, nil)
	mu.Lock()
	scope["sales@contoso.com"] = true
	mu.Unlock()
	tn.want(200, "GET", "/users/sales@contoso.com/mailFolders/inbox", nil, nil)
	tn.want(404, "GET", "/users/nobody@contoso.com/mailFolders/inbox", nil, nil)
	tn.RefuseUnknown = true
	tn.want(403, "GET", "/users/nobody@contoso.com/mailFolders/inbox", nil, nil)
	tn.want(200, "GET", "/users/"+support+"/mailFolders/inbox", nil, nil)
}

func TestNoSettings(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.NoSettings = true
	tn.want(403, "GET", "/users/"+support+"/mailboxSettings", nil, nil)
	tn.want(403, "POST", "/users/"+support+"/outlook/masterCategories", map[string]any{"displayName": "x"}, nil)
	tn.want(200, "GET", "/users/"+support+"/messages", nil, nil)
}

func TestRemoveMailbox(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	hook := newEndpoint(t)
	tn.Client = &http.Client{Transport: &fault.Transport{Handler: hook}}
	tn.receive(1, "a@customer.test", "one")
	id := tn.want(200, "GET", "/users/"+support, nil, nil).body["id"].(string)
	tn.want(201, "POST", "/subscriptions", map[string]any{
		"resource": "users/" + support + "/messages", "changeType": "created",
		"notificationUrl": "https://hooks.contoso.com/graph?keep=1", "expirationDateTime": "2026-05-05T12:00:00Z",
	}, nil)
	tn.do(tn.RemoveMailbox(strings.ToUpper(support)))
	for _, name := range []string{support, id} {
		if a := tn.want(404, "GET", "/users/"+name+"/messages", nil, nil); a.code() != "ErrorInvalidUser" {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	if left := tn.Subscriptions(); len(left) > 0 {
		t.Errorf("it leaves %+v", left)
	}
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: support}))
	if list := tn.want(200, "GET", "/users/"+support+"/messages", nil, nil).value(); len(list) > 0 {
		t.Errorf("a new one of the address has %v", list)
	}
}

func TestAnswersAreDated(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.now = noon.Add(90 * time.Minute)
	for target, status := range map[string]int{"/users/" + support: 200, "/nothing": 404} {
		if date := tn.want(status, "GET", target, nil, nil).header.Get("Date"); date != "Mon, 04 May 2026 13:30:00 GMT" {
			t.Errorf("%s is dated %q", target, date)
		}
	}
}

func TestCategoriesInPages(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.CategoryPage = 2
	target := "/users/" + support + "/outlook/masterCategories"
	for i := range 5 {
		tn.want(201, "POST", target, map[string]any{"displayName": fmt.Sprint("c", i)}, nil)
	}
	var names []string
	for next := target; next != ""; {
		a := tn.want(200, "GET", next, nil, nil)
		for _, c := range a.value() {
			names = append(names, c["displayName"].(string))
		}
		next, _ = a.body["@odata.nextLink"].(string)
	}
	if got := strings.Join(names, " "); got != "c0 c1 c2 c3 c4" {
		t.Errorf("categories %s", got)
	}
	tn.want(200, "GET", target+"?$skip=9", nil, nil)
	tn.want(400, "GET", target+"?$skip=-1", nil, nil)
}
