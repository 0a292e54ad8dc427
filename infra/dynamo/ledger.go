package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// attempts is how often a write is made anew when something else was written beside it that is no conflict, such as the
// states of a conversation's messages while it is committed to.
const attempts = 10

// Commit implements pipeline.Ledger. Units in a row are one transaction, as many as it holds; a transaction is written as
// a whole or not at all.
func (t *Table) Commit(ctx context.Context, mailbox inbox.MailboxID, units []pipeline.Unit) error {
	b := &box{Table: t, mailbox: mailbox}
	err := ctx.Err()
	for i := 0; err == nil && i < len(units); i++ {
		if err = check(mailbox, &units[i]); err != nil {
			err = fmt.Errorf("unit %d of %d: %w", i+1, len(units), err)
		}
	}
	if err == nil {
		err = b.commit(ctx, units)
	}
	if err != nil {
		return fmt.Errorf("dynamo: commit to %s: %w", mailbox, err)
	}
	return nil
}

// check refuses a unit that would leave a timeline with a gap, or one message in two conversations.
func check(mailbox inbox.MailboxID, u *pipeline.Unit) error {
	if len(u.Events) == 0 {
		return nil
	}
	c := &u.Conversation
	if c.ID == "" || mailbox == "" || c.Mailbox != mailbox {
		return fmt.Errorf("conversation %q is of mailbox %q", c.ID, c.Mailbox)
	}
	if !canBe(c.ID) {
		return fmt.Errorf("conversation id %.80q goes into no key: text of at most %d bytes without # does", c.ID, maxName)
	}
	for i := range u.Events {
		if seq := u.Events[i].Seq; seq != u.Expect+int64(i)+1 {
			return fmt.Errorf("conversation %s: event %d does not follow on %d", c.ID, seq, u.Expect+int64(i))
		}
	}
	if last := u.Expect + int64(len(u.Events)); c.Seq != last {
		return fmt.Errorf("conversation %s says it is at %d, its last event is %d", c.ID, c.Seq, last)
	}
	if len(u.Joined) > pipeline.MaxJoined {
		return fmt.Errorf("%d messages join conversation %s at once, at most %d can", len(u.Joined), c.ID, pipeline.MaxJoined)
	}
	joined := make(map[inbox.MessageID]bool, len(u.Joined))
	for _, k := range u.Joined {
		if k.ID == "" || k.Conversation != c.ID || joined[k.ID] {
			return fmt.Errorf("message %q joins conversation %q in a unit for %q, or joins it twice", k.ID, k.Conversation, c.ID)
		}
		joined[k.ID] = true
	}
	return nil
}

func (b *box) commit(ctx context.Context, units []pipeline.Unit) error {
	all := len(units)
	have := map[inbox.ConversationID]*entry{}
	for len(units) > 0 {
		n, err := 0, error(nil)
		if len(units[0].Events) == 0 {
			n, err = b.commitSeen(ctx, units)
			clear(have)
		} else {
			n, err = b.commitSome(ctx, have, units)
		}
		if err != nil {
			return fmt.Errorf("unit %d of %d: %w", all-len(units)+1, all, err)
		}
		units = units[n:]
	}
	return nil
}

// commitSeen writes the units at the beginning that only store states.
func (b box) commitSeen(ctx context.Context, units []pipeline.Unit) (n int, err error) {
	var seen []inbox.Known
	for n < len(units) && len(units[n].Events) == 0 {
		seen = append(seen, units[n].Seen...)
		n++
	}
	return n, b.restate(ctx, nil, seen)
}

// commitSome writes as many units from the first on as go into one transaction, and says how many. What is in have was
// read or written before; what it lacks is read.
func (b *box) commitSome(ctx context.Context, have map[inbox.ConversationID]*entry, units []pipeline.Unit) (int, error) {
	for n := range attempts {
		if n > 1 {
			if err := b.pause(ctx, n-1); err != nil {
				return 0, err
			}
		}
		if err := b.load(ctx, have, units); err != nil {
			return 0, err
		}
		g, err := b.pack(have, units)
		if err != nil {
			return 0, err
		}
		if err := b.write(ctx, g.began); err != nil {
			return 0, err
		}
		err = b.transact(ctx, g.items)
		if err == nil {
			for id, e := range g.after {
				e.writes++
				have[id] = e
			}
			return g.units, nil
		}
		var cancelled *types.TransactionCanceledException
		if !errors.As(err, &cancelled) {
			return 0, err
		}
		again, err := b.why(g, cancelled)
		if err != nil {
			return 0, err
		}
		if again.init {
			if err := b.initTeam(ctx); err != nil {
				return 0, err
			}
		}
		b.spills = b.spills || again.spill
		if again.units > 0 {
			units = units[:again.units]
		}
		clear(have)
	}
	return 0, &pipeline.Throttled{After: patience, What: "a conversation that is being written all the time"}
}

