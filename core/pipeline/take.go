package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// take turns observations into committed decisions.
func (r *run) take(ctx context.Context, seen []inbox.Observation) error {
	var err error
	for range attempts {
		var units []Unit
		if units, err = r.decide(ctx, seen); err != nil {
			return err
		}
		if err = r.commit(ctx, units); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}

// decide works out the units that the observations call for. It writes nothing.
func (r *run) decide(ctx context.Context, seen []inbox.Observation) ([]Unit, error) {
	seen = last(seen)
	ids := make([]inbox.MessageID, len(seen))
	for i, o := range seen {
		ids[i] = o.ID
	}
	known, err := r.Store.Known(ctx, r.id, ids)
	if err != nil {
		return nil, err
	}
	if seen, err = r.fetch(ctx, seen, known); err != nil {
		return nil, err
	}
	var changes []inbox.Change
	desk := &desk{run: r, drafts: map[inbox.ConversationID]*draft{}, threads: map[inbox.ThreadID][]inbox.ConversationID{}}
	for _, o := range seen {
		k, have := known[o.ID]
		switch {
		case !have && (o.Gone || !joins(o) || r.ignored(o)):
		case !have:
			changes = append(changes, r.arrival(o))
		case have:
			different, now := r.difference(k, o)
			changes = append(changes, different...)
			if now != nil {
				desk.seen = append(desk.seen, *now)
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b inbox.Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID(), b.ID()))
	})
	if err := desk.load(ctx, changes); err != nil {
		return nil, err
	}
	for _, ch := range changes {
		desk.work(ch)
	}
	return desk.units(), nil
}

// last keeps the newest observation of each message, in the order of their first.
func last(seen []inbox.Observation) []inbox.Observation {
	at := make(map[inbox.MessageID]int, len(seen))
	out := make([]inbox.Observation, 0, len(seen))
	for _, o := range seen {
		if i, ok := at[o.ID]; ok {
			if o.Message == nil {
				o.Message = out[i].Message // what a mail says does not change
			}
			o.New = o.New || out[i].New
			out[i].New = o.New
			if o.State == nil || out[i].State == nil || o.State.Stamp >= out[i].State.Stamp {
				out[i] = o
			}
			continue
		}
		at[o.ID] = len(out)
		out = append(out, o)
	}
	return out
}

// fetch completes observations that came without what is needed to decide.
func (r *run) fetch(ctx context.Context, seen []inbox.Observation, known map[inbox.MessageID]inbox.Known) ([]inbox.Observation, error) {
	var want []inbox.MessageID
	for _, o := range seen {
		k, have := known[o.ID]
		switch {
		case o.Gone:
		case o.State == nil, !have && o.Message == nil && joins(o), have && o.Doubtful && r.differs(k, o):
			want = append(want, o.ID)
		}
	}
	if len(want) == 0 {
		return seen, nil
	}
	got, err := r.mailbox.Fetch(ctx, want)
	if err != nil {
		return nil, err
	}
	whole := make(map[inbox.MessageID]inbox.Observation, len(got))
	for _, o := range got {
		whole[o.ID] = o
	}
	out := slices.Clone(seen)
	for i, o := range out {
		if !slices.Contains(want, o.ID) {
			continue
		}
		full, ok := whole[o.ID]
		if !ok || !full.Gone && (full.State == nil || full.Message == nil) {
			return nil, fmt.Errorf("the provider did not give message %s when asked", o.ID)
		}
		full.New = o.New
		out[i] = full
	}
	return out, nil
}

// joins reports whether a message new to us is to become part of a conversation. A draft is not sent yet, and what lies
// in the bin or in junk when it is first seen is no mail to the team until somebody moves it out.
func joins(o inbox.Observation) bool {
	if o.Message != nil && o.Message.Direction == inbox.Draft {
		return false
	}
	if o.State == nil {
		return true
	}
	switch o.State.Place {
	case inbox.Drafts, inbox.Trash, inbox.Junk:
		return false
	}
	return true
}

