package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
)

// Waits after a failure that names no time of its own.
const (
	firstWait     = time.Second
	longestWait   = 5 * time.Minute
	permanentWait = 15 * time.Minute // somebody has to act first, but nobody has to tell us that they did
	idleWait      = 250 * time.Millisecond

	// permanentPause is what the queue is told of permanentWait at once. The queue outlives the process, and whoever has
	// mended a mailbox and starts Postroom anew waits no longer than this.
	permanentPause = time.Minute
)

// Worker takes batches of hints off a queue and syncs their mailboxes. The queue gives a mailbox to one batch at a time,
// so any number of workers may share it.
type Worker struct {
	Queue     pipeline.Queue
	Pipeline  *pipeline.Pipeline
	Mailboxes *Mailboxes
	Now       func() time.Time
	Log       *slog.Logger
	// Synced, unless nil, is told of every sync, also of a failed one.
	Synced func(pipeline.Batch, pipeline.Report, error)
	// Early, unless nil, is told of a mailbox that a provider's notification said had changed, and that had not.
	Early func(inbox.MailboxID)

	mu     sync.Mutex
	Random *rand.Rand                    // spreads waits; nil spreads nothing
	rests  map[inbox.MailboxID]time.Time // until when a permanent failure is left alone
}

// Step works one batch. It is false when there was none. An error is the queue's or the end of ctx: a mailbox that fails
// is logged and given back to the queue, and holds up nobody else. A batch of a mailbox that is not in the manifest is
// logged and dropped.
func (w *Worker) Step(ctx context.Context) (bool, error) {
	batch, ok, err := w.Queue.Receive(ctx, w.Now())
	if err != nil || !ok {
		return false, err
	}
	if rest := w.rest(batch.Mailbox); rest > 0 {
		return true, w.Queue.Retry(ctx, batch, w.Now().Add(min(rest, permanentPause)))
	}
	report, err := w.sync(ctx, batch)
	if w.Synced != nil {
		w.Synced(batch, report, err)
	}
	if err == nil {
		if w.Early != nil && report.Changes == 0 && notified(batch) {
			w.Early(batch.Mailbox)
		}
		return true, w.Queue.Done(ctx, batch)
	}
	if ctx.Err() != nil {
		return true, ctx.Err() // the batch is out still, and comes back
	}
	if !w.Mailboxes.Has(batch.Mailbox) {
		// Of a mailbox that has left the manifest. Should it come back, the clock sends a hint of its own.
		w.Log.Error("hint dropped", "mailbox", batch.Mailbox, "source", batch.Hints[0].Source, "error", err.Error())
		return true, w.Queue.Done(ctx, batch)
	}
	after := w.wait(err, batch.Tries)
	w.log(batch, report, err, after)
	if permanent := (*pipeline.Permanent)(nil); errors.As(err, &permanent) {
		w.setRest(batch.Mailbox, after)
		after = min(after, permanentPause)
	}
	return true, w.Queue.Retry(ctx, batch, w.Now().Add(after))
}

// rest is how much longer a mailbox that failed for good is left alone.
func (w *Worker) rest(id inbox.MailboxID) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	until, ok := w.rests[id]
	if !ok {
		return 0
	}
	left := until.Sub(w.Now())
	if left <= 0 {
		delete(w.rests, id)
	}
	return left
}

func (w *Worker) setRest(id inbox.MailboxID, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rests == nil {
		w.rests = map[inbox.MailboxID]time.Time{}
	}
	w.rests[id] = w.Now().Add(d)
}

// notified reports whether a provider sent one of the batch's hints.
func notified(b pipeline.Batch) bool {
	return slices.ContainsFunc(b.Hints, func(h pipeline.Hint) bool { return h.Source == web.SourceGraph || h.Source == web.SourceGmail })
}

func (w *Worker) sync(ctx context.Context, batch pipeline.Batch) (pipeline.Report, error) {
	if err := w.Mailboxes.Prepare(ctx, batch.Mailbox); err != nil {
		return pipeline.Report{}, err
	}
	return w.Pipeline.Sync(ctx, batch.Mailbox)
}

// wait is how long a failed batch stays away: as long as the provider says, or longer with every try.
func (w *Worker) wait(err error, tries int) time.Duration {
	var throttled *pipeline.Throttled
	var permanent *pipeline.Permanent
	switch {
	case errors.As(err, &throttled):
		return throttled.After
	case errors.As(err, &permanent):
		return permanentWait
	}
	wait := min(firstWait<<min(tries, 10), longestWait)
	if w.Random != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		wait += time.Duration(w.Random.Int64N(int64(wait)/4 + 1))
	}
	return wait
}

func (w *Worker) log(b pipeline.Batch, r pipeline.Report, err error, after time.Duration) {
	level := slog.LevelWarn
	var throttled *pipeline.Throttled
	var permanent *pipeline.Permanent
	switch {
	case errors.As(err, &throttled):
		level = slog.LevelInfo
	case errors.As(err, &permanent):
		level = slog.LevelError
	}
	w.Log.Log(context.Background(), level, "sync failed", "mailbox", b.Mailbox, "tries", b.Tries+1, "again_in", after.String(),
		"messages", r.Messages, "error", err.Error())
}

// Run works until ctx ends or the queue fails, with n batches under way at once. wake says that there may be something
// to do; without it the queue is asked four times a second.
func (w *Worker) Run(ctx context.Context, n int, wake <-chan struct{}) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if err := w.loop(ctx, wake); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("work the queue: %w", err))
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (w *Worker) loop(ctx context.Context, wake <-chan struct{}) error {
	idle := time.NewTicker(idleWait)
	defer idle.Stop()
	for {
		for {
			worked, err := w.Step(ctx)
			if err != nil {
				return err
			}
			if !worked {
				break
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-idle.C:
		}
	}
}

// Bell hands hints on to a queue and wakes whoever works it.
type Bell struct {
	pipeline.Hints
	ring chan struct{}
}

// NewBell makes a bell on a queue.
func NewBell(h pipeline.Hints) *Bell { return &Bell{Hints: h, ring: make(chan struct{}, 1)} }

// Enqueue is the queue's; it wakes one worker when the hint is durable.
func (b *Bell) Enqueue(ctx context.Context, h pipeline.Hint) error {
	if err := b.Hints.Enqueue(ctx, h); err != nil {
		return err
	}
	select {
	case b.ring <- struct{}{}:
	default: // somebody is being woken already
	}
	return nil
}

// Rings is what a Worker waits for.
func (b *Bell) Rings() <-chan struct{} { return b.ring }
