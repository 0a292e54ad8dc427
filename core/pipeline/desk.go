package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// desk holds the conversations that one chunk of changes touches, while they are decided.
type desk struct {
	*run
	drafts  map[inbox.ConversationID]*draft
	order   []inbox.ConversationID
	threads map[inbox.ThreadID][]inbox.ConversationID
	handled map[inbox.Address]assign.Handled
	shift   assign.Shift  // of all decisions so far
	seen    []inbox.Known // known messages with a new state
}

// draft is one conversation's unit in the making.
type draft struct {
	before inbox.Conversation
	unit   Unit
	remark []inbox.MessageID
}

// crowd is how many conversations of one thread a mail can join, the newest. Exchange makes one thread of every mail with
// the same subject, so a thread can hold as many as a mailbox has customers. Who answers to one that is older than all
// of these begins a new conversation.
const crowd = 1000

// load reads all conversations that the changes can touch, in as few calls as there are kinds of question.
func (d *desk) load(ctx context.Context, changes []inbox.Change) error {
	var threads []inbox.ThreadID
	var ids []inbox.ConversationID
	var customers []inbox.Address
	for _, ch := range changes {
		switch ch.Kind {
		case inbox.Arrived, inbox.SentOut:
			if !slices.Contains(threads, ch.Message.Thread) {
				threads = append(threads, ch.Message.Thread)
			}
			if a := ch.Message.From.Address; a != "" && ch.Kind == inbox.Arrived && !slices.Contains(customers, a) {
				customers = append(customers, a)
			}
		default:
			ids = append(ids, ch.Known.Conversation)
		}
	}
	if len(threads) > 0 {
		found, err := d.Store.Threads(ctx, d.id, threads)
		if err != nil {
			return err
		}
		for thread, list := range found {
			list = list[max(0, len(list)-crowd):]
			d.threads[thread] = list
			ids = append(ids, list...)
		}
	}
	if d.policy.Assign.Sticky > 0 && len(customers) > 0 {
		var err error
		if d.handled, err = d.Store.Handled(ctx, d.id, customers); err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found, err := d.Store.Conversations(ctx, d.id, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, ok := found[id]
		if !ok {
			return fmt.Errorf("conversation %s is missing although its messages are known", id)
		}
		d.drafts[id] = &draft{before: c, unit: Unit{Conversation: c, Expect: c.Seq}}
	}
	return d.echoes(ctx, changes)
}

// work decides one change.
func (d *desk) work(ch inbox.Change) {
	id := ch.Known.Conversation
	if id == "" {
		id = d.conversation(ch.Message)
	}
	f := d.drafts[id]
	if f == nil {
		c := inbox.Conversation{ID: id, Mailbox: d.id}
		f = &draft{before: c, unit: Unit{Conversation: c}}
		d.drafts[id] = f
		d.threads[ch.Message.Thread] = append(d.threads[ch.Message.Thread], id)
	}
	decision := decide.Change(f.unit.Conversation, ch, d.policy, d.situation(ch))
	d.keep(f, decision)
	switch ch.Kind {
	case inbox.Arrived, inbox.SentOut:
		m := ch.Message
		k := inbox.Known{ID: m.ID, Conversation: id, Direction: m.Direction, At: m.At, State: ch.State}
		if !m.ThreadIsHint {
			k.Thread = m.Thread
		}
		f.unit.Joined = append(f.unit.Joined, k)
	default:
		if decision.Remark {
			f.remark = append(f.remark, ch.ID())
		}
	}
}

func (d *desk) keep(f *draft, decision decide.Decision) {
	f.unit.Conversation = decision.Conversation
	f.unit.Events = append(f.unit.Events, decision.Events...)
	f.unit.Shift = f.unit.Shift.Add(decision.Shift)
	d.shift = d.shift.Add(decision.Shift)
	for customer, h := range decision.Handled {
		if f.unit.Handled == nil {
			f.unit.Handled = map[inbox.Address]assign.Handled{}
		}
		f.unit.Handled[customer] = h
		if d.handled != nil {
			d.handled[customer] = h // for the changes that follow in this chunk
		}
	}
	if len(decision.Events) > 0 && !slices.Contains(d.order, f.before.ID) {
		d.order = append(d.order, f.before.ID)
	}
}

// conversation finds the one that a message joins, or names a new one that it begins.
func (d *desk) conversation(m inbox.Message) inbox.ConversationID {
	refs, outsiders := m.Refs(), m.Outsiders(d.policy.Inside)
	list := d.threads[m.Thread]
	for i := len(list) - 1; i >= 0; i-- {
		if d.drafts[list[i]].unit.Conversation.Belongs(m, refs, outsiders) {
			return list[i]
		}
	}
	return inbox.NewConversationID(d.id, m.Thread, m.ID)
}

// units are the decisions as they are to be committed, in the order in which their conversations were first touched.
func (d *desk) units() []Unit {
	var out []Unit
	for _, id := range d.order {
		f := d.drafts[id]
		u := f.unit
		u.Seen = slices.Concat(u.Seen, take(&d.seen, id))
		u.Actions = d.actions(f)
		out = append(out, u)
	}
	if len(d.seen) > 0 {
		out = append(out, Unit{Seen: d.seen}) // echoes of our own, and what else needs no decision
	}
	return out
}

// take moves the records of one conversation out of list.
func take(list *[]inbox.Known, id inbox.ConversationID) []inbox.Known {
	var out, rest []inbox.Known
	for _, k := range *list {
		if k.Conversation == id {
			out = append(out, k)
		} else {
			rest = append(rest, k)
		}
	}
	*list = rest
	return out
}

// actions are the effects that a unit calls for: all received messages when the conversation's markers have changed,
// else only the messages that are new to it or that somebody has changed.
func (d *desk) actions(f *draft) []Action {
	was, now := d.policy.Shown(f.before), d.policy.Shown(f.unit.Conversation)
	a := Action{
		Key:  actionKey(f.unit.Conversation),
		Kind: SetMarkers, Conversation: f.before.ID, Markers: now,
	}
	if f.before.Seq > 0 && !slices.Equal(was, now) {
		return []Action{a}
	}
	a.Messages = append(a.Messages, f.remark...)
	for _, k := range f.unit.Joined {
		want, touch := wants(k, now)
		if add, remove := d.policy.Difference(k.State.Markers, want); touch && len(add)+len(remove) > 0 {
			a.Messages = append(a.Messages, k.ID)
		}
	}
	if len(a.Messages) == 0 {
		return nil
	}
	return []Action{a}
}

// actionKey names the action after the commit that calls for it, so that a replay of the commit gives the same key.
func actionKey(c inbox.Conversation) string { return fmt.Sprintf("%s/%012d", c.ID, c.Seq) }

// wants is which markers of ours a message shall carry when its conversation shows these. touch is false for a message
// that is to be left as it is. Sent mail carries none; a mail client that labels whole threads puts them there all
// the same, and they would show on the thread for ever.
func wants(k inbox.Known, shown []inbox.Marker) (want []inbox.Marker, touch bool) {
	switch {
	case k.Gone || k.State.Place == inbox.Trash || k.State.Place == inbox.Junk || k.State.Place == inbox.Drafts:
		return nil, false
	case k.Direction == inbox.In:
		return shown, true
	}
	return nil, true
}
