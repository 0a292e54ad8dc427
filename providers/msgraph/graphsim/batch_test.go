package graphsim_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

type inner map[string]any

func patch(id, message string, body any, more ...any) inner {
	in := inner{"id": id, "method": "PATCH", "url": messages + "/" + message, "headers": map[string]string{"Content-Type": "application/json"}, "body": body}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

// batch posts a batch and returns the answers by id.
func (tn *tenant) batch(items ...inner) (map[string]map[string]any, []string) {
	tn.t.Helper()
	a := tn.want(200, "POST", "/$batch", map[string]any{"requests": items}, nil)
	out := map[string]map[string]any{}
	var order []string
	for _, r := range a.body["responses"].([]any) {
		m := r.(map[string]any)
		out[m["id"].(string)] = m
		order = append(order, m["id"].(string))
	}
	return out, order
}

func statuses(answers map[string]map[string]any) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(answers)) {
		out = append(out, fmt.Sprintf("%s:%v", id, answers[id]["status"]))
	}
	return strings.Join(out, " ")
}

func TestBatch(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	etag := tn.want(200, "GET", messages+"/"+id, nil, nil).body["@odata.etag"].(string)
	tn.ResetStats()
	answers, order := tn.batch(
		patch("1", id, map[string]any{"categories": []string{"x"}}, "headers", map[string]string{"Content-Type": "application/json", "If-Match": etag}),
		patch("2", id, map[string]any{"isRead": true}, "headers", map[string]string{"Content-Type": "application/json", "If-Match": etag}),
		inner{"id": "3", "method": "GET", "url": messages[1:] + "/" + id + "?$select=id,subject", "headers": map[string]string{"Prefer": `IdType="ImmutableId"`}},
		inner{"id": "4", "method": "GET", "url": messages + "/nothing"},
		inner{"id": "5", "method": "GET", "url": messages + "/" + id + "/$value"},
		inner{"id": "6", "method": "DELETE", "url": messages + "/nothing"},
		inner{"id": "7", "method": "PATCH", "url": messages + "/" + id, "body": map[string]any{"isRead": true}}, // no Content-Type
		inner{"id": "8", "method": "GET", "url": "/v1.0" + messages},
		inner{"id": "9", "method": "POST", "url": "/$batch", "headers": map[string]string{"Content-Type": "application/json"}, "body": map[string]any{"requests": []any{}}},
	)
	if got, want := statuses(answers), "1:200 2:412 3:200 4:404 5:200 6:404 7:400 8:404 9:400"; got != want {
		t.Errorf("statuses = %s, want %s", got, want)
	}
	if body := answers["3"]["body"].(map[string]any); body["id"] != id || body["subject"] != "one" {
		t.Errorf("3 = %v", body)
	}
	if !slices.IsSorted(order) {
		t.Errorf("without Rand the order is %v", order)
	}
	if st := tn.Stats(); st.Requests != 9 || st.RoundTrips != 1 || st.MaxInFlight != 4 || st.Mailboxes[support].Requests != 7 {
		t.Errorf("stats = %+v", st)
	}
}

func TestBatchShuffles(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Rand = rand.New(rand.NewPCG(1, 2))
	id := tn.receive(1, "a@customer.test", "one")
	var items []inner
	for i := range 20 {
		items = append(items, inner{"id": fmt.Sprintf("%02d", i), "method": "GET", "url": messages + "/" + id})
	}
	answers, order := tn.batch(items...)
	if len(answers) != 20 || slices.IsSorted(order) {
		t.Errorf("order = %v", order)
	}
}

func TestBatchDependsOn(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	tn.ResetStats()
	answers, _ := tn.batch(
		patch("1", id, map[string]any{"isRead": true}),
		patch("2", "nothing", map[string]any{"isRead": true}, "dependsOn", []string{"1"}),
		patch("3", id, map[string]any{"isRead": false}, "dependsOn", []string{"2"}),
	)
	if got := statuses(answers); got != "1:200 2:404 3:424" {
		t.Errorf("statuses = %s", got)
	}
	if m, _ := tn.Message(support, id); !m.Read {
		t.Error("the request after a failed one ran")
	}
	if n := tn.Stats().MaxInFlight; n != 1 {
		t.Errorf("a sequential batch took %d places", n)
	}
}

