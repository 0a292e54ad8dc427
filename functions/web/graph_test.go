package web_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/web"
)

func newGraph() (*web.Graph, *queue, *watches, *logged) {
	q, s, log := &queue{}, newWatches(), &logged{}
	return &web.Graph{Watches: s, Hints: q, Now: clock, Log: log.logger()}, q, s, log
}

// item is a change notification as Graph documents it.
func item(subscription, clientState string) string {
	return fmt.Sprintf(`{"id":"lsgTZMr9KwAAA","subscriptionId":%q,"subscriptionExpirationDateTime":"2026-11-27T03:12:18.2257768+05:30",
 "clientState":%q,"changeType":"created","resource":"Users/9d0b/Messages/AAMk","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95",
 "resourceData":{"@odata.type":"#Microsoft.Graph.Message","@odata.id":"Users/9d0b/Messages/AAMk","@odata.etag":"W/\"CQAAABYAAA\"","id":"AAMk"}}`,
		subscription, clientState)
}

func lifecycleItem(subscription, clientState, event string) string {
	return fmt.Sprintf(`{"subscriptionId":%q,"subscriptionExpirationDateTime":"2026-11-27T03:12:18.2257768+05:30",
 "tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","clientState":%q,"lifecycleEvent":%q}`, subscription, clientState, event)
}

func items(all ...string) string { return `{"value":[` + strings.Join(all, ",") + `]}` }

func postGraph(t testing.TB, g *web.Graph, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks/graph", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return serve(t, g, r)
}

