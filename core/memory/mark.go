package memory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Mark implements pipeline.Provider. Besides what the port says, it is a misuse to put a marker on what the mailbox
// sent or drafts, to name a message twice in one call, or to claim WholeThread for unequal writes.
func (p *Provider) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	if err := p.begin(ctx, "Mark"); err != nil {
		return nil, err
	}
	before, after := ask(p.Fail, "Mark")
	if before != nil {
		return nil, before
	}
	if err := p.checkWrites(writes); err != nil {
		return nil, p.blame(err)
	}
	var out []pipeline.Written
	for _, w := range writes {
		lost, late := ask(p.Fail, "Mark.write")
		if lost != nil {
			return out, lost
		}
		done := p.write(w)
		if late != nil {
			return out, late
		}
		out = append(out, done)
	}
	if after != nil {
		return nil, after
	}
	return out, nil
}

func (p *Provider) checkWrites(writes []pipeline.Write) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[inbox.MessageID]bool{}
	whole := map[inbox.ThreadID]pipeline.Write{}
	for _, w := range writes {
		if w.Message == "" || seen[w.Message] {
			return misuse("message %q is written twice in one call, or not named", w.Message)
		}
		seen[w.Message] = true
		if i := slices.IndexFunc(w.Add, func(m inbox.Marker) bool { return inbox.HasMarker(w.Remove, m) }); i >= 0 {
			return misuse("marker %q is both put on and taken off %s", w.Add[i], w.Message)
		}
		m := p.messages[w.Message]
		if m == nil {
			continue
		}
		if w.Thread != m.mail.Thread && (w.Thread != "" || w.WholeThread) {
			return misuse("message %s is in thread %s, the write says %q", w.Message, m.mail.Thread, w.Thread)
		}
		if m.mail.Direction != inbox.In && (len(w.Add) > 0 || w.WholeThread) {
			return misuse("message %s is %s and carries no markers", w.Message, m.mail.Direction)
		}
		if w.WholeThread {
			first, ok := whole[w.Thread]
			if ok && (!slices.Equal(first.Add, w.Add) || !slices.Equal(first.Remove, w.Remove)) {
				return misuse("unequal writes for the whole of thread %s", w.Thread)
			}
			whole[w.Thread] = w
		}
	}
	for _, w := range writes {
		if _, ok := whole[w.Thread]; ok && w.Thread != "" && !w.WholeThread {
			return misuse("a write for the whole of thread %s beside another for a part of it", w.Thread)
		}
	}
	return nil
}

// write does one write at once.
func (p *Provider) write(w pipeline.Write) pipeline.Written {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := pipeline.Written{Message: w.Message}
	m := p.messages[w.Message]
	if m == nil {
		out.Outcome = pipeline.Missing
		return out
	}
	if p.Refuse != nil {
		if out.Why = p.Refuse(w); out.Why != "" {
			out.Outcome, out.State = pipeline.Refused, copyState(m.state)
			return out
		}
	}
	_, added, removed := change(m.state.Markers, w.Add, w.Remove)
	needed := len(added)+len(removed) > 0
	if needed && p.Guarded && w.State.Revision != m.state.Revision && p.oursDiffer(w, m.state) {
		out.Outcome, out.State = pipeline.Changed, copyState(m.state)
		return out
	}
	if needed {
		p.edit(m, w.Add, w.Remove)
	} else {
		p.noops++
	}
	if w.WholeThread && p.Threadwise {
		for _, other := range p.threads[w.Thread] {
			if other != m && other.mail.Direction != inbox.Draft {
				p.edit(other, w.Add, w.Remove)
			}
		}
	}
	out.State = copyState(m.state)
	return out
}

// edit puts markers on and takes markers off. What changes nothing leaves no step.
func (p *Provider) edit(m *message, add, remove []inbox.Marker) {
	done := Marking{Message: m.mail.ID}
	m.state.Markers, done.Added, done.Removed = change(m.state.Markers, add, remove)
	if len(done.Added)+len(done.Removed) > 0 {
		p.changed(m)
		p.marks = append(p.marks, done)
	}
}

func (p *Provider) oursDiffer(w pipeline.Write, now inbox.State) bool {
	ours := p.Ours
	if ours == nil {
		named := slices.Concat(w.Add, w.Remove)
		ours = func(m inbox.Marker) bool { return inbox.HasMarker(named, m) }
	}
	differ := func(a, b inbox.State) bool {
		return slices.ContainsFunc(a.Markers, func(m inbox.Marker) bool { return ours(m) && !b.Has(m) })
	}
	return differ(w.State, now) || differ(now, w.State)
}

// change gives a new list with some markers more and some less, and which of them made a difference.
func change(have, add, remove []inbox.Marker) (now, added, removed []inbox.Marker) {
	for _, m := range have {
		if inbox.HasMarker(remove, m) {
			removed = append(removed, m)
		} else {
			now = append(now, m)
		}
	}
	for _, m := range add {
		if !inbox.HasMarker(now, m) {
			now, added = append(now, m), append(added, m)
		}
	}
	sortMarkers(now)
	return now, added, removed
}

func (p *Provider) blame(err error) error {
	if p.OnMisuse != nil && errors.Is(err, ErrMisuse) {
		p.OnMisuse(err)
	}
	return err
}

func describe(list []inbox.Marker) string {
	s := make([]string, len(list))
	for i, m := range list {
		s[i] = string(m)
	}
	return strings.Join(s, ", ")
}

// String is what the write did, such as: m000001 +@One -Waiting.
func (m Marking) String() string {
	s := string(m.Message)
	if len(m.Added) > 0 {
		s += " +" + describe(m.Added)
	}
	if len(m.Removed) > 0 {
		s += " -" + describe(m.Removed)
	}
	return s
}