func (r *run) arrival(o inbox.Observation) inbox.Change {
	ch := inbox.Change{Kind: inbox.Arrived, Message: *o.Message, State: *o.State, At: o.Message.At}
	if o.Message.Direction == inbox.Out {
		ch.Kind = inbox.SentOut
	}
	ch.Imported = r.imported(o)
	// Markers that are on it already: somebody was quicker than we.
	ch.Added, _ = r.own(nil, o.State.Markers)
	return ch
}

// difference compares a known message with what is there now. It gives what people did, and the record to keep if
// anything that matters to us is different.
func (r *run) difference(k inbox.Known, o inbox.Observation) ([]inbox.Change, *inbox.Known) {
	if o.Gone {
		if k.Gone {
			return nil, nil
		}
		now := k
		now.Gone = true
		return []inbox.Change{{Kind: inbox.Deleted, Known: k, At: r.now}}, &now
	}
	s := *o.State
	if s.Stamp != 0 && k.State.Stamp != 0 && s.Stamp < k.State.Stamp {
		return nil, nil // older than what we know: a replica or a replayed page lags behind
	}
	now := k
	now.State, now.Gone = s, false
	var out []inbox.Change
	add := func(ch inbox.Change) {
		ch.Known, ch.State, ch.At = k, s, r.now
		out = append(out, ch)
	}
	added, removed := r.own(k.State.Markers, s.Markers)
	if people := r.unexplained(k, added, removed); people != nil {
		add(*people)
	}
	switch {
	case k.Gone:
		k.State.Place = "" // it was restored: it comes from nowhere
		add(inbox.Change{Kind: inbox.Moved})
	case s.Place != k.State.Place:
		add(inbox.Change{Kind: inbox.Moved})
	}
	if len(out) == 0 && len(added) == 0 && len(removed) == 0 {
		return nil, nil
	}
	return out, &now
}

func (r *run) differs(k inbox.Known, o inbox.Observation) bool {
	_, now := r.difference(k, o)
	return now != nil
}

// own gives which of our markers are new in now and which of before are missing there.
func (r *run) own(before, now []inbox.Marker) (added, removed []inbox.Marker) {
	for _, m := range now {
		if !inbox.HasMarker(before, m) && r.policy.Own(m) {
			added = append(added, m)
		}
	}
	for _, m := range before {
		if !inbox.HasMarker(now, m) && r.policy.Own(m) {
			removed = append(removed, m)
		}
	}
	return added, removed
}

// unexplained leaves of a difference what no unsettled action of ours accounts for: that is what a person did.
func (r *run) unexplained(k inbox.Known, added, removed []inbox.Marker) *inbox.Change {
	var ours []Action
	for _, a := range r.pending[k.Conversation] {
		if len(a.Messages) == 0 || slices.Contains(a.Messages, k.ID) {
			ours = append(ours, a)
		}
	}
	keep := func(list []inbox.Marker, wanted bool) []inbox.Marker {
		return slices.DeleteFunc(slices.Clone(list), func(m inbox.Marker) bool {
			return slices.ContainsFunc(ours, func(a Action) bool {
				// Wherever it lies by now: it may have been moved since we wrote.
				want, _ := wants(inbox.Known{Direction: k.Direction}, a.Markers)
				return inbox.HasMarker(want, m) == wanted
			})
		})
	}
	added, removed = keep(added, true), keep(removed, false)
	if len(added)+len(removed) == 0 {
		return nil
	}
	return &inbox.Change{Kind: inbox.Marked, Added: added, Removed: removed}
}

// situation is what decide may know about a message's customer.
func (d *desk) situation(ch inbox.Change) decide.Situation {
	s := decide.Situation{Team: d.team(), Now: d.now}
	if ch.Kind == inbox.Arrived {
		s.Handled = d.handled[ch.Message.From.Address]
	}
	return s
}

func (d *desk) team() assign.Team { return d.run.team.With(d.shift) }
