package local_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/infra/document/documentsim"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
)

const (
	hints       = "hints.fifo"
	deadLetters = "dead.fifo"
	maxReceives = 20 // as the templates say

	visibility = 180 * time.Second
)

// site is one deployment on this machine: the real binaries, an engine for the table, and simulators for the rest of AWS and
// for both vendors.
type site struct {
	testing.TB
	*boot.Simulation
	clock     clock
	providers map[inbox.MailboxID]manifest.Provider
	boxes     []manifest.Mailbox

	dynamo *engine.Meter
	queues sqssim.Sim
	store  documentsim.Sim
	table  *dynamo.Table // past the meter
	name   string        // the table's
	hints  *sqs.Queue

	ingest, sync, tick *local.Function
	mapping            *local.Mapping
	trap               *local.Trap  // around everything that sync asks for
	sends              atomic.Int64 // requests of the functions to the queue
	url                string       // of the hooks
	front              frontDoor
}

var tables atomic.Int64

// newSite makes one for the mailboxes of a manifest. Nothing has run yet.
func newSite(t testing.TB, text string) *site {
	t.Helper()
	binaries := map[string]string{}
	for _, name := range []string{"ingest", "sync", "tick"} {
		binaries[name] = binary(t, name)
	}
	s := &site{TB: t, providers: map[inbox.MailboxID]manifest.Provider{}}
	m := parse(t, text)
	s.boxes = m.Mailboxes()
	for _, mb := range s.boxes {
		s.providers[mb.Policy.Mailbox] = mb.Provider
	}
	var err error
	s.Simulation, err = boot.Simulate(m, boot.SimulationOptions{Now: s.clock.now})
	s.must(err)

	client := engine.Start(t) // one for all tests, so each has a table of its own
	s.name = fmt.Sprintf("postroom-%d", tables.Add(1))
	shape := dynamo.Definition(s.name)
	shape.StreamSpecification = nil // nobody reads it here, and the engine's writes get slower with every record in it
	_, err = client.CreateTable(t.Context(), shape)
	s.must(err)
	s.table = dynamo.Open(client, s.name, dynamo.Options{})
	s.dynamo, err = engine.NewMeter(engine.Endpoint(t))
	s.must(err)
	s.queues.Now = s.clock.now
	s.must(s.queues.AddQueue(sqssim.Queue{Name: deadLetters, PerGroup: true}))
	s.must(s.queues.AddQueue(sqssim.Queue{Name: hints, Visibility: visibility, DeadLetters: deadLetters, MaxReceives: maxReceives, PerGroup: true}))
	s.store.SetBucket("config", documentsim.Enabled)
	s.put(text)

	s.trap = &local.Trap{}
	s.wire(binaries)
	return s
}

// put makes a text the newest manifest.
func (s *site) put(text string) {
	s.Helper()
	_, err := s.store.Put("config", "postroom.yaml", []byte(text))
	s.must(err)
}

// wire starts the servers and describes the functions.
func (s *site) wire(binaries map[string]string) {
	// The endpoints of AWS and of the vendors, as the functions that are not to be killed see them and as sync does.
	type endpoints struct{ dynamo, sqs, s3, graph, gmail string }
	serve := func(wrap func(http.Handler) http.Handler) endpoints {
		return endpoints{
			s.serve(wrap(s.dynamo)), s.serve(wrap(s.counted(&s.queues))), s.serve(wrap(&s.store)), s.serve(wrap(s.Graph)), s.serve(wrap(s.Gmail)),
		}
	}
	open := serve(func(h http.Handler) http.Handler { return h })
	trapped := serve(s.trap.Wrap)
	keys := s.serve(http.HandlerFunc(keySet))

	s.url = s.serve(&s.front)
	env := func(e endpoints) map[string]string {
		return map[string]string{
			"AWS_ENDPOINT_URL_DYNAMODB": e.dynamo, "AWS_ENDPOINT_URL_SQS": e.sqs, "AWS_ENDPOINT_URL_S3": e.s3,
			"AWS_ENDPOINT_URL": s.nowhere(), // anything else would be a mistake
			"POSTROOM_TABLE":   s.name, "POSTROOM_QUEUE": sqssim.URL(e.sqs, hints), "POSTROOM_MANIFEST": "s3://config/postroom.yaml",
			"POSTROOM_URL": s.url, "POSTROOM_STACK": "local",
			"POSTROOM_GOOGLE_TOPIC": topic, "POSTROOM_GOOGLE_SUBSCRIPTION": subscription, "POSTROOM_GOOGLE_PUSH_ACCOUNT": pushAccount,
			"POSTROOM_SIMULATED_GRAPH": e.graph + "/v1.0", "POSTROOM_SIMULATED_GMAIL": e.gmail + "/", "POSTROOM_SIMULATED_KEYS": keys,
		}
	}
	// The sizes and times of the templates.
	s.ingest = &local.Function{Name: "IngestFunction", Binary: binaries["ingest"], Env: env(open), Memory: 256, Timeout: 10 * time.Second, Concurrency: 4}
	s.sync = &local.Function{Name: "SyncFunction", Binary: binaries["sync"], Env: env(trapped), Memory: 512, Timeout: 120 * time.Second, Concurrency: 10}
	s.tick = &local.Function{Name: "TickFunction", Binary: binaries["tick"], Env: env(open), Memory: 512, Timeout: 55 * time.Second}
	for _, f := range []*local.Function{s.ingest, s.sync, s.tick} {
		s.Cleanup(f.Close)
	}
	s.front.f = s.ingest
	s.front.set(&local.Front{})
	s.trap.Kill = func() { s.sync.Kill() }

	s.Graph.Client = &http.Client{}
	push := &s.Gmail.Push
	push.URL, push.Subscription = s.url+web.GmailPath, subscription
	signed := token(push.URL)
	push.Token = func() string { return signed }

	client := awssqs.New(awssqs.Options{
		Region: local.Region, BaseEndpoint: &open.sqs, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "x", ""),
	})
	s.hints = &sqs.Queue{Client: client, URL: sqssim.URL(open.sqs, hints)}
	s.mapping = &local.Mapping{Client: client, URL: s.hints.URL, Function: s.sync}
}

