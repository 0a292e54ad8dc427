package gmail

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// Bounds of one page of changes.
const (
	recordsPerRequest = 500 // Google's maximum
	maxRequests       = 20  // of history read for one page
	maxChanges        = 1000
)

// history gives the changes after start, one state a message, and that the last.
//
// Google does not promise whether a record shows the labels a message has now or had then. So a state is only sure if it
// comes from the message's last record there is: all records are read first, then the messages whose last record is
// the oldest are handed out, and the cursor moves to that record. A stale state would look like somebody's move; where
// there is too much to read first, states are handed out as doubtful.
func (m *Mailbox) history(ctx context.Context, start uint64) (pipeline.Page, error) {
	w := window{seen: map[string]*change{}, last: start}
	read, token := uint64(0), ""
	complete := false
	for n := 0; n < maxRequests && !complete; n++ {
		call := m.account.users.History.List(m.user()).StartHistoryId(start).MaxResults(recordsPerRequest).Context(ctx)
		if token != "" {
			call.PageToken(token)
		}
		answer, err := call.Do()
		if google.HasCode(err, http.StatusNotFound) {
			return pipeline.Page{}, fmt.Errorf("gmail: history of %s from %d is gone: %w", m.user(), start, pipeline.ErrCursorExpired)
		}
		if err != nil {
			return pipeline.Page{}, m.account.explain("list history", err)
		}
		for _, record := range answer.History {
			if record != nil {
				w.add(record)
			}
		}
		read, token = answer.HistoryId, answer.NextPageToken
		complete = token == ""
	}
	changes, last, all := w.cut()
	page := pipeline.Page{More: !all || !complete}
	next := cursor{History: max(last, start, 1)}
	if !page.More {
		next.History = max(next.History, read)
	}
	page.Next = next.encode()
	for _, c := range changes {
		o, err := m.observation(ctx, c, complete)
		if err != nil {
			return pipeline.Page{}, err
		}
		page.Changes = append(page.Changes, o)
	}
	return page, nil
}

// observation is what the history says of one message. complete says that its last record has been read.
func (m *Mailbox) observation(ctx context.Context, c *change, complete bool) (inbox.Observation, error) {
	o := inbox.Observation{ID: inbox.MessageID(c.id), Thread: inbox.ThreadID(c.thread), Gone: c.gone, New: c.added}
	if c.gone || c.labels == nil {
		return o, nil
	}
	o.Doubtful = !complete
	s, err := m.state(ctx, c.labels, c.last)
	if err != nil {
		return o, err
	}
	o.State = &s
	return o, nil
}

// change is what the records read so far make of one message.
type change struct {
	id, thread string
	labels     []string // nil where the last record does not say
	gone       bool
	added      bool   // it came into the mailbox
	last       uint64 // its last record
}

// window merges records.
type window struct {
	seen map[string]*change
	last uint64
}

func (w *window) add(r *api.History) {
	w.last = max(w.last, r.Id)
	typed := map[string]bool{}
	touch := func(msg *api.Message) *change {
		if msg == nil || msg.Id == "" {
			return nil
		}
		c := w.seen[msg.Id]
		if c == nil {
			c = &change{id: msg.Id}
			w.seen[msg.Id] = c
		}
		if msg.ThreadId != "" {
			c.thread = msg.ThreadId
		}
		typed[msg.Id] = true
		c.last = max(c.last, r.Id)
		c.labels = msg.LabelIds
		return c
	}
	for _, e := range r.MessagesAdded {
		if e != nil {
			if c := touch(e.Message); c != nil {
				c.added = true
			}
		}
	}
	for _, e := range r.LabelsAdded {
		if e != nil {
			touch(e.Message)
		}
	}
	for _, e := range r.LabelsRemoved {
		if e != nil {
			touch(e.Message)
		}
	}
	for _, e := range r.MessagesDeleted {
		if e != nil {
			if c := touch(e.Message); c != nil {
				c.gone = true // for good: Gmail never gives an id again
			}
		}
	}
	for _, msg := range r.Messages {
		// What no typed field names has changed in a way that the record does not tell.
		if msg != nil && !typed[msg.Id] {
			if c := touch(msg); c != nil {
				c.labels = nil
			}
		}
	}
}

// cut gives the messages whose last record is the oldest, in that order, as many as a page may hold, with the record
// up to which they are all that changed. all says that none is left.
func (w *window) cut() (page []*change, last uint64, all bool) {
	list := make([]*change, 0, len(w.seen))
	for _, c := range w.seen {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *change) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.id, b.id))
	})
	for i := maxChanges; i < len(list); i++ {
		if list[i].last > list[i-1].last { // one record may change many messages and is not to be split
			return list[:i], list[i-1].last, false
		}
	}
	return list, w.last, true
}
