package gmail

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
)

// threadPays is how many messages of a thread must be asked for until threads.get (40 units) is cheaper than a
// messages.get for each (20).
const threadPays = 3

// maxLargeText is the largest text body, in bytes, that is read when Gmail does not send it along with its message.
const maxLargeText = 4 << 20

// alwaysRead are the header fields that every message is read with: who and what it is, how it belongs to others,
// and what tells automated mail ("metadataHeaders" of messages.get).
var alwaysRead = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"Delivered-To", "X-Original-To", "Return-Path", "X-Google-Sender-Delegation",
	"Auto-Submitted", "Precedence", "List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress",
	"X-Failed-Recipients", "Content-Type", "X-Loop", "Feedback-ID", "X-Postroom",
}

func fieldNames(more []string) []string {
	names := slices.Clone(alwaysRead)
	for _, n := range more {
		if n = strings.TrimSpace(n); n != "" && !slices.ContainsFunc(names, func(x string) bool { return strings.EqualFold(x, n) }) {
			names = append(names, n)
		}
	}
	return names
}

// Fetch implements pipeline.Provider. A message costs 20 units, a thread of which three or more messages are asked for
// 40. When it fails midway, what has been read comes back beside the error, because a page can hold more than the
// quota allows in a minute.
func (m *Mailbox) Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error) {
	f := fetching{mailbox: m}
	threads, single := m.split(ids)
	f.run(ctx, len(threads), func(i int) ([]inbox.MessageID, error) { return f.thread(ctx, threads[i]) })
	single = append(single, f.left...)
	f.run(ctx, len(single), func(i int) ([]inbox.MessageID, error) { return nil, f.message(ctx, single[i]) })
	return f.read, f.err
}

type asked struct {
	thread   inbox.ThreadID
	messages []inbox.MessageID
}

// split finds the threads worth reading at once.
func (m *Mailbox) split(ids []inbox.MessageID) (threads []asked, single []inbox.MessageID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := make(map[inbox.MessageID]bool, len(ids))
	of := map[inbox.ThreadID][]inbox.MessageID{}
	var order []inbox.ThreadID
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		t := m.threadOf[id]
		if t == "" {
			single = append(single, id)
			continue
		}
		if of[t] == nil {
			order = append(order, t)
		}
		of[t] = append(of[t], id)
	}
	for _, t := range order {
		if len(of[t]) >= threadPays {
			threads = append(threads, asked{t, of[t]})
		} else {
			single = append(single, of[t]...)
		}
	}
	return threads, single
}

// fetching is one call of Fetch.
type fetching struct {
	mailbox *Mailbox

	mu   sync.Mutex
	read []inbox.Observation
	left []inbox.MessageID // to be fetched one by one after all
	err  error             // the first; nothing new is begun after it, and what flies is awaited
}

func (f *fetching) run(ctx context.Context, n int, do func(i int) ([]inbox.MessageID, error)) {
	var g errgroup.Group
	g.SetLimit(maxInFlight)
	for i := range n {
		if f.failed() {
			break
		}
		g.Go(func() error {
			if f.failed() {
				return nil
			}
			left, err := do(i)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.left = append(f.left, left...)
			if f.err == nil {
				f.err = err
			}
			return nil
		})
	}
	_ = g.Wait() // the functions keep their errors in f
}

func (f *fetching) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

func (f *fetching) add(list ...inbox.Observation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = append(f.read, list...)
}

func (f *fetching) thread(ctx context.Context, t asked) (left []inbox.MessageID, err error) {
	m := f.mailbox
	call := m.account.users.Threads.Get(m.user(), string(t.thread)).Context(ctx)
	if m.whole() {
		call.Format("full")
	} else {
		call.Format("metadata").MetadataHeaders(m.fields...)
	}
	answer, err := call.Do()
	if hasCode(err, http.StatusNotFound, http.StatusBadRequest) {
		return t.messages, nil
	}
	if err != nil {
		return nil, m.account.explain("read thread", err)
	}
	wanted := make(map[inbox.MessageID]bool, len(t.messages))
	for _, id := range t.messages {
		wanted[id] = true
	}
	for _, msg := range answer.Messages {
		if msg == nil || !wanted[inbox.MessageID(msg.Id)] {
			continue
		}
		delete(wanted, inbox.MessageID(msg.Id))
		if err := f.take(ctx, msg); err != nil {
			return nil, err
		}
	}
	for _, id := range t.messages {
		if wanted[id] {
			left = append(left, id)
		}
	}
	return left, nil
}

func (f *fetching) message(ctx context.Context, id inbox.MessageID) error {
	m := f.mailbox
	call := m.account.users.Messages.Get(m.user(), string(id)).Context(ctx)
	if m.whole() {
		call.Format("full")
	} else {
		call.Format("metadata").MetadataHeaders(m.fields...)
	}
	msg, err := call.Do()
	switch {
	case hasCode(err, http.StatusNotFound):
		f.add(inbox.Observation{ID: id, Gone: true})
		return nil
	case hasCode(err, http.StatusBadRequest):
		return f.unreadable(ctx, id, err)
	case err != nil:
		return m.account.explain("read message", err)
	}
	return f.take(ctx, msg)
}

// unreadable asks once more for the least there is of a message whose content Google refuses.
func (f *fetching) unreadable(ctx context.Context, id inbox.MessageID, cause error) error {
	m := f.mailbox
	msg, err := m.account.users.Messages.Get(m.user(), string(id)).Format("minimal").Context(ctx).Do()
	switch {
	case hasCode(err, http.StatusNotFound) || hasInvalidID(err):
		f.add(inbox.Observation{ID: id, Gone: true})
		return nil
	case err != nil:
		return m.account.explain("read message", cause)
	}
	o, err := m.observe(ctx, msg)
	if err != nil {
		return err
	}
	o.Message.Unreadable = clip("Gmail refuses to show it: "+m.account.explain("read message", cause).Error(), maxMessage)
	f.add(o)
	return nil
}

func (f *fetching) take(ctx context.Context, msg *api.Message) error {
	if err := f.mailbox.readLargeText(ctx, msg); err != nil {
		return err
	}
	o, err := f.mailbox.observe(ctx, msg)
	if err != nil {
		return err
	}
	f.add(o)
	return nil
}

// readLargeText reads the text of a message that Gmail keeps apart because of its size (20 units more), where a rule
// looks at bodies.
func (m *Mailbox) readLargeText(ctx context.Context, msg *api.Message) error {
	if !m.options.Needs.Body {
		return nil
	}
	p := mainText(msg.Payload)
	if p == nil || p.Body.Data != "" || p.Body.AttachmentId == "" || p.Body.Size > maxLargeText {
		return nil
	}
	body, err := m.account.users.Messages.Attachments.Get(m.user(), msg.Id, p.Body.AttachmentId).Context(ctx).Do()
	if hasCode(err, http.StatusNotFound, http.StatusBadRequest) {
		return nil // the message went meanwhile; the next page says so
	}
	if err != nil {
		return m.account.explain("read body", err)
	}
	p.Body.Data = body.Data
	return nil
}
