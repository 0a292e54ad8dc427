package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"golang.org/x/sync/errgroup"
)

// read is one reading method: it names the failure after what was read.
func read[T any](t *Table, what string, mailbox inbox.MailboxID, do func(b box) (T, error)) (T, error) {
	var none T
	if mailbox == "" {
		return none, fmt.Errorf("dynamo: read %s: no mailbox is named", what)
	}
	out, err := do(box{Table: t, mailbox: mailbox})
	if err != nil {
		return none, fmt.Errorf("dynamo: read %s of %s: %w", what, mailbox, err)
	}
	return out, nil
}

// full reports whether n results are all that was asked for; a limit of 0 or less asks for everything.
func full(n, limit int) bool { return limit > 0 && n >= limit }

// Known implements pipeline.Archive.
func (t *Table) Known(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error) {
	return read(t, "messages", mailbox, func(b box) (map[inbox.MessageID]inbox.Known, error) {
		at, err := b.numbers(ctx, ids)
		if err != nil || len(at) == 0 {
			return nil, err
		}
		found, err := b.states(ctx, at)
		if err != nil {
			return nil, err
		}
		out := make(map[inbox.MessageID]inbox.Known, len(found))
		for id, s := range found {
			out[id] = s.Known
		}
		return out, nil
	})
}

// states reads the states of messages that are known.
func (b box) states(ctx context.Context, at map[inbox.MessageID]place) (map[inbox.MessageID]state, error) {
	var ids []inbox.ConversationID
	for _, p := range at {
		ids = append(ids, p.conversation)
	}
	entries, err := b.entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[inbox.MessageID]state, len(at))
	var paged []pageOf
	for id, p := range at {
		e := entries[p.conversation]
		if e == nil {
			return nil, fmt.Errorf("conversation %s of message %s is missing", p.conversation, id)
		}
		if i := e.state(id); i >= 0 {
			out[id] = e.States[i]
		} else {
			paged = append(paged, pageOf{p.conversation, p.n / pageSize})
		}
	}
	if len(paged) == 0 {
		return out, nil
	}
	pages, err := b.pages(ctx, paged)
	if err != nil {
		return nil, err
	}
	for id, p := range at {
		if _, have := out[id]; have {
			continue
		}
		if out[id], err = pages[pageOf{p.conversation, p.n / pageSize}].state(id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Conversations implements pipeline.Archive.
func (t *Table) Conversations(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	return read(t, "conversations", mailbox, func(b box) (map[inbox.ConversationID]inbox.Conversation, error) {
		found, err := b.entries(ctx, ids)
		if err != nil {
			return nil, err
		}
		out := make(map[inbox.ConversationID]inbox.Conversation, len(found))
		for id, e := range found {
			out[id] = e.Conversation
		}
		return out, nil
	})
}

// Threads implements pipeline.Archive. A pointer from a thread is written before its conversation is, so it can be left
// behind by a commit that failed: what counts is what the conversation itself says.
func (t *Table) Threads(ctx context.Context, mailbox inbox.MailboxID, threads []inbox.ThreadID) (map[inbox.ThreadID][]inbox.ConversationID, error) {
	return read(t, "threads", mailbox, func(b box) (map[inbox.ThreadID][]inbox.ConversationID, error) {
		ids, err := b.pointers(ctx, threads)
		if err != nil {
			return nil, err
		}
		found, err := b.entries(ctx, ids)
		if err != nil {
			return nil, err
		}
		began := map[inbox.ThreadID][]inbox.Conversation{}
		for _, e := range found {
			began[e.Conversation.Thread] = append(began[e.Conversation.Thread], e.Conversation)
		}
		out := map[inbox.ThreadID][]inbox.ConversationID{}
		for _, thread := range threads {
			list := began[thread]
			slices.SortFunc(list, func(a, b inbox.Conversation) int {
				return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
			})
			if len(list) > 0 {
				out[thread] = make([]inbox.ConversationID, len(list))
			}
			for i, c := range list {
				out[thread][i] = c.ID
			}
		}
		return out, nil
	})
}

// pointers are the conversations that may have begun in the threads.
func (b box) pointers(ctx context.Context, threads []inbox.ThreadID) (ids []inbox.ConversationID, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for _, thread := range threads {
		g.Go(func() error {
			return b.walk(ctx, under(mailboxPart(b.mailbox), threadPrefix(thread)), func(it item) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, inbox.ConversationID(lastPart(textOf(it, sortAttr))))
				return true, nil
			})
		})
	}
	return ids, g.Wait()
}

