package memory

import (
	"context"
	"slices"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

// Known implements pipeline.Archive.
func (s *Store) Known(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error) {
	return read(s, ctx, "Known", mailbox, func(b *box) map[inbox.MessageID]inbox.Known {
		out := make(map[inbox.MessageID]inbox.Known, len(ids))
		for _, id := range ids {
			if k := b.known[id]; k != nil {
				out[id] = copyKnown(*k)
			}
		}
		return out
	})
}

// Conversations implements pipeline.Archive.
func (s *Store) Conversations(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	return read(s, ctx, "Conversations", mailbox, func(b *box) map[inbox.ConversationID]inbox.Conversation {
		out := make(map[inbox.ConversationID]inbox.Conversation, len(ids))
		for _, id := range ids {
			if c := b.conversations[id]; c != nil {
				out[id] = copyConversation(c.now)
			}
		}
		return out
	})
}

// Threads implements pipeline.Archive.
func (s *Store) Threads(ctx context.Context, mailbox inbox.MailboxID, threads []inbox.ThreadID) (map[inbox.ThreadID][]inbox.ConversationID, error) {
	return read(s, ctx, "Threads", mailbox, func(b *box) map[inbox.ThreadID][]inbox.ConversationID {
		out := make(map[inbox.ThreadID][]inbox.ConversationID, len(threads))
		for _, t := range threads {
			list := b.threads[t]
			if len(list) == 0 {
				continue
			}
			ids := make([]inbox.ConversationID, len(list))
			for i, c := range list {
				ids[i] = c.now.ID
			}
			out[t] = ids
		}
		return out
	})
}

// Messages implements pipeline.Archive.
func (s *Store) Messages(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) ([]inbox.Known, error) {
	return read(s, ctx, "Messages", mailbox, func(b *box) (out []inbox.Known) {
		c := b.conversations[id]
		if c == nil {
			return nil
		}
		at, found := slices.BinarySearchFunc(c.messages, after, compareKnown)
		if found {
			at++
		}
		for _, k := range c.messages[at:] {
			if full(len(out), limit) {
				break
			}
			out = append(out, copyKnown(*k))
		}
		return out
	})
}

// Timeline implements pipeline.Archive.
func (s *Store) Timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64, limit int) ([]inbox.Event, error) {
	return read(s, ctx, "Timeline", mailbox, func(b *box) (out []inbox.Event) {
		c := b.conversations[id]
		if c == nil {
			return nil
		}
		// Events are numbered from 1 without gaps, so the number is the place.
		for _, e := range c.events[min(max(after, 0), int64(len(c.events))):] {
			if full(len(out), limit) {
				break
			}
			out = append(out, copyEvent(e))
		}
		return out
	})
}

// Overflowing implements pipeline.Archive.
func (s *Store) Overflowing(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]inbox.ConversationID, error) {
	return read(s, ctx, "Overflowing", mailbox, func(b *box) (out []inbox.ConversationID) {
		b.overflow.all(func(c *conversation) bool {
			out = append(out, c.now.ID)
			return !full(len(out), limit)
		})
		return out
	})
}

// Team implements pipeline.Archive.
func (s *Store) Team(ctx context.Context, mailbox inbox.MailboxID) (assign.Team, error) {
	return read(s, ctx, "Team", mailbox, func(b *box) assign.Team { return copyTeam(b.team) })
}

// Handled implements pipeline.Archive.
func (s *Store) Handled(ctx context.Context, mailbox inbox.MailboxID, customers []inbox.Address) (map[inbox.Address]assign.Handled, error) {
	return read(s, ctx, "Handled", mailbox, func(b *box) map[inbox.Address]assign.Handled {
		out := make(map[inbox.Address]assign.Handled, len(customers))
		for _, a := range customers {
			if h, ok := b.handled[a]; ok {
				out[a] = h
			}
		}
		return out
	})
}

// List implements pipeline.Archive.
func (s *Store) List(ctx context.Context, mailbox inbox.MailboxID, after inbox.ConversationID, limit int) ([]inbox.Conversation, error) {
	return read(s, ctx, "List", mailbox, func(b *box) (out []inbox.Conversation) {
		b.ids.from(after, func(id inbox.ConversationID) bool {
			if id != after {
				out = append(out, copyConversation(b.conversations[id].now))
			}
			return !full(len(out), limit)
		})
		return out
	})
}
