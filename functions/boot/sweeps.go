package boot

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// spread is a mailbox's share of a span, from 0 to less than the span: always the same for one mailbox and evenly spread
// over many. Shares of different kinds have nothing to do with one another.
func spread(kind string, id inbox.MailboxID, span time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "\x00" + string(id))) // never fails
	return time.Duration(h.Sum64() % uint64(max(span, 1)))
}

// sweepDue reports whether a mailbox's moment of some period lies after last and not after now. Each mailbox has one such
// moment in every period, so ticks that follow one another, whenever they come, sweep it once a period, and one that comes
// after a long pause sweeps it once.
func sweepDue(id inbox.MailboxID, period time.Duration, last, now time.Time) bool {
	moment := spread("sweep", id, period)
	return periods(now.Add(-moment), period) > periods(last.Add(-moment), period)
}

// periods is how many whole ones have gone by since 1970.
func periods(t time.Time, period time.Duration) int64 {
	return t.UnixMilli() / max(period.Milliseconds(), 1)
}

// sweep enqueues a hint for each mailbox whose moment has come since the last sweep, and gives those mailboxes. When it
// is false some may not have been enqueued.
func (r *tickRun) sweep(ctx context.Context, last time.Time) (swept []inbox.MailboxID, ok bool) {
	for _, id := range r.Mailboxes.IDs() {
		if sweepDue(id, r.Sweep, last, r.began) {
			swept = append(swept, id)
		}
	}
	if err := r.hint(ctx, "sweep", swept); err != nil {
		r.fail(err)
		return nil, false
	}
	r.count(func(p *TickReport) { p.Swept = len(swept) })
	return swept, true
}

// sweepOn sweeps from where the last run has left off. The next one begins here, or again there if this one fails.
func (r *tickRun) sweepOn(ctx context.Context) []inbox.MailboxID {
	swept, ok := r.sweep(ctx, r.state.Last)
	if !ok || len(swept) == 0 {
		return nil // without a moment gone by since the last one that was kept, that one is as good
	}
	r.fail(r.keep(ctx, func(s *tickState) {
		if r.began.After(s.Last) {
			s.Last = r.began
		}
	}))
	return swept
}

// stale measures for how long no sync of the swept mailboxes has come to its end. A mailbox of which none ever has is
// measured from the first one that began, or else from when the manifest came.
func (r *tickRun) stale(ctx context.Context, swept []inbox.MailboxID) {
	limit := r.Stale
	if limit == 0 {
		limit = time.Hour
	}
	var mu sync.Mutex
	over, listed := 0, false // listed is of the stalest
	p := &r.report
	err := atOnce(storeAtOnce, swept, func(id inbox.MailboxID) error {
		progress, err := r.Cursors.Mailbox(ctx, id)
		if err != nil {
			return fmt.Errorf("progress of %s: %w", id, err)
		}
		since := progress.Synced
		if since.IsZero() {
			since = progress.CutOver
		}
		if since.IsZero() {
			since = r.state.Since
		}
		age := time.Duration(0)
		if !since.IsZero() {
			age = max(r.began.Sub(since), 0)
		}
		mu.Lock()
		defer mu.Unlock()
		if age > limit {
			over++
		}
		if p.Stalest == "" || age > p.StalestFor {
			p.Stalest, p.StalestFor, listed = id, age, progress.Listed
		}
		return nil
	})
	r.fail(err)
	if over > 0 {
		r.Log.ErrorContext(ctx, "no sync has come to its end for long; its own lines in the log say why", "mailbox", p.Stalest,
			"for", p.StalestFor.Truncate(time.Minute).String(), "listed", listed, "others", over-1)
	}
}