// Messages implements pipeline.Archive. Pages are in the order in which messages joined, so a conversation that has them
// is read as a whole.
func (t *Table) Messages(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) ([]inbox.Known, error) {
	return read(t, "messages", mailbox, func(b box) ([]inbox.Known, error) {
		e, err := b.entry(ctx, id)
		if err != nil || e == nil {
			return nil, err
		}
		var out []inbox.Known
		own := map[int]bool{}
		for _, s := range e.States {
			own[s.N] = true
			if s.ID > after {
				out = append(out, s.Known)
			}
		}
		if e.Paged > 0 {
			err := b.walk(ctx, under(mailboxPart(mailbox), pagePrefix(id)), func(it item) (bool, error) {
				p, err := readPage(it, id)
				if err != nil {
					return false, err
				}
				for _, s := range p.States {
					// What joined or was paged since the conversation was read is in neither or in both.
					if s.ID > after && !own[s.N] && s.N < e.Paged {
						out = append(out, s.Known)
					}
				}
				return true, nil
			})
			if err != nil {
				return nil, err
			}
		}
		slices.SortFunc(out, func(a, b inbox.Known) int { return strings.Compare(string(a.ID), string(b.ID)) })
		if limit > 0 {
			out = out[:min(limit, len(out))]
		}
		return out, nil
	})
}

// Timeline implements pipeline.Archive.
func (t *Table) Timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64, limit int) ([]inbox.Event, error) {
	return read(t, "timeline", mailbox, func(b box) (out []inbox.Event, err error) {
		e, err := b.entry(ctx, id)
		if err != nil || e == nil {
			return nil, err
		}
		keep := func(events []inbox.Event) (more bool) {
			for _, ev := range events {
				if ev.Seq > after && !full(len(out), limit) {
					out = append(out, ev)
				}
			}
			return !full(len(out), limit)
		}
		if after = max(after, 0); after < e.Sealed {
			// Most items of events have several of them.
			s := span{part: mailboxPart(mailbox), from: eventsKey(id, after+1), to: eventsKey(id, e.Sealed), about: limit}
			err := b.walk(ctx, s, func(it item) (bool, error) {
				var s sealed
				if err := decodeItem(it, &s); err != nil {
					return false, err
				}
				return keep(s.Events), nil
			})
			if err != nil {
				return nil, err
			}
		}
		keep(e.Events)
		return out, nil
	})
}

// Overflowing implements pipeline.Archive.
func (t *Table) Overflowing(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]inbox.ConversationID, error) {
	return read(t, "overflow", mailbox, func(b box) (out []inbox.ConversationID, err error) {
		s := under(mailboxPart(mailbox), overflowPrefix)
		s.about = limit
		err = b.walk(ctx, s, func(it item) (bool, error) {
			out = append(out, inbox.ConversationID(lastPart(textOf(it, sortAttr))))
			return !full(len(out), limit), nil
		})
		return out, err
	})
}

// Team implements pipeline.Archive.
func (t *Table) Team(ctx context.Context, mailbox inbox.MailboxID) (assign.Team, error) {
	return read(t, "team", mailbox, func(b box) (team assign.Team, err error) {
		it, err := b.get(ctx, b.key(teamKey))
		if err != nil {
			return team, err
		}
		team.Last = inbox.MemberID(textOf(it, lastAttr))
		team.Overflow = int(numberOf(it, overflowAttr))
		for name := range it {
			member, isCount := strings.CutPrefix(name, openPrefix)
			n := int(numberOf(it, name))
			if !isCount || n == 0 {
				continue
			}
			if team.Open == nil {
				team.Open = map[inbox.MemberID]int{}
			}
			team.Open[inbox.MemberID(member)] = n
		}
		return team, nil
	})
}

// Handled implements pipeline.Archive.
func (t *Table) Handled(ctx context.Context, mailbox inbox.MailboxID, customers []inbox.Address) (map[inbox.Address]assign.Handled, error) {
	return read(t, "who handled customers", mailbox, func(b box) (map[inbox.Address]assign.Handled, error) {
		keys := make([]key, len(customers))
		for i, a := range customers {
			keys[i] = b.key(handledKey(a))
		}
		found, err := b.batchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		out := make(map[inbox.Address]assign.Handled, len(found))
		for i, a := range customers {
			if it := found[keys[i]]; it != nil {
				if out[a], err = readHandled(it); err != nil {
					return nil, err
				}
			}
		}
		return out, nil
	})
}

func (b box) handledItem(a inbox.Address, h assign.Handled) item {
	return b.key(handledKey(a)).with(memberAttr, text(string(h.Member)), atAttr, text(formatTime(h.At)))
}

func readHandled(it item) (assign.Handled, error) {
	at, err := parseTime(textOf(it, atAttr))
	return assign.Handled{Member: inbox.MemberID(textOf(it, memberAttr)), At: at}, err
}

// List implements pipeline.Archive. Conversations have a range of keys of their own, so nothing else is read.
func (t *Table) List(ctx context.Context, mailbox inbox.MailboxID, after inbox.ConversationID, limit int) ([]inbox.Conversation, error) {
	return read(t, "conversations", mailbox, func(b box) (out []inbox.Conversation, err error) {
		s := under(mailboxPart(mailbox), conversationPrefix)
		if after != "" {
			// A person may have typed it.
			s.from = conversationKey(inbox.ConversationID(strings.ToValidUTF8(string(after[:min(len(after), maxName)]), "")))
		}
		if limit > 0 {
			s.about = limit + 1
		}
		err = b.walk(ctx, s, func(it item) (bool, error) {
			e, err := b.readEntry(it)
			if err == nil && e.id != after {
				out = append(out, e.Conversation)
			}
			return !full(len(out), limit), err
		})
		return out, err
	})
}
