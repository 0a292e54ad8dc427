package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
)

const (
	// syncMargin is how long before Lambda's deadline a sync is stopped, so that what it has committed is followed by a
	// hint to go on from there.
	syncMargin = 10 * time.Second

	// exactTries is how often a batch that is throttled comes again exactly when the provider says. After that its waits grow
	// as well, or a provider that names a few seconds each time would make dead letters of hints within minutes.
	exactTries = 10

	// companyTime is how long a sync may take that is not alone in its event. The other mailboxes' messages are not done
	// with before the event is, and hints that come meanwhile wait for that; a sync that is cut off goes on from there.
	companyTime = 30 * time.Second

	// SourceContinued is Hint.Source of a hint to go on with a sync that ran out of time.
	SourceContinued = "continued"
)

// HintQueue is what Syncer needs of the queue that its events come from.
type HintQueue interface {
	pipeline.Hints
	// Delay makes a delivery's messages come again after that time, provided that they are reported as failed.
	Delay(ctx context.Context, d sqs.Delivery, after time.Duration) error
}

// Syncer is the function behind the queue: it works the mailboxes of one event side by side, each once for all of its
// hints. A mailbox that fails is reported with all its messages and holds up no other.
//
// Lambda calls Handle for one event at a time. Several processes may run at once, also for one mailbox's hints of different
// times; SQS gives a mailbox to one of them at a time.
type Syncer struct {
	Manifests *Manifests
	Store     pipeline.Store
	Queue     HintQueue
	Timers    pipeline.Timers
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   *Metrics
	Random    *rand.Rand // spreads waits; nil spreads nothing

	mu sync.Mutex // of Random
}

// Handle works one event. It reports what is to come again and never fails as a whole, because that would bring back
// what was done as well. What is to come again has been told when; where even that failed, it comes after the queue's
// visibility timeout.
func (s *Syncer) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	work, stop := before(ctx, syncMargin)
	defer stop()
	deliveries := sqs.Deliveries(e.Records)
	if len(deliveries) > 1 {
		work, stop = context.WithTimeout(work, companyTime)
		defer stop()
	}
	again := make([]bool, len(deliveries))
	edition, err := s.Manifests.Current(work)
	if err != nil {
		s.Log.Log(ctx, slog.LevelError, "no mailbox can be worked", "mailboxes", mailboxesOf(deliveries), "error", err.Error())
	}
	v := Values{}
	v.Add(MetricManifestRefused, s.Manifests.Refused())
	s.measure(ctx, v, "")
	var group sync.WaitGroup
	for i, d := range deliveries {
		group.Go(func() {
			switch {
			case d.Err != nil:
				s.Log.Log(ctx, slog.LevelError, "a message that is no hint, on its way to the dead-letter queue", "error", d.Err.Error())
				again[i] = s.handBack(ctx, d, 0)
			case err != nil:
				again[i] = s.handBack(ctx, d, s.without(ctx, d, err))
			default:
				again[i] = s.deliver(ctx, work, edition, d)
			}
		})
	}
	group.Wait()
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, d := range deliveries {
		if again[i] {
			for _, m := range d.Messages {
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
			}
		}
	}
	return out, nil
}

// without says for how long a mailbox that cannot be worked for want of a manifest stays away.
func (s *Syncer) without(ctx context.Context, d sqs.Delivery, err error) time.Duration {
	v := Values{}
	v.Add(MetricHints, len(d.Batch.Hints))
	v.Add(MetricSyncFailures, 1)
	after := backoff(d.Batch.Tries, s.spread)
	if permanent := (*pipeline.Permanent)(nil); errors.As(err, &permanent) {
		v.Add(MetricPermanentFailures, 1)
		after = permanentPause
	}
	s.measure(ctx, v, d.Batch.Mailbox)
	return after
}

// deliver works one mailbox and reports whether its messages are to come again.
func (s *Syncer) deliver(ctx, work context.Context, edition Edition, d sqs.Delivery) (again bool) {
	b := d.Batch
	if work.Err() != nil { // not begun, and somebody else may have the time
		return s.handBack(ctx, d, 0)
	}
	if wait := edition.Checked.Add(lookEvery).Sub(s.Now()); !edition.Mailboxes.Has(b.Mailbox) && newer(b, edition.Checked) {
		// The mailbox may have come into the manifest since we looked.
		if wait <= 0 { // we have looked in vain
			wait = backoff(b.Tries, s.spread)
		}
		return s.handBack(ctx, d, wait)
	}
	began := s.Now()
	counted, requests := WithTally(work)
	a := s.try(counted, edition.Mailboxes, b)
	switch {
	case a.end == endEarly:
		a = s.lookAgain(ctx, a, b)
	case a.end == endCut && a.report.Pages+a.report.Events+a.report.Writes == 0:
		a.err = fmt.Errorf("it got nowhere before its time was up: %w", a.err)
		a.end, a.after = endFailed, backoff(b.Tries, s.spread)
	}
	v := a.values(b, began)
	v.Add(MetricProviderRequests, int(requests.Load()))
	s.measure(ctx, v, b.Mailbox)

	switch a.end {
	case endSynced, endEarly:
		s.Log.Log(ctx, slog.LevelDebug, "synced", "mailbox", b.Mailbox, "hints", len(b.Hints), "source", b.Hints[0].Source,
			"messages", a.report.Messages, "events", a.report.Events, "writes", a.report.Writes, "resynced", a.report.Resynced)
		return false
	case endCut:
		return s.goOn(ctx, a, d)
	case endPermanent:
		a.after = min(a.after, permanentPause)
	case endThrottled:
		if b.Tries >= exactTries {
			a.after = max(a.after, backoff(b.Tries, s.spread))
		}
	}
	a.log(ctx, s.Log, b)
	if a.end == endDropped {
		s.letGo(ctx, b.Mailbox)
		return false
	}
	return s.handBack(ctx, d, a.after)
}

