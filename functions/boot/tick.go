package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

// TimerLookAgain is the name of the timer that has a mailbox read once more, because a notification of it came before its
// change was to be seen.
const TimerLookAgain = "look-again"

const (
	tickBudget = 35 * time.Second
	// cutOff is how long after the budget a request that is under way is given up.
	cutOff = 10 * time.Second
	// keepOff is how long before the function's own end the last request is given up, so that what was done is written down.
	keepOff = 10 * time.Second
	// maxErrors is how many errors of one run are told in words. They are one line of the log, of which CloudWatch takes
	// 256 KB, and a table that refuses is an error of every mailbox.
	maxErrors = 10
	// storeAtOnce is how many reads or writes of the store are under way at once.
	storeAtOnce = 32
	// strangePause is how long a timer is put off whose name nobody here knows: that of a later version that was rolled back.
	strangePause = time.Hour
)

// Records keeps small records of the deployment itself, which belong to no mailbox.
type Records interface {
	// Record gives a record and its version, which is 0 when there is none.
	Record(ctx context.Context, name string) (value []byte, version int64, err error)
	// SaveRecord stores the record, with the version after this one, if it still has this version, which is 0 for a
	// new one. Else it fails with pipeline.ErrConflict and stores nothing. A write is durable when it returns.
	SaveRecord(ctx context.Context, name string, value []byte, version int64) error
}

// Tick is what a deployment does each minute: it sweeps the mailboxes whose turn it is, takes up those that are new in
// the manifest, and does what timers have become due for, watches above all.
//
// It keeps nothing in memory between runs. Run may be repeated and may overlap with another one, also of another process
// with another manifest; what is then done twice is harmless. A run that was missed, failed or killed is made up for by the
// next one.
type Tick struct {
	Mailboxes *Mailboxes
	Clients   Clients
	// Version is the manifest's. With another one than at the last run, new mailboxes are taken up and those that have left
	// are let go.
	Version string
	// Earlier, unless nil, gives the manifest of an earlier version, so that mailboxes that have left it are let go at
	// once, and not when their watch is next to be renewed.
	Earlier func(ctx context.Context, version string) (*manifest.Manifest, error)

	EnqueueAll func(context.Context, []pipeline.Hint) error // durable when it returns; one that fails may have enqueued some
	Cursors    pipeline.Cursors
	Watches    pipeline.Watches // the store's; Tick sees to their timers by itself
	Timers     pipeline.Timers
	Records    Records

	Now func() time.Time
	Log *slog.Logger
	// Rand gives the secrets of Graph subscriptions; crypto/rand.Reader. It is read by several goroutines at once.
	Rand io.Reader

	// Sweep is how often each mailbox is read whatever is heard of it.
	Sweep time.Duration
	// URL is where the providers reach us, without a slash at its end, and Topic the Pub/Sub topic for Gmail. Without the
	// one no mailbox is watched, without the other none at Google; they are polled each minute.
	URL, Topic string
	// Budget is how long after the start of a run the last request to a provider is begun; what is not come to by then
	// stays due. A request under way is given up ten seconds later. Zero is 35 seconds. A deadline of the context that comes
	// sooner shortens it.
	Budget time.Duration
	// Stale is for how long no sync of a mailbox may have come to its end before a line in the log names it. Zero is an hour.
	Stale time.Duration
	// Lapse, unless nil, says how long the credential that ends first is good for; ok is false when none ends.
	Lapse func(now time.Time) (left time.Duration, ok bool)
}

// TickReport is what one run did.
type TickReport struct {
	Hints   int // enqueued
	Swept   int // mailboxes whose turn it was
	Taken   int // mailboxes taken up
	Polled  int // mailboxes that are not watched
	Created int // watches
	Renewed int
	Ended   int // watches of mailboxes that have left the manifest
	Failed  int // watches that could not be had, renewed or ended
	Waiting int // watches that are due and were not come to
	// Stalest is the swept mailbox for the longest without a sync that came to its end, and StalestFor how long that is.
	Stalest    inbox.MailboxID
	StalestFor time.Duration
	// WatchLapse is how long the watch ends after which, of those that could not be renewed; nil when all could.
	WatchLapse *time.Duration
	// CredentialLapse is Tick.Lapse's answer, nil when there is none.
	CredentialLapse *time.Duration
}

// Metrics are the report as it is measured, by the names of the metrics. What this run has no word on is not in it.
func (r TickReport) Metrics() map[Metric]float64 {
	m := map[Metric]float64{MetricHints: float64(r.Hints)}
	if r.Stalest != "" {
		m[MetricStalestMailboxMinutes] = r.StalestFor.Minutes()
	}
	if r.WatchLapse != nil {
		m[MetricWatchLapseHours] = r.WatchLapse.Hours()
	}
	if r.CredentialLapse != nil {
		m[MetricCredentialLapseDays] = r.CredentialLapse.Hours() / 24
	}
	return m
}

