package boot_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
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

// severalMailboxes is a manifest with n of them at each provider.
func severalMailboxes(n int) string {
	text, _, _ := strings.Cut(twoMailboxes, "mailboxes:")
	text += "mailboxes:\n"
	for i := range n {
		text += fmt.Sprintf("  graph%d@contoso.com: {provider: m365, name: Graph %d, agents: [one]}\n", i, i)
		text += fmt.Sprintf("  gmail%d@contoso.com: {provider: gmail, name: Gmail %d, agents: [one]}\n", i, i)
	}
	return text
}

// crew is a worker in a bubble of time of its own, with what has been under way at once.
type crew struct {
	*boot.Worker
	queue *memory.Queue

	mu     sync.Mutex
	active map[inbox.MailboxID]int
	most   int // syncs under way at once
	twice  []inbox.MailboxID
	syncs  map[inbox.MailboxID]int
	at     []time.Time
}

// newCrew is called in the bubble. Every request takes latency.
func newCrew(t *testing.T, mailboxes int, latency time.Duration) *crew {
	t.Helper()
	m := parse(t, severalMailboxes(mailboxes))
	world, err := boot.Simulate(m, boot.SimulationOptions{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	world.GraphDial.Latency, world.GmailDial.Latency = latency, latency
	clients, err := world.Clients(m)
	if err != nil {
		t.Fatal(err)
	}
	open, err := boot.Open(m, clients)
	if err != nil {
		t.Fatal(err)
	}
	c := &crew{queue: &memory.Queue{}, active: map[inbox.MailboxID]int{}, syncs: map[inbox.MailboxID]int{}}
	c.Worker = &boot.Worker{
		Queue: c.queue, Mailboxes: open, Now: time.Now, Log: (&journal{}).logger(),
		Pipeline: &pipeline.Pipeline{
			Store: &memory.Store{}, Hints: c.queue, Now: time.Now,
			Mailboxes: func(id inbox.MailboxID) (pipeline.Mailbox, bool) {
				c.enter(id)
				return open.Get(id)
			},
		},
		Synced: func(b pipeline.Batch, _ pipeline.Report, err error) {
			if err != nil && !errors.Is(err, context.DeadlineExceeded) { // the end of Run
				t.Errorf("sync %s: %v", b.Mailbox, err)
			}
			c.leave(b.Mailbox)
		},
	}
	return c
}

func (c *crew) enter(id inbox.MailboxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active[id]++
	if c.active[id] > 1 {
		c.twice = append(c.twice, id)
	}
	sum := 0
	for _, n := range c.active {
		sum += n
	}
	c.most = max(c.most, sum)
}

func (c *crew) leave(id inbox.MailboxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active[id]--
	c.syncs[id]++
	c.at = append(c.at, time.Now())
}

func TestRunNeverWorksAMailboxTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, latency = 4, 100 * time.Millisecond
		c := newCrew(t, 3, latency)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		var group sync.WaitGroup
		group.Go(func() { // hints rain on every mailbox, faster than it can be worked
			every := time.NewTicker(latency / 3)
			defer every.Stop()
			for n := 0; ; n++ {
				for _, id := range c.Mailboxes.IDs() {
					if err := c.queue.Enqueue(t.Context(), pipeline.Hint{Mailbox: id, Source: fmt.Sprint("rain ", n), At: time.Now()}); err != nil {
						t.Error(err)
					}
				}
				select {
				case <-ctx.Done():
					return
				case <-every.C:
				}
			}
		})
		if err := c.Run(ctx, workers, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run ended with %v", err)
		}
		group.Wait()
		<-time.After(time.Second) // what was on its way when Run ended has arrived
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.twice) > 0 {
			t.Errorf("worked twice at once: %v", c.twice)
		}
		if c.most != workers {
			t.Errorf("at most %d mailboxes were worked at once, there are %d workers", c.most, workers)
		}
		for _, id := range c.Mailboxes.IDs() {
			if c.syncs[id] < 10 {
				t.Errorf("%s was synced %d times in a minute", id, c.syncs[id])
			}
		}
	})
}

// TestBellWakes: with a bell a hint is worked in the moment it comes, without one at the next look at the queue.
func TestBellWakes(t *testing.T) {
	for name, want := range map[string]time.Duration{"with a bell": 0, "without": 250 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrew(t, 1, 0)
				bell := boot.NewBell(c.queue)
				rings := bell.Rings()
				if want > 0 {
					rings = nil
				}
				ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
				defer stop()
				var group sync.WaitGroup
				group.Go(func() { _ = c.Run(ctx, 2, rings) })
				synctest.Wait() // both workers have found nothing
				began := time.Now()
				if err := bell.Enqueue(ctx, pipeline.Hint{Mailbox: "graph0@contoso.com", Source: "test", At: began}); err != nil {
					t.Fatal(err)
				}
				group.Wait()
				if len(c.at) != 1 || c.at[0].Sub(began) != want {
					t.Errorf("synced at %v, %s after %v is right", c.at, want, began)
				}
			})
		})
	}
}

func TestBellIsSilentAboutWhatIsNotEnqueued(t *testing.T) {
	full := errors.New("the queue is full")
	bell := boot.NewBell(&memory.Queue{Fail: func(string) (before, after error) { return full, nil }})
	if err := bell.Enqueue(t.Context(), pipeline.Hint{Mailbox: support}); !errors.Is(err, full) {
		t.Errorf("Enqueue says %v", err)
	}
	select {
	case <-bell.Rings():
		t.Error("it rang")
	default:
	}
}

// TestRunEndsWhenTheQueueFails: one failure ends all workers, so that whoever started them hears of it.
func TestRunEndsWhenTheQueueFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 1, 0)
		broken := errors.New("the disk is full")
		var calls atomic.Int32
		c.queue.Fail = func(op string) (before, after error) {
			if op == "Receive" && calls.Add(1) == 3 {
				return broken, nil
			}
			return nil, nil
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		began := time.Now()
		if err := c.Run(ctx, 4, nil); !errors.Is(err, broken) {
			t.Errorf("Run ended with %v", err)
		}
		if after := time.Since(began); after > time.Second {
			t.Errorf("it went on for %s with fewer workers", after)
		}
	})
}
