package graphsim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// endpoint is a notification URL: it echoes validation tokens and keeps what
// else it is sent.
type endpoint struct {
	mu       sync.Mutex
	echo     func(w http.ResponseWriter, token string)
	calls    []string // validation calls, by path
	received []map[string]any
	status   int
	t        *testing.T
}

func newEndpoint(t *testing.T) *endpoint {
	return &endpoint{t: t, status: 202, echo: func(w http.ResponseWriter, token string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, token)
	}}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if token := r.URL.Query().Get("validationToken"); token != "" {
		e.calls = append(e.calls, r.URL.Path)
		if r.Method != "POST" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.URL.Query().Get("keep") != "1" {
			e.t.Errorf("validation call %s %s", r.Method, r.URL)
		}
		e.echo(w, token)
		return
	}
	if e.status/100 == 2 {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			e.t.Error(err)
		}
		if c, _ := metadata(); c != nil {
			for _, v := range c.Check("microsoft.graph.changeNotificationCollection", raw) {
				e.t.Error("contract: " + v)
			}
		}
		var body struct{ Value []map[string]any }
		if err := json.Unmarshal(raw, &body); err != nil {
			e.t.Error(err)
		}
		e.received = append(e.received, body.Value...)
	}
	w.WriteHeader(e.status)
}

// kinds is what has been received, in order: the change types or events.
func (e *endpoint) kinds() string {
	var out []string
	for _, n := range e.received {
		kind, ok := n["changeType"].(string)
		if !ok {
			kind, _ = n["lifecycleEvent"].(string)
		}
		out = append(out, kind)
	}
	return strings.Join(out, " ")
}

func newSubscribed(t *testing.T) (*tenant, *endpoint) {
	tn, e := newTenant(t), newEndpoint(t)
	tn.Client = &http.Client{Transport: &fault.Transport{Handler: e}}
	return tn, e
}

func subscription(change ...any) map[string]any {
	body := map[string]any{
		"changeType": "created,updated,deleted", "notificationUrl": "https://hook.test/n?keep=1", "lifecycleNotificationUrl": "https://hook.test/l?keep=1",
		"resource": "users/" + support + "/messages", "clientState": "s3cret", "expirationDateTime": noon.Add(6 * 24 * time.Hour).Format(time.RFC3339),
	}
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == nil {
			delete(body, change[i].(string))
			continue
		}
		body[change[i].(string)] = change[i+1]
	}
	return body
}

func (tn *tenant) subscribe(header map[string]string, change ...any) string {
	tn.t.Helper()
	return tn.want(201, "POST", "/subscriptions", subscription(change...), header).body["id"].(string)
}

