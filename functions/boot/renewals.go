package boot

import (
	"context"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// TimerWatch is the name of the timer that says when a mailbox's watch needs work. Every mailbox that Tick has taken up has
// one, also while it cannot be watched.
const TimerWatch = "watch"

// renewSpread is over how long the renewals of watches that were made together are spread, so that the mailboxes of a large
// tenant, which were all taken up within one hour, do not come to be renewed within one hour ever after.
const renewSpread = 24 * time.Hour

// renewal is when a watch needs work: well before its end and at a moment of the mailbox's own, or at once when it has
// lapsed.
func renewal(w pipeline.Watch) time.Time {
	return w.Expires.Add(-renewBefore - spread("renew", w.Mailbox, renewSpread))
}

// Renewals is Watches that keeps the mailbox's TimerWatch at the moment at which its watch needs work. Whoever writes
// watches in a deployment with Tick writes them through it: a lifecycle event that lets a watch lapse makes its mailbox due at
// once, and nobody has to look through the watches for those that near their end.
//
// A timer is put off after the watch is saved, and set to now before it is dropped. So a caller that dies in between leaves
// a timer that is due too early, which costs one renewal. A watch that has lapsed is saved before its timer is set: the
// hook that does so has not answered yet, and Graph sends the event again.
type Renewals struct {
	pipeline.Watches
	Timers pipeline.Timers
	Now    func() time.Time
}

var _ pipeline.Watches = Renewals{}

// SaveWatch implements pipeline.Watches. It may be repeated.
func (r Renewals) SaveWatch(ctx context.Context, w pipeline.Watch) error {
	if err := r.Watches.SaveWatch(ctx, w); err != nil {
		return err
	}
	return r.follow(ctx, w)
}

// follow sets the timer for a watch that has been saved.
func (r Renewals) follow(ctx context.Context, w pipeline.Watch) error {
	due := renewal(w)
	if !due.After(r.Now()) {
		return r.due(ctx, w.Mailbox)
	}
	if err := r.set(ctx, w.Mailbox, due); err != nil {
		return err
	}
	// Whoever let the watch lapse or dropped it meanwhile may have set the timer before we did.
	kept, ok, err := r.Watch(ctx, w.ID)
	if err != nil {
		return fmt.Errorf("watch of %s: %w", w.Mailbox, err)
	}
	if ok && renewal(kept).After(r.Now()) {
		return nil
	}
	return r.due(ctx, w.Mailbox)
}

// DropWatch implements pipeline.Watches. The mailbox needs a new watch at once.
func (r Renewals) DropWatch(ctx context.Context, id string) error {
	w, ok, err := r.Watch(ctx, id)
	if err != nil || !ok {
		return err
	}
	if err := r.due(ctx, w.Mailbox); err != nil {
		return err
	}
	return r.Watches.DropWatch(ctx, id)
}

func (r Renewals) due(ctx context.Context, mailbox inbox.MailboxID) error {
	return r.set(ctx, mailbox, r.Now())
}

func (r Renewals) set(ctx context.Context, mailbox inbox.MailboxID, due time.Time) error {
	if err := r.Timers.SetTimer(ctx, pipeline.Timer{Mailbox: mailbox, Name: TimerWatch, Due: due}); err != nil {
		return fmt.Errorf("set the timer of the watch of %s: %w", mailbox, err)
	}
	return nil
}
