package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// recent is how many of a conversation's last events can explain a marker on a mail that is new to us.
const recent = 32

// echoes takes off the arrivals' markers what our own writes can have put there. A write on a whole thread also touches a
// mail that came in after we read and before we wrote; its markers are ours and nobody's claim. What the
// conversation showed at any time since the mail came in is such a marker.
func (d *desk) echoes(ctx context.Context, changes []inbox.Change) error {
	for i, ch := range changes {
		if ch.Kind != inbox.Arrived || len(ch.Added) == 0 || ch.Message.ThreadIsHint {
			continue
		}
		list := d.threads[ch.Message.Thread]
		if len(list) == 0 {
			continue
		}
		c := d.drafts[list[0]].before
		events, err := d.Store.Timeline(ctx, d.id, c.ID, max(0, c.Seq-recent), recent)
		if err != nil {
			return err
		}
		shown := shownSince(d.policy, c, events, ch.Message.At)
		changes[i].Added = slices.DeleteFunc(slices.Clone(ch.Added), func(m inbox.Marker) bool { return inbox.HasMarker(shown, m) })
	}
	return nil
}

// shownSince is every marker that the conversation has shown at some time since then, as far as its last events tell.
func shownSince(p *decide.Policy, now inbox.Conversation, events []inbox.Event, then time.Time) []inbox.Marker {
	out := p.Shown(now)
	// Decisions carry the time at which their sync began, and its writes came later: those of the last sync that began
	// before then count as well.
	var began time.Time
	for _, e := range events {
		if e.Mail == nil && !e.At.After(then) && e.At.After(began) {
			began = e.At
		}
	}
	if !began.IsZero() {
		then = began
	}
	for _, e := range events {
		if e.At.Before(then) {
			continue
		}
		was := inbox.Conversation{Owner: e.From, Status: inbox.Closed}
		is := inbox.Conversation{Owner: e.Member, Status: inbox.Waiting}
		if e.Tag != "" {
			is.Tags = []string{e.Tag}
		}
		out = append(append(out, p.Shown(was)...), p.Shown(is)...)
	}
	return out
}
