package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Which conversations have pending actions is said twice: by each conversation itself, which is the truth, and by the
// team's item, or by items of their own where that is full, which may list some that have none any more. Settling does
// not touch the list, as that would cost as much again; what it lists in vain is taken out now and then.

// maxStale is how many conversations the list may have in vain before they are taken out. Each costs a read unit at every
// reading by a process that has not met it, and taking out all of them costs a write unit.
const maxStale = 4

// maxTidied is how many are taken out at once, as an expression has at most 4 KB and 300 operators, a path's dots perhaps among them.
const maxTidied = 80

// staleEntry is an entry of the list that was found to have no pending action. It never has one again: whatever adds an
// action makes a new entry with a higher order. So one process need not look twice.
type staleEntry struct {
	mailbox inbox.MailboxID
	id      inbox.ConversationID
	order   int64
}

// maxRemembered bounds what a process remembers of stale entries.
const maxRemembered = 10_000

// Pending implements pipeline.Ledger.
func (t *Table) Pending(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]pipeline.Action, error) {
	return read(t, "pending actions", mailbox, func(b box) ([]pipeline.Action, error) {
		team, err := b.get(ctx, b.key(teamKey))
		if err != nil || team == nil {
			return nil, err
		}
		p := &pendingRead{box: b, found: map[inbox.ConversationID][]action{}}
		if err := p.listed(ctx, team); err != nil {
			return nil, err
		}
		if spilled := numberOf(team, spilledAttr); spilled > 0 {
			if err := p.spilled(ctx, spilled, limit); err != nil {
				return nil, err
			}
		}
		found := slices.Concat(slices.Collect(maps.Values(p.found))...)
		slices.SortFunc(found, byOrder)
		if limit > 0 {
			found = found[:min(limit, len(found))]
		}
		out := make([]pipeline.Action, len(found))
		for i, a := range found {
			out[i] = a.Action
		}
		return out, nil
	})
}

func byOrder(a, b action) int {
	return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Key, b.Key))
}

// pendingRead is one reading of what is pending.
type pendingRead struct {
	box
	found map[inbox.ConversationID][]action // of the conversations that were looked at; oldest first
}

// upTo reports whether a conversation was seen to have an action up to that order.
func (p *pendingRead) upTo(id inbox.ConversationID, order int64) bool {
	actions := p.found[id]
	return len(actions) > 0 && actions[0].Order <= order
}

// listed reads the conversations that the team's item lists.
func (p *pendingRead) listed(ctx context.Context, team item) error {
	list := map[inbox.ConversationID]int64{}
	if q, ok := team[pendingAttr].(*types.AttributeValueMemberM); ok {
		for id, order := range q.Value {
			list[inbox.ConversationID(id)] = integer(order)
		}
	}
	var ids []inbox.ConversationID
	var stale []staleEntry
	for id, order := range list {
		if s := (staleEntry{p.mailbox, id, order}); p.isStale(s) {
			stale = append(stale, s)
		} else {
			ids = append(ids, id)
		}
	}
	if err := p.look(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if len(p.found[id]) == 0 {
			s := staleEntry{p.mailbox, id, list[id]}
			p.remember(s)
			stale = append(stale, s)
		}
	}
	if len(stale) < maxStale {
		return nil
	}
	return p.tidy(ctx, team, stale[:min(len(stale), maxTidied)])
}

func (t *Table) isStale(s staleEntry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.stale[s]
	return ok
}

func (t *Table) remember(s staleEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.stale) >= maxRemembered {
		clear(t.stale)
	}
	t.stale[s] = struct{}{}
}

