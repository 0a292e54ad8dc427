package gmail_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/gmail"
)

// FuzzMessage decodes a message as Google would send it. Whatever is in it, texts are UTF-8 and bounded.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","threadId":"2","labelIds":["INBOX","UNREAD"],"internalDate":"1700000000000","payload":{"mimeType":"text/plain","headers":[{"name":"From","value":"=?utf-8?Q?S=C3=B8ren?= <a@b.c>"},{"name":"Subject","value":"x\r\nBcc: y@z"}],"body":{"data":"S8O4Yg=="}}}`,
		`{"id":"1","payload":{"mimeType":"multipart/mixed","parts":[{"mimeType":"text/plain","headers":[{"name":"Content-Type","value":"text/plain; charset=iso-2022-jp"}],"body":{"data":"GyRCJDMkcxsoQg"}},{"filename":"a/b\u0000","mimeType":"image/png","body":{"size":-4,"attachmentId":"z"}},{"mimeType":"message/rfc822","parts":[{"mimeType":"text/plain","body":{"data":"eA"}}]}]}}`,
		`{"id":"1","labelIds":["SENT"],"payload":{"headers":[null,{"name":"","value":"x"},{"name":"X-Google-Sender-Delegation","value":"bo@contoso.com <x>"}],"parts":[null]}}`,
		`{"id":"1","payload":{"mimeType":"text/html","body":{"data":"PHA-8J-ZgjwvcD4"}}}`,
		`{"id":"1","internalDate":"-1","sizeEstimate":-1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var msg api.Message
		if json.Unmarshal([]byte(s), &msg) != nil {
			t.Skip()
		}
		m := gmail.Decode(&msg)
		texts := []string{m.Subject, m.Body, m.RFCID, m.InReplyTo, m.From.Name, string(m.From.Address), string(m.Sender.Address)}
		for _, h := range m.Header {
			texts = append(texts, h.Name, h.Value)
		}
		for _, a := range m.Attachments {
			texts = append(texts, a.Name)
			if a.Size < 0 {
				t.Errorf("size %d", a.Size)
			}
		}
		for _, x := range texts {
			if !utf8.ValidString(x) || strings.ContainsRune(x, 0) {
				t.Errorf("%q", x)
			}
		}
		if len(m.Body) > 64<<10 || len(m.Header) > 500 || m.Size < 0 {
			t.Errorf("%d bytes of body, %d fields, size %d", len(m.Body), len(m.Header), m.Size)
		}
		if m.Direction != inbox.Out && m.Sender != (inbox.Person{}) {
			t.Errorf("the sender %+v of a mail from outside is believed", m.Sender)
		}
	})
}

// FuzzHistory merges history as Google would send it. No message is there twice, a deleted one stays deleted, and
// what is cut off lies after the cursor.
func FuzzHistory(f *testing.F) {
	f.Add(`[{"id":"5","messages":[{"id":"a"}],"messagesAdded":[{"message":{"id":"a","threadId":"t","labelIds":["INBOX"]}}]},{"id":"9","messagesDeleted":[{"message":{"id":"a"}}]}]`)
	f.Add(`[{"id":"5","labelsAdded":[{"message":{"id":"a","labelIds":["Label_1"]},"labelIds":["Label_1"]},null]},{"id":"4","labelsRemoved":[{"labelIds":["x"]}]},null]`)
	f.Add(`[{"id":"5","messages":[{"id":"b","labelIds":["INBOX"]},null]}]`)
	f.Fuzz(func(t *testing.T, s string) {
		var records []*api.History
		if json.Unmarshal([]byte(s), &records) != nil {
			t.Skip()
		}
		page, last, all := gmail.Merge(records)
		for _, r := range records {
			if r == nil {
				continue
			}
			if r.Id > last && all {
				t.Errorf("record %d is after %d", r.Id, last)
			}
			for _, e := range r.MessagesDeleted {
				if e == nil || e.Message == nil || e.Message.Id == "" {
					continue
				}
				if m, ok := page[e.Message.Id]; ok && !m.Gone {
					t.Errorf("%s was deleted and is back", e.Message.Id)
				}
			}
		}
		for id, m := range page {
			if id == "" || m.Last > last {
				t.Errorf("%q has its last record %d after %d", id, m.Last, last)
			}
		}
	})
}

// FuzzAnswer reads a page of history whatever the wire brings.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"history":[{"id":"7","messagesAdded":[{"message":{"id":"a","labelIds":["INBOX","Label_9"]}}]}],"historyId":"8"}`)
	f.Add(200, `{"labels":[null,{"id":"Label_9","name":"x"}]}`)
	f.Add(403, `{"error":{"code":403,"details":[{"reason":"RATE_LIMIT_EXCEEDED"},7]}}`)
	f.Add(500, `<html>`)
	f.Add(200, `{"nextPageToken":"again","history":[null]}`)
	f.Fuzz(func(t *testing.T, code int, body string) {
		if code < 200 || code > 599 {
			t.Skip()
		}
		requests := 0
		m := alone(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			requests++
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}), clock.At(time.Unix(1_800_000_000, 0)))
		page, err := m.Changes(t.Context(), `{"history":"5"}`)
		if err == nil && page.Next == "" {
			t.Error("a page without a cursor")
		}
		if requests > 200 {
			t.Errorf("%d requests", requests)
		}
		ids := map[inbox.MessageID]bool{}
		for _, o := range page.Changes {
			if ids[o.ID] {
				t.Errorf("%s is there twice", o.ID)
			}
			ids[o.ID] = true
		}
	})
}
