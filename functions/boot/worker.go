package boot

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

const idleWait = 250 * time.Millisecond

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
	a := try(ctx, w.Pipeline, w.Mailboxes, batch, w.spread())
	if w.Synced != nil {
		w.Synced(batch, a.report, a.err)
	}
	switch a.end {
	case endEarly:
		if w.Early != nil {
			w.Early(batch.Mailbox)
		}
		return true, w.Queue.Done(ctx, batch)
	case endSynced:
		return true, w.Queue.Done(ctx, batch)
	case endCut:
		return true, ctx.Err() // the batch is out still, and comes back
	}
	a.log(ctx, w.Log, batch)
	switch a.end {
	case endDropped:
		return true, w.Queue.Done(ctx, batch)
	case endPermanent:
		w.setRest(batch.Mailbox, a.after)
		a.after = min(a.after, permanentPause)
	}
	return true, w.Queue.Retry(ctx, batch, w.Now().Add(a.after))
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

// spread makes waits up to a quarter longer.
func (w *Worker) spread() func(time.Duration) time.Duration {
	if w.Random == nil {
		return nil
	}
	return func(wait time.Duration) time.Duration {
		w.mu.Lock()
		defer w.mu.Unlock()
		return longer(w.Random, wait)
	}
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
