package sqs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

// A provider that throttles names a time, and the hints come again exactly then.
func TestDelayIsExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ after, want time.Duration }{
		{time.Second, time.Second},
		{37 * time.Second, 37 * time.Second},
		{1500 * time.Millisecond, 2 * time.Second}, // never too soon
		{time.Nanosecond, time.Second},
		{10 * time.Minute, 10 * time.Minute}, // longer than the queue's own timeout
		{sqs.MaxDelay, sqs.MaxDelay},
		{sqs.MaxDelay + 1, sqs.MaxDelay},
		{12 * time.Hour, sqs.MaxDelay},
		{100 * 24 * time.Hour, sqs.MaxDelay},
		{1<<63 - 1, sqs.MaxDelay},
	} {
		s := newSite(t)
		s.enqueue(support, "graph")
		s.enqueue(support, "tick")
		d := s.receiveOf(support)
		s.clock.Advance(visibility - time.Second) // the sync took as long as it may
		s.must(s.queue.Delay(t.Context(), d, (&pipeline.Throttled{After: tt.after}).After))
		s.clock.Advance(tt.want - time.Millisecond)
		s.nothing()
		s.clock.Advance(time.Millisecond)
		again := s.receiveOf(support)
		equal(t, "sources", sources(again), []string{"graph", "tick"})
		if again.Batch.Tries != 1 {
			t.Errorf("after %s: %d tries, want 1", tt.after, again.Batch.Tries)
		}
	}
}

func TestDelayByNothingIsAtOnce(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, -time.Hour} {
		s := newSite(t)
		s.enqueue(support, "graph")
		s.must(s.queue.Delay(t.Context(), s.receiveOf(support), after))
		if d := s.receiveOf(support); d.Batch.Tries != 1 {
			t.Errorf("%d tries, want 1", d.Batch.Tries)
		}
	}
}

func TestWithoutDelayTheQueuesTimeoutHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	s.receiveOf(support)
	s.clock.Advance(visibility - time.Millisecond)
	s.nothing()
	s.clock.Advance(time.Millisecond)
	s.receiveOf(support)
}

// A sync that took too long finds its messages handed out again, or done by another: they are not its to delay.
func TestDelayTooLate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	slow := s.receiveOf(support)
	s.clock.Advance(visibility)
	s.must(s.queue.Delay(t.Context(), slow, time.Hour)) // visible, but with nobody
	other := s.receiveOf(support)
	s.must(s.queue.Delay(t.Context(), slow, time.Hour))
	s.must(s.queue.Delay(t.Context(), slow, 0))
	s.nothing() // it is still out with the other
	s.done(other)
	s.must(s.queue.Delay(t.Context(), slow, time.Hour))
	if c := s.counts(hints); c != (sqssim.Counts{}) {
		t.Errorf("left over: %+v", c)
	}
}

// A caller that has put deliveries together has more messages than one request takes.
func TestDelayOfManyMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, _ := many(23)
	s.must(s.queue.EnqueueAll(t.Context(), list))
	var all sqs.Delivery
	for range 3 {
		for _, d := range s.receive() {
			all.Messages = append(all.Messages, d.Messages...)
		}
	}
	if len(all.Messages) != 23 {
		t.Fatalf("%d messages", len(all.Messages))
	}
	s.must(s.queue.Delay(t.Context(), all, time.Hour))
	s.clock.Advance(time.Hour - time.Second)
	s.nothing()
	s.clock.Advance(time.Second)
	if c := s.counts(hints); c.Waiting != 23 {
		t.Errorf("%+v", c)
	}
}

func TestDelaySaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *site){
		"sqs:ChangeMessageVisibility": func(s *site) { s.sim.Refuse("ChangeMessageVisibilityBatch", "AccessDenied") },
		"POSTROOM_QUEUE":              func(s *site) { s.queue.URL += "x" },
		"throttled":                   func(s *site) { s.sim.Dial.Add(fault.Rule{Kind: fault.Throttle}) },
	} {
		s := newSite(t)
		s.enqueue(support, "graph")
		d := s.receiveOf(support)
		spoil(s)
		err := s.queue.Delay(t.Context(), d, time.Hour)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), string(support)) {
			t.Errorf("%s: error %v", name, err)
		}
		if throttled := (*pipeline.Throttled)(nil); (name == "throttled") != errors.As(err, &throttled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// halting leaves out entries of the first answers, for no fault of ours.
type halting struct {
	sqs.Client
	times int
	sent  []int // entries of each request
}

func (h *halting) ChangeMessageVisibilityBatch(ctx context.Context, in *sdk.ChangeMessageVisibilityBatchInput, o ...func(*sdk.Options)) (*sdk.ChangeMessageVisibilityBatchOutput, error) {
	h.sent = append(h.sent, len(in.Entries))
	if h.times--; h.times < 0 {
		return h.Client.ChangeMessageVisibilityBatch(ctx, in, o...)
	}
	last := in.Entries[len(in.Entries)-1]
	rest := *in
	rest.Entries = in.Entries[:len(in.Entries)-1]
	out := &sdk.ChangeMessageVisibilityBatchOutput{}
	if len(rest.Entries) > 0 {
		var err error
		if out, err = h.Client.ChangeMessageVisibilityBatch(ctx, &rest, o...); err != nil {
			return nil, err
		}
	}
	code := "InternalError"
	out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: last.Id, Code: &code})
	return out, nil
}

// A message that SQS fails to delay is tried again, alone: else its mailbox would come before the time that its provider
// named.
func TestDelayOfAPart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		times int
		sent  []int
		fails bool
	}{{1, []int{2, 1}, false}, {3, []int{2, 1, 1, 1}, false}, {9, []int{2, 1, 1, 1}, true}} {
		s := newSite(t)
		s.enqueue(support, "graph")
		s.enqueue(support, "sweep")
		d := s.receiveOf(support)
		h := &halting{Client: s.client, times: tt.times}
		s.queue.Client = h
		err := s.queue.Delay(t.Context(), d, time.Hour)
		if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), "InternalError") {
			t.Errorf("%d failures: %v", tt.times, err)
		}
		equal(t, "requests", h.sent, tt.sent)
		if !tt.fails {
			s.clock.Advance(time.Hour - time.Second)
			s.nothing()
			s.clock.Advance(time.Second)
			equal(t, "hints", sources(s.receiveOf(support)), []string{"graph", "sweep"})
		}
	}
}

// Lost answers do not make a delay longer or shorter.
func TestDelayWithALostAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	d := s.receiveOf(support)
	s.sim.Dial.Add(fault.Rule{Kind: fault.Lost, Path: "/ChangeMessageVisibilityBatch", Times: 2})
	s.must(s.queue.Delay(t.Context(), d, time.Minute))
	s.clock.Advance(time.Minute - time.Second)
	s.nothing()
	s.clock.Advance(time.Second)
	s.receiveOf(support)
}

// A record that nobody can read runs up its receives at once, reaches the dead letters and lets its mailbox go on.
func TestPoisonGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, _, err := s.sim.Send(hints, "poison", string(support), "1")
	s.must(err)
	s.enqueue(support, "graph")
	var read int
	for range maxReceives {
		for _, d := range s.receive() {
			if d.Err != nil {
				s.must(s.queue.Delay(t.Context(), d, 0))
				continue
			}
			read++
			s.done(d)
		}
	}
	s.nothing()
	if c := s.counts(dead); read != 1 || c.Waiting != 1 {
		t.Errorf("%d read, dead letters %+v", read, c)
	}
	letters, err := s.sim.Peek(dead)
	s.must(err)
	if letters[0].Body != "poison" || letters[0].Received != maxReceives {
		t.Errorf("dead letter %+v", letters[0])
	}
}

// A mailbox that fails until its hints are dead letters is synced after the redrive, with its tries counted anew.
func TestRedrive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	for i := range maxReceives {
		d := s.receiveOf(support)
		if d.Batch.Tries != i {
			t.Errorf("%d tries, want %d", d.Batch.Tries, i)
		}
		s.must(s.queue.Delay(t.Context(), d, time.Minute))
		s.clock.Advance(time.Minute)
	}
	s.nothing()
	s.enqueue(support, "tick") // the mailbox itself is not stopped
	s.done(s.receiveOf(support))
	moved, err := s.sim.Redrive(dead)
	s.must(err)
	d := s.receiveOf(support)
	if moved != 1 || d.Batch.Tries != 0 || sources(d)[0] != "graph" {
		t.Errorf("%d moved, then %+v", moved, d)
	}
	s.done(d)
	if c := s.counts(dead); c != (sqssim.Counts{}) {
		t.Errorf("left over: %+v", c)
	}
}
