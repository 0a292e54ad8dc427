package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

// OpenIngest makes the handler of the ingest function.
func OpenIngest(ctx context.Context, f *Function) (*Ingest, error) {
	s, err := f.Deployment.Services(ctx, f.Now)
	if err != nil {
		return nil, err
	}
	keys, err := f.Deployment.keys(f.Now)
	if err != nil {
		return nil, err
	}
	return NewIngest(IngestOptions{
		Deployment: f.Deployment, Watches: Renewals{Watches: s.Table, Timers: s.Table, Now: f.Now}, Hints: s.Queue, Keys: keys,
		Now: f.Now, Log: f.Log, Metrics: f.Metrics,
	})
}

// OpenSync makes the handler of the sync function.
func OpenSync(ctx context.Context, f *Function) (*Syncer, error) {
	s, err := f.Deployment.Services(ctx, f.Now)
	if err != nil {
		return nil, err
	}
	manifests, err := s.Manifests(f, s.Credentials())
	if err != nil {
		return nil, err
	}
	return &Syncer{
		Manifests: manifests, Store: s.Table, Queue: s.Queue, Timers: s.Table, Now: f.Now, Log: f.Log, Metrics: f.Metrics,
		Random: mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())),
	}, nil
}

// Ticker is the function that EventBridge Scheduler invokes each minute.
type Ticker struct {
	function    *Function
	services    *Services
	manifests   *Manifests
	credentials *Credentials
}

// OpenTick makes the handler of the tick function.
func OpenTick(ctx context.Context, f *Function) (*Ticker, error) {
	s, err := f.Deployment.Services(ctx, f.Now)
	if err != nil {
		return nil, err
	}
	t := &Ticker{function: f, services: s, credentials: s.Credentials()}
	t.manifests, err = s.Manifests(f, t.credentials)
	return t, err
}

// Handle does one minute's work. Its failure is logged and is the function's: EventBridge Scheduler tries again, and the next
// minute makes up for it.
func (t *Ticker) Handle(ctx context.Context) error {
	f := t.function
	v := Values{}
	report, err := t.run(ctx)
	for name, value := range report.Metrics() {
		v.Observe(name, value)
	}
	v.Add(MetricManifestRefused, t.manifests.Refused())
	if permanent := (*pipeline.Permanent)(nil); errors.As(err, &permanent) {
		v.Add(MetricPermanentFailures, 1)
	}
	if failed := f.Metrics.Write(v, nil); failed != nil {
		f.Log.ErrorContext(ctx, "metrics not written", "error", failed.Error())
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "tick failed", "error", oneLine(err))
		return fmt.Errorf("tick: %s", oneLine(err))
	}
	return nil
}

func (t *Ticker) run(ctx context.Context) (TickReport, error) {
	e, err := t.manifests.Current(ctx)
	if err != nil {
		return TickReport{}, err
	}
	f, s, d := t.function, t.services, t.function.Deployment
	tick := &Tick{
		Mailboxes: e.Mailboxes, Clients: e.Clients, Version: e.Version, Earlier: t.manifests.Earlier,
		EnqueueAll: s.Queue.EnqueueAll, Cursors: s.Table, Watches: s.Table, Timers: s.Table, Records: s.Table,
		Now: f.Now, Log: f.Log, Rand: rand.Reader, Sweep: d.Sweep, Stale: d.Stale, URL: d.URL, Topic: d.GoogleTopic,
		Lapse: func(now time.Time) (time.Duration, bool) { return t.credentials.Left(ctx, f.Log, now) },
	}
	return tick.Run(ctx)
}

// Reservation is the answer of a function that a later version of Postroom fills.
type Reservation struct {
	Reserved bool `json:"reserved"`
}

// Reserved is the handler of such a function. It fails for nobody.
func (f *Function) Reserved(ctx context.Context) (Reservation, error) {
	f.Log.InfoContext(ctx, "reserved for a later version of Postroom: nothing was done")
	return Reservation{Reserved: true}, nil
}
