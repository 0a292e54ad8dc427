package dynamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
)

// A conversation's item is written at least twice for every mail: in the commit's transaction, for two units a KB, and
// when the action is settled, for one. So it is kept to as few KB as it can have. What is old goes to items that are
// written once: events into sealed items, states of messages into pages, and actions that nobody settles into spills.

const (
	kilobyte = 1024 // what a write unit pays for
	// maxItem is what an item may have, somewhat less than DynamoDB's 400 KB.
	maxItem = 380 << 10
	// maxSealed bounds the JSON of one item of events, which can have long subjects.
	maxSealed = 128 << 10
	// spillSize is how many actions one spill has, and keptActions how many stay with the conversation.
	spillSize   = 32
	keptActions = 8
)

// errTooLarge says that a conversation's item has too much. Fewer units in its transaction leave it more other items.
var errTooLarge = errors.New("more than DynamoDB keeps in one item")

// extra is an item that a commit writes beside a conversation's own.
type extra struct {
	item
	writes int64 // how often it has been written before, which must still be so; -1: that does not matter
}

// layout encodes an entry. It moves what is old into at most room other items when that makes the conversation's own item
// cheaper, and gives those too.
func (b box) layout(e *entry, room int) (value []byte, extras []extra, err error) {
	overhead := itemSize(b.entryItem(e, nil))
	encodeAll := func() error {
		value, err = encode(e.stored())
		return err
	}
	fits := func(goal int) bool { return overhead+len(value) <= goal }
	if err := encodeAll(); err != nil || fits(kilobyte) {
		return value, nil, err
	}
	bare, err := encode(record{Conversation: e.stored().Conversation, Joined: e.Joined, Paged: e.Joined, Sealed: e.Conversation.Seq})
	if err != nil {
		return nil, nil, err
	}
	goal := (overhead + len(bare) + kilobyte - 1) / kilobyte * kilobyte
	for _, move := range []func(b box, e *entry, goal, room int) ([]extra, error){box.seal, box.turn, box.spill} {
		if fits(goal) {
			break
		}
		moved, err := move(b, e, goal-overhead, room-len(extras))
		if err != nil {
			return nil, nil, err
		}
		if extras = append(extras, moved...); len(moved) > 0 {
			if err := encodeAll(); err != nil {
				return nil, nil, err
			}
		}
	}
	if !fits(maxItem) {
		return nil, nil, fmt.Errorf("conversation %s takes %d bytes: %w", e.id, overhead+len(value), errTooLarge)
	}
	return value, extras, nil
}

// entryItem is a conversation's own item.
func (b box) entryItem(e *entry, value []byte) item {
	return b.key(conversationKey(e.id)).with(seqAttr, number(e.Conversation.Seq), writesAttr, number(e.writes+1), valueAttr, binary(value))
}

// seal moves the events into items of their own.
func (b box) seal(e *entry, _, room int) (out []extra, err error) {
	for len(e.Events) > 0 && len(out) < room {
		n, size := 0, 0
		for n < len(e.Events) && (n == 0 || size < maxSealed) {
			one, err := json.Marshal(e.Events[n])
			if err != nil {
				return nil, err
			}
			size += len(one)
			n++
		}
		if n > 1 && size > maxSealed {
			n--
		}
		part := e.Events[:n]
		value, err := encode(sealed{part})
		if err != nil {
			return nil, err
		}
		e.Sealed = part[n-1].Seq
		e.Events = e.Events[n:]
		out = append(out, extra{b.key(eventsKey(e.id, e.Sealed)).with(valueAttr, binary(value)), -1})
	}
	return out, nil
}

// turn moves states onto pages, the oldest first: as few of those that are on no page yet as it takes for the rest to be
// no longer than goal, by halves, and all that are newer than what their page has.
func (b box) turn(e *entry, goal, room int) ([]extra, error) {
	slices.SortFunc(e.States, func(x, y state) int { return x.N - y.N })
	fresh := slices.IndexFunc(e.States, func(s state) bool { return s.N >= e.Paged })
	if fresh < 0 {
		fresh = len(e.States)
	}
	touched := map[int]bool{}
	// onto puts one state on its page, if that is at hand and there is room to write it.
	onto := func(s state) bool {
		n := s.N / pageSize
		p := e.pages[n]
		if p == nil && n*pageSize >= e.Paged { // it begins here
			p = &loadedPage{}
		}
		if p == nil || !touched[n] && len(touched) >= room {
			return false
		}
		touched[n], e.pages[n] = true, p
		p.put(s)
		return true
	}
	own := slices.DeleteFunc(slices.Clone(e.States[:fresh]), onto)
	rest := e.States[fresh:]
	for keep := len(rest) / 2; len(rest) > 0; keep /= 2 {
		for len(rest) > keep && onto(rest[0]) {
			rest, e.Paged = rest[1:], rest[0].N+1
		}
		e.States = append(slices.Clone(own), rest...)
		value, err := encode(e.stored())
		if err != nil {
			return nil, err
		}
		if len(value) <= goal || len(rest) > keep || keep == 0 {
			break
		}
	}
	e.States = append(own, rest...)
	var out []extra
	for n := range touched {
		x, err := b.pageItem(e.id, n, e.pages[n])
		if err != nil {
			return nil, err
		}
		out = append(out, x)
		e.pages[n].writes++
	}
	return out, nil
}

// pageItem is a page as it is written next.
func (b box) pageItem(id inbox.ConversationID, n int, p *loadedPage) (extra, error) {
	value, err := encode(page{storedStates(p.States)})
	if err != nil {
		return extra{}, err
	}
	return extra{b.key(pageKey(id, n)).with(writesAttr, number(p.writes+1), valueAttr, binary(value)), p.writes}, nil
}

// spill moves all but the newest actions into spills. There are that many only where a provider takes nothing for long.
func (b box) spill(e *entry, _, room int) (out []extra, err error) {
	for len(e.Actions) > keptActions && len(out) < room {
		n := min(spillSize, len(e.Actions)-keptActions)
		if n < spillSize/4 {
			break // too few to be worth an item
		}
		x, err := b.spillItem(e.id, e.To, e.Actions[:n], 0)
		if err != nil {
			return nil, err
		}
		e.Actions, e.To = e.Actions[n:], e.To+1
		out = append(out, x)
	}
	return out, nil
}

func (b box) spillItem(id inbox.ConversationID, n int, actions []action, writes int64) (extra, error) {
	value, err := encode(spill{storedActions(actions)})
	if err != nil {
		return extra{}, err
	}
	return extra{b.key(spillKey(id, n)).with(writesAttr, number(writes+1), valueAttr, binary(value)), writes}, nil
}
