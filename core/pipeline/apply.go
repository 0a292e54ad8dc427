package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// Bounds of one round of applying: so many actions are looked at, and so many messages written, before the store is told.
const (
	actionsARound = 1000
	writesARound  = 1000
	messagesAPage = 200
)

// apply carries out all that is committed and not settled. What people changed in the meantime is decided first and then
// applied in turn.
func (r *run) apply(ctx context.Context) error {
	for idle := 0; idle < attempts; idle++ {
		left := len(r.pending)
		again, err := r.applyPending(ctx)
		if err != nil || !again {
			return err
		}
		if len(r.pending) < left {
			idle = 0
		}
	}
	return fmt.Errorf("markers are being changed faster than they can be followed: %w", ErrConflict)
}

// round is a set of writes that go to the provider together.
type round struct {
	*run
	writes []Write
	known  map[inbox.MessageID]inbox.Known
	open   []string // keys that are settled once all the writes so far have ended
	again  []inbox.Observation
}

func (r *run) applyPending(ctx context.Context) (again bool, err error) {
	if len(r.pending) == 0 {
		return false, nil
	}
	actions, err := r.Store.Pending(ctx, r.id, actionsARound)
	if err != nil {
		return false, err
	}
	actions = slices.DeleteFunc(actions, func(a Action) bool { return r.unsure[a.Conversation] })
	if len(actions) == 0 {
		return false, nil
	}
	var ids []inbox.ConversationID
	byConversation := map[inbox.ConversationID][]Action{}
	for _, a := range actions {
		if byConversation[a.Conversation] == nil {
			ids = append(ids, a.Conversation)
		}
		byConversation[a.Conversation] = append(byConversation[a.Conversation], a)
	}
	conversations, err := r.Store.Conversations(ctx, r.id, ids)
	if err != nil {
		return false, err
	}
	listed, err := r.listed(ctx, actions)
	if err != nil {
		return false, err
	}
	w := &round{run: r, known: map[inbox.MessageID]inbox.Known{}}
	for _, id := range ids {
		if err := w.conversation(ctx, conversations[id], byConversation[id], listed); err != nil {
			return false, err
		}
	}
	if err := w.flush(ctx); err != nil {
		return false, err
	}
	if len(w.again) > 0 {
		if err := r.take(ctx, w.again); err != nil {
			return false, err
		}
	}
	return len(r.pending) > len(r.unsure), nil
}

