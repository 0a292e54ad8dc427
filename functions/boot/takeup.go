package boot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// checkEvery is how often it is seen to that every mailbox has its timer, also when the manifest is still the same: a table that
// was restored has lost some.
const checkEvery = 24 * time.Hour

// takeUp sees to it that every mailbox of the manifest has a timer for its watch, which brings about all the rest, and that
// those that have left are let go. It gives the timers that it has set, because the list of due ones may lag.
func (r *tickRun) takeUp(ctx context.Context, swept []inbox.MailboxID) (set []pipeline.Timer) {
	target := r.URL + " " + r.Topic
	changed, moved := r.state.Manifest != r.Version, r.state.Target != "" && r.state.Target != target
	if !changed && !moved && r.began.Sub(r.state.Checked) < checkEvery {
		return nil
	}
	var fresh, due []inbox.MailboxID // without a timer, and with one that may be too late
	if changed {
		due = r.left(ctx)
	}
	var mu sync.Mutex
	err := atOnce(storeAtOnce, r.Mailboxes.IDs(), func(id inbox.MailboxID) error {
		timer, ok, err := r.Timers.Timer(ctx, id, TimerWatch)
		if err != nil {
			return fmt.Errorf("timer of %s: %w", id, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !ok {
			fresh = append(fresh, id)
		} else if moved && timer.Due.After(r.began) {
			due = append(due, id)
		}
		return nil
	})
	if err != nil {
		r.fail(err)
		return nil
	}
	// The hints go first: a mailbox that has its timer is not new any more.
	known := map[inbox.MailboxID]bool{}
	for _, id := range swept {
		known[id] = true
	}
	unswept := slices.DeleteFunc(slices.Clone(fresh), func(id inbox.MailboxID) bool { return known[id] })
	if err := r.hint(ctx, "new", unswept); err != nil {
		r.fail(err)
		return nil
	}
	err = atOnce(storeAtOnce, append(due, fresh...), func(id inbox.MailboxID) error {
		timer := pipeline.Timer{Mailbox: id, Name: TimerWatch, Due: r.began.Truncate(time.Millisecond)}
		if err := r.Timers.SetTimer(ctx, timer); err != nil {
			return fmt.Errorf("set the timer of the watch of %s: %w", id, err)
		}
		mu.Lock()
		defer mu.Unlock()
		set = append(set, timer)
		return nil
	})
	if err != nil {
		r.fail(err)
		return set
	}
	r.count(func(p *TickReport) { p.Taken = len(fresh) })
	r.fail(r.keep(ctx, func(s *tickState) {
		if s.Manifest != r.Version {
			s.Manifest, s.Since = r.Version, r.began
		}
		s.Target, s.Checked = target, r.began
	}))
	return set
}

// left lists the mailboxes that were in the manifest and are not any more.
func (r *tickRun) left(ctx context.Context) (ids []inbox.MailboxID) {
	if r.Earlier == nil || r.state.Manifest == "" {
		return nil
	}
	earlier, err := r.Earlier(ctx, r.state.Manifest)
	if err != nil {
		r.Log.WarnContext(ctx, "which mailboxes have left the manifest is not known; each is let go when its watch is next to be renewed",
			"manifest", r.state.Manifest, "error", err.Error())
		return nil
	}
	for _, m := range earlier.Mailboxes() {
		if !r.Mailboxes.Has(m.Policy.Mailbox) {
			ids = append(ids, m.Policy.Mailbox)
		}
	}
	return ids
}
