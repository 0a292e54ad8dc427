package boot_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
)

func TestStepOnAnEmptyQueue(t *testing.T) {
	s := newSite(t, twoMailboxes)
	if worked, err := s.worker.Step(s.ctx); worked || err != nil {
		t.Errorf("Step says %v, %v", worked, err)
	}
}

func TestThrottledMailboxComesBackExactlyThen(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.GraphDial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 17 * time.Second, Times: 1})
	s.hint(support)
	first := s.work()
	throttled := (*pipeline.Throttled)(nil)
	if len(first) != 1 || !errors.As(first[0].err, &throttled) {
		t.Fatalf("synced %v", first)
	}
	s.advance(17*time.Second - 1)
	if early := s.work(); len(early) > 0 {
		t.Errorf("a nanosecond before its time it was tried again: %v", early)
	}
	s.advance(1)
	again := s.work()
	if len(again) != 1 || again[0].err != nil || again[0].Tries != 1 {
		t.Errorf("at its time: %+v", again)
	}
}

func TestPermanentFailureWaitsForPeople(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.must(s.Graph.RefuseMailbox(support))
	s.hint(support)
	first := s.work()
	permanent := (*pipeline.Permanent)(nil)
	if len(first) != 1 || !errors.As(first[0].err, &permanent) {
		t.Fatalf("synced %v", first)
	}
	if lines := s.log.lines("level=ERROR", support, permanent.Fix); len(lines) != 1 {
		t.Errorf("the log should say once what to do:\n%v", lines)
	}
	s.hint(support) // a notification meanwhile changes nothing
	s.advance(15*time.Minute - 1)
	if early := s.work(); len(early) > 0 {
		t.Errorf("tried again before its time: %v", early)
	}
	s.advance(1)
	if again := s.work(); len(again) != 1 {
		t.Errorf("at its time: %v", again)
	}
}

// Who has mended what was wrong and starts the process anew is not to wait for what the last one said.
func TestPermanentFailureIsTriedAfterARestart(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.must(s.Graph.RefuseMailbox(support))
	s.hint(support)
	if first := s.work(); len(first) != 1 || first[0].err == nil {
		t.Fatalf("synced %v", first)
	}
	s.open(parse(t, twoMailboxes))
	s.advance(time.Minute)
	if again := s.work(); len(again) != 1 {
		t.Errorf("a minute after the restart: %v", again)
	}
}

// retries is a queue that remembers for how long each batch was given back.
type retries struct {
	*memory.Queue
	now   func() time.Time
	waits []time.Duration
}

func (r *retries) Retry(ctx context.Context, b pipeline.Batch, at time.Time) error {
	r.waits = append(r.waits, at.Sub(r.now()))
	return r.Queue.Retry(ctx, b, at)
}

func TestOtherFailuresBackOff(t *testing.T) {
	for name, random := range map[string]*rand.Rand{"exactly": nil, "spread": rand.New(rand.NewPCG(3, 4))} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, twoMailboxes)
			queue := &retries{Queue: s.queue, now: s.time}
			s.worker.Queue, s.worker.Random = queue, random
			s.GraphDial.Add(fault.Rule{Kind: fault.Reset})
			s.hint(support)
			spread := false
			for n := range 70 {
				if got := s.work(); len(got) != 1 || got[0].err == nil || got[0].Tries != n {
					t.Fatalf("try %d: %v", n, got)
				}
				base, wait := 5*time.Minute, queue.waits[n]
				if n < 9 {
					base = min(base, time.Second<<n)
				}
				if wait < base || random == nil && wait > base || wait > base+base/4 {
					t.Errorf("after failure %d it waits %s, not %s", n, wait, base)
				}
				spread = spread || wait > base
				s.advance(wait)
			}
			if spread != (random != nil) {
				t.Errorf("waits are spread: %v", spread)
			}
			s.GraphDial.Clear()
			if got := s.work(); len(got) != 1 || got[0].err != nil {
				t.Fatalf("when all is well: %v", got)
			}
			s.GraphDial.Add(fault.Rule{Kind: fault.Reset, Times: 1})
			s.hint(support)
			if got := s.work(); len(got) != 1 || got[0].Tries != 0 {
				t.Errorf("the first failure after a success: %+v", got)
			}
		})
	}
}

