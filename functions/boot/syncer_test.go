package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/providers/fault"
)

// hintQueue remembers for how long each message was put off and what was enqueued.
type hintQueue struct {
	mu       sync.Mutex
	delays   map[string]time.Duration
	enqueued []pipeline.Hint
	err      error
}

func (q *hintQueue) Delay(ctx context.Context, d sqs.Delivery, after time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := errors.Join(ctx.Err(), q.err); err != nil {
		return err
	}
	for _, m := range d.Messages {
		q.delays[m.ID] = after
	}
	return nil
}

func (q *hintQueue) Enqueue(ctx context.Context, h pipeline.Hint) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := errors.Join(ctx.Err(), q.err); err != nil {
		return err
	}
	q.enqueued = append(q.enqueued, h)
	return nil
}

// consumer is the sync function of a deployment in a bubble of virtual time, between simulated tenants and state in memory.
type consumer struct {
	*testing.T
	*boot.Simulation
	boot.Syncer
	library *library
	queue   *hintQueue
	store   *memory.Store
	timers  *memory.Timers
	out     *bytes.Buffer
	letters int
}

// consume runs a test in its bubble.
func consume(t *testing.T, text string, test func(*consumer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &consumer{
			T: t, library: newLibrary(t), queue: &hintQueue{delays: map[string]time.Duration{}}, timers: &memory.Timers{}, out: &bytes.Buffer{},
			store: &memory.Store{OnMisuse: func(err error) { t.Errorf("misuse: %v", err) }},
		}
		m := parse(t, text)
		var err error
		l.Simulation, err = boot.Simulate(m, boot.SimulationOptions{Now: time.Now, Sleep: time.Sleep})
		if err != nil {
			t.Fatal(err)
		}
		l.GraphTrips.Handler, l.GmailTrips.Handler = l.Graph, l.Gmail
		l.library.shelf.put(text)
		lines := boot.NewLines(l.out)
		l.Syncer = boot.Syncer{
			Manifests: l.library.process(), Store: l.store, Queue: l.queue, Timers: l.timers, Now: time.Now,
			Log:     boot.Logger(lines, "sync", slog.LevelDebug),
			Metrics: &boot.Metrics{W: lines, Stack: "postroom", Function: "sync", Now: time.Now},
		}
		l.Manifests.Now, l.Manifests.Log = time.Now, l.Log
		to := boot.Simulators{
			GraphURL: "http://graph.simulated/v1.0", GraphTransport: boot.CountRequests(l.GraphTrips),
			GmailURL: "http://gmail.simulated/", GmailTransport: boot.CountRequests(l.GmailTrips),
		}
		clients, err := to.Clients(m, boot.SimulationOptions{Now: time.Now, Sleep: time.Sleep})
		if err != nil {
			t.Fatal(err)
		}
		l.Manifests.Clients = func(*manifest.Manifest) (boot.Clients, error) { return clients, nil }
		test(l)
		time.Sleep(2 * time.Hour) // requests that were given up come to their end
	})
}

// received is a message of the queue, received for the nth time.
func received(id string, mailbox inbox.MailboxID, source string, age time.Duration, nth int) events.SQSMessage {
	body, err := json.Marshal(pipeline.Hint{Mailbox: mailbox, Source: source, At: time.Now().Add(-age)})
	if err != nil {
		panic(err)
	}
	return events.SQSMessage{
		MessageId: id, ReceiptHandle: "receipt of " + id, Body: string(body),
		Attributes: map[string]string{"MessageGroupId": sqs.Group(mailbox), "ApproximateReceiveCount": fmt.Sprint(nth)},
	}
}

// handle works an event within two minutes, as the template has it, and gives the ids that are to come again.
func (l *consumer) handle(records ...events.SQSMessage) []string {
	l.Helper()
	return l.within(2*time.Minute, records...)
}

