package boot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

const (
	// watchesAtOnce is how many watches of one provider are worked on at once. At 300 ms each that is 27 a second, near the
	// 500 in 20 seconds that Graph is said to allow a tenant.
	watchesAtOnce = 8
	// giveUp is after how many failures in a row a provider, or our credential there, is taken to be unwell, and the rest is left
	// to the next tick.
	giveUp = 2 * watchesAtOnce
	// nextTick is when a timer is due that the next run shall see, which may come a little early.
	nextTick = 30 * time.Second
	// longestTrouble bounds the pauses between tries to have a watch that is refused.
	longestTrouble = 32 * time.Minute
	// overdue is how long a watch may wait to be worked on before it counts as one that cannot be renewed.
	overdue = time.Hour
)

// line is the watches of one provider that are due, those due for longest first, worked by several goroutines at once.
type line struct {
	run      *tickRun
	provider manifest.Provider
	until    time.Time // nothing is begun after

	mu     sync.Mutex
	timers []pipeline.Timer // not yet begun
	failed int              // in a row
	pause  time.Time        // the provider wants to be left alone until then
}

// renewAll works the due watches and says which provider wants to be left alone, and until when. The providers are worked
// side by side, so that none waits for the other.
func (r *tickRun) renewAll(ctx context.Context, due []pipeline.Timer, until time.Time) map[manifest.Provider]time.Time {
	lines := []*line{{provider: manifest.M365}, {provider: manifest.Gmail}}
	for _, t := range due {
		b := r.Mailboxes.byID[t.Mailbox]
		l := lines[0] // also of those that have left: only Graph's watches can be ended then
		if b != nil && b.gmail != nil {
			l = lines[1]
		}
		l.timers = append(l.timers, t)
	}
	var group sync.WaitGroup
	for _, l := range lines {
		l.run, l.until, l.pause = r, until, r.state.Paused[l.provider]
		for range min(watchesAtOnce, len(l.timers)) {
			group.Go(func() {
				for ctx.Err() == nil {
					t, ok := l.next()
					if !ok {
						return
					}
					r.fail(l.work(ctx, t))
				}
			})
		}
	}
	group.Wait()
	pauses := map[manifest.Provider]time.Time{}
	for _, l := range lines {
		for _, t := range l.timers {
			r.count(func(p *TickReport) { p.Waiting++ })
			if r.began.Sub(t.Due) > overdue {
				r.lapse(t.Due.Add(renewBefore).Sub(r.began)) // at the earliest; see renewal
			}
		}
		if l.pause.After(r.state.Paused[l.provider]) {
			pauses[l.provider] = l.pause
		}
	}
	return pauses
}

// next takes the next timer. It is false when there is none, or when the rest is for the next tick.
func (l *line) next() (t pipeline.Timer, ok bool) {
	now := l.run.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.timers) == 0 || l.failed >= giveUp || now.Before(l.pause) || !now.Before(l.until) {
		return t, false
	}
	t, l.timers = l.timers[0], l.timers[1:]
	return t, true
}

// answered takes note of how a request has ended, and gives the time until which the provider wants to be left alone, if it
// has just said so.
func (l *line) answered(err error) (pause time.Time, throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	refusal := (*pipeline.Throttled)(nil)
	switch {
	case err == nil:
		l.failed = 0
		return pause, false
	case !errors.As(err, &refusal):
		l.failed++
		return pause, false
	}
	pause = l.run.Now().Add(refusal.After)
	if pause.After(l.pause) {
		l.pause = pause
	}
	return pause, true
}

