package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// The attributes beside the keys.
const (
	seqAttr    = "n" // of a conversation: its seq; of progress and records: the version; of a message: its number
	writesAttr = "w" // how often the item has been written
	valueAttr  = "v" // see value.go
	convAttr   = "c" // of a message: its conversation
	markAttr   = "k" // of progress and records: which call wrote it
)

// record is a conversation as its item has it: with its newest events, the states of its newest messages, and what is to
// be done about it. Older ones are in items of their own; see layout.go.
type record struct {
	Conversation inbox.Conversation `json:"c"` // ID and Mailbox are in the key
	Events       []inbox.Event      `json:"e,omitempty"`
	// States are of the messages from number Paged on, and of those before it whose page has an older one.
	States  []state  `json:"m,omitempty"`
	Actions []action `json:"a,omitempty"`
	Joined  int      `json:"j,omitempty"` // how many messages have joined; they are numbered from 0 in that order
	Paged   int      `json:"g,omitempty"` // messages before this number are in pages
	Sealed  int64    `json:"s,omitempty"` // events up to this seq are in items of their own
	// Spills from From up to but not To hold older actions; those that are empty are not there.
	From int `json:"x,omitempty"`
	To   int `json:"y,omitempty"`
}

// state is a message with its number. Its Conversation is in the key.
type state struct {
	N int `json:"n"`
	inbox.Known
}

// action is an action with its place in the order of all of a mailbox.
type action struct {
	Order int64 `json:"o"`
	pipeline.Action
}

// page holds the states of pageSize messages in a row.
type page struct {
	States []state `json:"m"`
}

// sealed holds events in a row that will never change.
type sealed struct {
	Events []inbox.Event `json:"e"`
}

// spill holds older actions of one conversation.
type spill struct {
	Actions []action `json:"a"`
}

// entry is a record and how often its item has been written; 0: it is not there yet.
type entry struct {
	id inbox.ConversationID
	record
	writes int64
	size   int // of the value as it was read
	pages  map[int]*loadedPage
	// numbers are those of messages whose states are on pages, as far as they were asked for.
	numbers map[inbox.MessageID]int
}

// loadedPage is a page and how often its item has been written; 0: it is not there.
type loadedPage struct {
	page
	writes int64
}

func (b box) readEntry(it item) (*entry, error) {
	e := &entry{id: inbox.ConversationID(textOf(it, sortAttr)[len(conversationPrefix):]), writes: numberOf(it, writesAttr)}
	if err := decodeItem(it, &e.record); err != nil {
		return nil, err
	}
	e.size = len(bytesOf(it, valueAttr))
	e.Conversation.ID, e.Conversation.Mailbox = e.id, b.mailbox
	for i := range e.States {
		e.States[i].Conversation = e.id
	}
	for i := range e.Actions {
		e.Actions[i].Conversation = e.id
	}
	return e, nil
}

// entry reads one conversation; nil where it is not there.
func (b box) entry(ctx context.Context, id inbox.ConversationID) (*entry, error) {
	if !canBe(id) {
		return nil, nil
	}
	it, err := b.get(ctx, b.key(conversationKey(id)))
	if err != nil || it == nil {
		return nil, err
	}
	return b.readEntry(it)
}

// entries reads conversations; those that are not there are left out.
func (b box) entries(ctx context.Context, ids []inbox.ConversationID) (map[inbox.ConversationID]*entry, error) {
	var keys []key
	for _, id := range ids {
		if canBe(id) {
			keys = append(keys, b.key(conversationKey(id)))
		}
	}
	found, err := b.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[inbox.ConversationID]*entry, len(found))
	for _, it := range found {
		e, err := b.readEntry(it)
		if err != nil {
			return nil, err
		}
		out[e.id] = e
	}
	return out, nil
}

// clone is an entry that can be changed without changing e.
func (e *entry) clone() *entry {
	c := *e
	c.Events, c.States, c.Actions = slices.Clone(e.Events), slices.Clone(e.States), slices.Clone(e.Actions)
	c.pages = make(map[int]*loadedPage, len(e.pages))
	for n, p := range e.pages {
		c.pages[n] = &loadedPage{page: page{slices.Clone(p.States)}, writes: p.writes}
	}
	return &c
}

// stored is the record as it is written: without what the key says.
func (r record) stored() record {
	r.Conversation.ID, r.Conversation.Mailbox = "", ""
	r.States = storedStates(r.States)
	r.Actions = storedActions(r.Actions)
	return r
}

func storedStates(list []state) []state {
	list = slices.Clone(list)
	for i := range list {
		list[i].Conversation = ""
	}
	return list
}

func storedActions(list []action) []action {
	list = slices.Clone(list)
	for i := range list {
		list[i].Conversation = ""
	}
	return list
}

// state finds a message's state in the conversation's own item, or gives -1.
func (r *record) state(id inbox.MessageID) int {
	return slices.IndexFunc(r.States, func(s state) bool { return s.ID == id })
}

// numbers reads which numbers messages have in their conversations; those that are not known are left out.
func (b box) numbers(ctx context.Context, ids []inbox.MessageID) (map[inbox.MessageID]place, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = b.key(messageKey(id))
	}
	found, err := b.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[inbox.MessageID]place, len(found))
	for i, id := range ids {
		if it := found[keys[i]]; it != nil {
			out[id] = place{inbox.ConversationID(textOf(it, convAttr)), int(numberOf(it, seqAttr))}
		}
	}
	return out, nil
}

// place is where a message is kept.
type place struct {
	conversation inbox.ConversationID
	n            int
}

// pageSize is how many messages a page has.
const pageSize = 16

// pageOf names a page of a conversation.
type pageOf struct {
	id inbox.ConversationID
	n  int
}

// pages reads pages; one that is not there has no states and was written 0 times.
func (b box) pages(ctx context.Context, want []pageOf) (map[pageOf]*loadedPage, error) {
	keys := make([]key, len(want))
	for i, w := range want {
		keys[i] = b.key(pageKey(w.id, w.n))
	}
	found, err := b.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[pageOf]*loadedPage, len(want))
	for i, w := range want {
		p := &loadedPage{}
		if it := found[keys[i]]; it != nil {
			if p, err = readPage(it, w.id); err != nil {
				return nil, err
			}
		}
		out[w] = p
	}
	return out, nil
}

func readPage(it item, id inbox.ConversationID) (*loadedPage, error) {
	p := &loadedPage{writes: numberOf(it, writesAttr)}
	if err := decodeItem(it, &p.page); err != nil {
		return nil, err
	}
	for i := range p.States {
		p.States[i].Conversation = id
	}
	return p, nil
}

// put replaces the state of a message, or appends it.
func (p *page) put(s state) {
	if i := slices.IndexFunc(p.States, func(x state) bool { return x.N == s.N }); i >= 0 {
		p.States[i] = s
		return
	}
	p.States = append(p.States, s)
}

func (p *page) state(id inbox.MessageID) (state, error) {
	i := slices.IndexFunc(p.States, func(s state) bool { return s.ID == id })
	if i < 0 {
		return state{}, fmt.Errorf("message %s is not on its page", id)
	}
	return p.States[i], nil
}
