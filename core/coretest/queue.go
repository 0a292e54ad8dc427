package coretest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Queue runs the suite of pipeline.Queue. open gives an empty queue whose batches may be out for visibility, and a
// reopen as in Store. open is called once a subtest, with its T.
func Queue(t *testing.T, open func(t *testing.T, visibility time.Duration) (queue pipeline.Queue, reopen func() pipeline.Queue)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, q queue)
	}{
		{"empty", queueEmpty},
		{"in the order of the first hint", queueOrder},
		{"all hints of a mailbox in one batch", queueBatch},
		{"one batch out a mailbox", queueOneOut},
		{"retry", queueRetry},
		{"retry holds up only its mailbox", queueRetryAlone},
		{"visibility", queueVisibility},
		{"too late for a batch", queueLate},
		{"bounded", queueBounded},
		{"consumers at once", queueAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, _ := open(t, visibility)
			test.run(t, queue{t, q})
		})
	}
	t.Run("what was enqueued is there after a restart", func(t *testing.T) {
		q, reopen := open(t, visibility)
		if reopen == nil {
			t.Skip("this queue keeps nothing")
		}
		queueRestart(t, queue{t, q}, func() queue { return queue{t, reopen()} })
	})
}

const visibility = 10 * time.Minute

// queue is a Queue whose errors fail the test.
type queue struct {
	t *testing.T
	q pipeline.Queue
}

func (q queue) enqueue(mailbox inbox.MailboxID, source string) {
	q.t.Helper()
	ok(q.t, q.q.Enqueue(context.Background(), pipeline.Hint{Mailbox: mailbox, Source: source, At: epoch}))
}

func (q queue) receive(minute int) pipeline.Batch {
	q.t.Helper()
	b, there, err := q.q.Receive(context.Background(), at(minute))
	ok(q.t, err)
	if !there {
		q.t.Fatalf("minute %d: nothing to receive", minute)
	}
	if len(b.Hints) == 0 {
		q.t.Errorf("a batch of %s without hints", b.Mailbox)
	}
	for _, h := range b.Hints {
		if h.Mailbox != b.Mailbox || !h.At.Equal(epoch) {
			q.t.Errorf("hint %+v in a batch of %s", h, b.Mailbox)
		}
	}
	return b
}

func (q queue) receiveOf(minute int, mailbox inbox.MailboxID) pipeline.Batch {
	q.t.Helper()
	b := q.receive(minute)
	if b.Mailbox != mailbox {
		q.t.Fatalf("minute %d: a batch of %s, want %s", minute, b.Mailbox, mailbox)
	}
	return b
}

func (q queue) nothing(minute int) {
	q.t.Helper()
	b, there, err := q.q.Receive(context.Background(), at(minute))
	ok(q.t, err)
	if there {
		q.t.Fatalf("minute %d: received %+v, want nothing", minute, b)
	}
}

func (q queue) done(b pipeline.Batch) {
	q.t.Helper()
	ok(q.t, q.q.Done(context.Background(), b))
}

func (q queue) retry(b pipeline.Batch, minute int) {
	q.t.Helper()
	ok(q.t, q.q.Retry(context.Background(), b, at(minute)))
}