func TestGraphNotifications(t *testing.T) {
	t.Parallel()
	support, sales := item(supportID, supportSecret), item(salesID, salesSecret)
	both := []inbox.MailboxID{"support@contoso.com", "sales@contoso.com"}
	one := both[:1]
	const stranger = "11111111-2dc5-4530-97cd-4e7ae6534c07"
	for name, tc := range map[string]struct {
		body   string
		status int
		hints  []inbox.MailboxID
		counts web.Counts
	}{
		"one":                    {items(support), 202, one, web.Counts{Accepted: 1, Enqueued: 1}},
		"many of one mailbox":    {items(support, support, support), 202, one, web.Counts{Accepted: 3, Enqueued: 1}},
		"two mailboxes":          {items(support, sales, support, sales), 202, both, web.Counts{Accepted: 4, Enqueued: 2}},
		"none":                   {items(), 202, nil, web.Counts{}},
		"unknown subscription":   {items(item(stranger, supportSecret)), 202, nil, web.Counts{Unknown: 1}},
		"unknown beside known":   {items(item(stranger, "x"), support), 202, one, web.Counts{Unknown: 1, Accepted: 1, Enqueued: 1}},
		"wrong clientState":      {items(item(supportID, "guess")), 202, nil, web.Counts{Refused: 1}},
		"another's clientState":  {items(item(supportID, salesSecret)), 202, nil, web.Counts{Refused: 1}},
		"wrong beside right":     {items(item(supportID, "guess"), sales), 202, both[1:], web.Counts{Refused: 1, Accepted: 1, Enqueued: 1}},
		"clientState with space": {items(item(supportID, supportSecret+" ")), 202, nil, web.Counts{Refused: 1}},
		"empty clientState":      {items(item(supportID, "")), 202, nil, web.Counts{Refused: 1}},
		"no clientState":         {items(`{"subscriptionId":"` + supportID + `"}`), 202, nil, web.Counts{Refused: 1}},
		"clientState null":       {items(`{"subscriptionId":"` + supportID + `","clientState":null}`), 202, nil, web.Counts{Refused: 1}},
		"clientState a number":   {items(`{"subscriptionId":"` + supportID + `","clientState":7}`), 202, nil, web.Counts{Refused: 1}},
		"a Gmail watch":          {items(item(gmailWatchID, "")), 202, nil, web.Counts{Refused: 1}},
		"a Gmail watch, guessed": {items(item(gmailWatchID, strings.Repeat("0", 64))), 202, nil, web.Counts{Refused: 1}},
		"a watch on nothing":     {items(item(emptyID, "")), 202, nil, web.Counts{Refused: 1}},
		"no subscription":        {items(`{"clientState":"x"}`, support), 202, one, web.Counts{Malformed: 1, Accepted: 1, Enqueued: 1}},
		"subscription a list":    {items(`{"subscriptionId":["a"],"clientState":"x"}`, support), 202, one, web.Counts{Malformed: 1, Accepted: 1, Enqueued: 1}},
		"an item null":           {items(`null`, support), 202, one, web.Counts{Malformed: 1, Accepted: 1, Enqueued: 1}},
		"an item of text":        {items(`"hello"`, support), 202, one, web.Counts{Malformed: 1, Accepted: 1, Enqueued: 1}},
		"odd dates":              {items(`{"subscriptionId":"` + supportID + `","clientState":"` + supportSecret + `","subscriptionExpirationDateTime":17}`), 202, one, web.Counts{Accepted: 1, Enqueued: 1}},
		"validationTokens":       {`{"value":[` + support + `],"validationTokens":["eyJ0eXAi"],"@odata.context":{"x":[1]}}`, 202, one, web.Counts{Accepted: 1, Enqueued: 1}},
		"doubled keys, last is wrong": {items(`{"subscriptionId":"` + supportID + `","clientState":"` + supportSecret + `","clientState":"guess"}`),
			202, nil, web.Counts{Refused: 1}},
		"doubled lists do not mix": {`{"value":[` + support + `],"value":[{"subscriptionId":"` + salesID + `"}]}`, 202, nil, web.Counts{Refused: 1}},
		"not JSON":                 {`value=1`, 400, nil, web.Counts{Malformed: 1}},
		"empty":                    {``, 400, nil, web.Counts{Malformed: 1}},
		"null":                     {`null`, 400, nil, web.Counts{Malformed: 1}},
		"a list":                   {`[` + support + `]`, 400, nil, web.Counts{Malformed: 1}},
		"no list":                  {`{"values":[]}`, 400, nil, web.Counts{Malformed: 1}},
		"value an object":          {`{"value":` + support + `}`, 400, nil, web.Counts{Malformed: 1}},
		"something after it":       {items(support) + `{}`, 400, nil, web.Counts{Malformed: 1}},
		"cut off":                  {items(support)[:200], 400, nil, web.Counts{Malformed: 1}},
		"deep":                     {`{"value":` + strings.Repeat("[", 400_000), 400, nil, web.Counts{Malformed: 1}},
		"deep inside an item":      {items(`{"x":` + strings.Repeat(`{"x":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `}`), 400, nil, web.Counts{Malformed: 1}},
		"exactly the limit":        {items(support) + strings.Repeat(" ", 1<<20-len(items(support))), 202, one, web.Counts{Accepted: 1, Enqueued: 1}},
		"one over the limit":       {items(support) + strings.Repeat(" ", 1<<20+1-len(items(support))), 413, nil, web.Counts{Malformed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, q, _, log := newGraph()
			resp := postGraph(t, g, tc.body)
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
			if got := q.mailboxes(); !slices.Equal(got, tc.hints) {
				t.Errorf("hints for %v, want %v", got, tc.hints)
			}
			for _, h := range q.hints {
				if h.Source != web.SourceGraph || !h.At.Equal(noon) {
					t.Errorf("hint %+v", h)
				}
			}
			tc.counts.Requests = 1
			if got := g.Counts(); got != tc.counts {
				t.Errorf("counts %+v\n  want %+v", got, tc.counts)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("%d log lines, want 1: %s", n, log)
			}
			for _, secret := range []string{supportSecret, salesSecret, "guess", "eyJ0eXAi", stranger, "AAMk"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("%q is in the log: %s", secret, log)
				}
			}
			for _, mailbox := range tc.hints {
				if !strings.Contains(log.String(), string(mailbox)) {
					t.Errorf("the log does not name %s: %s", mailbox, log)
				}
			}
		})
	}
}

func TestGraphLogsWrongSecretWithSubscription(t *testing.T) {
	t.Parallel()
	g, _, _, log := newGraph()
	postGraph(t, g, items(slices.Repeat([]string{item(supportID, "guess")}, 50)...))
	if !strings.Contains(log.String(), supportID) || !strings.Contains(log.String(), `"refused":50`) || !strings.Contains(log.String(), "WARN") {
		t.Errorf("log: %s", log)
	}
	if n := strings.Count(log.String(), supportID); n > 5 {
		t.Errorf("the log names %d subscriptions", n)
	}
}

// A body whose length is not announced is bounded all the same, and one whose length is too large is not read at all.
func TestGraphBodyLimit(t *testing.T) {
	t.Parallel()
	g, q, _, _ := newGraph()
	r := httptest.NewRequest(http.MethodPost, "/hooks/graph", io.MultiReader(strings.NewReader(`{"value":[`), strings.NewReader(strings.Repeat(" ", 2<<20))))
	r.ContentLength = -1
	if resp := serve(t, g, r); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("unannounced: status %d", resp.StatusCode)
	}
	r = httptest.NewRequest(http.MethodPost, "/hooks/graph", iotest.ErrReader(errors.New("was read")))
	r.ContentLength = 1 << 40
	if resp := serve(t, g, r); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("announced: status %d", resp.StatusCode)
	}
	r = httptest.NewRequest(http.MethodPost, "/hooks/graph", iotest.ErrReader(io.ErrUnexpectedEOF))
	if resp := serve(t, g, r); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("broken off: status %d", resp.StatusCode)
	}
	if len(q.hints) != 0 {
		t.Errorf("enqueued %v", q.hints)
	}
}

func TestGraphOnlyPost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		g, q, _, _ := newGraph()
		r := httptest.NewRequest(method, "/hooks/graph?validationToken=abc", strings.NewReader(items(item(supportID, supportSecret))))
		resp := serve(t, g, r)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" || strings.Contains(string(body), "abc") || len(q.hints) != 0 {
			t.Errorf("%s: status %d, Allow %q, body %q, hints %v", method, resp.StatusCode, resp.Header.Get("Allow"), body, q.hints)
		}
	}
}

func TestGraphQueueRefuses(t *testing.T) {
	t.Parallel()
	g, q, _, log := newGraph()
	q.err = errors.New("queue is down")
	if resp := postGraph(t, g, items(item(supportID, supportSecret))); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
	if c := g.Counts(); c.Enqueued != 0 || c.Failed != 1 {
		t.Errorf("counts %+v", c)
	}
	if !strings.Contains(log.String(), "support@contoso.com") || !strings.Contains(log.String(), "queue is down") {
		t.Errorf("log: %s", log)
	}

	// What a stranger sends is no business of the queue's.
	if resp := postGraph(t, g, items(item("unknown", "x"), item(supportID, "guess"))); resp.StatusCode != http.StatusAccepted {
		t.Errorf("a stranger's: status %d, want 202", resp.StatusCode)
	}

	// One mailbox that the queue refuses holds up only itself, and Graph is asked to send it again.
	g, q, _, _ = newGraph()
	q.refuses = map[inbox.MailboxID]error{"support@contoso.com": errors.New("poisoned")}
	resp := postGraph(t, g, items(item(supportID, supportSecret), item(salesID, salesSecret)))
	if resp.StatusCode != http.StatusServiceUnavailable || !slices.Equal(q.mailboxes(), []inbox.MailboxID{"sales@contoso.com"}) {
		t.Errorf("status %d, hints %v", resp.StatusCode, q.mailboxes())
	}
}

func TestGraphLookupRefuses(t *testing.T) {
	t.Parallel()
	g, q, s, _ := newGraph()
	s.lookErr[salesID] = errors.New("store is down")
	resp := postGraph(t, g, items(item(supportID, supportSecret), item(salesID, salesSecret), item(supportID, supportSecret)))
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
	if got := q.mailboxes(); !slices.Equal(got, []inbox.MailboxID{"support@contoso.com"}) {
		t.Errorf("hints for %v: what had been verified is to be enqueued", got)
	}
	if s.lookups != 2 {
		t.Errorf("%d lookups: a store that is not well is not asked on", s.lookups)
	}
}

// A stranger cannot make us read the store as often as a body has room for ids.
func TestGraphBoundsLookups(t *testing.T) {
	t.Parallel()
	g, q, s, _ := newGraph()
	all := []string{item(supportID, supportSecret)}
	for i := range 10_000 {
		all = append(all, fmt.Sprintf(`{"subscriptionId":"%d"}`, i))
	}
	all = append(all, item(supportID, supportSecret))
	if resp := postGraph(t, g, items(all...)); resp.StatusCode != http.StatusAccepted {
		t.Errorf("status %d", resp.StatusCode)
	}
	if s.lookups > 101 {
		t.Errorf("%d lookups", s.lookups)
	}
	if c := g.Counts(); c.Unknown != 10_000 || c.Accepted != 2 || len(q.hints) != 1 {
		t.Errorf("counts %+v, %d hints", c, len(q.hints))
	}
}
