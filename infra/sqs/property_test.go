package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

// TestRandomHistories enqueues, receives, finishes, delays and forgets at random, with lost answers, broken connections and
// batches in part. It holds that every hint whose Enqueue returned is delivered after that, that a mailbox's hints
// keep their order, and that no mailbox is out twice at once.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		t.Repeat(map[string]func(*rapid.T){
			"enqueue":    h.enqueue,
			"enqueueAll": h.enqueueAll,
			"receive":    h.receive,
			"done":       h.done,
			"delay":      h.delay,
			"pass":       h.pass,
			"fault":      h.fault,
			"":           func(t *rapid.T) { h.check(t) },
		})
		h.drain(t)
	})
}

type history struct {
	clock *clock.Clock
	sim   *sqssim.Sim
	queue *sqs.Queue
	count int

	// owed are the hints that must still be handled, by mailbox in the order of their sends. A hint is handled once a
	// delivery that had it was done while it was held.
	owed map[inbox.MailboxID][]string
	out  []held
}

// held is a delivery that has been received and not been finished.
type held struct {
	sqs.Delivery
	until time.Time
}

var boxes = []inbox.MailboxID{"a@x", "b@x", "ö@x"}

func newHistory(t *rapid.T) *history {
	h := &history{clock: clock.At(noon), owed: map[inbox.MailboxID][]string{}}
	h.sim = &sqssim.Sim{Now: h.clock.Now, Dial: &fault.Dial{}}
	if err := h.sim.AddQueue(sqssim.Queue{Name: hints, PerGroup: true, Visibility: visibility, Retention: 14 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	const url = "http://sqs.test"
	h.queue = &sqs.Queue{
		Client: newClient(url, &http.Client{Transport: &fault.Transport{Handler: h.sim}}),
		URL:    sqssim.URL(url, hints),
		Wait:   func(context.Context, time.Duration) error { return nil },
	}
	return h
}

func (h *history) hint(t *rapid.T) pipeline.Hint {
	h.count++
	return hint(rapid.SampledFrom(boxes).Draw(t, "mailbox"), fmt.Sprintf("hint %d", h.count))
}

func (h *history) enqueue(t *rapid.T) {
	n := h.hint(t)
	if err := h.queue.Enqueue(context.Background(), n); err == nil { // else it may be there or not
		h.owed[n.Mailbox] = append(h.owed[n.Mailbox], n.Source)
	}
}

func (h *history) enqueueAll(t *rapid.T) {
	var list []pipeline.Hint
	for range rapid.IntRange(1, 12).Draw(t, "hints") {
		list = append(list, h.hint(t))
	}
	err := h.queue.EnqueueAll(context.Background(), list)
	var missing *sqs.NotEnqueuedError
	if err != nil && !errors.As(err, &missing) {
		t.Fatal(err)
	}
	for _, n := range list {
		if missing == nil || !slices.Contains(missing.Hints, n) {
			h.owed[n.Mailbox] = append(h.owed[n.Mailbox], n.Source)
		}
	}
}

func (h *history) receive(t *rapid.T) {
	messages, err := h.sim.Receive(hints, rapid.IntRange(1, 10).Draw(t, "max"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sqs.Deliveries(recordsOf(messages)) {
		if d.Err != nil {
			t.Fatalf("unreadable: %v", d.Err)
		}
		for _, o := range h.out {
			if o.Batch.Mailbox == d.Batch.Mailbox && h.clock.Now().Before(o.until) {
				t.Fatalf("%s is out twice", d.Batch.Mailbox)
			}
		}
		h.out = append(h.out, held{d, h.clock.Now().Add(visibility)})
	}
}

func (h *history) take(t *rapid.T) held {
	if len(h.out) == 0 {
		t.Skip("nothing is out")
	}
	i := rapid.IntRange(0, len(h.out)-1).Draw(t, "which")
	d := h.out[i]
	h.out = slices.Delete(h.out, i, i+1)
	return d
}

func (h *history) done(t *rapid.T) { h.finish(t, h.take(t)) }

// finish deletes a delivery's messages. Of one that is not held any more nothing must go: check still asks for what is
// owed of it.
func (h *history) finish(t *rapid.T, d held) {
	inTime := h.clock.Now().Before(d.until)
	for i, m := range d.Messages {
		err := h.sim.Delete(hints, m.Receipt)
		if !inTime {
			continue
		}
		if err != nil {
			t.Fatalf("deleting a message that is held until %s at %s: %v", d.until, h.clock.Now(), err)
		}
		box, source := d.Batch.Mailbox, d.Batch.Hints[i].Source
		h.owed[box] = slices.DeleteFunc(h.owed[box], func(s string) bool { return s == source })
	}
}

func (h *history) delay(t *rapid.T) {
	d := h.take(t)
	after := time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second
	err := h.queue.Delay(context.Background(), d.Delivery, after)
	if err != nil {
		return // it may have been done or not
	}
	if h.clock.Now().Before(d.until) && after > 0 {
		d.until = h.clock.Now().Add(after)
		h.out = append(h.out, d) // until then its mailbox must not come
	}
}

func (h *history) pass(t *rapid.T) {
	h.clock.Advance(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
}

func (h *history) fault(t *rapid.T) {
	h.sim.Dial.Add(fault.Rule{
		Kind:  rapid.SampledFrom([]fault.Kind{fault.Lost, fault.Reset, fault.Throttle, fault.Unavailable, fault.InnerThrottle}).Draw(t, "kind"),
		Times: rapid.IntRange(1, 4).Draw(t, "times"),
	})
}

// check holds that what is owed is in the queue, in order.
func (h *history) check(t *rapid.T) {
	messages, err := h.sim.Peek(hints)
	if err != nil {
		t.Fatal(err)
	}
	there := map[inbox.MailboxID][]string{}
	for _, m := range messages {
		m.Receipt = "receipt"
		for _, d := range sqs.Deliveries(recordsOf([]sqssim.Message{m})) {
			there[d.Batch.Mailbox] = append(there[d.Batch.Mailbox], sources(d)...)
		}
	}
	for box, owed := range h.owed {
		for _, s := range owed {
			if !slices.Contains(there[box], s) {
				t.Fatalf("%s: %s is lost", box, s)
			}
		}
	}
}

// drain receives and finishes until nothing is left, and holds that all that was owed came, in order.
func (h *history) drain(t *rapid.T) {
	h.sim.Dial.Clear()
	h.clock.Advance(time.Hour)
	h.out = nil
	last := map[inbox.MailboxID]string{}
	for {
		h.receive(t)
		if len(h.out) == 0 {
			break
		}
		for _, d := range h.out {
			for i, m := range d.Messages {
				if m.ID <= last[d.Batch.Mailbox] { // the simulator counts its ids
					t.Fatalf("%s: %s came out of order", d.Batch.Mailbox, d.Batch.Hints[i].Source)
				}
				last[d.Batch.Mailbox] = m.ID
			}
			h.finish(t, d)
		}
		h.out = nil
	}
	for box, owed := range h.owed {
		if len(owed) > 0 {
			t.Fatalf("%s: %v never came", box, owed)
		}
	}
}