func TestSubscriptionLife(t *testing.T) {
	t.Parallel()
	tn, e := newSubscribed(t)
	made := tn.want(201, "POST", "/subscriptions", subscription(), nil)
	id := made.body["id"].(string)
	if made.body["clientState"] != "s3cret" || made.body["expirationDateTime"] != "2026-05-10T12:00:00Z" {
		t.Errorf("created = %s", made.raw)
	}
	if !slices.Equal(e.calls, []string{"/n", "/l"}) {
		t.Errorf("validation calls = %v", e.calls)
	}
	a := tn.want(409, "POST", "/subscriptions", subscription("changeType", "updated,created,deleted"), nil)
	if want := "Subscription Id <" + id + "> already exists for the requested combination"; a.at("error/message") != want {
		t.Errorf("conflict = %v", a.at("error/message"))
	}
	other := tn.subscribe(nil, "changeType", "created")
	got := tn.want(200, "GET", "/subscriptions/"+id, nil, nil)
	if got.body["clientState"] != nil || got.body["resource"] != "users/"+support+"/messages" {
		t.Errorf("get = %s", got.raw)
	}
	if list := tn.want(200, "GET", "/subscriptions", nil, nil).value(); len(list) != 2 {
		t.Errorf("list = %v", list)
	}
	tn.want(204, "POST", "/subscriptions/"+id+"/reauthorize", nil, nil)
	renewed := tn.want(200, "PATCH", "/subscriptions/"+id, map[string]any{"expirationDateTime": "2026-05-11T10:00:00.0000000Z"}, nil)
	if renewed.body["expirationDateTime"] != "2026-05-11T10:00:00Z" {
		t.Errorf("renewed = %s", renewed.raw)
	}
	tn.want(400, "PATCH", "/subscriptions/"+id, map[string]any{"expirationDateTime": "2026-05-12T12:00:00Z"}, nil)
	tn.want(400, "PATCH", "/subscriptions/"+id, map[string]any{"clientState": "x", "expirationDateTime": "2026-05-11T10:00:00Z"}, nil)
	tn.want(204, "DELETE", "/subscriptions/"+other, nil, nil)
	tn.want(404, "DELETE", "/subscriptions/"+other, nil, nil)
	tn.now = noon.Add(7 * 24 * time.Hour)
	tn.want(404, "GET", "/subscriptions/"+id, nil, nil)
	tn.want(404, "PATCH", "/subscriptions/"+id, map[string]any{"expirationDateTime": "2026-05-12T12:00:00Z"}, nil)
	if left := tn.Subscriptions(); len(left) != 0 {
		t.Errorf("left = %v", left)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	t.Parallel()
	tn, _ := newSubscribed(t)
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: "private@contoso.com"}))
	tn.do(tn.RefuseMailbox("private@contoso.com"))
	for _, tt := range []struct {
		name   string
		change []any
		status int
	}{
		{"too long", []any{"expirationDateTime", noon.Add(10081 * time.Minute).Format(time.RFC3339)}, 400},
		{"in the past", []any{"expirationDateTime", noon.Add(-time.Minute).Format(time.RFC3339)}, 400},
		{"no time", []any{"expirationDateTime", nil}, 400},
		{"http", []any{"notificationUrl", "http://hook.test/n?keep=1"}, 400},
		{"no url", []any{"notificationUrl", nil}, 400},
		{"http for lifecycle", []any{"lifecycleNotificationUrl", "http://hook.test/n?keep=1"}, 400},
		{"a long clientState", []any{"clientState", strings.Repeat("x", 129)}, 400},
		{"an unknown change", []any{"changeType", "created,moved"}, 400},
		{"another resource", []any{"resource", "users/" + support + "/events"}, 400},
		{"no such user", []any{"resource", "users/x@contoso.com/messages"}, 404},
		{"outside the scope", []any{"resource", "users/private@contoso.com/messages"}, 403},
		{"no such folder", []any{"resource", "users/" + support + "/mailFolders('x')/messages"}, 404},
		{"resource data", []any{"includeResourceData", true}, 501},
		{"a filter", []any{"resource", "users/" + support + "/messages?$filter=isRead eq false"}, 501},
	} {
		if a := tn.call("POST", "/subscriptions", subscription(tt.change...), nil); a.status != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, a.status, tt.status, a.raw)
		}
	}
	if short := tn.want(201, "POST", "/subscriptions", subscription("expirationDateTime", noon.Add(time.Minute).Format(time.RFC3339)), nil); short.body["expirationDateTime"] != "2026-05-04T12:45:00Z" {
		t.Errorf("a minute became %v", short.body["expirationDateTime"])
	}
}

func TestValidationFails(t *testing.T) {
	t.Parallel()
	plain := func(status int, kind string, body func(token string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, body(token))
		}
	}
	same := func(token string) string { return token }
	for name, echo := range map[string]func(http.ResponseWriter, string){
		"html":         plain(200, "text/html", same),
		"accepted":     plain(202, "text/plain", same),
		"refused":      plain(401, "text/plain", same),
		"another text": plain(200, "text/plain", func(string) string { return "ok" }),
		"not decoded":  plain(200, "text/plain", func(s string) string { return strings.ReplaceAll(s, " ", "+") }),
		"a line more":  plain(200, "text/plain", func(s string) string { return s + "\n" }),
		"no answer":    func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
	} {
		tn, e := newSubscribed(t)
		e.echo = echo
		if a := tn.call("POST", "/subscriptions", subscription(), nil); a.status != 400 || a.code() != "ValidationError" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
		if len(tn.Subscriptions()) != 0 {
			t.Errorf("%s: subscribed all the same", name)
		}
	}
	// The lifecycle URL is validated too.
	tn, e := newSubscribed(t)
	ok := e.echo
	e.echo = func(w http.ResponseWriter, token string) {
		if len(e.calls) == 2 {
			token = "wrong"
		}
		ok(w, token)
	}
	tn.want(400, "POST", "/subscriptions", subscription(), nil)
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	tn, e := newSubscribed(t)
	sid := tn.subscribe(immutable)
	tn.subscribe(nil, "resource", "/users/"+support+"/mailFolders('inbox')/messages", "changeType", "created", "clientState", "inbox")
	id := tn.receive(1, "a@customer.test", "one")
	tn.do(tn.SetCategories(support, id, "x"))
	tn.do(tn.Move(support, id, "archive"))
	if n := tn.Pending(); n != 5 || len(e.received) != 0 {
		t.Errorf("pending = %d, sent without Deliver = %d", n, len(e.received))
	}
	sent, err := tn.Deliver(t.Context())
	if err != nil || sent != 5 || tn.Pending() != 0 {
		t.Errorf("delivered %d, %v, %d left", sent, err, tn.Pending())
	}
	if got := e.kinds(); got != "created created updated deleted created" {
		t.Errorf("kinds = %s", got)
	}
	for _, n := range e.received {
		data := n["resourceData"].(map[string]any)
		if whole := n["subscriptionId"] == sid; whole != (n["clientState"] == "s3cret") || whole != (data["id"] == id) {
			t.Errorf("notification = %v", n)
		}
	}
}