// newer reports whether one of the hints was made after that time.
func newer(b pipeline.Batch, than time.Time) bool {
	for _, h := range b.Hints {
		if h.At.After(than) {
			return true
		}
	}
	return false
}

// try is [try] that ends a panic with the one mailbox. It is ours to mend, and the stack is in the log; meanwhile the
// mailbox is tried again like after any failure, and the others are worked.
func (s *Syncer) try(ctx context.Context, m *Mailboxes, b pipeline.Batch) (a attempt) {
	defer func() {
		if v := recover(); v != nil {
			err := panicked(v)
			s.Log.Log(ctx, slog.LevelError, "a sync panicked", "mailbox", b.Mailbox, "error", err.Error(), "stack", stack())
			a = attempt{err: err, end: endFailed, after: backoff(b.Tries, s.spread)}
		}
	}()
	p := &pipeline.Pipeline{Store: s.Store, Hints: s.Queue, Mailboxes: m.Get, Now: s.Now}
	return try(ctx, p, m, b, s.spread)
}

// lookAgain sets the timer for what a notification told of too early. Without a timer the sync has failed, for being tried
// again looks again too.
func (s *Syncer) lookAgain(ctx context.Context, a attempt, b pipeline.Batch) attempt {
	a.err = s.Timers.SetTimer(ctx, pipeline.Timer{Mailbox: b.Mailbox, Name: TimerLookAgain, Due: s.Now().Add(lookAgain)})
	if a.err != nil {
		a.end, a.after = endFailed, backoff(b.Tries, s.spread)
	}
	return a
}

// goOn lets a sync that ran out of time go on: a new hint is enqueued and the messages are done, so that a listing of
// hours is not taken for a failure and sent to the dead-letter queue. (A sync that got nowhere in its time is one.)
func (s *Syncer) goOn(ctx context.Context, a attempt, d sqs.Delivery) (again bool) {
	b := d.Batch
	err := s.Queue.Enqueue(ctx, pipeline.Hint{Mailbox: b.Mailbox, Source: SourceContinued, At: s.Now().UTC()})
	if err != nil {
		s.Log.Log(ctx, slog.LevelWarn, "not continued, the hints come again", "mailbox", b.Mailbox, "error", err.Error())
		return s.handBack(ctx, d, 0)
	}
	s.Log.Log(ctx, slog.LevelInfo, "to be continued", "mailbox", b.Mailbox, "messages", a.report.Messages, "pages", a.report.Pages)
	return false
}

// letGo has tick end the watch of a mailbox that is not in the manifest now, and not when it is next to be renewed. A timer that
// is due soon is one that tick itself has set, and stays.
func (s *Syncer) letGo(ctx context.Context, id inbox.MailboxID) {
	now := s.Now()
	timer, ok, err := s.Timers.Timer(ctx, id, TimerWatch)
	if err == nil && (!ok || timer.Due.After(now.Add(endAgain))) {
		err = s.Timers.SetTimer(ctx, pipeline.Timer{Mailbox: id, Name: TimerWatch, Due: now})
	}
	if err != nil {
		s.Log.Log(ctx, slog.LevelWarn, "its watch is ended when it is next to be renewed", "mailbox", id, "error", err.Error())
	}
}

// handBack has a delivery's messages come again after that time.
func (s *Syncer) handBack(ctx context.Context, d sqs.Delivery, after time.Duration) (again bool) {
	if err := s.Queue.Delay(ctx, d, after); err != nil {
		s.Log.Log(ctx, slog.LevelWarn, "hints come again after the queue's visibility timeout", "mailbox", d.Batch.Mailbox, "error", err.Error())
	}
	return true
}

// values are an attempt as it is measured.
func (a attempt) values(b pipeline.Batch, began time.Time) Values {
	v := Values{}
	v.Add(MetricHints, len(b.Hints))
	v.Add(MetricMessages, a.report.Messages)
	v.Add(MetricDecisions, a.report.Events)
	v.Add(MetricActions, a.report.Writes)
	if b.Tries > 0 {
		v.Add(MetricRetries, 1)
	}
	switch a.end {
	case endSynced, endEarly:
		v.Add(MetricSyncs, 1)
	case endThrottled:
		v.Add(MetricThrottles, 1)
		v.Add(MetricSyncFailures, 1)
	case endPermanent:
		v.Add(MetricPermanentFailures, 1)
		v.Add(MetricSyncFailures, 1)
	case endFailed:
		v.Add(MetricSyncFailures, 1)
	}
	oldest := began
	for _, h := range b.Hints {
		if h.At.Before(oldest) {
			oldest = h.At
		}
	}
	v.Observe(MetricOldestHintSeconds, began.Sub(oldest).Seconds())
	return v
}

func (s *Syncer) measure(ctx context.Context, v Values, mailbox inbox.MailboxID) {
	var properties map[string]string
	if mailbox != "" {
		properties = map[string]string{"mailbox": string(mailbox)}
	}
	if err := s.Metrics.Write(v, properties); err != nil {
		s.Log.Log(ctx, slog.LevelError, "metrics not written", "error", err.Error())
	}
}

// spread makes waits up to a quarter longer.
func (s *Syncer) spread(wait time.Duration) time.Duration {
	if s.Random == nil {
		return wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return longer(s.Random, wait)
}

func mailboxesOf(deliveries []sqs.Delivery) (ids []inbox.MailboxID) {
	for _, d := range deliveries {
		if d.Err == nil {
			ids = append(ids, d.Batch.Mailbox)
		}
	}
	return ids
}
