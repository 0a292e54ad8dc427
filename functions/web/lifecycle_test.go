package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	change := item(supportID, supportSecret)
	event := func(kind string) string { return lifecycleItem(supportID, supportSecret, kind) }
	for name, tc := range map[string]struct {
		body    string
		source  string // of the one hint; empty: no hint
		gone    bool   // the watch has been forgotten
		due     bool   // the watch is to be renewed at once
		unknown int64
	}{
		"reauthorize":             {items(event("reauthorizationRequired")), "graph-lifecycle:reauthorizationRequired", false, true, 0},
		"removed":                 {items(event("subscriptionRemoved")), "graph-lifecycle:subscriptionRemoved", true, false, 0},
		"missed":                  {items(event("missed")), "graph-lifecycle:missed", false, false, 0},
		"a new kind":              {items(event("subscriptionMoved")), "graph-lifecycle", false, false, 1},
		"beside a change":         {items(change, event("missed"), change), "graph-lifecycle:missed", false, false, 0},
		"removed, then others":    {items(event("subscriptionRemoved"), event("reauthorizationRequired")), "graph-lifecycle:subscriptionRemoved", true, false, 0},
		"others, then removed":    {items(event("reauthorizationRequired"), event("subscriptionRemoved")), "graph-lifecycle:reauthorizationRequired", true, false, 0},
		"wrong secret":            {items(lifecycleItem(supportID, "guess", "subscriptionRemoved")), "", false, false, 0},
		"no secret":               {items(`{"subscriptionId":"` + supportID + `","lifecycleEvent":"subscriptionRemoved"}`), "", false, false, 0},
		"a stranger's":            {items(lifecycleItem("x", supportSecret, "subscriptionRemoved")), "", false, false, 0},
		"a Gmail watch's removal": {items(lifecycleItem(gmailWatchID, "", "subscriptionRemoved")), "", false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, q, s, _ := newGraph()
			// The item says what it is, whichever of the two addresses it comes to.
			if resp := postGraph(t, g, tc.body); resp.StatusCode != http.StatusAccepted {
				t.Fatalf("status %d", resp.StatusCode)
			}
			switch {
			case tc.source == "" && len(q.hints) != 0:
				t.Errorf("enqueued %v", q.hints)
			case tc.source != "" && (len(q.hints) != 1 || q.hints[0].Source != tc.source || q.hints[0].Mailbox != "support@contoso.com"):
				t.Errorf("hints %+v, want one of %q", q.hints, tc.source)
			}
			w, ok := s.byID[supportID]
			if ok == tc.gone {
				t.Errorf("the watch is there: %t", ok)
			}
			if due := ok && !w.Expires.After(noon); due != tc.due {
				t.Errorf("the watch is due: %t", due)
			}
			if ok && (w.Mailbox != "support@contoso.com" || !w.Renewed.Before(noon)) {
				t.Errorf("the watch has become %+v", w)
			}
			if got := g.Counts().UnknownKind; got != tc.unknown {
				t.Errorf("%d unknown kinds, want %d", got, tc.unknown)
			}
			if len(s.byID) < 2 {
				t.Errorf("another's watch has gone: %v", s.byID)
			}
		})
	}
}

// A failure anywhere is answered 503, and the repetition of the POST then does all that the first should have done.
func TestLifecycleFailureIsRepeatable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		event string
		spoil func(*queue, *watches)
	}{
		"queue, removed": {"subscriptionRemoved", func(q *queue, _ *watches) { q.err = errors.New("down") }},
		"drop, removed":  {"subscriptionRemoved", func(_ *queue, s *watches) { s.dropErr = errors.New("down") }},
		"save, reauth":   {"reauthorizationRequired", func(_ *queue, s *watches) { s.saveErr = errors.New("down") }},
		"queue, reauth":  {"reauthorizationRequired", func(q *queue, _ *watches) { q.err = errors.New("down") }},
		"queue, missed":  {"missed", func(q *queue, _ *watches) { q.err = errors.New("down") }},
		"one mailbox only": {"subscriptionRemoved", func(q *queue, _ *watches) {
			q.refuses = map[inbox.MailboxID]error{"support@contoso.com": errors.New("no")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, q, s, log := newGraph()
			tc.spoil(q, s)
			body := items(lifecycleItem(supportID, supportSecret, tc.event))
			if resp := postGraph(t, g, body); resp.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("status %d, want 503", resp.StatusCode)
			}
			if !strings.Contains(log.String(), "support@contoso.com") || !strings.Contains(log.String(), "ERROR") {
				t.Errorf("log: %s", log)
			}
			q.err, q.refuses, s.saveErr, s.dropErr = nil, nil, nil, nil
			if resp := postGraph(t, g, body); resp.StatusCode != http.StatusAccepted {
				t.Fatalf("repeated: status %d, want 202", resp.StatusCode)
			}
			if len(q.hints) == 0 {
				t.Error("repeated: no hint")
			}
			w, ok := s.byID[supportID]
			if gone := tc.event == "subscriptionRemoved"; ok == gone {
				t.Errorf("repeated: the watch is there: %t", ok)
			}
			if tc.event == "reauthorizationRequired" && w.Expires.After(noon) {
				t.Errorf("repeated: not due before %s", w.Expires)
			}
		})
	}
}

// A watch that has expired already stays as it is: its date says for how long nobody has told us anything.
func TestLifecycleKeepsPastExpiry(t *testing.T) {
	t.Parallel()
	g, _, s, _ := newGraph()
	w := s.byID[supportID]
	w.Expires = noon.AddDate(0, 0, -1)
	s.byID[supportID] = w
	postGraph(t, g, items(lifecycleItem(supportID, supportSecret, "reauthorizationRequired")))
	if got := s.byID[supportID]; got != w {
		t.Errorf("the watch has become %+v", got)
	}
}

// What Graph says many times in one POST is written once.
func TestLifecycleWritesOnce(t *testing.T) {
	t.Parallel()
	g, q, s, _ := newGraph()
	event := lifecycleItem(supportID, supportSecret, "reauthorizationRequired")
	if resp := postGraph(t, g, items(event, event, event)); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if s.saves != 1 || len(q.hints) != 1 || g.Counts().Lifecycle != 3 {
		t.Errorf("%d writes, %d hints, counts %+v", s.saves, len(q.hints), g.Counts())
	}
}