func (l *consumer) within(d time.Duration, records ...events.SQSMessage) []string {
	l.Helper()
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	out, err := l.Handle(ctx, events.SQSEvent{Records: records})
	if err != nil {
		l.Fatal(err)
	}
	if ctx.Err() != nil {
		l.Error("Lambda cut it off")
	}
	if out.BatchItemFailures == nil {
		l.Error("the list of failures is null")
	}
	var ids []string
	for _, f := range out.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

// lines are the log lines that hold all of these words; metrics are none.
func (l *consumer) lines(words ...string) []string {
	j := journal{}
	for line := range strings.Lines(l.out.String()) {
		if !strings.Contains(line, `"_aws"`) {
			j.b.WriteString(line)
		}
	}
	return j.lines(words...)
}

func (l *consumer) metric(name string) float64 {
	l.Helper()
	return sum(readMetrics(l.T, l.out.String()), name)
}

// want fails the test unless exactly those messages come again, after those times.
func (l *consumer) want(got []string, after map[string]time.Duration) {
	l.Helper()
	for _, id := range got {
		if d, ok := after[id]; !ok || l.queue.delays[id] != d {
			l.Errorf("%s comes again after %s, want %s", id, l.queue.delays[id], d)
		}
	}
	if len(got) != len(after) {
		l.Errorf("%v come again, want %v", got, after)
	}
}

// receive lets customers' mails come in at a mailbox.
func (l *consumer) receive(id inbox.MailboxID, n int) (ids []inbox.MessageID) {
	l.Helper()
	for range n {
		l.letters++
		letter := coretest.Letter{RFCID: fmt.Sprintf("<%d@customer.example>", l.letters), From: "ann@customer.example", Subject: fmt.Sprint("Question ", l.letters), At: time.Now()}
		var got string
		var err error
		if id == hello {
			got, err = l.Gmail.Receive(string(id), raw(letter, string(id)))
		} else {
			got, err = l.Graph.Receive(string(id), raw(letter, string(id)))
		}
		if err != nil {
			l.Fatal(err)
		}
		ids = append(ids, inbox.MessageID(got))
	}
	return ids
}

// known is how many of these messages are in a conversation.
func (l *consumer) known(id inbox.MailboxID, ids []inbox.MessageID) int {
	l.Helper()
	known, err := l.store.Known(context.Background(), id, ids)
	if err != nil {
		l.Fatal(err)
	}
	return len(known)
}

func TestSyncWorksABatch(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.handle(received("1", support, "sweep", 0, 1), received("2", hello, "sweep", 0, 1)) // what is there before is imported
		ids, more := l.receive(support, 3), l.receive(hello, 2)
		time.Sleep(time.Second)
		l.out.Reset()
		l.want(l.handle(
			received("3", support, "graph", 2*time.Second, 1), received("4", hello, "gmail", time.Second, 1),
			received("5", support, "graph", time.Second, 1), received("6", support, "sweep", 0, 1),
		), nil)
		if l.known(support, ids) != 3 || l.known(hello, more) != 2 {
			t.Error("mail is missing")
		}
		for name, want := range map[string]float64{"Hints": 4, "Syncs": 2, "SyncFailures": 0, "Messages": 5, "OldestHintSeconds": 2 + 1} {
			if got := l.metric(name); got != want {
				t.Errorf("%s: %g, want %g", name, got, want)
			}
		}
		for _, name := range []string{"Decisions", "Actions", "ProviderRequests"} {
			if l.metric(name) < 5 {
				t.Errorf("%s: %g", name, l.metric(name))
			}
		}
		if list := readMetrics(l.T, l.out.String()); len(list) != 2 || string(list[0].root["mailbox"]) == string(list[1].root["mailbox"]) {
			t.Errorf("not one line a sync: %s", l.out)
		}
		if len(l.lines(`"level":"DEBUG"`, `"msg":"synced"`, `"function":"sync"`, `"request":"8476a536"`, support)) != 1 {
			t.Errorf("in the log: %s", l.lines())
		}
	})
}

func TestSyncThrottledComesAgainExactlyThen(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.GraphDial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 417 * time.Second, Times: 1})
		l.want(l.handle(received("1", support, "graph", 0, 2), received("2", support, "sweep", 0, 1)), map[string]time.Duration{"1": 417 * time.Second, "2": 417 * time.Second})
		if l.metric("Throttles") != 1 || l.metric("Retries") != 1 || l.metric("PermanentFailures") != 0 || len(l.lines(`"level":"INFO"`, support, "6m57s")) != 1 {
			t.Errorf("written: %s", l.out)
		}
	})
}

func TestSyncPermanentFailureHoldsUpNobodyElse(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		if err := l.Graph.RefuseMailbox(support); err != nil {
			t.Fatal(err)
		}
		ids := l.receive(hello, 1)
		l.want(l.handle(received("1", support, "graph", 0, 1), received("2", hello, "gmail", 0, 1), received("3", support, "graph", 0, 1)),
			map[string]time.Duration{"1": time.Minute, "3": time.Minute})
		if l.known(hello, ids) != 1 {
			t.Error("the other mailbox was not worked")
		}
		if l.metric("PermanentFailures") != 1 || l.metric("SyncFailures") != 1 || l.metric("Syncs") != 1 {
			t.Errorf("written: %s", l.out)
		}
		if lines := l.lines(`"level":"ERROR"`); len(lines) != 1 || !strings.Contains(lines[0], support) || !strings.Contains(lines[0], "RBAC") {
			t.Errorf("one line with the fix is wanted: %s", lines)
		}
	})
}

