package memory

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// DefaultVisibility is how long a batch may be out before it is handed out again, unless the queue says otherwise.
const DefaultVisibility = 15 * time.Minute

// Queue is a pipeline.Queue. Its zero value is empty and ready; its fields are set before the first call.
//
// Hints of the same source that wait for one mailbox are coalesced to the first of them, so a queue never holds more
// than a few hints a mailbox. Time is what callers of Receive say it is. Fail is asked with the name of the method.
type Queue struct {
	Fail func(op string) (before, after error)
	// Visibility is how long a batch may be out; 0 is DefaultVisibility.
	Visibility time.Duration

	mu       sync.Mutex
	lines    map[inbox.MailboxID]*line // mailboxes with hints waiting or out
	arrivals int64
	receipts int64
}

var _ pipeline.Queue = (*Queue)(nil)

// line is one mailbox's hints.
type line struct {
	waiting  []pipeline.Hint
	first    int64 // arrival of the first of waiting
	notUntil time.Time
	tries    int // how often waiting's beginning has been given back

	out      []pipeline.Hint // empty when no batch is out
	outFirst int64
	receipt  string
	deadline time.Time
}

// Enqueue implements pipeline.Hints.
func (q *Queue) Enqueue(ctx context.Context, h pipeline.Hint) error {
	return q.call(ctx, "Enqueue", func() error {
		if h.Mailbox == "" {
			return misuse("a hint without a mailbox")
		}
		if q.lines == nil {
			q.lines = map[inbox.MailboxID]*line{}
		}
		l := q.lines[h.Mailbox]
		if l == nil {
			l = &line{}
			q.lines[h.Mailbox] = l
		}
		q.arrivals++
		if len(l.waiting) == 0 {
			l.first = q.arrivals
		}
		l.waiting = join(l.waiting, h)
		return nil
	})
}

// Receive implements pipeline.Queue.
func (q *Queue) Receive(ctx context.Context, now time.Time) (b pipeline.Batch, ok bool, err error) {
	err = q.call(ctx, "Receive", func() error {
		var next *line
		var mailbox inbox.MailboxID
		for m, l := range q.lines {
			if len(l.out) > 0 && !now.Before(l.deadline) {
				l.giveBack(time.Time{})
			}
			if len(l.out) == 0 && !now.Before(l.notUntil) && (next == nil || l.first < next.first) {
				next, mailbox = l, m
			}
		}
		if next == nil {
			return nil
		}
		b, ok = q.handOut(mailbox, next, now), true
		return nil
	})
	if err != nil {
		return pipeline.Batch{}, false, err
	}
	return b, ok, nil
}

func (q *Queue) handOut(mailbox inbox.MailboxID, l *line, now time.Time) pipeline.Batch {
	visibility := q.Visibility
	if visibility == 0 {
		visibility = DefaultVisibility
	}
	q.receipts++
	l.receipt = strconv.FormatInt(q.receipts, 10)
	l.deadline = now.Add(visibility)
	l.out, l.outFirst, l.waiting = l.waiting, l.first, nil
	return pipeline.Batch{Mailbox: mailbox, Hints: slices.Clone(l.out), Tries: l.tries, Receipt: l.receipt}
}

// Done implements pipeline.Queue. A batch that has been handed out again meanwhile stays with who has it now.
func (q *Queue) Done(ctx context.Context, b pipeline.Batch) error {
	return q.call(ctx, "Done", func() error {
		l := q.lines[b.Mailbox]
		if l == nil || len(l.out) == 0 || l.receipt != b.Receipt {
			return nil
		}
		l.out, l.tries, l.notUntil = nil, 0, time.Time{}
		if len(l.waiting) == 0 {
			delete(q.lines, b.Mailbox)
		}
		return nil
	})
}

// Retry implements pipeline.Queue. A batch that has been handed out again meanwhile stays with who has it now.
func (q *Queue) Retry(ctx context.Context, b pipeline.Batch, at time.Time) error {
	return q.call(ctx, "Retry", func() error {
		l := q.lines[b.Mailbox]
		if l != nil && len(l.out) > 0 && l.receipt == b.Receipt {
			l.giveBack(at)
		}
		return nil
	})
}

// Waiting counts the mailboxes that have hints waiting or out.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines)
}

// giveBack puts what is out before what came in meanwhile.
func (l *line) giveBack(at time.Time) {
	hints := l.out
	for _, h := range l.waiting {
		hints = join(hints, h)
	}
	l.waiting, l.first, l.out = hints, l.outFirst, nil
	l.notUntil, l.tries = at, l.tries+1
}

// join adds h unless a hint of its source is there already.
func join(hints []pipeline.Hint, h pipeline.Hint) []pipeline.Hint {
	if slices.ContainsFunc(hints, func(x pipeline.Hint) bool { return x.Source == h.Source }) {
		return hints
	}
	return append(hints, h)
}

func (q *Queue) call(ctx context.Context, op string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before, after := ask(q.Fail, op)
	if before != nil {
		return before
	}
	q.mu.Lock()
	err := do()
	q.mu.Unlock()
	if err != nil {
		return err
	}
	return after
}
