package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"golang.org/x/sync/errgroup"
)

// Settle implements pipeline.Ledger. Each conversation is written by itself: after an error some are settled. The states
// of one conversation's messages are stored before its actions are gone.
func (t *Table) Settle(ctx context.Context, mailbox inbox.MailboxID, keys []string, seen []inbox.Known) error {
	b := box{Table: t, mailbox: mailbox}
	if err := b.restate(ctx, keys, seen); err != nil {
		return fmt.Errorf("dynamo: settle in %s: %w", mailbox, err)
	}
	return nil
}

// outcome is what there is to store of one conversation.
type outcome struct {
	id   inbox.ConversationID
	keys []string // of actions that are settled
	seen []inbox.Known
}

// restate stores states of messages, and takes away actions.
func (b box) restate(ctx context.Context, keys []string, seen []inbox.Known) error {
	of := map[inbox.ConversationID]*outcome{}
	var ids []inbox.ConversationID
	at := func(id inbox.ConversationID) *outcome {
		if of[id] == nil {
			of[id] = &outcome{id: id}
			ids = append(ids, id)
		}
		return of[id]
	}
	for _, k := range keys {
		if i := strings.LastIndexByte(k, '/'); i > 0 { // else it is no key of an action
			o := at(inbox.ConversationID(k[:i]))
			o.keys = append(o.keys, k)
		}
	}
	for _, k := range seen {
		o := at(k.Conversation)
		o.seen = append(o.seen, k)
	}
	found, err := b.entries(ctx, ids)
	if err != nil {
		return err
	}
	if err := b.loadSeen(ctx, found, of); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for _, id := range ids {
		g.Go(func() error { return b.settle(ctx, found[id], of[id]) })
	}
	return g.Wait()
}

