package msgraph_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

const fullItem = `{"@odata.etag":"W/\"A\"","id":"m1","conversationId":"c","internetMessageId":"<x@y>","subject":"s","isDraft":false,"isRead":false,` +
	`"hasAttachments":false,"categories":["VIP","x"],"parentFolderId":"I","receivedDateTime":"2026-05-04T12:00:00Z","lastModifiedDateTime":"2026-05-04T12:00:00Z",` +
	`"internetMessageHeaders":[{"name":"References","value":"<a@b>\r\n <c@d>"},{"name":"X: y","value":"z"}],` +
	`"from":{"emailAddress":{"name":"n","address":"C@D"}},"toRecipients":[],"ccRecipients":[{}]}`

// Whatever a delta page holds: no panic, and what is observed can be worked with.
func FuzzDeltaPage(f *testing.F) {
	const link = `"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/u/delta?$deltatoken=1"`
	f.Add(`{"value":[` + fullItem + `],` + link + `}`)
	f.Add(`{"value":[{"id":"m","@removed":{"reason":"deleted"}},{"id":"m","categories":null},{}],` + link + `}`)
	f.Add(`{"value":[{"id":5,"subject":{},"from":"x","toRecipients":"y","internetMessageHeaders":[null,{"name":""}]}],` + link + `}`)
	f.Add(`{"value":{},"@odata.nextLink":"https://graph.microsoft.com/v1.0/../x"}`)
	f.Add(`{"error":{"code":"x"}}`)
	f.Add("null")
	f.Fuzz(func(t *testing.T, body string) {
		once := false
		m := scripted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if once { // what was removed is looked up
				script(404, `{"error":{"code":"ErrorItemNotFound"}}`).ServeHTTP(w, r)
				return
			}
			once = true
			script(200, body).ServeHTTP(w, r)
		}))
		page, err := m.Changes(context.Background(), atInbox)
		if err != nil {
			return
		}
		if _, err := m.Changes(context.Background(), page.Next); strings.Contains(errText(err), "cursor") {
			t.Errorf("the cursor cannot be read again: %v", err)
		}
		seen := map[inbox.MessageID]bool{}
		for _, o := range page.Changes {
			if o.ID == "" || seen[o.ID] {
				t.Errorf("message %q is observed twice, or has no id", o.ID)
			}
			seen[o.ID] = true
			if o.State != nil && (o.State.Revision == "" || o.State.Place != inbox.Inbox) {
				t.Errorf("state %+v", o.State)
			}
			if msg := o.Message; msg != nil {
				if msg.ID != o.ID || msg.Thread != o.Thread || msg.Direction == "" {
					t.Errorf("message %+v of observation %s", msg, o.ID)
				}
				for _, h := range msg.Header {
					if !utf8.ValidString(h.Value) || strings.ContainsAny(h.Name+h.Value, "\r\n") {
						t.Errorf("header field %q: %q", h.Name, h.Value)
					}
				}
			}
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Whatever a batch answers: no panic, and no write is reported twice or without having been asked for.
func FuzzBatchAnswer(f *testing.F) {
	f.Add(`{"responses":[{"id":"1","status":200,"body":`+fullItem+`},{"id":"0","status":412,"body":{"error":{"code":"ErrorIrresolvableConflict"}}}]}`, 200)
	f.Add(`{"responses":[{"id":"0","status":429,"headers":{"Retry-After":"9"}},{"id":"0","status":200},{"id":"7","status":200},{"id":null}]}`, 200)
	f.Add(`{"responses":[{"id":"0","status":"200","headers":[],"body":"text"},{"id":"1","status":204,"body":null}]}`, 200)
	f.Add(`{"error":{"code":"ErrorAccessDenied","message":"x"}}`, 403)
	f.Add(``, 200)
	f.Fuzz(func(t *testing.T, body string, status int) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			status = 200
		}
		m := scripted(t, script(status, body))
		state := inbox.State{Place: inbox.Inbox, Revision: "r"}
		writes := []pipeline.Write{{Message: "a", State: state, Add: markers("VIP")}, {Message: "b", State: state, Add: markers("VIP")}}
		done, err := m.Mark(context.Background(), writes)
		if err == nil && len(done) != len(writes) {
			t.Errorf("%d of 2 writes reported, and no error", len(done))
		}
		seen := map[inbox.MessageID]bool{}
		for _, w := range done {
			if w.Message != "a" && w.Message != "b" || seen[w.Message] {
				t.Errorf("a report of %q", w.Message)
			}
			seen[w.Message] = true
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(string(atInbox))
	f.Add(`{"v":1,"f":[{"n":"a/b/c","p":"x","k":2},{"n":"a/b/c"},{"n":""}]}`)
	f.Add(`{"v":1,"f":[{"n":"inbox","i":"x","l":"/users/../../evil?$deltatoken=1"}]}`)
	f.Fuzz(func(t *testing.T, cursor string) {
		m := scripted(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "graph.microsoft.com" || !strings.HasPrefix(r.URL.Path, "/v1.0/") {
				t.Errorf("a request to %s", r.URL)
			}
			script(200, `{"responses":[]}`).ServeHTTP(w, r)
		}))
		page, err := m.Changes(context.Background(), inbox.Cursor(cursor))
		if err == nil && !json.Valid([]byte(page.Next)) {
			t.Errorf("the next cursor is %q", page.Next)
		}
	})
}