func TestSyncOtherFailuresBackOff(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.GraphDial.Add(fault.Rule{Kind: fault.Reset})
		for nth, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 20: 5 * time.Minute} {
			l.want(l.handle(received("1", support, "graph", 0, nth)), map[string]time.Duration{"1": want})
		}
		l.store.Fail = func(op string) (error, error) { return fmt.Errorf("memory: %s: %w", op, pipeline.ErrConflict), nil }
		l.GraphDial.Clear()
		l.want(l.handle(received("1", support, "graph", 0, 3)), map[string]time.Duration{"1": 4 * time.Second})
	})
}

func TestSyncStoreIsGone(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		ids := l.receive(support, 2)
		gone := &pipeline.Permanent{What: "dynamo: there is no table postroom", Fix: "set POSTROOM_TABLE to the stack's table"}
		l.store.Fail = func(string) (error, error) { return gone, nil }
		l.library.records.err = gone
		l.want(l.handle(received("1", support, "graph", 0, 1)), map[string]time.Duration{"1": time.Minute})
		if lines := l.lines(`"level":"ERROR"`); len(lines) != 1 || !strings.Contains(lines[0], "POSTROOM_TABLE") || l.metric("PermanentFailures") != 1 {
			t.Errorf("written: %s", l.out)
		}
		l.store.Fail = nil
		l.want(l.handle(received("1", support, "graph", 0, 2)), nil)
		if l.known(support, ids) != 2 {
			t.Error("mail is lost")
		}
	})
}

func TestSyncPoisonRecord(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		ids := l.receive(support, 1)
		poison := received("1", support, "graph", 0, 3)
		poison.Body = `{"mailbox":"SECRET`
		l.want(l.handle(poison, received("2", support, "graph", 0, 1)), map[string]time.Duration{"1": 0})
		if l.known(support, ids) != 1 {
			t.Error("the hint behind it was not worked")
		}
		if lines := l.lines(`"level":"ERROR"`); len(lines) != 1 || !strings.Contains(lines[0], "dead-letter") || strings.Contains(l.out.String(), "SECRET") {
			t.Errorf("in the log: %s", lines)
		}
	})
}

func TestSyncMailboxThatIsNotInTheManifest(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		const more = "more@contoso.com"
		l.want(l.handle(received("1", more, "sweep", time.Second, 1)), nil)
		if lines := l.lines(`"level":"ERROR"`, "hint dropped", more); len(lines) != 1 {
			t.Errorf("in the log: %s", l.lines())
		}
		// It comes into the manifest. A process that has looked before knows nothing of it yet.
		time.Sleep(20 * time.Second)
		l.library.shelf.put(withMailbox(more))
		l.want(l.handle(received("2", more, "sweep", 0, 1)), map[string]time.Duration{"2": 40 * time.Second})
		time.Sleep(40 * time.Second)
		if got := l.handle(received("2", more, "sweep", 40*time.Second, 2)); !slices.Equal(got, []string{"2"}) || len(l.lines("hint dropped")) != 1 {
			// The simulated tenant has no such mailbox, so that it fails; but not for want of the manifest.
			t.Errorf("%v come again: %s", got, l.lines())
		}
	})
}

func TestSyncNotifiedEarlyLooksAgain(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.handle(received("1", support, "sweep", 0, 1))
		timer := func() (pipeline.Timer, bool) {
			got, ok, err := l.timers.Timer(context.Background(), support, boot.TimerLookAgain)
			if err != nil {
				t.Fatal(err)
			}
			return got, ok
		}
		if got, ok := timer(); ok {
			t.Errorf("nobody has notified us, and it looks again at %v", got.Due)
		}
		l.timers.Fail = func(string) (error, error) { return errors.New("dynamo: no answer"), nil }
		l.want(l.handle(received("2", support, "graph", 0, 1)), map[string]time.Duration{"2": time.Second})
		if l.metric("Syncs") != 1 || l.metric("SyncFailures") != 1 {
			t.Errorf("measured: %s", l.out)
		}
		l.timers.Fail = nil
		l.want(l.handle(received("2", support, "graph", 0, 2)), nil)
		if got, ok := timer(); !ok || !got.Due.Equal(time.Now().Add(30*time.Second).Truncate(time.Millisecond)) {
			t.Errorf("at %v it looks again at %v, %v", time.Now(), got.Due, ok)
		}
	})
}

