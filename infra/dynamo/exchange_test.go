package dynamo_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// exchange is a mailbox whose ids, revisions and cursors are as long as Graph's, and as hard to compress.
type exchange struct {
	*memory.Provider
	mailbox   inbox.MailboxID
	revisions map[string]string // Graph's to the provider's
	n         int
	now       time.Time
}

func newExchange(mailbox inbox.MailboxID) *exchange {
	p := &memory.Provider{Address: inbox.Address(mailbox), Guarded: true}
	p.Ours = coretest.HistoryPolicy(mailbox, "", 0).Own
	return &exchange{Provider: p, mailbox: mailbox, revisions: map[string]string{}, now: time.Date(2026, 3, 2, 8, 0, 0, 123_000_000, time.UTC)}
}

// opaque is n characters that nobody can guess from what came before.
func opaque(n int, seed ...any) string {
	var out strings.Builder
	for i := 0; out.Len() < n; i++ {
		sum := sha256.Sum256([]byte(fmt.Sprint(append(seed, i)...)))
		out.WriteString(base64.URLEncoding.EncodeToString(sum[:30]))
	}
	return out.String()[:n]
}

// receive lets a mail arrive: the first of a new thread, or an answer to that one.
func (x *exchange) receive(to inbox.MessageID, thread inbox.ThreadID, customer int) (inbox.MessageID, inbox.ThreadID) {
	x.n++
	x.now = x.now.Add(time.Second)
	if thread == "" {
		thread = inbox.ThreadID("AAQkAD" + opaque(56, x.mailbox, "threads") + "AQA" + opaque(22, x.mailbox, "thread", x.n) + "Mg=")
	}
	m := inbox.Message{
		ID:     inbox.MessageID("AAMkAD" + opaque(112, x.mailbox) + opaque(26, x.mailbox, "message", x.n) + "AAAAHg=="),
		Thread: thread, ThreadIsHint: true, At: x.now, Subject: fmt.Sprintf("Question about order %s", opaque(12, "order", customer)),
		RFCID: fmt.Sprintf("<%s@mail.example.net>", opaque(32, x.mailbox, "rfc", x.n)), To: []inbox.Person{{Address: inbox.Address(x.mailbox)}},
		From: inbox.Person{Name: "Customer " + opaque(8, "name", customer), Address: inbox.Address(strings.ToLower(opaque(12, "address", customer)) + "@example.net")},
	}
	if to != "" {
		m.Subject, m.InReplyTo = "Re: "+m.Subject, fmt.Sprintf("<%s@mail.example.net>", to)
	}
	return x.Receive(m), thread
}

// Changes has a cursor as long as a delta link.
func (x *exchange) Changes(ctx context.Context, c inbox.Cursor) (pipeline.Page, error) {
	if c != "" {
		_, short, _ := strings.Cut(string(c), "~")
		c = inbox.Cursor(short)
	}
	page, err := x.Provider.Changes(ctx, c)
	page.Next = inbox.Cursor("https://graph.microsoft.com/v1.0/users/" + opaque(36, x.mailbox, "user") + "/mailFolders/inbox/messages/delta?$deltatoken=" +
		opaque(1000, x.mailbox, page.Next) + "~" + string(page.Next))
	for i := range page.Changes {
		x.revise(page.Changes[i].State)
	}
	return page, err
}

func (x *exchange) Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error) {
	out, err := x.Provider.Fetch(ctx, ids)
	for i := range out {
		x.revise(out[i].State)
	}
	return out, err
}

func (x *exchange) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	for i, w := range writes {
		writes[i].State.Revision = x.revisions[w.State.Revision]
	}
	out, err := x.Provider.Mark(ctx, writes)
	for i := range out {
		x.revise(&out[i].State)
	}
	return out, err
}

// revise gives a state a revision like Graph's @odata.etag.
func (x *exchange) revise(s *inbox.State) {
	if s == nil || s.Revision == "" {
		return
	}
	long := `W/"CQAAABYAAA` + opaque(30, x.mailbox, "etag") + opaque(12, x.mailbox, s.Revision) + `AAAA"`
	x.revisions[long], s.Revision = s.Revision, long
}

// pipeline works the mailbox on a store.
func (x *exchange) pipeline(store pipeline.Store) *pipeline.Pipeline {
	policy := coretest.HistoryPolicy(x.mailbox, assign.LeastLoaded, 0)
	return &pipeline.Pipeline{
		Store: store, Now: func() time.Time { return x.now },
		Mailboxes: func(id inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: policy, Provider: x}, id == x.mailbox
		},
	}
}
