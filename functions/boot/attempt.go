package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
)

// Waits after a failure that names no time of its own.
const (
	firstWait     = time.Second
	longestWait   = 5 * time.Minute
	permanentWait = 15 * time.Minute // somebody has to act first, but nobody has to tell us that they did

	// permanentPause is what the queue is told of permanentWait at once. The queue outlives the process, and whoever has
	// mended a mailbox and starts Postroom anew waits no longer than this.
	permanentPause = time.Minute
)

// attempt is one try at a batch: [Worker] and [Syncer] both make it, and differ in what their queue does with the end.
type attempt struct {
	report pipeline.Report
	err    error // nil: the mailbox is up to date
	end    ending
	after  time.Duration // until a batch that failed is to be tried again
}

// ending is how an attempt ended.
type ending int

const (
	endSynced    ending = iota
	endEarly            // synced, but what a notification told of has not shown yet
	endCut              // the context ended; what was committed before stands
	endDropped          // the mailbox is not in the manifest
	endThrottled        // to be tried again after exactly that time
	endPermanent        // somebody has to act first
	endFailed           // to be tried again after longer and longer
)

// try prepares a batch's mailbox and syncs it. spread makes a wait longer at random; nil does not.
func try(ctx context.Context, p *pipeline.Pipeline, m *Mailboxes, b pipeline.Batch, spread func(time.Duration) time.Duration) (a attempt) {
	a.err = m.Prepare(ctx, b.Mailbox)
	if a.err == nil {
		a.report, a.err = p.Sync(ctx, b.Mailbox)
	}
	var throttled *pipeline.Throttled
	var permanent *pipeline.Permanent
	switch {
	case a.err == nil && a.report.Changes == 0 && notified(b):
		a.end = endEarly
	case a.err == nil:
		a.end = endSynced
	case ctx.Err() != nil:
		a.end = endCut
	case !m.Has(b.Mailbox):
		a.end = endDropped
	case errors.As(a.err, &throttled):
		a.end, a.after = endThrottled, throttled.After
	case errors.As(a.err, &permanent):
		a.end, a.after = endPermanent, permanentWait
	default:
		a.end, a.after = endFailed, backoff(b.Tries, spread)
	}
	return a
}

// backoff is how long a batch that has been tried so often before stays away after a failure that names no time.
func backoff(tries int, spread func(time.Duration) time.Duration) time.Duration {
	wait := min(firstWait<<min(tries, 10), longestWait)
	if spread != nil {
		wait = spread(wait)
	}
	return wait
}

// longer makes a wait up to a quarter longer.
func longer(r *rand.Rand, wait time.Duration) time.Duration {
	return wait + time.Duration(r.Int64N(int64(wait)/4+1))
}

// notified reports whether a provider sent one of the batch's hints.
func notified(b pipeline.Batch) bool {
	return slices.ContainsFunc(b.Hints, func(h pipeline.Hint) bool { return h.Source == web.SourceGraph || h.Source == web.SourceGmail })
}

// log writes the one line of an attempt that failed.
func (a attempt) log(ctx context.Context, log *slog.Logger, b pipeline.Batch) {
	if a.end == endDropped {
		// Should the mailbox come back into the manifest, the clock sends a hint of its own.
		log.ErrorContext(ctx, "hint dropped", "mailbox", b.Mailbox, "source", b.Hints[0].Source, "error", a.err.Error())
		return
	}
	level := slog.LevelWarn
	switch a.end {
	case endThrottled:
		level = slog.LevelInfo
	case endPermanent:
		level = slog.LevelError
	}
	log.Log(ctx, level, "sync failed", "mailbox", b.Mailbox, "tries", b.Tries+1, "again_in", a.after.String(),
		"messages", a.report.Messages, "error", a.err.Error())
}

// panicked is a panic as an error. Its text may hold anything, a mail's words too, so that only the runtime's own is
// kept.
func panicked(v any) error {
	if err := runtime.Error(nil); errors.As(asError(v), &err) {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic with a %T", v)
}

func asError(v any) error {
	err, _ := v.(error)
	return err
}

// stack is where a panic that is being recovered came from; call frames hold numbers and no text.
func stack() string { return string(debug.Stack()) }
