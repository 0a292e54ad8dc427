package gmailsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

// FuzzRequest sends any request to a mailbox with a few mails. Whatever comes, the answer is JSON in Google's
// form or empty, never a 5xx, and the mailbox can still be read.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "messages?q=label:x -in:trash&maxResults=3", "")
	f.Add("GET", "history?startHistoryId=1000&historyTypes=labelAdded&pageToken=1001", "")
	f.Add("GET", "threads?pageToken=1-1&labelIds=INBOX", "")
	f.Add("GET", "messages/ID?fields=payload(headers/name,parts),id&format=full", "")
	f.Add("GET", "messages/ID/attachments/ANGjdJYS8wLzE", "")
	f.Add("POST", "messages/ID/modify", `{"addLabelIds":["STARRED"],"removeLabelIds":["INBOX"]}`)
	f.Add("POST", "messages/batchModify", `{"ids":["ID"],"addLabelIds":["STARRED"]}`)
	f.Add("POST", "messages/send", `{"raw":"VG86IGFAeA0KDQo=","threadId":"ID"}`)
	f.Add("POST", "drafts", `{"message":{"raw":"VG86IGFAeA0KDQo="}}`)
	f.Add("POST", "drafts/send", `{"message":{"raw":"VG86IGFAeA"},"id":""}`)
	f.Add("POST", "labels", `{"name":"@A","color":{"textColor":"#ffffff","backgroundColor":"#000000"}}`)
	f.Add("PATCH", "labels/Label_1", `{"name":"b"}`)
	f.Add("POST", "watch", `{"topicName":"projects/contoso-mail/topics/gmail","labelIds":["INBOX"]}`)
	f.Add("PUT", "settings/vacation", `{"enableAutoReply":true,"responseSubject":"s","endTime":"5"}`)
	f.Add("DELETE", "messages/ID", "")
	f.Fuzz(func(t *testing.T, verb, target, body string) {
		s := gmailsim.New()
		s.Now = func() time.Time { return start }
		s.AddMailbox(box)
		id, err := s.Receive(box, []byte(tree))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddLabel(box, id, "Refund"); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse("/gmail/v1/users/me/" + strings.ReplaceAll(target, "ID", id))
		if err != nil || strings.ContainsAny(verb, " \t\r\n") {
			return
		}
		for _, prefix := range []string{"", "/upload"} {
			req := &http.Request{Method: verb, URL: &url.URL{Path: prefix + u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, Header: http.Header{}, Body: http.NoBody, Host: "gmail.test"}
			if body != "" {
				req.Body = httptest.NewRequest("POST", "/", strings.NewReader(strings.ReplaceAll(body, "ID", id))).Body
			}
			req.Header.Set("Authorization", "Bearer sim:"+box)
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, req)
			if rec.Code >= 500 || rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
				t.Fatalf("%s %s: %d %s", verb, req.URL, rec.Code, rec.Body)
			}
		}
		if _, err := s.Messages(box); err != nil {
			t.Fatal(err)
		}
		get(t, s, "messages?includeSpamTrash=true")
		get(t, s, "history?startHistoryId=1000")
	})
}
