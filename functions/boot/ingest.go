package boot

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
)

// answerMargin is how long before Lambda's deadline a hook gives up waiting for the store or the queue: an answer of
// 503 lets the provider send again, while a function that was cut off is an error of ours.
const answerMargin = time.Second

// Ingest is the function behind API Gateway: it takes the providers' notifications and answers them. Of the state it reads
// watches alone; the manifest, the tenants and the mailboxes' data are out of its reach.
type Ingest struct {
	mux     *http.ServeMux
	graph   *web.Graph
	gmail   *web.Gmail // nil: no pushes are taken
	prefix  string
	log     *slog.Logger
	metrics *Metrics

	mu   sync.Mutex
	told web.Counts // what the metrics have been told of already
}

// IngestOptions are what Ingest is made of.
type IngestOptions struct {
	Deployment Deployment
	Watches    pipeline.Watches // lifecycle events are written through it: a Renewals
	Hints      pipeline.Hints
	Keys       oidc.KeySet // that sign Gmail's pushes; needed where there are any
	Now        func() time.Time
	Log        *slog.Logger
	Metrics    *Metrics
}

// NewIngest sends nothing. A mailbox at Google is ours when it is watched, so a push is taken for what tick has watched
// and for nothing else.
func NewIngest(o IngestOptions) (*Ingest, error) {
	d := o.Deployment
	in := &Ingest{
		graph: &web.Graph{Watches: o.Watches, Hints: o.Hints, Now: o.Now, Log: o.Log},
		log:   o.Log, metrics: o.Metrics,
	}
	if d.GoogleSubscription != "" {
		in.gmail = &web.Gmail{
			Keys: o.Keys, Audience: d.Audience(), Account: d.GooglePushAccount, Subscription: d.GoogleSubscription,
			Mailbox: watched(o.Watches), Hints: o.Hints, Now: o.Now, Log: o.Log,
		}
	}
	if u, err := url.Parse(d.URL); err == nil {
		in.prefix = u.Path
	}
	var err error
	in.mux, err = web.Mux(in.graph, in.gmail)
	return in, err
}

// watched says that a mailbox is ours when it has a watch. A Gmail watch's id is its mailbox's address; a push that names a
// Graph subscription's id finds a watch too, but one of another mailbox.
func watched(watches pipeline.Watches) func(context.Context, inbox.MailboxID) (bool, error) {
	return func(ctx context.Context, id inbox.MailboxID) (bool, error) {
		w, ok, err := watches.Watch(ctx, string(id))
		return ok && w.Mailbox == id, err
	}
}

// Invoke implements lambda.Handler. It fails for an event that is no request of API Gateway's; whatever a stranger can
// send is answered.
func (in *Ingest) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := decodeEvent(payload)
	if err != nil {
		in.log.ErrorContext(ctx, "not a request", "error", err.Error())
		return nil, fmt.Errorf("ingest: %w", err)
	}
	answered, stop := before(ctx, answerMargin)
	defer stop()
	w := &reply{header: http.Header{}}
	in.mux.ServeHTTP(w, e.request(answered, in.prefix))
	in.measure(ctx)
	return w.encode(e.rest)
}

// before gives a context that ends so long before the deadline of ctx, if that has one.
func before(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-margin))
	}
	return context.WithCancel(ctx)
}

// measure writes what the hooks have counted since the last time. Where nothing was counted nothing is written: most of
// what a stranger sends is not worth a line.
func (in *Ingest) measure(ctx context.Context) {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.graph.Counts()
	if in.gmail != nil {
		g := in.gmail.Counts()
		now.Enqueued += g.Enqueued
		now.Refused += g.Refused
		now.Failed += g.Failed
	}
	v := Values{}
	v.Add(MetricHints, int(now.Enqueued-in.told.Enqueued))
	v.Add(MetricRefused, int(now.Refused-in.told.Refused))
	v.Add(MetricHookFailures, int(now.Failed-in.told.Failed))
	in.told = now
	if err := in.metrics.Write(v, nil); err != nil {
		in.log.ErrorContext(ctx, "metrics not written", "error", err.Error())
	}
}

// simulatedKeys carries every request for Google's keys to where simulated ones are.
type simulatedKeys struct{ url *url.URL }

// RoundTrip asks there.
func (k simulatedKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	there := r.Clone(r.Context())
	there.URL, there.Host = k.url, k.url.Host
	return http.DefaultTransport.RoundTrip(there)
}

// keys is the key set that signs Gmail's pushes.
func (d Deployment) keys(now func() time.Time) (oidc.KeySet, error) {
	if d.SimulatedKeys == "" {
		return web.GoogleKeys(nil, now), nil
	}
	u, err := url.Parse(d.SimulatedKeys)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_SIMULATED_KEYS: %w", err)
	}
	return web.GoogleKeys(&http.Client{Transport: simulatedKeys{u}}, now), nil
}
