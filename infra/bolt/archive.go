package bolt

import (
	"bytes"
	"context"
	"fmt"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

// get decodes the value of a key into v, which stays as it is where there is none.
func (b box) get(k []byte, v any) error {
	value := b.Get(k)
	if value == nil {
		return nil
	}
	return decode(value, 0, v)
}

// put encodes v, behind a head, as the value of a key.
func (b box) put(k []byte, v any, head ...byte) error {
	value, err := b.value(v, head...)
	if err != nil {
		return err
	}
	return b.Put(k, value)
}

// walk calls do for the keys that begin with prefix, after the key prefix+after, at most limit times (0: for all). Do
// is given what follows the prefix.
func (b box) walk(prefix, after []byte, limit int, do func(rest, value []byte) error) error {
	c := b.Cursor()
	from := append(bytes.Clone(prefix), after...)
	k, v := c.Seek(from)
	if len(after) > 0 && bytes.Equal(k, from) {
		k, v = c.Next()
	}
	for n := 0; bytes.HasPrefix(k, prefix) && (limit <= 0 || n < limit); n++ {
		if err := do(k[len(prefix):], v); err != nil {
			return err
		}
		k, v = c.Next()
	}
	return nil
}

func (b box) known(id inbox.MessageID) (k inbox.Known, there bool, err error) {
	v := b.Get(known(id))
	if v == nil {
		return k, false, nil
	}
	err = decode(v, 0, &k)
	k.ID = id
	return k, true, err
}

// Known implements pipeline.Archive.
func (db *DB) Known(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error) {
	out := make(map[inbox.MessageID]inbox.Known, len(ids))
	err := db.read(ctx, "messages", mailbox, func(b box) error {
		for _, id := range ids {
			k, there, err := b.known(id)
			if err != nil {
				return err
			}
			if there {
				out[id] = k
			}
		}
		return nil
	})
	return out, err
}

// Conversations implements pipeline.Archive.
func (db *DB) Conversations(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	out := make(map[inbox.ConversationID]inbox.Conversation, len(ids))
	err := db.read(ctx, "conversations", mailbox, func(b box) error {
		for _, id := range ids {
			v := b.Get(conversation(id))
			if v == nil {
				continue
			}
			var c inbox.Conversation
			if err := decode(v, headSize, &c); err != nil {
				return err
			}
			out[id] = c
		}
		return nil
	})
	return out, err
}

// Threads implements pipeline.Archive.
func (db *DB) Threads(ctx context.Context, mailbox inbox.MailboxID, threads []inbox.ThreadID) (map[inbox.ThreadID][]inbox.ConversationID, error) {
	out := make(map[inbox.ThreadID][]inbox.ConversationID, len(threads))
	err := db.read(ctx, "threads", mailbox, func(b box) error {
		for _, t := range threads {
			var ids []inbox.ConversationID
			err := b.walk(thread(t), nil, 0, func(rest, _ []byte) error {
				ids = append(ids, inbox.ConversationID(rest[timeSize:]))
				return nil
			})
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				out[t] = ids
			}
		}
		return nil
	})
	return out, err
}

// Messages implements pipeline.Archive.
func (db *DB) Messages(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) (out []inbox.Known, err error) {
	err = db.read(ctx, "messages", mailbox, func(b box) error {
		return b.walk(message(id, ""), []byte(after), limit, func(rest, _ []byte) error {
			k, _, err := b.known(inbox.MessageID(rest))
			out = append(out, k)
			return err
		})
	})
	return out, err
}

// Timeline implements pipeline.Archive.
func (db *DB) Timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64, limit int) (out []inbox.Event, err error) {
	err = db.read(ctx, "timeline", mailbox, func(b box) error {
		return b.walk(append(conversation(id), eventPart), appendNumber(nil, max(after, 0)), limit, func(_, v []byte) error {
			var e inbox.Event
			err := decode(v, 0, &e)
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// Overflowing implements pipeline.Archive.
func (db *DB) Overflowing(ctx context.Context, mailbox inbox.MailboxID, limit int) (out []inbox.ConversationID, err error) {
	err = db.read(ctx, "overflow", mailbox, func(b box) error {
		return b.walk(key(overflowKey), nil, limit, func(rest, _ []byte) error {
			out = append(out, inbox.ConversationID(rest[timeSize:]))
			return nil
		})
	})
	return out, err
}

// Team implements pipeline.Archive.
func (db *DB) Team(ctx context.Context, mailbox inbox.MailboxID) (t assign.Team, err error) {
	err = db.read(ctx, "team", mailbox, func(b box) error {
		t.Last = inbox.MemberID(b.Get(lastKey))
		if v := b.Get(overflowing); len(v) == 8 {
			t.Overflow = int(number(v))
		}
		return b.walk(open(""), nil, 0, func(member, v []byte) error {
			if len(v) != 8 {
				return fmt.Errorf("the count of member %s is damaged", member)
			}
			if t.Open == nil {
				t.Open = map[inbox.MemberID]int{}
			}
			t.Open[inbox.MemberID(member)] = int(number(v))
			return nil
		})
	})
	return t, err
}

// Handled implements pipeline.Archive.
func (db *DB) Handled(ctx context.Context, mailbox inbox.MailboxID, customers []inbox.Address) (map[inbox.Address]assign.Handled, error) {
	out := make(map[inbox.Address]assign.Handled, len(customers))
	err := db.read(ctx, "who handled customers", mailbox, func(b box) error {
		for _, a := range customers {
			var h assign.Handled
			if err := b.get(handled(a), &h); err != nil {
				return err
			}
			if h != (assign.Handled{}) {
				out[a] = h
			}
		}
		return nil
	})
	return out, err
}

// List implements pipeline.Archive.
func (db *DB) List(ctx context.Context, mailbox inbox.MailboxID, after inbox.ConversationID, limit int) (out []inbox.Conversation, err error) {
	err = db.read(ctx, "conversations", mailbox, func(b box) error {
		c := b.Cursor()
		k, v := c.Seek(key(conversationKey))
		if after != "" {
			k, v = c.Seek(behind(after))
		}
		for len(k) > 0 && k[0] == conversationKey && (limit <= 0 || len(out) < limit) {
			var found inbox.Conversation
			if err := decode(v, headSize, &found); err != nil {
				return err
			}
			out = append(out, found)
			k, v = c.Seek(behind(found.ID)) // over its events and messages
		}
		return nil
	})
	return out, err
}

// behind is where the keys after a conversation's, its events' and its messages' begin.
func behind(id inbox.ConversationID) []byte {
	k := conversation(id)
	k[len(k)-1]++ // of the id's end
	return k
}
