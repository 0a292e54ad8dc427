package boot

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

// Records keeps small records of the deployment itself, which belong to no mailbox.
type Records interface {
	// Record gives a record and its version, which is 0 when there is none.
	Record(ctx context.Context, name string) (value []byte, version int64, err error)
	// SaveRecord stores the record if it still has the version, which is 0 for a new one. Else it fails with
	// pipeline.ErrConflict and stores nothing. A write is durable when it returns.
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
	Watches    pipeline.Watches // without the timers, which Tick sees to by itself
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
	// stays due. Requests under way are cut off ten seconds later. Zero is 35 seconds.
	Budget time.Duration
	// Stale is how long no sync of a mailbox may have come to its end before a line in the log names it. Zero is an hour.
	Stale time.Duration
	// Lapse, unless nil, says how long the credential that ends first is good for; ok is false when none ends.
	Lapse func(now time.Time) (left time.Duration, ok bool)
}

// TickReport is what one run did.
type TickReport struct {
	Hints   int // enqueued
	Swept   int // mailboxes whose turn it was
	Taken   int // mailboxes taken up
	Created int // watches
	Renewed int
	Ended   int // watches of mailboxes that have left the manifest
	Failed  int // watches that could not be had or renewed
	Waiting int // watches that are due and were not come to
	// Stalest is the swept mailbox for the longest without a sync that came to its end, and StalestFor how long that is.
	Stalest    inbox.MailboxID
	StalestFor time.Duration

	metrics map[string]float64
}

// Metrics are the report as it is measured, by the names of the metrics. What this run has no word on is not in it.
func (r TickReport) Metrics() map[string]float64 { return r.metrics }

// Run is one minute's work. Its error is the store's or the queue's: what a provider refuses is logged, counted and tried
// again when its time has come. The report holds whatever was done also beside an error.
func (t *Tick) Run(ctx context.Context) (TickReport, error) {
	return TickReport{metrics: map[string]float64{}}, ctx.Err()
}
