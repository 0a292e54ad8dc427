package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"go.etcd.io/bbolt"
)

// The file holds every hint until its batch is done. Which of them are out is known to this process only: when it
// dies, its batches are waiting again. Receiving writes nothing, nor does a hint whose source has one waiting already.

// line is one mailbox's hints.
type line struct {
	waiting  hints
	out      hints // of the batch that is out, none otherwise
	receipt  string
	deadline time.Time // when the batch that is out is handed out again
	retry
}

// hints are some of a mailbox's, one of each source at most, and the arrivals of all that they stand for.
type hints struct {
	list     []pipeline.Hint
	arrivals []int64 // ascending
}

// retry says how the batch at the head of a line has been given back.
type retry struct {
	Tries    int       `json:"tries"`
	NotUntil time.Time `json:"notUntil"`
}

func (h *hints) add(hint pipeline.Hint, arrival int64) {
	h.arrivals = append(h.arrivals, arrival)
	if !h.has(hint.Source) {
		h.list = append(h.list, hint)
	}
}

func (h *hints) has(source string) bool {
	return slices.ContainsFunc(h.list, func(x pipeline.Hint) bool { return x.Source == source })
}

func hintKey(mailbox inbox.MailboxID, arrival int64) []byte {
	return appendNumber(appendID(key('h'), string(mailbox)), arrival)
}

func retryKey(mailbox inbox.MailboxID) []byte { return append(key('r'), mailbox...) }

// loadQueue reads what the file holds of the queue.
func (db *DB) loadQueue() error {
	db.lines = map[inbox.MailboxID]*line{}
	return db.bolt.View(func(tx *bbolt.Tx) error {
		b := box{Bucket: tx.Bucket(queueBucket)}
		err := b.walk(key('h'), nil, 0, func(rest, v []byte) error {
			mailbox, arrival := cutID(rest)
			if len(arrival) != 8 {
				return errors.New("a hint's key is damaged")
			}
			var h pipeline.Hint
			if err := decode(v, 0, &h); err != nil {
				return err
			}
			db.line(inbox.MailboxID(mailbox)).waiting.add(h, number(arrival))
			return nil
		})
		if err != nil {
			return err
		}
		return b.walk(key('r'), nil, 0, func(rest, v []byte) error {
			l := db.lines[inbox.MailboxID(rest)]
			if l == nil {
				return nil
			}
			return decode(v, 0, &l.retry)
		})
	})
}

func (db *DB) line(mailbox inbox.MailboxID) *line {
	l := db.lines[mailbox]
	if l == nil {
		l = &line{}
		db.lines[mailbox] = l
	}
	return l
}

// Enqueue implements pipeline.Hints.
func (db *DB) Enqueue(ctx context.Context, h pipeline.Hint) error {
	if h.Mailbox == "" {
		return errors.New("bolt: enqueue: the hint names no mailbox")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if l := db.lines[h.Mailbox]; l != nil && l.waiting.has(h.Source) {
		return nil
	}
	var arrival int64
	err := db.writeQueue(func(b box) error {
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		arrival = int64(n)
		return b.put(hintKey(h.Mailbox, arrival), &h)
	})
	if err != nil {
		return fmt.Errorf("bolt: enqueue a hint for %s: %w", h.Mailbox, err)
	}
	db.line(h.Mailbox).waiting.add(h, arrival)
	return nil
}

// Receive implements pipeline.Queue. It costs a look at every mailbox with hints, and no write.
func (db *DB) Receive(ctx context.Context, now time.Time) (pipeline.Batch, bool, error) {
	if err := ctx.Err(); err != nil {
		return pipeline.Batch{}, false, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	var next *line
	var mailbox inbox.MailboxID
	for m, l := range db.lines {
		if len(l.out.list) > 0 && !now.Before(l.deadline) {
			l.giveBack(retry{Tries: l.Tries + 1})
		}
		if len(l.out.list) == 0 && !now.Before(l.NotUntil) && (next == nil || l.waiting.arrivals[0] < next.waiting.arrivals[0]) {
			next, mailbox = l, m
		}
	}
	if next == nil {
		return pipeline.Batch{}, false, nil
	}
	db.receipts++
	next.receipt = fmt.Sprintf("%d.%d", db.life, db.receipts)
	next.deadline = now.Add(db.visibility)
	next.out, next.waiting = next.waiting, hints{}
	return pipeline.Batch{Mailbox: mailbox, Hints: slices.Clone(next.out.list), Tries: next.Tries, Receipt: next.receipt}, true, nil
}

// Done implements pipeline.Queue. A batch that has been handed out again meanwhile stays with who has it now.
func (db *DB) Done(ctx context.Context, batch pipeline.Batch) error {
	return db.end(ctx, "done", batch, func(b box, l *line) error {
		for _, arrival := range l.out.arrivals {
			if err := b.Delete(hintKey(batch.Mailbox, arrival)); err != nil {
				return err
			}
		}
		return b.Delete(retryKey(batch.Mailbox))
	}, func(l *line) {
		l.out, l.retry = hints{}, retry{}
		if len(l.waiting.list) == 0 {
			delete(db.lines, batch.Mailbox)
		}
	})
}

// Retry implements pipeline.Queue. A batch that has been handed out again meanwhile stays with who has it now.
func (db *DB) Retry(ctx context.Context, batch pipeline.Batch, at time.Time) error {
	next := retry{Tries: batch.Tries + 1, NotUntil: at}
	return db.end(ctx, "retry", batch, func(b box, _ *line) error {
		return b.put(retryKey(batch.Mailbox), next)
	}, func(l *line) { l.giveBack(next) })
}

// end lets a batch that is out come to an end: first in the file, then in memory.
func (db *DB) end(ctx context.Context, what string, batch pipeline.Batch, write func(box, *line) error, then func(*line)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	l := db.lines[batch.Mailbox]
	if l == nil || len(l.out.list) == 0 || l.receipt != batch.Receipt {
		return nil
	}
	if err := db.writeQueue(func(b box) error { return write(b, l) }); err != nil {
		return fmt.Errorf("bolt: %s with a batch of %s: %w", what, batch.Mailbox, err)
	}
	then(l)
	return nil
}

// giveBack puts what is out before what came in meanwhile.
func (l *line) giveBack(r retry) {
	both := l.out
	both.arrivals = append(both.arrivals, l.waiting.arrivals...)
	for _, h := range l.waiting.list {
		if !both.has(h.Source) {
			both.list = append(both.list, h)
		}
	}
	l.waiting, l.out, l.retry = both, hints{}, r
}

func (db *DB) writeQueue(do func(box) error) error {
	return db.update(func(tx *bbolt.Tx, w *writer) error { return do(box{tx.Bucket(queueBucket), w}) })
}