func TestPoisonedMailboxHoldsUpNobodyElse(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.must(s.Graph.RefuseMailbox(support))
	letter := coretest.Letter{RFCID: "<1@customer.example>", From: "ann@customer.example", Subject: "Hello", At: s.now}
	id, err := s.Gmail.Receive(hello, raw(letter, hello))
	s.must(err)
	s.hint(support)
	s.hint(hello)
	s.work()
	known, err := s.store.Known(s.ctx, hello, []inbox.MessageID{inbox.MessageID(id)})
	s.must(err)
	if len(known) != 1 {
		t.Error("the mail at the other mailbox was not taken in")
	}
	if n := s.queue.Waiting(); n != 1 {
		t.Errorf("%d mailboxes have hints waiting, want only the poisoned one's", n)
	}
}

func TestHintForAMailboxThatIsNotOursIsDropped(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.hint("stranger@contoso.com")
	got := s.work()
	permanent := (*pipeline.Permanent)(nil)
	if len(got) != 1 || !errors.As(got[0].err, &permanent) {
		t.Fatalf("synced %v", got)
	}
	if lines := s.log.lines("level=ERROR", "stranger@contoso.com", permanent.Fix); len(lines) != 1 {
		t.Errorf("the log should say once what to do:\n%v", lines)
	}
	if s.queue.Waiting() != 0 {
		t.Error("the hint comes back for ever")
	}
}

func TestEndLeavesTheBatchOut(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.queue.Visibility = time.Hour
	ctx, stop := context.WithCancel(s.ctx)
	s.GraphTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop() // in the middle of a sync
		s.Graph.ServeHTTP(w, r)
	})
	s.hint(support)
	worked, err := s.worker.Step(ctx)
	if !worked || !errors.Is(err, context.Canceled) {
		t.Fatalf("Step says %v, %v", worked, err)
	}
	if lines := s.log.lines("sync failed"); len(lines) > 0 {
		t.Errorf("stopping is logged as a failure: %v", lines)
	}
	s.GraphTrips.Handler = s.Graph
	if got := s.work(); len(got) > 0 {
		t.Errorf("the batch is back already: %v", got)
	}
	s.advance(time.Hour)
	if got := s.work(); len(got) != 1 || got[0].err != nil {
		t.Errorf("when its time is up: %v", got)
	}
}

func TestPrepareHeals(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "masterCategories", Times: 1})
	s.hint(support)
	if got := s.work(); len(got) != 1 || got[0].err == nil {
		t.Fatalf("without its markers: %v", got)
	}
	progress, err := s.store.Mailbox(s.ctx, support)
	s.must(err)
	if !progress.CutOver.IsZero() {
		t.Error("the mailbox was worked before its markers were there")
	}
	s.advance(time.Minute)
	if got := s.work(); len(got) != 1 || got[0].err != nil {
		t.Fatalf("the second try: %v", got)
	}
	have, err := s.Graph.Categories(support)
	s.must(err)
	entry, _ := s.mailboxes.Entry(support)
	if len(entry.Styles) == 0 {
		t.Fatal("the manifest has no markers")
	}
	for _, style := range entry.Styles {
		if _, ok := have[string(style.Marker)]; !ok {
			t.Errorf("the mailbox has no category %q: %v", style.Marker, have)
		}
	}
	trips := s.GraphTrips.RoundTrips()
	s.hint(support)
	s.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "masterCategories"})
	if got := s.work(); len(got) != 1 || got[0].err != nil || s.GraphTrips.RoundTrips() == trips {
		t.Errorf("prepared once, it is not prepared again: %v", got)
	}
}
