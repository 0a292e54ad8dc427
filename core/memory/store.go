package memory

import (
	"container/list"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Store is a strict pipeline.Store. Its zero value is empty and ready; its fields are set before the first call.
// No call costs more than what it reads or writes, however many conversations there are.
//
// Fail is asked with the name of the method, such as "Commit", and inside Commit once more with "Commit.unit" before
// every unit but the first: an error there leaves the units before it written.
type Store struct {
	Fail func(op string) (before, after error)
	// OnMisuse, unless nil, is told of every misuse, so that a test fails even where the caller drops the error.
	OnMisuse func(error)

	mu    sync.Mutex
	boxes map[inbox.MailboxID]*box
}

var _ pipeline.Store = (*Store)(nil)

// box is what is kept of one mailbox.
type box struct {
	progress      pipeline.Progress
	conversations map[inbox.ConversationID]*conversation
	ids           sorted[inbox.ConversationID]
	threads       map[inbox.ThreadID][]*conversation // by age
	overflow      sorted[*conversation]              // by age
	known         map[inbox.MessageID]*inbox.Known
	pending       *list.List // of pipeline.Action, in the order of their commits
	actions       map[string]*list.Element
	team          assign.Team
	handled       map[inbox.Address]assign.Handled
}

type conversation struct {
	now       inbox.Conversation
	events    []inbox.Event
	messages  []*inbox.Known // by id
	lastKey   string         // of its newest action, settled or not
	overflows bool           // it is in box.overflow
}

// byAge orders conversations by when they were opened.
func byAge(a, b *conversation) int {
	if c := a.now.Opened.Compare(b.now.Opened); c != 0 {
		return c
	}
	return strings.Compare(string(a.now.ID), string(b.now.ID))
}

// box is made on its mailbox's first call. The caller holds the lock.
func (s *Store) box(mailbox inbox.MailboxID) *box {
	if b := s.boxes[mailbox]; b != nil {
		return b
	}
	b := &box{
		conversations: map[inbox.ConversationID]*conversation{},
		ids: sorted[inbox.ConversationID]{compare: func(a, b inbox.ConversationID) int {
			return strings.Compare(string(a), string(b))
		}},
		threads:  map[inbox.ThreadID][]*conversation{},
		overflow: sorted[*conversation]{compare: byAge},
		known:    map[inbox.MessageID]*inbox.Known{},
		pending:  list.New(),
		actions:  map[string]*list.Element{},
		handled:  map[inbox.Address]assign.Handled{},
	}
	if s.boxes == nil {
		s.boxes = map[inbox.MailboxID]*box{}
	}
	s.boxes[mailbox] = b
	return b
}

// call does one call under the lock and lets Fail have its way with it.
func (s *Store) call(ctx context.Context, op string, mailbox inbox.MailboxID, do func(*box) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before, after := ask(s.Fail, op)
	if before != nil {
		return before
	}
	err := s.locked(mailbox, do)
	if err != nil {
		return s.blame(err)
	}
	return after
}

// read is a call that answers something. An answer that is lost is no answer.
func read[T any](s *Store, ctx context.Context, op string, mailbox inbox.MailboxID, do func(*box) T) (T, error) {
	var out, none T
	err := s.call(ctx, op, mailbox, func(b *box) error {
		out = do(b)
		return nil
	})
	if err != nil {
		return none, err
	}
	return out, nil
}

func (s *Store) locked(mailbox inbox.MailboxID, do func(*box) error) error {
	if mailbox == "" {
		return misuse("a call without a mailbox")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s.box(mailbox))
}

// Mailbox implements pipeline.Cursors.
func (s *Store) Mailbox(ctx context.Context, mailbox inbox.MailboxID) (pipeline.Progress, error) {
	return read(s, ctx, "Mailbox", mailbox, func(b *box) pipeline.Progress { return b.progress })
}

// SaveProgress implements pipeline.Cursors.
func (s *Store) SaveProgress(ctx context.Context, mailbox inbox.MailboxID, next pipeline.Progress) error {
	return s.call(ctx, "SaveProgress", mailbox, func(b *box) error {
		if next.Version != b.progress.Version {
			return pipeline.ErrConflict
		}
		next.Version++
		b.progress = next
		return nil
	})
}

// insertKnown keeps a conversation's messages in the order of their ids.
func (c *conversation) insertKnown(k *inbox.Known) {
	at, _ := slices.BinarySearchFunc(c.messages, k.ID, compareKnown)
	c.messages = slices.Insert(c.messages, at, k)
}

func compareKnown(k *inbox.Known, id inbox.MessageID) int {
	return strings.Compare(string(k.ID), string(id))
}