func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	tn, e := newSubscribed(t)
	tn.subscribe(nil)
	tn.receive(1, "a@customer.test", "one")
	e.status = 500
	if sent, err := tn.Deliver(t.Context()); err == nil || sent != 0 || tn.Pending() != 1 {
		t.Errorf("refused: sent %d, %v, pending %d", sent, err, tn.Pending())
	}
	e.status = 202
	if sent, err := tn.Deliver(t.Context()); err != nil || sent != 1 {
		t.Errorf("again: sent %d, %v", sent, err)
	}
	tn.receive(2, "a@customer.test", "two")
	var bodies int
	tn.OnNotification = func(url string, body []byte) error {
		bodies++
		if !strings.HasPrefix(url, "https://hook.test/n") || !json.Valid(body) {
			return errors.New("unexpected")
		}
		return nil
	}
	if sent, err := tn.Deliver(t.Context()); err != nil || sent != 1 || bodies != 1 {
		t.Errorf("by callback: sent %d, %v", sent, err)
	}
}

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	run := func(f graphsim.NotificationFaults) []string {
		tn, e := newSubscribed(t)
		tn.Rand = rand.New(rand.NewPCG(3, 4))
		tn.NotificationFaults = f
		tn.subscribe(immutable)
		for i := range 200 {
			tn.receive(i, "a@customer.test", fmt.Sprint("subject ", i))
		}
		if _, err := tn.Deliver(t.Context()); err != nil {
			t.Error(err)
		}
		var ids []string
		for _, n := range e.received {
			ids = append(ids, n["resourceData"].(map[string]any)["id"].(string))
		}
		return ids
	}
	plain := run(graphsim.NotificationFaults{})
	if len(plain) != 200 {
		t.Fatalf("%d of 200 arrived", len(plain))
	}
	if n := len(run(graphsim.NotificationFaults{Loss: 0.5})); n < 60 || n > 140 {
		t.Errorf("with half lost %d of 200 arrived", n)
	}
	if n := len(run(graphsim.NotificationFaults{Duplicate: 0.5})); n < 260 || n > 340 {
		t.Errorf("with half doubled %d of 200 arrived", n)
	}
	mixed := run(graphsim.NotificationFaults{Reorder: true})
	if slices.Equal(mixed, plain) || !slices.Equal(slices.Sorted(slices.Values(mixed)), slices.Sorted(slices.Values(plain))) {
		t.Error("reordering kept the order or changed the set")
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	tn, e := newSubscribed(t)
	sid := tn.subscribe(nil)
	deliver := func(want string) {
		t.Helper()
		e.received = nil
		if _, err := tn.Deliver(t.Context()); err != nil {
			t.Error(err)
		}
		if got := e.kinds(); got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	tn.do(tn.Lifecycle(sid, "missed"))
	deliver("missed")
	tn.do(tn.Lifecycle("", "reauthorizationRequired"))
	tn.receive(1, "a@customer.test", "lost")
	deliver("reauthorizationRequired")
	tn.want(204, "POST", "/subscriptions/"+sid+"/reauthorize", nil, nil)
	tn.receive(2, "a@customer.test", "heard")
	deliver("created")
	tn.do(tn.Lifecycle(sid, "reauthorizationRequired"))
	tn.want(200, "PATCH", "/subscriptions/"+sid, map[string]any{"expirationDateTime": noon.Add(24 * time.Hour).Format(time.RFC3339)}, nil)
	tn.receive(3, "a@customer.test", "heard")
	deliver("reauthorizationRequired created")
	tn.do(tn.Lifecycle(sid, "subscriptionRemoved"))
	tn.receive(4, "a@customer.test", "unheard")
	deliver("subscriptionRemoved")
	tn.want(404, "GET", "/subscriptions/"+sid, nil, nil)

	if tn.Lifecycle(sid, "missed") == nil || tn.Lifecycle("", "else") == nil {
		t.Error("impossible lifecycle events were accepted")
	}
	tn.subscribe(nil, "lifecycleNotificationUrl", nil)
	if tn.Lifecycle("", "missed") == nil {
		t.Error("a subscription without lifecycle URL heard of one")
	}
}
