package memory

import (
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// checkUnit finds what is wrong with a unit whatever is kept.
func checkUnit(mailbox inbox.MailboxID, u pipeline.Unit) error {
	c := u.Conversation
	if len(u.Events) == 0 {
		if len(u.Actions) > 0 || len(u.Joined) > 0 || len(u.Handled) > 0 || !u.Shift.Zero() {
			return misuse("a unit without events may only store Seen")
		}
		return nil
	}
	if c.ID == "" || c.Mailbox != mailbox {
		return misuse("conversation %q of mailbox %q is committed to mailbox %q", c.ID, c.Mailbox, mailbox)
	}
	for i, e := range u.Events {
		if e.Seq != u.Expect+int64(i)+1 {
			return misuse("event %d of the unit for %s has seq %d, which does not continue Expect %d", i+1, c.ID, e.Seq, u.Expect)
		}
	}
	if last := u.Events[len(u.Events)-1].Seq; c.Seq != last {
		return misuse("conversation %s says seq %d, its last event is %d", c.ID, c.Seq, last)
	}
	for i, k := range u.Joined {
		if k.ID == "" || k.Conversation != c.ID {
			return misuse("message %q joins conversation %q in a unit for %q", k.ID, k.Conversation, c.ID)
		}
		for _, other := range u.Joined[:i] {
			if other.ID == k.ID {
				return misuse("message %s joins %s twice", k.ID, c.ID)
			}
		}
	}
	for _, a := range u.Actions {
		if a.Key == "" || a.Kind == "" || a.Conversation != c.ID {
			return misuse("action %q (%s) of conversation %q in a unit for %q", a.Key, a.Kind, a.Conversation, c.ID)
		}
	}
	return nil
}

// checkAgainst finds what is wrong with a unit given the conversation c as it is kept, which is at u.Expect.
func (b *box) checkAgainst(c *conversation, u pipeline.Unit) error {
	will := c.now
	for _, e := range u.Events {
		will = will.With(e)
	}
	if !same(will, u.Conversation) {
		return misuse("conversation %s is not what its events make it:\n  events: %+v\n  unit:   %+v", c.now.ID, will, u.Conversation)
	}
	key := c.lastKey
	for _, a := range u.Actions {
		if a.Key <= key {
			return misuse("action key %q of %s does not sort after %q, which is older", a.Key, c.now.ID, key)
		}
		key = a.Key
		if b.actions[a.Key] != nil {
			return misuse("action key %q of %s is pending for another conversation", a.Key, c.now.ID)
		}
	}
	for _, k := range u.Seen {
		if err := b.checkSeen(k, u.Joined); err != nil {
			return err
		}
	}
	for m, n := range u.Shift.Open {
		if b.team.Open[m]+n < 0 {
			return misuse("a shift takes %d open conversations from member %s, who has %d", -n, m, b.team.Open[m])
		}
	}
	if b.team.Overflow+u.Shift.Overflow < 0 {
		return misuse("a shift takes %d from an overflow of %d", -u.Shift.Overflow, b.team.Overflow)
	}
	return nil
}

// checkSeen finds what is wrong with a new state of a message that is kept or in joined.
func (b *box) checkSeen(k inbox.Known, joined []inbox.Known) error {
	was := b.known[k.ID]
	for i := range joined {
		if joined[i].ID == k.ID {
			was = &joined[i]
		}
	}
	if was == nil {
		return misuse("a state of message %q, which is not known", k.ID)
	}
	if was.Conversation != k.Conversation {
		return misuse("message %s is in conversation %s, its state says %q", k.ID, was.Conversation, k.Conversation)
	}
	return nil
}
