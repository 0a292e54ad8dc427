package dynamo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// What one transaction may have (TransactWriteItems), less a margin for what the request itself takes.
const (
	maxTransaction      = 100
	maxTransactionBytes = 3800 << 10
	maxExpression       = 4096
)

// kind says what an item of a transaction is about, for when it cancels it.
type kind int

const (
	anItem kind = iota
	aConversation
	aMessage
	aTeam
)

// about says what one item of a transaction stands for.
type about struct {
	kind kind
	name string
	unit int
}

// group is the units of one transaction.
type group struct {
	box
	units         int
	before, after map[inbox.ConversationID]*entry
	ids           []inbox.ConversationID // in the order in which they are first touched
	first         map[inbox.ConversationID]int
	joined        map[inbox.MessageID]bool
	handled       map[inbox.Address]assign.Handled
	shift         assign.Shift
	pending       map[inbox.ConversationID]int64 // the order of the newest action
	spilled       []types.TransactWriteItem
	count         int // items, as far as they are certain
	expression    int // the length of the longest

	began []types.WriteRequest // pointers from threads, to be written before
	items []types.TransactWriteItem
	about []about
}

// pack makes a group of as many units from the first on as fit, and all its items.
func (b box) pack(have map[inbox.ConversationID]*entry, units []pipeline.Unit) (*group, error) {
	for {
		g := &group{
			box: b, before: map[inbox.ConversationID]*entry{}, after: map[inbox.ConversationID]*entry{},
			first: map[inbox.ConversationID]int{}, joined: map[inbox.MessageID]bool{},
			handled: map[inbox.Address]assign.Handled{}, pending: map[inbox.ConversationID]int64{}, count: 1,
		}
		for i := range units {
			u := &units[i]
			if len(u.Events) == 0 || i > 0 && !g.fits(have, u) {
				break
			}
			if err := g.add(have, u); err != nil {
				if i == 0 {
					return nil, err
				}
				break // the units before it can be written
			}
		}
		size, err := g.build()
		switch {
		case err != nil && (g.units == 1 || !errors.Is(err, errTooLarge)):
			return nil, err
		case err == nil && size <= maxTransactionBytes && len(g.items) <= maxTransaction && g.expression <= maxExpression:
			return g, nil
		case g.units == 1:
			return nil, fmt.Errorf("one unit takes %d items of %d bytes together, more than one transaction holds", len(g.items), size)
		}
		units = units[:g.units/2]
	}
}

// fits reports whether there is room for a unit's items, and some for what its conversation may shed.
func (g *group) fits(have map[inbox.ConversationID]*entry, u *pipeline.Unit) bool {
	return g.count+g.need(have, u) <= maxTransaction
}

func (g *group) need(have map[inbox.ConversationID]*entry, u *pipeline.Unit) int {
	n := len(u.Joined)
	for a := range u.Handled {
		if _, there := g.handled[a]; !there {
			n++
		}
	}
	if g.spills && len(u.Actions) > 0 {
		n++
	}
	if g.after[u.Conversation.ID] == nil {
		n++
		if e := have[u.Conversation.ID]; e != nil && e.size > kilobyte/2 {
			n += 2
		}
	}
	if u.Conversation.Overflow || g.overflowed(have, u.Conversation.ID) {
		n += 2
	}
	return n
}

func (g *group) overflowed(have map[inbox.ConversationID]*entry, id inbox.ConversationID) bool {
	e := have[id]
	return e != nil && e.Conversation.Overflow
}

// add takes a unit in. On an error nothing has changed.
func (g *group) add(have map[inbox.ConversationID]*entry, u *pipeline.Unit) error {
	id := u.Conversation.ID
	e, before := g.after[id], have[id]
	switch {
	case e != nil:
	case before != nil:
		e = before.clone()
	default:
		before = &entry{id: id, record: record{Conversation: inbox.Conversation{ID: id, Mailbox: g.mailbox}}}
		e = before.clone()
	}
	if e.Conversation.Seq != u.Expect {
		return fmt.Errorf("conversation %s is at %d, not at %d: %w", id, e.Conversation.Seq, u.Expect, pipeline.ErrConflict)
	}
	for _, k := range u.Joined {
		if g.joined[k.ID] || e.state(k.ID) >= 0 {
			return fmt.Errorf("message %s is known already: %w", k.ID, pipeline.ErrConflict)
		}
	}
	for _, k := range u.Seen {
		if _, there := e.numbers[k.ID]; !there && e.state(k.ID) < 0 && !slices.ContainsFunc(u.Joined, func(j inbox.Known) bool { return j.ID == k.ID }) {
			return fmt.Errorf("a state of message %s, which conversation %s does not have", k.ID, id)
		}
	}
	g.count += g.need(have, u)
	if g.after[id] == nil {
		g.before[id], g.after[id], g.first[id] = before, e, g.units
		g.ids = append(g.ids, id)
	}
	e.Conversation = u.Conversation
	e.Conversation.Customer = fittingPerson(e.Conversation.Customer)
	for _, ev := range u.Events {
		e.Events = append(e.Events, fitting(ev))
	}
	for _, k := range u.Joined {
		g.joined[k.ID] = true
		g.message(k.ID, place{id, e.Joined})
		e.States = append(e.States, state{e.Joined, k})
		e.Joined++
	}
	for _, k := range u.Seen {
		e.see(k)
	}
	g.act(e, u.Actions)
	g.shift = g.shift.Add(u.Shift)
	for a, h := range u.Handled {
		g.handled[a] = h
	}
	g.units++
	return nil
}

