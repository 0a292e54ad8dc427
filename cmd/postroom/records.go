package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Bounds of what is read at once.
const (
	listPage     = 500
	timelinePage = 200
	maxPending   = 1000 // pending actions that are counted
)

// records answers from what has been kept.
type records struct {
	store     pipeline.Store
	watch     pipeline.Watches
	mailboxes []inbox.MailboxID // of the manifest; no other is read
	// waiting is how many hints wait for a mailbox; nil where nobody can tell.
	waiting func(inbox.MailboxID) int
}

var _ answers = (*records)(nil)

// maxNamed is how many conversations an ambiguous prefix is shown to fit.
const maxNamed = 5

func (r *records) conversation(ctx context.Context, words string) (inbox.Conversation, error) {
	words = strings.TrimSpace(words)
	if words == "" {
		return inbox.Conversation{}, &unknown{"name a conversation by its id, the beginning of its id, or the id of a message"}
	}
	// Ids of conversations are in lower case; those of messages are taken as they are.
	prefix := inbox.ConversationID(strings.ToLower(words))
	var begin []inbox.Conversation
	for _, mailbox := range r.mailboxes {
		c, ok, err := r.exactly(ctx, mailbox, prefix, inbox.MessageID(words))
		if err != nil || ok {
			return c, err
		}
		list, err := r.store.List(ctx, mailbox, prefix, maxNamed+1)
		if err != nil {
			return inbox.Conversation{}, err
		}
		for _, c := range list {
			if strings.HasPrefix(string(c.ID), string(prefix)) {
				begin = append(begin, c)
			}
		}
	}
	switch len(begin) {
	case 0:
		return inbox.Conversation{}, &unknown{fmt.Sprintf("no conversation or message is named %q in the mailboxes of the manifest", printable(words, 100))}
	case 1:
		return begin[0], nil
	}
	return inbox.Conversation{}, &unknown{ambiguous(words, begin)}
}

// exactly finds the conversation that has the id itself, or one of whose messages has.
func (r *records) exactly(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, message inbox.MessageID) (inbox.Conversation, bool, error) {
	known, err := r.store.Known(ctx, mailbox, []inbox.MessageID{message})
	if err != nil {
		return inbox.Conversation{}, false, err
	}
	ids := []inbox.ConversationID{id}
	if k, ok := known[message]; ok {
		ids = append(ids, k.Conversation)
	}
	found, err := r.store.Conversations(ctx, mailbox, ids)
	if err != nil {
		return inbox.Conversation{}, false, err
	}
	for _, id := range ids {
		if c, ok := found[id]; ok {
			return c, true, nil
		}
	}
	return inbox.Conversation{}, false, nil
}

func ambiguous(words string, list []inbox.Conversation) string {
	var names []string
	for _, c := range list[:min(len(list), maxNamed)] {
		names = append(names, fmt.Sprintf("%s (%s)", c.ID, printable(c.Subject, 40)))
	}
	if len(list) > maxNamed {
		names = append(names, "…")
	}
	return fmt.Sprintf("%q begins the ids of several conversations, write more of it: %s", printable(words, 100), strings.Join(names, ", "))
}

func (r *records) timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64) ([]inbox.Event, error) {
	if !slices.Contains(r.mailboxes, mailbox) {
		return nil, &unknown{fmt.Sprintf("the manifest has no mailbox %q", printable(string(mailbox), 100))}
	}
	return r.store.Timeline(ctx, mailbox, id, after, timelinePage)
}

// standing is how one mailbox stands.
type standing struct {
	Mailbox inbox.MailboxID `json:"mailbox"`
	tally
	Owners map[inbox.MemberID]load `json:"owners,omitempty"`
	// Hints wait to be worked; -1 where nobody can tell.
	Hints    int       `json:"hints"`
	Resyncs  int       `json:"resyncs"`
	Listed   bool      `json:"listed"`            // the first listing has been read to its end
	LastSync time.Time `json:"lastSync,omitzero"` // the end of the last sync that read everything there was
	// Listing is how far the first sync has got, before it has come to its end.
	Listing pipeline.Listing `json:"listing,omitzero"`
}

// tally counts conversations, and the work there is about them.
type tally struct {
	Open       int `json:"open"`
	Waiting    int `json:"waiting"`
	Closed     int `json:"closed"`
	Imported   int `json:"imported"`   // there before Postroom and untouched since; in none of the three above
	Unassigned int `json:"unassigned"` // open and nobody's
	Overflow   int `json:"overflow"`   // open and with a lead until somebody has room
	Pending    int `json:"pending"`    // actions that are decided and not carried out yet
	// MorePending: there are more than have been counted.
	MorePending bool `json:"morePending,omitempty"`
}

// add counts what another has counted too.
func (t *tally) add(o tally) {
	t.Open += o.Open
	t.Waiting += o.Waiting
	t.Closed += o.Closed
	t.Imported += o.Imported
	t.Unassigned += o.Unassigned
	t.Overflow += o.Overflow
	t.Pending += o.Pending
	t.MorePending = t.MorePending || o.MorePending
}

// load is the conversations that one member has.
type load struct {
	Open    int `json:"open"`
	Waiting int `json:"waiting"`
}

func (r *records) standings(ctx context.Context) ([]standing, error) {
	var out []standing
	for _, mailbox := range r.mailboxes {
		s, err := r.standing(ctx, mailbox)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// standing counts a mailbox page by page, so that it takes no more memory for a larger one.
func (r *records) standing(ctx context.Context, mailbox inbox.MailboxID) (standing, error) {
	s := standing{Mailbox: mailbox, Owners: map[inbox.MemberID]load{}, Hints: -1}
	progress, err := r.store.Mailbox(ctx, mailbox)
	if err != nil {
		return s, err
	}
	s.Listed, s.LastSync, s.Resyncs, s.Listing = progress.Listed, progress.Synced, progress.Resyncs, progress.Listing
	pending, err := r.store.Pending(ctx, mailbox, maxPending+1)
	if err != nil {
		return s, err
	}
	s.Pending, s.MorePending = min(len(pending), maxPending), len(pending) > maxPending
	if r.waiting != nil {
		s.Hints = r.waiting(mailbox)
	}
	var last inbox.ConversationID
	for {
		page, err := r.store.List(ctx, mailbox, last, listPage)
		if err != nil {
			return s, err
		}
		for _, c := range page {
			s.count(c)
		}
		if len(page) < listPage {
			return s, nil
		}
		last = page[len(page)-1].ID
	}
}

func (s *standing) count(c inbox.Conversation) {
	owner := s.Owners[c.Owner]
	switch {
	case c.Imported && c.Status == inbox.Closed:
		s.Imported++
	case c.Status == inbox.Open:
		s.Open++
		owner.Open++
		if c.Owner == "" {
			s.Unassigned++
		}
		if c.Overflow {
			s.Overflow++
		}
	case c.Status == inbox.Waiting:
		s.Waiting++
		owner.Waiting++
	default:
		s.Closed++
	}
	if c.Owner != "" && owner != (load{}) {
		s.Owners[c.Owner] = owner
	}
}

func (r *records) watches(ctx context.Context, mailbox inbox.MailboxID) ([]pipeline.Watch, error) {
	if !slices.Contains(r.mailboxes, mailbox) {
		return nil, &unknown{fmt.Sprintf("the manifest has no mailbox %q", printable(string(mailbox), 100))}
	}
	list, err := r.watch.WatchesOf(ctx, mailbox)
	for i := range list {
		list[i].Secret = [32]byte{}
	}
	return list, err
}