// transact writes items as a whole. All tries have one token, the SDK's own and ours, so a transaction that was done and
// whose answer was lost is not done twice, nor taken for somebody else's: TransactionInProgressException tells of just that.
// Only one that was cancelled, which is certain to have done nothing, goes on with a new token.
func (t *Table) transact(ctx context.Context, items []types.TransactWriteItem) error {
	token := rand.Text() // of no injected source: two processes must never have the same
	return t.try(ctx, func() error {
		_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: &token})
		var cancelled *types.TransactionCanceledException
		if errors.As(err, &cancelled) {
			token = rand.Text()
		}
		return err
	})
}

// retry says how to go on after a transaction was cancelled.
type retry struct {
	init  bool // the team's item has to be made first
	spill bool // the team's item lists as many conversations as it may
	units int  // only this many units can be written, 0: all
}

// why finds out from its reasons why a group was not written: a conflict, or something that another try takes in.
func (b box) why(g *group, cancelled *types.TransactionCanceledException) (again retry, err error) {
	conflict := func(unit int, what string, args ...any) {
		if err == nil || unit < again.units {
			again.units = unit
			err = fmt.Errorf("%s: %w", fmt.Sprintf(what, args...), pipeline.ErrConflict)
		}
	}
	other := true
	for i, r := range cancelled.CancellationReasons {
		if i >= len(g.about) || reason(r) != conditionFailed {
			continue
		}
		other = false
		switch a := g.about[i]; a.kind {
		case aMessage:
			conflict(a.unit, "message %s is known already", a.name)
		case aConversation:
			id := inbox.ConversationID(a.name)
			if seq := numberOf(r.Item, seqAttr); seq != g.before[id].Conversation.Seq {
				conflict(a.unit, "conversation %s is at %d, not at %d", id, seq, g.before[id].Conversation.Seq)
			}
		case aTeam:
			again.init = r.Item[pendingAttr] == nil
			again.spill = !again.init
		}
	}
	switch {
	case other:
		return again, cancelled
	case err != nil && again.units > 0:
		return again, nil // the units before the one in conflict, once more; then it
	}
	return again, err
}

// load reads what packing units needs and have lacks.
func (b box) load(ctx context.Context, have map[inbox.ConversationID]*entry, units []pipeline.Unit) error {
	var ids []inbox.ConversationID
	for _, u := range units {
		// A new conversation is not looked for: its put says that there must be none.
		if id := u.Conversation.ID; len(u.Events) > 0 && u.Expect > 0 && have[id] == nil {
			ids = append(ids, id)
		}
	}
	found, err := b.entries(ctx, ids)
	if err != nil {
		return err
	}
	var want []pageOf
	for id, e := range found {
		have[id] = e
		want = append(want, e.wanted()...)
	}
	if err := b.loadNumbers(ctx, have, units); err != nil || len(want) == 0 {
		return err
	}
	pages, err := b.pages(ctx, want)
	for w, p := range pages {
		have[w.id].pages[w.n] = p
	}
	return err
}

// wanted are the pages that may be written when the conversation is committed to.
func (e *entry) wanted() (out []pageOf) {
	e.pages = map[int]*loadedPage{}
	if e.size < kilobyte/2 {
		return nil // it has room
	}
	if e.Paged%pageSize > 0 {
		out = append(out, pageOf{e.id, e.Paged / pageSize})
	}
	for _, s := range e.States {
		if s.N < e.Paged {
			out = append(out, pageOf{e.id, s.N / pageSize})
		}
	}
	return out
}

// loadNumbers reads the numbers of messages that units have a new state of and that are on pages.
func (b box) loadNumbers(ctx context.Context, have map[inbox.ConversationID]*entry, units []pipeline.Unit) error {
	var ids []inbox.MessageID
	for _, u := range units {
		e := have[u.Conversation.ID]
		if len(u.Events) == 0 || e == nil || e.Paged == 0 {
			continue
		}
		for _, k := range u.Seen {
			if _, known := e.numbers[k.ID]; !known && e.state(k.ID) < 0 {
				ids = append(ids, k.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	at, err := b.numbers(ctx, ids)
	for id, p := range at {
		if e := have[p.conversation]; e != nil {
			if e.numbers == nil {
				e.numbers = map[inbox.MessageID]int{}
			}
			e.numbers[id] = p.n
		}
	}
	return err
}