// TestSyncDeadlineWithinAListing: the first listing of a mailbox is longer than a function may run. It goes on where it
// stopped, and its hints do not get nearer to the dead-letter queue.
func TestSyncDeadlineWithinAListing(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		ids := l.receive(support, 400)
		other := l.receive(hello, 1)
		l.GraphDial.Add(fault.Rule{Kind: fault.Slow, Delay: 7 * time.Second})
		next := []events.SQSMessage{received("0", support, "sweep", 0, 1), received("other", hello, "gmail", 0, 1)}
		rounds := 0
		for ; len(next) > 0 && rounds < 50; rounds++ {
			began := time.Now()
			l.want(l.handle(next...), nil)
			if rounds == 0 && l.known(hello, other) != 1 {
				t.Error("the other mailbox had to wait")
			}
			limit := 112 * time.Second
			if rounds == 0 { // there is company
				limit = 32 * time.Second
			}
			if took := time.Since(began); took > limit {
				t.Errorf("round %d took %s", rounds, took)
			}
			next = nil
			for _, h := range l.queue.enqueued {
				if h.Mailbox != support || h.Source != "continued" {
					t.Errorf("enqueued %+v", h)
				}
				next = append(next, received(fmt.Sprint(rounds+1), h.Mailbox, h.Source, 0, 1))
			}
			l.queue.enqueued = nil
			time.Sleep(20 * time.Second) // Graph works on for a while on what was given up, and counts it
		}
		progress, err := l.store.Mailbox(context.Background(), support)
		if err != nil || !progress.Listed || rounds < 3 || rounds == 50 {
			t.Errorf("after %d rounds: %+v, %v", rounds, progress, err)
		}
		if n := l.known(support, ids); n != 400 {
			t.Errorf("%d of 400 mails are known", n)
		}
		if l.metric("SyncFailures") != 0 || len(l.lines("to be continued", support)) != rounds-1 {
			t.Errorf("in the log: %s", l.lines())
		}
	})
}

func TestSyncThatGetsNowhereIsAFailure(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.GraphDial.Add(fault.Rule{Kind: fault.Slow, Delay: 20 * time.Second, Times: 1})
		l.GraphDial.Add(fault.Rule{Kind: fault.Slow, Delay: time.Hour})
		l.want(l.handle(received("1", support, "graph", 0, 4)), map[string]time.Duration{"1": 8 * time.Second})
		if len(l.queue.enqueued) > 0 || l.metric("SyncFailures") != 1 || len(l.lines(`"level":"WARN"`, "got nowhere", support)) != 1 {
			t.Errorf("enqueued %v: %s", l.queue.enqueued, l.out)
		}
	})
}

func TestSyncNotBegunIsHandedBack(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.want(l.within(9*time.Second, received("1", support, "graph", 0, 1), received("2", hello, "gmail", 0, 1)), map[string]time.Duration{"1": 0, "2": 0})
		if n := l.GraphTrips.RoundTrips() + l.GmailTrips.RoundTrips(); n > 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestSyncWithoutAManifest(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.library.shelf.versions[0] = misspelt
		l.want(l.handle(received("1", support, "graph", 0, 1), received("2", hello, "gmail", 0, 1)), map[string]time.Duration{"1": time.Minute, "2": time.Minute})
		if lines := l.lines(); len(lines) != 1 || !strings.Contains(lines[0], place) || !strings.Contains(lines[0], support) {
			t.Errorf("in the log: %s", lines)
		}
		if l.metric("ManifestRefused") != 1 || l.metric("PermanentFailures") != 2 {
			t.Errorf("measured: %s", l.out)
		}
		l.library.shelf.put(twoMailboxes)
		time.Sleep(time.Minute)
		l.want(l.handle(received("1", support, "graph", 0, 2), received("2", hello, "gmail", 0, 2)), nil)

		other := l.library.process() // and one that cannot reach the document at all
		other.Now, other.Log, l.Manifests = time.Now, l.Log, other
		l.library.shelf.err, l.library.records.err = errors.New("no route to host"), errors.New("no route to host")
		l.want(l.handle(received("3", support, "graph", 0, 4)), map[string]time.Duration{"3": 8 * time.Second})
	})
}

// panics is a store in which one mailbox breaks the code that reads it.
type panics struct {
	pipeline.Store
	with any
}

func (p panics) Team(ctx context.Context, id inbox.MailboxID) (t assign.Team, err error) {
	if id == support {
		if p.with == nil {
			var none []int
			_ = none[len(id)]
		}
		panic(p.with)
	}
	return p.Store.Team(ctx, id)
}