// look reads the actions of conversations, in place of what was found of them before.
func (p *pendingRead) look(ctx context.Context, ids []inbox.ConversationID) error {
	entries, err := p.entries(ctx, ids)
	if err != nil {
		return err
	}
	for id, e := range entries {
		actions := e.Actions
		if e.From < e.To {
			err := p.walkSpills(ctx, id, func(_ item, n int, s spill) error {
				if n < e.To { // a later one holds what was in the conversation's item when that was read
					actions = append(actions, s.Actions...)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		slices.SortFunc(actions, byOrder)
		p.found[id] = actions
	}
	return nil
}

// spilled reads the conversations that have items of their own, oldest first, until limit actions are found that are not
// newer than what was read so far. What is there in vain is deleted. newest is what the team's item says is the last.
func (p *pendingRead) spilled(ctx context.Context, newest int64, limit int) error {
	var gone []types.WriteRequest
	any := false
	var part []key
	flush := func() (enough bool, err error) {
		var last int64
		// An item says that there was an action when it was read, so only a look at the conversation after that can say that
		// there is none any more: it may have been looked at before the action came.
		vain := map[key]inbox.ConversationID{}
		for _, k := range part {
			id, order, err := cutAction(k.s)
			if err != nil {
				return false, err
			}
			if last = order; !p.upTo(id, order) {
				vain[k] = id
			}
		}
		if err := p.look(ctx, slices.Collect(maps.Values(vain))); err != nil {
			return false, err
		}
		for k, id := range vain {
			if _, order, _ := cutAction(k.s); !p.upTo(id, order) {
				gone = append(gone, deleteRequest(k))
			}
		}
		part = part[:0]
		n := 0
		for _, actions := range p.found {
			for _, a := range actions {
				if a.Order <= last {
					n++
				}
			}
		}
		return full(n, limit), nil
	}
	err := p.walk(ctx, under(mailboxPart(p.mailbox), actionPrefix), func(it item) (bool, error) {
		any = true
		if part = append(part, keyOf(it)); len(part) < maxBatchGet {
			return true, nil
		}
		enough, err := flush()
		return !enough, err
	})
	if err == nil && len(part) > 0 {
		_, err = flush()
	}
	if err != nil {
		return err
	}
	if !any {
		return p.unspill(ctx, newest)
	}
	return p.write(ctx, gone)
}

// cutAction takes an action's key apart.
func cutAction(s string) (id inbox.ConversationID, order int64, err error) {
	name, ok := strings.CutPrefix(s, actionPrefix)
	number, conversation, found := strings.Cut(name, "#")
	if !ok || !found {
		return "", 0, fmt.Errorf("item %q is no pending action", s)
	}
	_, err = fmt.Sscanf(number, "%d", &order)
	return inbox.ConversationID(conversation), order, err
}

// unspill notes that no action has an item of its own any more, unless one more has come meanwhile.
func (p *pendingRead) unspill(ctx context.Context, newest int64) error {
	return p.tidyTeam(ctx, "REMOVE z", "z = :z", nil, item{":z": number(newest)})
}

// tidy takes out of the team's item what it lists in vain, and counts that are 0, unless one of them has changed since.
func (p *pendingRead) tidy(ctx context.Context, team item, stale []staleEntry) error {
	var remove, must []string
	names, values := map[string]string{}, item{}
	for i, s := range stale {
		name, value := fmt.Sprint("#q", i), fmt.Sprint(":q", i)
		remove, must = append(remove, "q."+name), append(must, "q."+name+" = "+value)
		names[name], values[value] = string(s.id), number(s.order)
	}
	for attr := range team {
		if n := team[attr]; strings.HasPrefix(attr, openPrefix) && integer(n) == 0 && len(remove) < maxTidied {
			name := fmt.Sprint("#o", len(remove))
			remove, must = append(remove, name), append(must, name+" = :none")
			names[name], values[":none"] = attr, number(0)
		}
	}
	return p.tidyTeam(ctx, "REMOVE "+strings.Join(remove, ", "), strings.Join(must, " AND "), names, values)
}

// tidyTeam updates the team's item if that is still as it was read; else the next reading does it.
func (p *pendingRead) tidyTeam(ctx context.Context, change, must string, names map[string]string, values item) error {
	err := p.try(ctx, func() error {
		_, err := p.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &p.name, Key: p.key(teamKey).item(), UpdateExpression: aws.String(change), ConditionExpression: aws.String(must),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
		return err
	})
	if _, failed := failedCondition(err); failed {
		return nil
	}
	return err
}
