package bolt

import (
	"context"
	"fmt"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Mailbox implements pipeline.Cursors.
func (db *DB) Mailbox(ctx context.Context, mailbox inbox.MailboxID) (p pipeline.Progress, err error) {
	err = db.read(ctx, "progress", mailbox, func(b box) error { return b.get(key(progressKey), &p) })
	return p, err
}

// SaveProgress implements pipeline.Cursors.
func (db *DB) SaveProgress(ctx context.Context, mailbox inbox.MailboxID, next pipeline.Progress) error {
	return db.write(ctx, "save progress", mailbox, func(b box) error {
		var p pipeline.Progress
		if err := b.get(key(progressKey), &p); err != nil {
			return err
		}
		if p.Version != next.Version {
			return fmt.Errorf("version %d, not %d: %w", p.Version, next.Version, pipeline.ErrConflict)
		}
		next.Version++
		return b.put(key(progressKey), next)
	})
}

// Commit implements pipeline.Ledger. All units are one transaction: after an error none of them is written.
func (db *DB) Commit(ctx context.Context, mailbox inbox.MailboxID, units []pipeline.Unit) error {
	if len(units) == 0 {
		return ctx.Err()
	}
	return db.write(ctx, "commit", mailbox, func(b box) error {
		for i := range units {
			if err := b.commit(mailbox, &units[i]); err != nil {
				return fmt.Errorf("unit %d of %d: %w", i+1, len(units), err)
			}
		}
		return nil
	})
}

func (b box) commit(mailbox inbox.MailboxID, u *pipeline.Unit) error {
	if len(u.Events) == 0 {
		return b.see(u.Seen)
	}
	c := &u.Conversation
	if err := check(mailbox, u); err != nil {
		return err
	}
	k := conversation(c.ID)
	var was head
	if v := b.Get(k); v != nil {
		var err error
		if was, err = readHead(v); err != nil {
			return err
		}
	}
	if was.seq != u.Expect {
		return fmt.Errorf("conversation %s is at %d, not at %d: %w", c.ID, was.seq, u.Expect, pipeline.ErrConflict)
	}
	is := headOf(*c)
	if err := b.put(k, c, is.bytes()...); err != nil {
		return err
	}
	if err := b.index(c, was, is); err != nil {
		return err
	}
	for i := range u.Events {
		if err := b.put(event(c.ID, u.Events[i].Seq), &u.Events[i]); err != nil {
			return err
		}
	}
	for _, m := range u.Joined {
		if b.Get(known(m.ID)) != nil {
			return fmt.Errorf("message %s is known already: %w", m.ID, pipeline.ErrConflict)
		}
		if err := b.putKnown(m); err != nil {
			return err
		}
		if err := b.Put(message(c.ID, m.ID), nil); err != nil {
			return err
		}
	}
	if err := b.see(u.Seen); err != nil {
		return err
	}
	if err := b.call(u.Actions); err != nil {
		return err
	}
	return b.work(u.Shift, u.Handled)
}

// check refuses a unit that would leave a timeline with a gap.
func check(mailbox inbox.MailboxID, u *pipeline.Unit) error {
	c := &u.Conversation
	if c.ID == "" || c.Mailbox != mailbox {
		return fmt.Errorf("conversation %q is of mailbox %q", c.ID, c.Mailbox)
	}
	for i := range u.Events {
		if seq := u.Events[i].Seq; seq != u.Expect+int64(i)+1 {
			return fmt.Errorf("conversation %s: event %d does not follow on %d", c.ID, seq, u.Expect+int64(i))
		}
	}
	if last := u.Expect + int64(len(u.Events)); c.Seq != last {
		return fmt.Errorf("conversation %s says it is at %d, its last event is %d", c.ID, c.Seq, last)
	}
	return nil
}

// index keeps the thread that a conversation began in, and its place among those that overflow.
func (b box) index(c *inbox.Conversation, was, is head) error {
	if was.overflow && (!is.overflow || was.opened != is.opened) {
		if err := b.Delete(overflow(was, c.ID)); err != nil {
			return err
		}
	}
	if is.overflow && (!was.overflow || was.opened != is.opened) {
		if err := b.Put(overflow(is, c.ID), nil); err != nil {
			return err
		}
	}
	// A conversation takes its thread and its opening from its first mail, and keeps both.
	if c.Thread == "" || was.seq > 0 && was.opened == is.opened {
		return nil
	}
	return b.Put(append(append(thread(c.Thread), is.opened[:]...), c.ID...), nil)
}

func overflow(h head, id inbox.ConversationID) []byte {
	return append(append(key(overflowKey), h.opened[:]...), id...)
}

// see stores states of messages that are known.
func (b box) see(seen []inbox.Known) error {
	for _, m := range seen {
		if b.Get(known(m.ID)) == nil {
			return fmt.Errorf("a state of message %s, which is not known", m.ID)
		}
		if err := b.putKnown(m); err != nil {
			return err
		}
	}
	return nil
}

func (b box) putKnown(m inbox.Known) error {
	k := known(m.ID)
	m.ID = "" // the key says it
	return b.put(k, &m)
}

// call keeps actions until they are settled.
func (b box) call(actions []pipeline.Action) error {
	for i := range actions {
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		order := appendNumber(key(actionKey), int64(n))
		if err := b.put(order, &actions[i]); err != nil {
			return err
		}
		if err := b.Put(append(key(actionOrderKey), actions[i].Key...), order[1:]); err != nil {
			return err
		}
	}
	return nil
}

// work keeps who has how much to do and who handled whom.
func (b box) work(shift assign.Shift, by map[inbox.Address]assign.Handled) error {
	for m, n := range shift.Open {
		if err := b.add(open(m), n); err != nil {
			return err
		}
	}
	if shift.Overflow != 0 {
		if err := b.add(overflowing, shift.Overflow); err != nil {
			return err
		}
	}
	if shift.Last != "" {
		if err := b.Put(lastKey, []byte(shift.Last)); err != nil {
			return err
		}
	}
	for a, h := range by {
		if err := b.put(handled(a), &h); err != nil {
			return err
		}
	}
	return nil
}

// add adds n to a number; 0 is kept as nothing.
func (b box) add(k []byte, n int) error {
	sum := int64(n)
	if v := b.Get(k); len(v) == 8 {
		sum += number(v)
	}
	if sum == 0 {
		return b.Delete(k)
	}
	return b.Put(k, appendNumber(nil, sum))
}

// Pending implements pipeline.Ledger.
func (db *DB) Pending(ctx context.Context, mailbox inbox.MailboxID, limit int) (out []pipeline.Action, err error) {
	err = db.read(ctx, "pending actions", mailbox, func(b box) error {
		return b.walk(key(actionKey), nil, limit, func(_, v []byte) error {
			var a pipeline.Action
			err := decode(v, 0, &a)
			out = append(out, a)
			return err
		})
	})
	return out, err
}

// Settle implements pipeline.Ledger.
func (db *DB) Settle(ctx context.Context, mailbox inbox.MailboxID, keys []string, seen []inbox.Known) error {
	return db.write(ctx, "settle", mailbox, func(b box) error {
		for _, k := range keys {
			byKey := append(key(actionOrderKey), k...)
			order := b.Get(byKey)
			if order == nil {
				continue
			}
			if err := b.Delete(append(key(actionKey), order...)); err != nil {
				return err
			}
			if err := b.Delete(byKey); err != nil {
				return err
			}
		}
		return b.see(seen)
	})
}