func TestSyncPanicEndsWithItsMailbox(t *testing.T) {
	for name, with := range map[string]any{"of the runtime": nil, "of somebody's text": "ann@customer.example writes SECRET"} {
		t.Run(name, func(t *testing.T) {
			consume(t, twoMailboxes, func(l *consumer) {
				ids := l.receive(hello, 1)
				l.Store = panics{l.store, with}
				l.want(l.handle(received("1", support, "graph", 0, 2), received("2", hello, "gmail", 0, 1)), map[string]time.Duration{"1": 2 * time.Second})
				if l.known(hello, ids) != 1 {
					t.Error("the other mailbox was not worked")
				}
				lines := l.lines(`"level":"ERROR"`, "panic", support, "syncer_test.go")
				if len(lines) != 1 || strings.Contains(l.out.String(), "SECRET") || with == nil && !strings.Contains(lines[0], "index out of range") {
					t.Errorf("in the log: %s", l.lines())
				}
			})
		})
	}
}

// TestSyncQueueIsDown: what cannot be delayed or continued is reported all the same, so that nothing is lost.
func TestSyncQueueIsDown(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.queue.err = errors.New("sqs: no answer")
		l.GraphDial.Add(fault.Rule{Kind: fault.Reset, Times: 1})
		if got := l.handle(received("1", support, "graph", 0, 1)); !slices.Equal(got, []string{"1"}) {
			t.Errorf("%v come again", got)
		}
		l.receive(support, 400)
		l.GraphDial.Add(fault.Rule{Kind: fault.Slow, Delay: 8 * time.Second})
		if got := l.handle(received("2", support, "graph", 0, 1)); !slices.Equal(got, []string{"2"}) {
			t.Errorf("%v come again", got)
		}
		if lines := l.lines(`"level":"WARN"`, "sqs: no answer", support); len(lines) != 3 {
			t.Errorf("in the log: %s", l.lines())
		}
	})
}

// TestSyncNamesNoCustomer: with every level logged, no address and no subject of a hostile mail gets into a line, whatever
// fails on its way.
func TestSyncNamesNoCustomer(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		l.handle(received("1", support, "sweep", 0, 1), received("2", hello, "sweep", 0, 1))
		letter := coretest.Letter{
			RFCID: "<very-private-1@victim.example>", From: "very-private@victim.example", At: time.Now(),
			Subject: "very-private {\"_aws\":{}} \u2028 =?utf-8?q?very-private?= \x1b[31m",
		}
		rules := []fault.Rule{
			{}, {Kind: fault.Throttle, RetryAfter: time.Second}, {Kind: fault.ThrottleBare}, {Kind: fault.Unavailable}, {Kind: fault.Reset}, {Kind: fault.Lost},
			{Kind: fault.InnerThrottle, RetryAfter: time.Second}, {Kind: fault.Slow, Delay: time.Hour},
		}
		for n, rule := range rules {
			for skip := range 6 {
				letter.RFCID = fmt.Sprintf("<very-private-%d-%d@victim.example>", n, skip)
				for _, err := range []error{second(l.Graph.Receive(support, raw(letter, support))), second(l.Gmail.Receive(hello, raw(letter, hello)))} {
					if err != nil {
						t.Fatal(err)
					}
				}
				if n > 0 {
					rule.Times, rule.Skip = 1, skip
					l.GraphDial.Add(rule)
					l.GmailDial.Add(rule)
				}
				if n%2 == 1 && skip == 5 {
					l.store.Fail = func(op string) (error, error) { return nil, fmt.Errorf("memory: %s: %w", op, pipeline.ErrConflict) }
				}
				l.handle(received("3", support, "graph", 0, 1), received("4", hello, "gmail", 0, 1))
				l.GraphDial.Clear()
				l.GmailDial.Clear()
				l.store.Fail = nil
				time.Sleep(2 * time.Hour)
			}
		}
		if len(l.lines("sync failed")) < 20 {
			t.Errorf("too few failures to tell: %d", len(l.lines("sync failed")))
		}
		if text := strings.ToLower(l.out.String()); strings.Contains(text, "very-private") || strings.Contains(text, "victim.example") {
			for line := range strings.Lines(text) {
				if strings.Contains(line, "very-private") || strings.Contains(line, "victim.example") {
					t.Fatalf("logged: %s", line)
				}
			}
		}
		if l.known(support, nil); l.metric("Messages") < 2*40 {
			t.Errorf("only %g messages were worked", l.metric("Messages"))
		}
	})
}

func second(_ string, err error) error { return err }
