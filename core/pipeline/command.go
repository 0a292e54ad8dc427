package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// ErrNoConversation says that a mailbox has no conversation of that id.
var ErrNoConversation = errors.New("no such conversation")

// Command decides and commits what a person asks for, and leaves a hint for the mailbox's consumer to apply it. It may run
// beside a sync and beside other commands; a version conflict decides anew. When only the hint failed, the command
// stands and the error says so: the next sync of the mailbox applies it.
func (p *Pipeline) Command(ctx context.Context, id inbox.MailboxID, conversation inbox.ConversationID, cmd decide.Command) (inbox.Conversation, error) {
	r, err := p.open(ctx, id)
	if err != nil {
		return inbox.Conversation{}, fmt.Errorf("%s %s of %s: %w", cmd.Verb, conversation, id, err)
	}
	c, err := r.change(ctx, conversation, func(c inbox.Conversation) (decide.Decision, error) {
		return decide.Do(c, cmd, r.policy, decide.Situation{Team: r.team, Now: r.now})
	})
	if err == nil {
		err = p.Hints.Enqueue(ctx, Hint{Mailbox: id, Source: "command", At: r.now})
	}
	if err != nil {
		err = fmt.Errorf("%s %s of %s: %w", cmd.Verb, conversation, id, err)
	}
	return c, err
}

// change reads one conversation, decides, and commits; when somebody else was quicker it begins again.
func (r *run) change(ctx context.Context, id inbox.ConversationID, decision func(inbox.Conversation) (decide.Decision, error)) (inbox.Conversation, error) {
	var err error
	for range attempts {
		found, err2 := r.Store.Conversations(ctx, r.id, []inbox.ConversationID{id})
		if err2 != nil {
			return inbox.Conversation{}, err2
		}
		c, ok := found[id]
		if !ok {
			return c, ErrNoConversation
		}
		d, err2 := decision(c)
		if err2 != nil || len(d.Events) == 0 {
			return c, err2
		}
		desk := &desk{run: r}
		f := &draft{before: c, unit: Unit{Conversation: c, Expect: c.Seq}}
		desk.keep(f, d)
		f.unit.Actions = desk.actions(f)
		if err = r.commit(ctx, []Unit{f.unit}); !errors.Is(err, ErrConflict) {
			return d.Conversation, err
		}
	}
	return inbox.Conversation{}, err
}

// drainPage is how many overflowing conversations are looked at together, the longest open first.
const drainPage = 200

// drain offers what leads hold for want of room to the team again, as long as there is room and somebody takes something.
func (r *run) drain(ctx context.Context) error {
	for {
		before := r.report.Events
		if err := r.offer(ctx); err != nil || r.report.Events == before {
			return err
		}
	}
}

// offer goes through all that overflows once. What only the absent can take stands in nobody's way.
func (r *run) offer(ctx context.Context) error {
	offered := map[inbox.ConversationID]bool{}
	for limit := drainPage; r.room(); limit *= 2 {
		ids, err := r.Store.Overflowing(ctx, r.id, limit)
		if err != nil {
			return err
		}
		whole := len(ids) < limit
		ids = slices.DeleteFunc(ids, func(id inbox.ConversationID) bool { return offered[id] })
		for page := range slices.Chunk(ids, drainPage) {
			if err := r.offerPage(ctx, page, offered); err != nil {
				return err
			}
		}
		if whole {
			return nil
		}
	}
	return nil
}

func (r *run) offerPage(ctx context.Context, ids []inbox.ConversationID, offered map[inbox.ConversationID]bool) error {
	found, err := r.Store.Conversations(ctx, r.id, ids)
	if err != nil {
		return err
	}
	drained := func(c inbox.Conversation) decide.Decision {
		return decide.Drain(c, r.policy, decide.Situation{Team: r.team, Now: r.now})
	}
	for _, id := range ids {
		if !r.room() {
			return nil
		}
		offered[id] = true
		if len(drained(found[id]).Events) == 0 {
			continue
		}
		if _, err := r.change(ctx, id, func(c inbox.Conversation) (decide.Decision, error) { return drained(c), nil }); err != nil {
			return err
		}
	}
	return nil
}

// room reports whether something overflows and somebody has room.
func (r *run) room() bool { return r.team.Overflow > 0 && assign.Room(r.policy.Assign, r.team, r.now) }