// frontDoor is the API in front of ingest, which may become another one.
type frontDoor struct {
	f  *local.Function
	at atomic.Pointer[local.Front]
}

func (d *frontDoor) set(f *local.Front) {
	f.Function = d.f
	d.at.Store(f)
}

// ServeHTTP asks the API that is there now.
func (d *frontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.at.Load().ServeHTTP(w, r) }

// counted counts the requests to the queue that are not the event source mapping's.
func (s *site) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if target := r.Header.Get("X-Amz-Target"); strings.HasSuffix(target, "SendMessage") || strings.HasSuffix(target, "SendMessageBatch") ||
			strings.HasSuffix(target, "ChangeMessageVisibilityBatch") {
			s.sends.Add(1)
		}
		h.ServeHTTP(w, r)
	})
}

// serve serves a handler on the loopback interface until the test ends.
func (s *site) serve(h http.Handler) string {
	server := httptest.NewServer(h)
	s.Cleanup(server.Close)
	return server.URL
}

// nowhere is an endpoint that no function has a use for.
func (s *site) nowhere() string {
	return s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Errorf("a function asked AWS for %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Amz-Target"))
		http.Error(w, "{}", http.StatusForbidden)
	}))
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// minute lets tick run once, as Scheduler does each minute.
func (s *site) minute() {
	s.Helper()
	if _, err := s.tick.Invoke(s.Context(), local.ScheduledEvent("postroom-tick", time.Now())); err != nil {
		s.Fatalf("tick: %v\n%s", err, s.tick.Log.String())
	}
}

// deliver brings all notifications that wait to the hooks.
func (s *site) deliver() {
	s.Helper()
	for range 5 { // what is refused waits for the next time
		_, graph := s.Graph.Deliver(s.Context())
		_, gmail := s.Gmail.Deliver(s.Context())
		if graph == nil && gmail == nil {
			return
		}
		if s.Context().Err() != nil {
			s.Fatal(s.Context().Err())
		}
	}
	s.Fatalf("the hooks refuse notifications\n%s", s.ingest.Log.String())
}

// hint asks for a sync of a mailbox past the hooks.
func (s *site) hint(id inbox.MailboxID) {
	s.Helper()
	s.must(s.hints.Enqueue(s.Context(), pipeline.Hint{Mailbox: id, Source: "test", At: time.Now().UTC()}))
}

// work lets so many sync processes at once do what the queue has to give now.
func (s *site) work(processes int) {
	s.Helper()
	s.must(s.mapping.Drain(s.Context(), processes))
}

func (s *site) waiting(queue string) int {
	s.Helper()
	c, err := s.queues.Counts(queue)
	s.must(err)
	return c.Waiting + c.InFlight
}

// settle works until the queue is empty, letting the world's clock pass by what waits.
func (s *site) settle(processes int) {
	s.Helper()
	for range 20 {
		s.work(processes)
		if s.waiting(hints) == 0 {
			return
		}
		s.clock.advance(visibility)
	}
	s.Fatalf("the queue does not get empty\n%s", s.sync.Log.String())
}
