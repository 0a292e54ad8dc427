package msgraph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
)

// tooLong is an answer over every bound.
var tooLong = bytes.Repeat([]byte(" "), 65<<20)

func withBodies(t *testing.T, h http.Handler) *msgraph.Mailbox {
	t.Helper()
	c, err := msgraph.NewClient(msgraph.Options{BaseURL: root, Transport: &fault.Transport{Handler: h}})
	must(t, err)
	m, err := c.Mailbox(msgraph.MailboxOptions{Address: support, Own: own, Needs: rules.Needs{Body: true}})
	must(t, err)
	return m
}

var pageSize = regexp.MustCompile(`odata\.maxpagesize=(\d+)`)

// Fifty large mails at once must not stop a mailbox for ever.
func TestChangesOfLargeMails(t *testing.T) {
	t.Parallel()
	m := withBodies(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		size := pageSize.FindStringSubmatch(r.Header.Get("Prefer"))
		if n, err := strconv.Atoi(size[1]); err != nil || n > 1 {
			_, _ = w.Write(tooLong)
			return
		}
		fmt.Fprintf(w, `{"value":[{"id":"m"}],"@odata.deltaLink":"%s/users/x/mailFolders/I/messages/delta?$deltatoken=1"}`, root)
	}))
	page, err := m.Changes(context.Background(), atInbox)
	must(t, err)
	equal(t, "read", one(t, page.Changes).ID, "m")
}

// Messages that are too large together are read alone, and of one that is too large alone there is its state.
func TestFetchOfLargeMails(t *testing.T) {
	t.Parallel()
	item := func(id string) string {
		return fmt.Sprintf(`{"@odata.etag":"W/\"1\"","id":"%s","conversationId":"c","subject":"s","categories":["VIP"],"parentFolderId":"I","lastModifiedDateTime":"2026-05-04T12:00:00Z"}`, id)
	}
	m := withBodies(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/$batch") {
			id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
			if id == "b" && strings.Contains(r.URL.RawQuery, "body") {
				_, _ = w.Write(tooLong)
				return
			}
			_, _ = io.WriteString(w, item(id))
			return
		}
		var batch struct {
			Requests []struct{ ID, URL string }
		}
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		var answers []string
		for _, q := range batch.Requests {
			body := `{"id":"I"}`
			if strings.Contains(q.URL, "/messages/") {
				if strings.Contains(q.URL, "body") {
					_, _ = w.Write(tooLong)
					return
				}
				body = item("?")
			}
			answers = append(answers, fmt.Sprintf(`{"id":"%s","status":200,"body":%s}`, q.ID, body))
		}
		fmt.Fprintf(w, `{"responses":[%s]}`, strings.Join(answers, ","))
	}))
	got, err := m.Fetch(context.Background(), []inbox.MessageID{"a", "b", "c"})
	must(t, err)
	equal(t, "read", len(got), 3)
	for _, o := range got {
		if o.Gone || o.State == nil || o.Message == nil || (o.Message.Unreadable != "") != (o.ID == "b") {
			t.Fatalf("%+v", o)
		}
		equalSet(t, "markers", o.State.Markers, "VIP")
	}
}
