package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Commit implements pipeline.Ledger. Units are written one by one, so another commit may come in between.
func (s *Store) Commit(ctx context.Context, mailbox inbox.MailboxID, units []pipeline.Unit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before, after := ask(s.Fail, "Commit")
	if before != nil {
		return before
	}
	for i, u := range units {
		if err := checkUnit(mailbox, u); err != nil {
			return s.blame(fmt.Errorf("unit %d of %d: %w", i+1, len(units), err))
		}
	}
	for i, u := range units {
		var late error
		if i > 0 {
			var err error
			if err, late = ask(s.Fail, "Commit.unit"); err != nil {
				return err
			}
		}
		if err := s.locked(mailbox, func(b *box) error { return b.commit(u) }); err != nil {
			return s.blame(fmt.Errorf("memory: commit unit %d of %d: %w", i+1, len(units), err))
		}
		if late != nil {
			return late
		}
	}
	return after
}

func (s *Store) blame(err error) error {
	if s.OnMisuse != nil && errors.Is(err, ErrMisuse) {
		s.OnMisuse(err)
	}
	return err
}

// commit writes one unit that checkUnit has passed, after checking all of it against what is kept.
func (b *box) commit(u pipeline.Unit) error {
	if len(u.Events) == 0 {
		return b.see(u.Seen)
	}
	id := u.Conversation.ID
	c := b.conversations[id]
	if c == nil {
		c = &conversation{now: inbox.Conversation{ID: id, Mailbox: u.Conversation.Mailbox}}
	}
	if c.now.Seq != u.Expect {
		return fmt.Errorf("conversation %s is at %d, not at %d: %w", id, c.now.Seq, u.Expect, pipeline.ErrConflict)
	}
	for _, k := range u.Joined {
		if b.known[k.ID] != nil {
			return fmt.Errorf("message %s is known already: %w", k.ID, pipeline.ErrConflict)
		}
	}
	if err := b.checkAgainst(c, u); err != nil {
		return err
	}
	b.keep(c, u)
	return nil
}

// keep writes a unit; nothing can go wrong any more.
func (b *box) keep(c *conversation, u pipeline.Unit) {
	was := c.now
	if c.overflows {
		b.overflow.remove(c)
	}
	c.now = copyConversation(u.Conversation)
	if c.overflows = c.now.Overflow; c.overflows {
		b.overflow.insert(c)
	}
	if was.Seq == 0 {
		b.conversations[c.now.ID] = c
		b.ids.insert(c.now.ID)
	}
	if was.Thread != c.now.Thread { // it has begun; a thread never changes afterwards
		list := b.threads[c.now.Thread]
		at, _ := slices.BinarySearchFunc(list, c, byAge)
		b.threads[c.now.Thread] = slices.Insert(list, at, c)
	}
	for _, e := range u.Events {
		c.events = append(c.events, copyEvent(e))
	}
	for _, k := range u.Joined {
		k = copyKnown(k)
		b.known[k.ID] = &k
		c.insertKnown(&k)
	}
	for _, k := range u.Seen {
		*b.known[k.ID] = copyKnown(k)
	}
	for _, a := range u.Actions {
		b.actions[a.Key] = b.pending.PushBack(copyAction(a))
		c.lastKey = a.Key
	}
	if !u.Shift.Zero() {
		b.team = b.team.With(u.Shift)
	}
	for customer, h := range u.Handled {
		b.handled[customer] = h
	}
}

// see stores states of messages, all or none.
func (b *box) see(seen []inbox.Known) error {
	for _, k := range seen {
		if err := b.checkSeen(k, nil); err != nil {
			return err
		}
	}
	for _, k := range seen {
		*b.known[k.ID] = copyKnown(k)
	}
	return nil
}

// Pending implements pipeline.Ledger.
func (s *Store) Pending(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]pipeline.Action, error) {
	return read(s, ctx, "Pending", mailbox, func(b *box) (out []pipeline.Action) {
		for e := b.pending.Front(); e != nil && !full(len(out), limit); e = e.Next() {
			out = append(out, copyAction(e.Value.(pipeline.Action)))
		}
		return out
	})
}

// Settle implements pipeline.Ledger.
func (s *Store) Settle(ctx context.Context, mailbox inbox.MailboxID, keys []string, seen []inbox.Known) error {
	return s.call(ctx, "Settle", mailbox, func(b *box) error {
		if err := b.see(seen); err != nil {
			return err
		}
		for _, key := range keys {
			if e := b.actions[key]; e != nil {
				b.pending.Remove(e)
				delete(b.actions, key)
			}
		}
		return nil
	})
}

// full reports whether n results are all that was asked for; a limit of 0 or less asks for everything.
func full(n, limit int) bool { return limit > 0 && n >= limit }