func TestBatchRefusedWhole(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	get := func(id string) inner { return inner{"id": id, "method": "GET", "url": messages} }
	var many []inner
	for i := range 21 {
		many = append(many, get(fmt.Sprint(i)))
	}
	for name, items := range map[string][]inner{
		"too many":              many,
		"none":                  {},
		"the same id":           {get("a"), get("A")},
		"no id":                 {get("")},
		"an absolute url":       {{"id": "1", "method": "GET", "url": api + messages}},
		"depends on a later":    {{"id": "1", "method": "GET", "url": messages, "dependsOn": []string{"2"}}, get("2")},
		"depends on an unknown": {{"id": "1", "method": "GET", "url": messages, "dependsOn": []string{"x"}}},
	} {
		if a := tn.call("POST", "/$batch", map[string]any{"requests": items}, nil); a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	tn.want(405, "GET", "/$batch", nil, nil)
}

func TestInnerThrottle(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	a, b := tn.receive(1, "a@customer.test", "one"), tn.receive(2, "a@customer.test", "two")
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: b, RetryAfter: 7 * time.Second, Times: 1})
	body := map[string]any{"categories": []string{"x"}}
	answers, _ := tn.batch(patch("1", a, body), patch("2", b, body))
	if got := statuses(answers); got != "1:200 2:429" {
		t.Errorf("statuses = %s", got)
	}
	if h := answers["2"]["headers"].(map[string]any); h["Retry-After"] != "7" {
		t.Errorf("headers = %v", h)
	}
	if m, _ := tn.Message(support, b); len(m.Categories) != 0 {
		t.Error("a throttled request had an effect")
	}
	if answers, _ = tn.batch(patch("1", b, body)); statuses(answers) != "1:200" {
		t.Errorf("again: %s", statuses(answers))
	}
	if n := tn.Stats().Throttled; n != 1 {
		t.Errorf("throttled = %d", n)
	}
}

// While three requests hold three of the mailbox's four places, a batch finds
// one, so of every four of its requests three are over the limit.
func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	for _, unlimited := range []bool{false, true} {
		tn := newTenant(t)
		tn.NoConcurrencyLimit = unlimited
		tn.do(tn.AddMailbox(graphsim.Mailbox{Address: "other@contoso.com"}))
		id := tn.receive(1, "a@customer.test", "one")
		held, release := make(chan struct{}), make(chan struct{})
		tn.Dial.Sleep = func(time.Duration) { held <- struct{}{}; <-release }
		tn.Dial.Add(fault.Rule{Kind: fault.Slow, Path: "mailFolders/inbox", Delay: time.Second, Times: 4})
		finished := make(chan answer)
		hold := func() {
			a, err := tn.try("GET", "/users/"+support+"/mailFolders/inbox", nil, nil)
			if err != nil {
				t.Error(err)
			}
			finished <- a
		}
		for range 3 {
			go hold()
			<-held
		}
		var items []inner
		for i := range 4 {
			items = append(items, inner{"id": fmt.Sprint(i), "method": "GET", "url": messages + "/" + id})
		}
		items = append(items, inner{"id": "x", "method": "GET", "url": "/users/other@contoso.com/messages"})
		answers, _ := tn.batch(items...)
		want := "0:200 1:429 2:429 3:429 x:200"
		if unlimited {
			want = "0:200 1:200 2:200 3:200 x:200"
		}
		if got := statuses(answers); got != want {
			t.Errorf("batch = %s, want %s", got, want)
		}
		go hold()
		<-held
		single := tn.call("GET", messages+"/"+id, nil, nil)
		if wantStatus := map[bool]int{false: 429, true: 200}[unlimited]; single.status != wantStatus {
			t.Errorf("a fifth at once = %d, want %d", single.status, wantStatus)
		} else if !unlimited && (single.code() != "ApplicationThrottled" || single.header.Get("Retry-After") == "" || !strings.Contains(string(single.raw), "MailboxConcurrency")) {
			t.Errorf("refusal = %s", single.raw)
		}
		close(release)
		for range 4 {
			if a := <-finished; a.status != 200 {
				t.Errorf("held request = %d", a.status)
			}
		}
		tn.want(200, "GET", messages+"/"+id, nil, nil)
	}
}

func TestFaultsOfTheDial(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	target := messages + "/" + id
	tn.Dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 3 * time.Second, Times: 1})
	tn.Dial.Add(fault.Rule{Kind: fault.Unavailable, Times: 1})
	tn.Dial.Add(fault.Rule{Kind: fault.Lost, Method: "PATCH", Times: 1})
	if a := tn.want(429, "GET", target, nil, nil); a.header.Get("Retry-After") != "3" || a.code() != "ApplicationThrottled" {
		t.Errorf("throttled = %s", a.raw)
	}
	if a := tn.want(503, "GET", target, nil, nil); a.header.Get("Retry-After") != "" {
		t.Errorf("unavailable = %v", a.header)
	}
	if _, err := tn.try("PATCH", target, map[string]any{"isRead": true}, nil); err == nil {
		t.Error("a lost answer arrived")
	}
	if m, _ := tn.Message(support, id); !m.Read {
		t.Error("the lost request had no effect")
	}
}