// loadSeen reads the numbers of messages with a new state that are not in their conversations' own items.
func (b box) loadSeen(ctx context.Context, found map[inbox.ConversationID]*entry, of map[inbox.ConversationID]*outcome) error {
	var ids []inbox.MessageID
	for id, o := range of {
		for _, k := range o.seen {
			if e := found[id]; e != nil && e.state(k.ID) < 0 {
				ids = append(ids, k.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	places, err := b.numbers(ctx, ids)
	for id, p := range places {
		if e := found[p.conversation]; e != nil {
			e.know(id, p.n)
		}
	}
	return err
}

func (e *entry) know(id inbox.MessageID, n int) {
	if e.numbers == nil {
		e.numbers = map[inbox.MessageID]int{}
	}
	e.numbers[id] = n
}

// errOvertaken says that an item has been written since it was read.
var errOvertaken = errors.New("written meanwhile")

// settle stores one conversation's outcome. e is as it was read, nil where it is not there.
func (b box) settle(ctx context.Context, e *entry, o *outcome) error {
	for n := range attempts {
		if n > 1 {
			if err := b.pause(ctx, n-1); err != nil {
				return err
			}
		}
		if n > 0 {
			var err error
			if e, err = b.reload(ctx, o); err != nil {
				return err
			}
		}
		if e == nil {
			if len(o.seen) > 0 {
				return fmt.Errorf("a state of message %s, whose conversation %q is not known", o.seen[0].ID, o.id)
			}
			return nil // an unknown key is no error
		}
		if err := b.settleOnce(ctx, e, o); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return &pipeline.Throttled{After: patience, What: "conversation " + string(o.id) + ", which is being written all the time"}
}

func (b box) reload(ctx context.Context, o *outcome) (*entry, error) {
	found, err := b.entries(ctx, []inbox.ConversationID{o.id})
	if err != nil {
		return nil, err
	}
	return found[o.id], b.loadSeen(ctx, found, map[inbox.ConversationID]*outcome{o.id: o})
}

func (b box) settleOnce(ctx context.Context, e *entry, o *outcome) error {
	changed := false
	var paged []inbox.Known
	for _, k := range o.seen {
		i := e.state(k.ID)
		n, known := e.numbers[k.ID]
		switch {
		case i >= 0:
			e.States[i].Known, changed = k, true
		case !known:
			return fmt.Errorf("a state of message %s, which conversation %s does not have", k.ID, e.id)
		case n >= e.Paged:
			return errOvertaken // it joined after the conversation was read
		default:
			paged = append(paged, k)
		}
	}
	if err := b.settlePages(ctx, e, paged); err != nil {
		return err
	}
	before := len(e.Actions)
	e.Actions = slices.DeleteFunc(e.Actions, func(a action) bool { return slices.Contains(o.keys, a.Key) })
	changed = changed || len(e.Actions) < before
	extras, more, err := b.settleSpills(ctx, e, o.keys)
	if err != nil || !changed && len(extras) == 0 {
		return err
	}
	value, err := encode(e.stored())
	if err != nil {
		return err
	}
	own := b.entryItem(e, value)
	must := condition{text: "n = :n AND w = :w", values: item{":n": number(e.Conversation.Seq), ":w": number(e.writes)}}
	if len(extras) == 0 {
		return b.replace(ctx, own, must)
	}
	err = b.transactOr(ctx, append([]types.TransactWriteItem{b.putItem(own, must)}, extras...))
	if err == nil && more {
		return errOvertaken // by ourselves
	}
	return err
}

// replace puts one item if it is still as it was read, and gives errOvertaken where it is not.
func (t *Table) replace(ctx context.Context, it item, must condition) error {
	err := t.try(ctx, func() error {
		in := &dynamodb.PutItemInput{TableName: &t.name, Item: it}
		if must.text != "" {
			in.ConditionExpression, in.ExpressionAttributeValues = aws.String(must.text), must.values
			in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
		_, err := t.client.PutItem(ctx, in)
		return err
	})
	if there, failed := failedCondition(err); failed {
		if mark := textOf(it, markAttr); mark != "" && mark == textOf(there, markAttr) {
			return nil // an earlier try wrote it, and its answer was lost
		}
		return errOvertaken
	}
	return err
}

// transactOr writes items as a whole, and gives errOvertaken where a condition failed.
func (t *Table) transactOr(ctx context.Context, items []types.TransactWriteItem) error {
	err := t.transact(ctx, items)
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) && slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool { return reason(r) == conditionFailed }) {
		return errOvertaken
	}
	return err
}

// settlePages stores states of messages that are on pages.
func (b box) settlePages(ctx context.Context, e *entry, seen []inbox.Known) error {
	if len(seen) == 0 {
		return nil
	}
	var want []pageOf
	for _, k := range seen {
		want = append(want, pageOf{e.id, e.numbers[k.ID] / pageSize})
	}
	pages, err := b.pages(ctx, want)
	if err != nil {
		return err
	}
	for i, k := range seen {
		pages[want[i]].put(state{e.numbers[k.ID], k})
	}
	for w, p := range pages {
		x, err := b.pageItem(e.id, w.n, p)
		if err != nil {
			return err
		}
		if err := b.replace(ctx, x.item, x.condition()); err != nil {
			return err
		}
	}
	return nil
}

// maxSpillsSettled is how many spills one transaction rewrites; what is left is settled by the next attempt.
const maxSpillsSettled = maxTransaction - 1

// settleSpills gives the writes that take actions out of an entry's spills, and says whether there are more to be made.
func (b box) settleSpills(ctx context.Context, e *entry, keys []string) (out []types.TransactWriteItem, more bool, err error) {
	if e.From == e.To || len(keys) == 0 {
		return nil, false, nil
	}
	left := 0
	err = b.walkSpills(ctx, e.id, func(it item, n int, s spill) error {
		rest := slices.DeleteFunc(slices.Clone(s.Actions), func(a action) bool { return slices.Contains(keys, a.Key) })
		if len(rest) == len(s.Actions) {
			left++
			return nil
		}
		if len(out) == maxSpillsSettled {
			left, more = left+1, true
			return nil
		}
		x, err := b.spillItem(e.id, n, rest, numberOf(it, writesAttr))
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			left++
			out = append(out, b.putItem(x.item, x.condition()))
			return nil
		}
		must := x.condition()
		out = append(out, types.TransactWriteItem{Delete: &types.Delete{
			TableName: &b.name, Key: keyOf(it).item(), ConditionExpression: aws.String(must.text), ExpressionAttributeValues: must.values,
		}})
		return nil
	})
	if left == 0 {
		e.From = e.To
	}
	return out, more, err
}

// walkSpills reads the spills of one conversation, oldest first.
func (b box) walkSpills(ctx context.Context, id inbox.ConversationID, do func(it item, n int, s spill) error) error {
	return b.walk(ctx, under(mailboxPart(b.mailbox), spillPrefix(id)), func(it item) (bool, error) {
		var s spill
		if err := decodeItem(it, &s); err != nil {
			return false, err
		}
		for i := range s.Actions {
			s.Actions[i].Conversation = id
		}
		n := 0
		if _, err := fmt.Sscanf(lastPart(textOf(it, sortAttr)), "%d", &n); err != nil {
			return false, err
		}
		return true, do(it, n, s)
	})
}