// listed reads the messages that the actions name one by one.
func (r *run) listed(ctx context.Context, actions []Action) (map[inbox.MessageID]inbox.Known, error) {
	var ids []inbox.MessageID
	for _, a := range actions {
		ids = append(ids, a.Messages...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	return r.Store.Known(ctx, r.id, slices.Compact(ids))
}

// conversation adds the writes that bring one conversation's messages to what it shows now. All its unsettled actions
// are answered at once, because the newest state answers the older ones too.
func (w *round) conversation(ctx context.Context, c inbox.Conversation, actions []Action, listed map[inbox.MessageID]inbox.Known) error {
	shown := w.policy.Shown(c)
	keys := make([]string, len(actions))
	every := false
	var only []inbox.MessageID
	for i, a := range actions {
		keys[i] = a.Key
		every = every || len(a.Messages) == 0
		only = append(only, a.Messages...)
	}
	if !every {
		slices.Sort(only)
		for _, id := range slices.Compact(only) {
			if k, ok := listed[id]; ok {
				w.message(k, shown, false)
			}
		}
		return w.close(ctx, keys)
	}
	for after := inbox.MessageID(""); ; {
		page, err := w.Store.Messages(ctx, w.id, c.ID, after, messagesAPage)
		if err != nil {
			return err
		}
		whole := after == "" && len(page) < messagesAPage && !w.ignores() && w.alike(page, shown)
		for _, k := range page {
			w.message(k, shown, whole)
		}
		if len(page) < messagesAPage {
			return w.close(ctx, keys)
		}
		after = page[len(page)-1].ID
		if len(w.writes) >= writesARound {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// alike reports whether every message of the page needs the very same write, so that one on the thread will do.
func (w *round) alike(page []inbox.Known, shown []inbox.Marker) bool {
	if len(page) == 0 || page[0].Thread == "" {
		return false
	}
	first, firstOff := w.policy.Difference(page[0].State.Markers, shown)
	for _, k := range page {
		add, remove := w.policy.Difference(k.State.Markers, shown)
		if !k.Marked() || k.Thread != page[0].Thread || !slices.Equal(add, first) || !slices.Equal(remove, firstOff) {
			return false
		}
	}
	return true
}

func (w *round) message(k inbox.Known, shown []inbox.Marker, whole bool) {
	want, touch := wants(k, shown)
	if !touch {
		return
	}
	add, remove := w.policy.Difference(k.State.Markers, want)
	if len(add)+len(remove) == 0 {
		return
	}
	w.known[k.ID] = k
	w.writes = append(w.writes, Write{
		Message: k.ID, Thread: k.Thread, State: k.State, Add: add, Remove: remove, WholeThread: whole,
	})
}

func (w *round) close(ctx context.Context, keys []string) error {
	w.open = append(w.open, keys...)
	if len(w.writes) >= writesARound {
		return w.flush(ctx)
	}
	return nil
}

// flush writes, and settles what has come to its end. When the provider stops half-way, what is done is kept and the
// actions stay for the next time.
func (w *round) flush(ctx context.Context) error {
	writes, keys := w.writes, w.open
	w.writes, w.open = nil, nil
	var ended []Written
	var failed error
	if len(writes) > 0 {
		ended, failed = w.mailbox.Mark(ctx, writes)
	}
	if failed == nil && len(ended) < len(writes) {
		failed = errors.New("the provider did not say how every write ended")
	}
	byMessage := make(map[inbox.MessageID]Write, len(writes))
	for _, write := range writes {
		byMessage[write.Message] = write
	}
	var seen []inbox.Known
	var refused []refusal
	for _, e := range ended {
		asked, ok := byMessage[e.Message]
		if !ok {
			continue
		}
		k := w.known[e.Message]
		delete(w.known, e.Message)
		switch e.Outcome {
		case Done:
			state := e.State
			if state.Place == "" {
				state.Place = k.State.Place
			}
			k.State.Revision, k.State.Stamp, k.State.Markers = state.Revision, state.Stamp, after(k.State.Markers, asked)
			if added, removed := w.own(k.State.Markers, state.Markers); len(added)+len(removed) > 0 || state.Place != k.State.Place {
				// It carries what we wrote and something else that a person did in the same moment. What is kept is without
				// that, so it goes without the revision too: a write made from it has to read first.
				k.State.Revision = ""
				w.again = append(w.again, inbox.Observation{ID: k.ID, Thread: k.Thread, State: &state})
			} else {
				k.State = state
			}
			seen = append(seen, k)
			w.report.Writes++
		case Changed:
			state := e.State
			w.again = append(w.again, inbox.Observation{ID: k.ID, Thread: k.Thread, State: &state})
		case Missing:
			w.again = append(w.again, inbox.Observation{ID: k.ID, Thread: k.Thread, Gone: true})
		case Refused:
			refused = append(refused, refusal{k, e.Why})
		}
	}
	if failed != nil || len(w.again) > 0 {
		keys, refused = nil, nil // somebody has to look at these again, and will be told again
	}
	for _, one := range refused {
		if err := w.refused(ctx, one); err != nil {
			return err
		}
	}
	if len(keys)+len(seen) > 0 {
		// Also when the time ran out while the provider wrote: what is not kept now, the next sync would have to read back
		// before it can go on, and one with little time would get nowhere.
		if err := w.Store.Settle(context.WithoutCancel(ctx), w.id, keys, seen); err != nil {
			return err
		}
		w.settled(keys)
	}
	return failed
}

// after is what a message carries when nothing but the write has happened to it.
func after(markers []inbox.Marker, w Write) []inbox.Marker {
	out := slices.DeleteFunc(slices.Clone(markers), func(m inbox.Marker) bool { return inbox.HasMarker(w.Remove, m) })
	for _, m := range w.Add {
		if !inbox.HasMarker(out, m) {
			out = append(out, m)
		}
	}
	slices.Sort(out)
	return out
}

func (r *run) settled(keys []string) {
	for _, key := range keys {
		id := inbox.ConversationID(key[:len(key)-13])
		r.pending[id] = slices.DeleteFunc(r.pending[id], func(a Action) bool { return a.Key == key })
		if len(r.pending[id]) == 0 {
			delete(r.pending, id)
		}
	}
}

// refusal is a write that the provider will never do.
type refusal struct {
	message inbox.Known
	why     string
}

// refused puts a refusal on the timeline, and lets the mailbox go on.
func (w *round) refused(ctx context.Context, no refusal) error {
	_, err := w.change(ctx, no.message.Conversation, func(c inbox.Conversation) (decide.Decision, error) {
		return decide.Refused(c, no.message.ID, no.why, w.policy, decide.Situation{Team: w.team, Now: w.now}), nil
	})
	return err
}
