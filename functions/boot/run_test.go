package boot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

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