// work renews a mailbox's watch or has one made, also where the one that is kept looks well: whoever set the timer may know
// better. Whatever it does not come to the end of leaves the timer due. Its error is the store's or the queue's.
func (l *line) work(ctx context.Context, t pipeline.Timer) error {
	r := l.run
	b := r.Mailboxes.byID[t.Mailbox]
	if b == nil {
		return l.release(ctx, t)
	}
	if r.keeper.target(b) == "" {
		return r.poll(ctx, t.Mailbox)
	}
	s, err := r.keeper.standing(ctx, b)
	if err != nil {
		return fmt.Errorf("watches of %s: %w", t.Mailbox, err)
	}
	live := s.live(r.Now())
	record := "watch:" + string(t.Mailbox)
	had, err := r.trouble(ctx, record)
	if err != nil {
		return fmt.Errorf("trouble of %s: %w", t.Mailbox, err)
	}
	if r.began.Before(had.Next) {
		return r.wait(ctx, t.Mailbox, s, had.Next)
	}
	fresh, err := r.keeper.obtain(r.requests, b, s)
	if pause, throttled := l.answered(err); throttled {
		r.count(func(p *TickReport) { p.Failed++ })
		r.Log.InfoContext(ctx, "a provider wants to be left alone; the watches that are due wait", "provider", l.provider, "mailbox", t.Mailbox,
			"until", pause.UTC().Format(time.RFC3339), "error", err.Error())
		r.troubled(s)
		return r.timers.set(ctx, t.Mailbox, pause)
	}
	if err != nil {
		return l.refused(ctx, t.Mailbox, s, record, had, err)
	}
	created := fresh.ID != s.last.ID
	if created || !live {
		// What happened before the watch stood has raised no notification. The hint goes first: a watch that is kept and
		// well is never looked at again.
		if err := r.hint(ctx, "watch", []inbox.MailboxID{t.Mailbox}); err != nil {
			return err
		}
	}
	if err := r.keeper.keep(ctx, fresh, s); err != nil {
		return err
	}
	if had.Tries > 0 {
		if err := r.saveTrouble(ctx, record, trouble{version: had.version}); err != nil {
			return fmt.Errorf("forget the trouble of %s: %w", t.Mailbox, err)
		}
	}
	r.count(func(p *TickReport) {
		if created {
			p.Created++
		} else {
			p.Renewed++
		}
	})
	return r.putOff(ctx, t, fresh)
}

// putOff sets the timer for a watch that has just been obtained. When somebody has set it since it became due, a lifecycle
// event or another run was beside us, and what we have kept may be older than theirs: then the watch is renewed once more in
// the next tick, which finds out.
func (r *tickRun) putOff(ctx context.Context, was pipeline.Timer, w pipeline.Watch) error {
	now, ok, err := r.Timers.Timer(ctx, was.Mailbox, was.Name)
	if err != nil {
		return fmt.Errorf("timer of %s: %w", was.Mailbox, err)
	}
	if ok && !now.Due.Equal(was.Due) {
		return r.timers.due(ctx, was.Mailbox)
	}
	return r.timers.follow(ctx, w)
}

// refused takes note that a watch could not be had, to be tried again after a pause that doubles each time.
func (l *line) refused(ctx context.Context, id inbox.MailboxID, s standing, record string, had trouble, cause error) error {
	r := l.run
	r.count(func(p *TickReport) { p.Failed++ })
	r.troubled(s)
	pause := min(time.Minute<<min(had.Tries, 10), longestTrouble)
	next := trouble{Tries: had.Tries + 1, Next: r.began.Add(pause - time.Minute + nextTick), version: had.version}
	if s.live(r.Now()) {
		r.Log.ErrorContext(ctx, "the watch could not be renewed", "mailbox", id, "ends", s.last.Expires.Format(time.RFC3339), "tries", next.Tries,
			"again_in", pause.String(), "error", cause.Error())
	} else {
		r.Log.ErrorContext(ctx, "no notifications for now, the mailbox is polled", "mailbox", id, "tries", next.Tries,
			"again_in", pause.String(), "error", cause.Error())
	}
	if err := r.saveTrouble(ctx, record, next); err != nil {
		return fmt.Errorf("take note of the trouble of %s: %w", id, err)
	}
	return r.wait(ctx, id, s, next.Next)
}

// wait leaves a watch alone until a time. A mailbox of which no notifications come is polled meanwhile.
func (r *tickRun) wait(ctx context.Context, id inbox.MailboxID, s standing, until time.Time) error {
	r.troubled(s)
	if s.live(r.Now()) {
		return r.timers.set(ctx, id, until)
	}
	return r.poll(ctx, id)
}

// poll has a mailbox read now, and looked at again in the next tick.
func (r *tickRun) poll(ctx context.Context, id inbox.MailboxID) error {
	r.count(func(p *TickReport) { p.Polled++ })
	if err := r.hint(ctx, "poll", []inbox.MailboxID{id}); err != nil {
		return err
	}
	return r.timers.set(ctx, id, r.began.Add(nextTick))
}

// troubled takes note that a watch which needs work does not get it.
func (r *tickRun) troubled(s standing) {
	left := time.Duration(0)
	if !s.moved {
		left = s.last.Expires.Sub(r.began)
	}
	r.lapse(left)
}

// lapse takes note that a watch ends after this time unless something is done.
func (r *tickRun) lapse(left time.Duration) {
	left = max(left, 0)
	r.count(func(p *TickReport) {
		if p.WatchLapse == nil || left < *p.WatchLapse {
			p.WatchLapse = &left
		}
	})
}