func sources(b pipeline.Batch) []string {
	var out []string
	for _, h := range b.Hints {
		out = append(out, h.Source)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func queueEmpty(t *testing.T, q queue) {
	q.nothing(0)
	q.enqueue(support, "tick")
	q.done(q.receiveOf(0, support))
	q.nothing(0)
	q.nothing(1000)
}

func queueOrder(t *testing.T, q queue) {
	for _, m := range []inbox.MailboxID{"c@x", "a@x", "b@x", "a@x", "c@x"} {
		q.enqueue(m, "tick")
	}
	c := q.receiveOf(0, "c@x")
	q.enqueue("c@x", "graph") // after the first of a@x and b@x
	q.done(c)
	a := q.receiveOf(0, "a@x")
	b := q.receiveOf(0, "b@x")
	c = q.receiveOf(0, "c@x")
	q.nothing(0)
	for _, x := range []pipeline.Batch{a, b, c} {
		q.done(x)
	}
	q.nothing(0)
}

func queueBatch(t *testing.T, q queue) {
	for _, s := range []string{"graph", "tick", "graph", "command"} {
		q.enqueue(support, s)
	}
	b := q.receiveOf(0, support)
	equal(t, "sources", sources(b), []string{"command", "graph", "tick"})
	if b.Tries != 0 {
		t.Errorf("tries %d, want 0", b.Tries)
	}
	q.done(b)
	q.nothing(0)
}

func queueOneOut(t *testing.T, q queue) {
	q.enqueue(support, "tick")
	first := q.receiveOf(0, support)
	q.enqueue(support, "tick") // the very same hint, but what it tells of may have come after the first one's sync
	q.nothing(1)
	q.enqueue(sales, "tick")
	q.done(q.receiveOf(1, sales))
	q.done(first)
	second := q.receiveOf(1, support)
	if second.Receipt == first.Receipt {
		t.Error("two batches have one receipt")
	}
	q.done(second)
	q.nothing(1)
}

func queueRetry(t *testing.T, q queue) {
	q.enqueue(support, "graph")
	b := q.receiveOf(0, support)
	q.enqueue(support, "tick")
	q.retry(b, 5)
	q.nothing(0)
	q.nothing(4)
	b = q.receiveOf(5, support)
	equal(t, "sources", sources(b), []string{"graph", "tick"})
	if b.Tries != 1 {
		t.Errorf("tries %d, want 1", b.Tries)
	}
	q.retry(b, 6)
	b = q.receiveOf(6, support)
	if b.Tries != 2 {
		t.Errorf("tries %d, want 2", b.Tries)
	}
	q.done(b)
	q.nothing(100)
	q.enqueue(support, "tick")
	b = q.receiveOf(6, support)
	if b.Tries != 0 {
		t.Errorf("tries %d of a new batch, want 0", b.Tries)
	}
	q.done(b)
}

func queueRetryAlone(t *testing.T, q queue) {
	q.enqueue(support, "tick")
	b := q.receiveOf(0, support)
	q.retry(b, 60)
	q.enqueue(sales, "tick")
	q.enqueue(support, "graph") // more hints do not make it come sooner
	q.done(q.receiveOf(1, sales))
	q.nothing(59)
	q.enqueue(sales, "tick")
	q.done(q.receiveOf(60, support)) // its first hint is still the oldest
	q.done(q.receiveOf(60, sales))
	q.nothing(60)
}

func queueVisibility(t *testing.T, q queue) {
	q.enqueue(support, "graph")
	lost := q.receiveOf(0, support)
	q.enqueue(support, "tick")
	q.nothing(9)
	again := q.receiveOf(11, support)
	equal(t, "sources", sources(again), []string{"graph", "tick"})
	if again.Receipt == lost.Receipt {
		t.Error("a batch that is handed out again has the receipt of before")
	}
	q.nothing(20) // it is out since minute 11
	q.done(again)
	q.nothing(1000)
}

func queueLate(t *testing.T, q queue) {
	q.enqueue(support, "graph")
	slow := q.receiveOf(0, support)
	again := q.receiveOf(11, support)
	q.done(slow) // whoever has it now has not done it yet
	q.retry(slow, 12)
	q.nothing(12)
	q.retry(again, 13)
	again = q.receiveOf(13, support)
	q.done(again)
	q.done(again) // once more is no error
	q.nothing(1000)
}

func queueBounded(t *testing.T, q queue) {
	for range 2000 { // a flood of notifications is one hint
		q.enqueue(support, "graph")
	}
	b := q.receiveOf(0, support)
	if len(b.Hints) > 2000 {
		t.Errorf("%d hints of 2000", len(b.Hints))
	}
	q.done(b)
	q.nothing(0)
}

// queueAtOnce lets consumers take turns on a few mailboxes while hints come in, and holds that no two of them ever
// work the same mailbox and that after the last hint of each mailbox there comes a batch.
func queueAtOnce(t *testing.T, q queue) {
	const mailboxes, hints, consumers = 3, 100, 4
	ctx := context.Background()
	var mu sync.Mutex
	out := map[inbox.MailboxID]bool{}
	begun, answered := map[inbox.MailboxID]int{}, map[inbox.MailboxID]int{}
	consume := func() bool {
		b, there, err := q.q.Receive(ctx, epoch)
		if err != nil {
			t.Error(err)
		}
		if !there {
			return false
		}
		mu.Lock()
		if out[b.Mailbox] {
			t.Errorf("two batches of %s are out", b.Mailbox)
		}
		out[b.Mailbox] = true
		answered[b.Mailbox] = begun[b.Mailbox]
		again := b.Tries == 0 && answered[b.Mailbox]%3 == 0
		mu.Unlock()
		runtime.Gosched() // the others' chance to take the same
		mu.Lock()
		out[b.Mailbox] = false
		mu.Unlock()
		if again {
			err = q.q.Retry(ctx, b, epoch)
		} else {
			err = q.q.Done(ctx, b)
		}
		if err != nil {
			t.Error(err)
		}
		return true
	}
	var producers, workers sync.WaitGroup
	for i := range mailboxes {
		mailbox := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		producers.Go(func() {
			for n := range hints {
				mu.Lock()
				begun[mailbox]++
				mu.Unlock()
				if err := q.q.Enqueue(ctx, pipeline.Hint{Mailbox: mailbox, Source: "graph", At: at(n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	for range consumers {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					consume()
				}
			}
		})
	}
	producers.Wait()
	close(stop)
	workers.Wait()
	for consume() {
	}
	for m, n := range begun {
		if n != hints || answered[m] != hints {
			t.Errorf("%s: %d hints enqueued, answered up to %d", m, n, answered[m])
		}
	}
	if len(begun) != mailboxes {
		t.Errorf("%d mailboxes, want %d", len(begun), mailboxes)
	}
	q.nothing(0)
}

func queueRestart(t *testing.T, q queue, reopen func() queue) {
	q.enqueue("a@x", "graph")
	q.enqueue("b@x", "graph")
	q.enqueue("c@x", "graph")
	q.enqueue("d@x", "graph")
	a := q.receiveOf(0, "a@x") // out when the process dies
	q.enqueue("a@x", "tick")
	b := q.receiveOf(0, "b@x")
	q.retry(b, 60)
	q.done(q.receiveOf(0, "c@x"))

	q = reopen()
	again := q.receiveOf(1, "a@x")
	equal(t, "sources of what was out", sources(again), []string{"graph", "tick"})
	q.done(a) // a receipt of the life before is void
	q.retry(again, 2)
	again = q.receiveOf(2, "a@x")
	q.done(q.receiveOf(2, "d@x"))
	q.nothing(2)
	q.done(again)
	q.nothing(59)
	b = q.receiveOf(60, "b@x")
	if b.Tries != 1 {
		t.Errorf("tries %d, want 1", b.Tries)
	}
	q.done(b)
	q.nothing(1000)
	q = reopen()
	q.nothing(1000)
}
