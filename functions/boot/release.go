package boot

import (
	"context"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

// endAgain is how long after a subscription could not be ended it is tried again.
const endAgain = time.Hour

// release ends the watch of a mailbox that has left the manifest, and drops its timer. Graph's subscriptions are ended at
// Graph, which touches no mailbox. Gmail's could only be ended by acting for a mailbox that is none of ours any more, so that
// one is only forgotten: what is still pushed is refused, and it ends by itself within seven days. A subscription that cannot
// be ended is tried again each hour until it has ended by itself.
func (l *line) release(ctx context.Context, t pipeline.Timer) error {
	r := l.run
	kept, err := r.Watches.WatchesOf(ctx, t.Mailbox)
	if err != nil {
		return fmt.Errorf("watches of %s: %w", t.Mailbox, err)
	}
	for _, w := range kept {
		if w.ID != string(t.Mailbox) && r.Clients.Graph != nil {
			err := r.keeper.graph(t.Mailbox).Delete(r.requests, w.ID)
			pause, throttled := l.answered(err)
			switch {
			case err == nil || !w.Expires.After(r.began):
			case throttled:
				return r.timers.set(ctx, t.Mailbox, pause)
			default:
				r.count(func(p *TickReport) { p.Failed++ })
				r.Log.WarnContext(ctx, "the mailbox has left the manifest, but its subscription could not be ended; it is tried again in an hour",
					"mailbox", t.Mailbox, "ends", w.Expires.Format(time.RFC3339), "error", err.Error())
				return r.timers.set(ctx, t.Mailbox, r.began.Add(endAgain))
			}
		}
		if err := r.Watches.DropWatch(ctx, w.ID); err != nil {
			return fmt.Errorf("forget the watch of %s: %w", t.Mailbox, err)
		}
		r.count(func(p *TickReport) { p.Ended++ })
		r.Log.InfoContext(ctx, "the mailbox has left the manifest, its watch is over", "mailbox", t.Mailbox)
	}
	r.mu.Lock()
	r.released++
	r.mu.Unlock()
	if err := r.Timers.DropTimer(ctx, t); err != nil {
		return fmt.Errorf("drop the timer %s of %s: %w", t.Name, t.Mailbox, err)
	}
	return nil
}