// tickRun is one run of a Tick.
type tickRun struct {
	*Tick
	began    time.Time
	requests context.Context // of requests to providers
	keeper   keeper
	timers   Renewals

	state   tickState
	version int64

	mu       sync.Mutex // guards what follows
	report   TickReport
	errs     []error
	unsaid   int // errors that are not in errs
	released int // mailboxes let go
}

// Run is one minute's work. Its error is the store's or the queue's: what a provider refuses is logged, counted and tried
// again when its time has come. The report holds whatever was done also beside an error.
func (t *Tick) Run(ctx context.Context) (TickReport, error) {
	budget := t.Budget
	if budget == 0 {
		budget = tickBudget
	}
	if end, ok := ctx.Deadline(); ok {
		budget = max(min(budget, end.Sub(t.Now())-cutOff-keepOff), 0)
	}
	requests, cancel := context.WithTimeout(ctx, budget+cutOff)
	defer cancel()
	r := &tickRun{
		Tick: t, began: t.Now(), requests: requests,
		keeper: keeper{watches: t.Watches, clients: t.Clients, url: t.URL, topic: t.Topic, now: t.Now, rand: t.Rand},
		timers: Renewals{Watches: t.Watches, Timers: t.Timers, Now: t.Now},
	}
	r.run(ctx, r.began.Add(budget))
	if t.Lapse != nil {
		if left, ok := t.Lapse(r.began); ok {
			r.report.CredentialLapse = &left
		}
	}
	p := &r.report
	t.Log.InfoContext(ctx, "tick", "swept", p.Swept, "hints", p.Hints, "taken", p.Taken, "polled", p.Polled, "created", p.Created,
		"renewed", p.Renewed, "ended", p.Ended, "failed", p.Failed, "waiting", p.Waiting, "ms", t.Now().Sub(r.began).Milliseconds())
	if r.unsaid > 0 {
		r.errs = append(r.errs, fmt.Errorf("and %d more", r.unsaid))
	}
	return r.report, errors.Join(r.errs...)
}

// run does the parts in the order of what hurts most when it is not come to. Each part does what it can, whatever has become
// of those before.
func (r *tickRun) run(ctx context.Context, until time.Time) {
	if err := r.load(ctx); err != nil {
		r.fail(err)
		r.sweep(ctx, r.began.Add(-time.Minute)) // where the last run has left off is not known, and most likely it was there
		return
	}
	swept := r.sweepOn(ctx)
	taken := r.takeUp(ctx, swept)
	r.stale(ctx, swept)
	work := r.due(ctx, taken)
	pauses := r.renewAll(ctx, work, until)
	if len(pauses) == 0 && r.released == 0 {
		return
	}
	r.fail(r.keep(ctx, func(s *tickState) {
		for provider, pause := range pauses {
			if pause.After(s.Paused[provider]) {
				s.Paused[provider] = pause
			}
		}
		if r.released > 0 && s.Manifest != r.Version {
			s.Manifest = "" // another run has taken up what we have just let go, so all is to be looked through again
		}
	}))
}

// fail takes note of an error; nil is none.
func (r *tickRun) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) == maxErrors {
		r.unsaid++
		return
	}
	r.errs = append(r.errs, err)
}

// count changes the report.
func (r *tickRun) count(change func(*TickReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.report)
}

// hint enqueues a hint for each of the mailboxes.
func (r *tickRun) hint(ctx context.Context, source string, ids []inbox.MailboxID) error {
	if len(ids) == 0 {
		return nil
	}
	now := r.Now().UTC()
	hints := make([]pipeline.Hint, len(ids))
	for i, id := range ids {
		hints[i] = pipeline.Hint{Mailbox: id, Source: source, At: now}
	}
	if err := r.EnqueueAll(ctx, hints); err != nil {
		return err // the queue's, which says what it is about
	}
	r.count(func(p *TickReport) { p.Hints += len(ids) })
	return nil
}

// atOnce does something with each of a list, with at most n under way at once. It begins none after one has failed, and
// gives the first failure.
func atOnce[T any](n int, list []T, do func(T) error) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := 0
	take := func() (item T, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed != nil || next == len(list) {
			return item, false
		}
		next++
		return list[next-1], true
	}
	for range min(n, len(list)) {
		group.Go(func() {
			for item, ok := take(); ok; item, ok = take() {
				if err := do(item); err != nil {
					mu.Lock()
					if failed == nil {
						failed = err
					}
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return failed
}