// see stores the state of a message whose number is known.
func (e *entry) see(k inbox.Known) {
	if i := e.state(k.ID); i >= 0 {
		e.States[i].Known = k
		return
	}
	e.States = append(e.States, state{e.numbers[k.ID], k})
}

func (g *group) message(id inbox.MessageID, at place) {
	g.put(about{aMessage, string(id), g.units}, g.key(messageKey(id)).with(convAttr, text(string(at.conversation)), seqAttr, number(int64(at.n))),
		condition{text: "attribute_not_exists(p)"})
}

// act keeps actions, and where to find them.
func (g *group) act(e *entry, actions []pipeline.Action) {
	if len(actions) == 0 {
		return
	}
	var floor int64
	if n := len(e.Actions); n > 0 {
		floor = e.Actions[n-1].Order
	}
	first := g.order(len(actions), floor)
	for i, a := range actions {
		e.Actions = append(e.Actions, action{first + int64(i), a})
	}
	newest := first + int64(len(actions)) - 1
	g.pending[e.id] = newest
	if g.spills {
		g.spilled = append(g.spilled, types.TransactWriteItem{Put: &types.Put{TableName: &g.name, Item: g.key(actionKey(newest, e.id)).item()}})
	}
}

// build makes the rest of the items and gives the size of all of them.
func (g *group) build() (size int, err error) {
	g.team()
	for a, h := range g.handled {
		g.put(about{}, g.handledItem(a, h), condition{})
	}
	for _, it := range g.spilled {
		g.items, g.about = append(g.items, it), append(g.about, about{})
	}
	for _, id := range g.ids {
		g.index(g.before[id].Conversation, g.after[id].Conversation)
	}
	room := maxTransaction - len(g.items) - len(g.ids)
	for _, id := range g.ids {
		e := g.after[id]
		value, extras, err := g.layout(e, max(room, 0))
		if err != nil {
			return 0, err
		}
		room -= len(extras)
		must := condition{text: "attribute_not_exists(p)"}
		if e.writes > 0 {
			must = condition{text: "n = :n AND w = :w", values: item{":n": number(g.before[id].Conversation.Seq), ":w": number(e.writes)}}
		}
		g.put(about{aConversation, string(id), g.first[id]}, g.entryItem(e, value), must)
		for _, x := range extras {
			g.put(about{}, x.item, x.condition())
		}
		e.size = len(value)
	}
	for _, it := range g.items {
		switch {
		case it.Put != nil:
			size += itemSize(it.Put.Item)
		case it.Update != nil:
			size += itemSize(it.Update.ExpressionAttributeValues)
		}
	}
	return size, nil
}

// index keeps the thread that a conversation began in, and its place among those that overflow.
func (g *group) index(was, is inbox.Conversation) {
	same := was.Overflow && is.Overflow && was.Opened.Equal(is.Opened)
	if was.Overflow && !same {
		g.items = append(g.items, types.TransactWriteItem{Delete: &types.Delete{TableName: &g.name, Key: g.key(overflowKey(was.Opened, was.ID)).item()}})
		g.about = append(g.about, about{})
	}
	if is.Overflow && !same {
		g.put(about{}, g.key(overflowKey(is.Opened, is.ID)).item(), condition{})
	}
	// A conversation takes its thread from its first mail and keeps it.
	if is.Thread != was.Thread {
		g.began = append(g.began, putRequest(g.key(threadKey(is.Thread, is.ID)).item()))
	}
}

// condition is what must be so for a write to happen; empty: nothing.
type condition struct {
	text   string
	values item
}

func (x extra) condition() condition {
	switch {
	case x.writes < 0:
		return condition{}
	case x.writes == 0:
		return condition{text: "attribute_not_exists(p)"}
	}
	return condition{text: "w = :w", values: item{":w": number(x.writes)}}
}

func (g *group) put(a about, it item, c condition) {
	g.items, g.about = append(g.items, g.putItem(it, c)), append(g.about, a)
}

func (t *Table) putItem(it item, c condition) types.TransactWriteItem {
	put := &types.Put{TableName: &t.name, Item: it}
	if c.text != "" {
		put.ConditionExpression, put.ExpressionAttributeValues = aws.String(c.text), c.values
		put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return types.TransactWriteItem{Put: put}
}
