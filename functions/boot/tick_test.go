package boot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const sweepPeriod = 15 * time.Minute

// deployed is a site that Tick keeps going. Its time goes on by the minute.
type deployed struct {
	*site
	timers  timers
	records *records
	minute  *boot.Tick
	fixed   *manifest.Manifest
	late    atomic.Int64 // nanoseconds by which it is later than the site's time
	// interrupt, unless nil, may make any call of the store or the queue fail, before or after its effect.
	interrupt func(op string) (before, after error)

	mu    sync.Mutex
	calls map[string]int // of the store and the queue
	hints []pipeline.Hint
}

func deploy(t testing.TB, text string) *deployed {
	t.Helper()
	d := &deployed{site: newSite(t, text), calls: map[string]int{}}
	d.records = &records{fail: d.fail}
	d.timers = timers{&memory.Timers{}, d.fail}
	d.watches.Fail, d.store.Fail = d.fail, d.fail
	d.graphHook.Watches = boot.Renewals{Watches: d.watches, Timers: d.timers, Now: d.clockNow}
	d.fixed = parse(t, text)
	d.minute = &boot.Tick{
		Mailboxes: d.mailboxes, Clients: d.clients, Version: "1", EnqueueAll: d.enqueueAll,
		Cursors: d.store, Watches: d.watches, Timers: d.timers, Records: d.records,
		Now: d.clockNow, Log: d.log.logger(), Rand: &sharedReader{r: rand.NewChaCha8([32]byte{7})},
		Sweep: sweepPeriod, URL: siteURL, Topic: topic,
	}
	return d
}

func (d *deployed) clockNow() time.Time { return d.now.Add(time.Duration(d.late.Load())) }

func (d *deployed) fail(op string) (before, after error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[op]++
	if d.interrupt == nil {
		return nil, nil
	}
	return d.interrupt(op)
}

func (d *deployed) enqueueAll(ctx context.Context, hints []pipeline.Hint) error {
	before, after := d.fail("EnqueueAll")
	if before != nil {
		return before
	}
	for _, h := range hints {
		if err := d.queue.Enqueue(ctx, h); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.hints = append(d.hints, hints...)
	d.mu.Unlock()
	return after
}

// run is one run that the store and the queue let through.
func (d *deployed) run() boot.TickReport {
	d.Helper()
	report, err := d.minute.Run(d.ctx)
	d.must(err)
	return report
}

// after lets time go by and runs once.
func (d *deployed) after(t time.Duration) boot.TickReport {
	d.Helper()
	d.advance(t)
	return d.run()
}

// sent takes what has been enqueued since it was last asked: for each mailbox the sources of its hints.
func (d *deployed) sent() map[inbox.MailboxID][]string {
	out := map[inbox.MailboxID][]string{}
	for _, h := range d.hints {
		out[h.Mailbox] = append(out[h.Mailbox], h.Source)
	}
	d.hints = nil
	return out
}

// settle takes every mailbox up and lets its first sweep go by.
func (d *deployed) settle() {
	d.Helper()
	d.run()
	d.sent()
	d.hinted()
	d.calls = map[string]int{}
}

// become gives the deployment another manifest.
func (d *deployed) become(version, text string) {
	d.Helper()
	var err error
	old := d.fixed
	d.fixed = parse(d.TB, text)
	d.mailboxes, err = boot.Open(d.fixed, d.clients)
	d.must(err)
	d.minute.Mailboxes, d.minute.Version = d.mailboxes, version
	d.minute.Earlier = func(_ context.Context, v string) (*manifest.Manifest, error) {
		if v != "1" {
			return nil, fmt.Errorf("version %q is not kept", v)
		}
		return old, nil
	}
}

func (d *deployed) requests() int { return d.GraphTrips.RoundTrips() + d.GmailTrips.RoundTrips() }

// timer is the mailbox's timer of that name.
func (d *deployed) timer(id inbox.MailboxID, name string) (pipeline.Timer, bool) {
	d.Helper()
	t, ok, err := d.timers.Timer(d.ctx, id, name)
	d.must(err)
	return t, ok
}

// timers asks what is to fail before it takes its lock, so that another run may come in between.
type timers struct {
	*memory.Timers
	fail func(op string) (before, after error)
}

func (t timers) call(op string, do func() error) error {
	before, after := t.fail(op)
	if before != nil {
		return before
	}
	return errors.Join(do(), after)
}

func (t timers) SetTimer(ctx context.Context, timer pipeline.Timer) error {
	return t.call("SetTimer", func() error { return t.Timers.SetTimer(ctx, timer) })
}

func (t timers) DropTimer(ctx context.Context, timer pipeline.Timer) error {
	return t.call("DropTimer", func() error { return t.Timers.DropTimer(ctx, timer) })
}

func (t timers) Timer(ctx context.Context, id inbox.MailboxID, name string) (timer pipeline.Timer, ok bool, err error) {
	err = t.call("Timer", func() error {
		var err error
		timer, ok, err = t.Timers.Timer(ctx, id, name)
		return err
	})
	return timer, ok && err == nil, err
}

func (t timers) DueTimers(ctx context.Context, now time.Time, limit int) (list []pipeline.Timer, err error) {
	err = t.call("DueTimers", func() error {
		var err error
		list, err = t.Timers.DueTimers(ctx, now, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// records keeps the records of a deployment in memory.
type records struct {
	fail func(op string) (before, after error)

	mu     sync.Mutex
	values map[string]record
}

type record struct {
	value   []byte
	version int64
}

func (r *records) Record(_ context.Context, name string) ([]byte, int64, error) {
	if before, after := r.fail("Record"); before != nil || after != nil {
		return nil, 0, errors.Join(before, after)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.values[name].value), r.values[name].version, nil
}

func (r *records) SaveRecord(_ context.Context, name string, value []byte, version int64) error {
	before, after := r.fail("SaveRecord")
	if before != nil {
		return before
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values[name].version != version {
		return pipeline.ErrConflict
	}
	if r.values == nil {
		r.values = map[string]record{}
	}
	r.values[name] = record{slices.Clone(value), version + 1}
	return after
}

// sharedReader lets several goroutines draw from one generator.
type sharedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *sharedReader) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return io.ReadFull(s.r, p)
}

// tenThousand has the mailboxes of ten manifests, because one holds no more than a thousand.
func tenThousand(t testing.TB) *deployed {
	t.Helper()
	d := deploy(t, twoMailboxes)
	text, _, _ := strings.Cut(twoMailboxes, "mailboxes:")
	var parts []*boot.Mailboxes
	for i := range 10 {
		var b strings.Builder
		b.WriteString(text + "mailboxes:\n")
		for j := range 1000 {
			fmt.Fprintf(&b, "  team%d@contoso.com: {provider: m365, name: Team, agents: [one]}\n", 1000*i+j)
		}
		part, err := boot.Open(parse(t, b.String()), d.clients)
		d.must(err)
		parts = append(parts, part)
	}
	d.mailboxes = boot.Together(parts...)
	d.minute.Mailboxes = d.mailboxes
	d.asleep()
	return d
}

// asleep gives every mailbox a timer that is far off, as if its watch were well, so that only sweeps are seen.
func (d *deployed) asleep() {
	d.Helper()
	for _, id := range d.mailboxes.IDs() {
		d.must(d.timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: id, Name: boot.TimerWatch, Due: d.now.Add(1000 * time.Hour)}))
	}
}

func TestTickTakesUpAMailbox(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	r := d.run()
	if r.Taken != 2 || r.Created != 2 {
		t.Errorf("the report says %+v", r)
	}
	d.subscribed()
	for _, id := range []inbox.MailboxID{support, hello} {
		if w := d.watch(id); w.Expires.Sub(d.now) < 6*24*time.Hour {
			t.Errorf("the watch of %s ends at %v", id, w.Expires)
		}
		if timer, ok := d.timer(id, boot.TimerWatch); !ok || !timer.Due.After(d.now.Add(48*time.Hour)) {
			t.Errorf("its timer is %v", timer)
		}
		if !d.notified(id) {
			t.Errorf("a mail at %s raises no hint", id)
		}
	}

	// Another one appears. It is swept and watched in the next tick, whenever its turn would be.
	d.sent()
	text := twoMailboxes + "  sales@contoso.com: {provider: m365, name: Sales, agents: [one]}\n"
	d.must(d.Graph.AddMailbox(graphsim.Mailbox{Address: "sales@contoso.com"}))
	d.become("2", text)
	d.after(time.Minute)
	if got := d.sent()["sales@contoso.com"]; len(got) == 0 || got[len(got)-1] != "watch" {
		t.Errorf("the new mailbox has the hints %v, want a last one after its watch stands", got)
	}
	d.watch("sales@contoso.com")
}

// TestTickTakesUpBeforeTheListShowsIt: the list of due timers lags behind, as an index does.
func TestTickTakesUpBeforeTheListShowsIt(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.minute.Timers = lagging{d.timers}
	if r := d.run(); r.Created != 2 {
		t.Errorf("the report says %+v", r)
	}
	d.well()
}

// lagging is timers whose list has none yet.
type lagging struct{ pipeline.Timers }

func (lagging) DueTimers(context.Context, time.Time, int) ([]pipeline.Timer, error) { return nil, nil }

func TestTickLooksAgain(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	again := pipeline.Timer{Mailbox: support, Name: boot.TimerLookAgain, Due: d.now.Add(30 * time.Second)}
	d.must(d.timers.SetTimer(d.ctx, again))
	d.minute.Sweep = 1000 * time.Hour
	d.advance(29 * time.Second)
	d.run()
	if got := d.sent(); len(got) > 0 {
		t.Errorf("before its time: %v", got)
	}
	d.advance(31 * time.Second)
	d.interrupt = func(op string) (error, error) {
		if op == "EnqueueAll" {
			return errors.New("the queue is away"), nil
		}
		return nil, nil
	}
	if _, err := d.minute.Run(d.ctx); err == nil {
		t.Error("nobody is told that the queue is away")
	}
	d.interrupt = nil
	d.after(time.Minute)
	if got := d.sent(); fmt.Sprint(got) != "map[support@contoso.com:[look-again]]" {
		t.Errorf("hints: %v", got)
	}
	d.after(time.Minute)
	if got := d.sent(); len(got) > 0 {
		t.Errorf("looked again once more: %v", got)
	}
}

// TestTickKeepsTimersOfALaterVersion: a version that was rolled back has left timers nobody here knows.
func TestTickKeepsTimersOfALaterVersion(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	for _, id := range []inbox.MailboxID{support, hello} {
		d.must(d.timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: id, Name: "sla", Due: d.now}))
	}
	for range 30 {
		d.after(time.Minute)
	}
	if lines := d.log.lines("level=WARN", "sla", "timers=2"); len(lines) != 1 {
		t.Errorf("in half an hour %d lines in the log", len(lines))
	}
	if timer, ok := d.timer(support, "sla"); !ok || timer.Due.After(d.now.Add(time.Hour)) {
		t.Errorf("the timer is %v %v", timer, ok)
	}
}

// TestTickOfManyMailboxes counts what an ordinary tick of 10,000 mailboxes asks of the store.
func TestTickOfManyMailboxes(t *testing.T) {
	t.Parallel()
	d := tenThousand(t)
	d.settle()
	asked := d.requests()
	r := d.after(time.Minute)
	want := map[string]int{"Record": 1, "SaveRecord": 1, "DueTimers": 1, "EnqueueAll": 1, "Mailbox": r.Swept}
	if !maps.Equal(d.calls, want) {
		t.Errorf("the store and the queue were asked %v, want %v", d.calls, want)
	}
	if r.Swept < 500 || r.Swept > 870 {
		t.Errorf("%d mailboxes are swept in a minute, want about %d", r.Swept, 10_000/15)
	}
	if n := d.requests() - asked; n > 0 {
		t.Errorf("%d requests to providers", n)
	}
}

// TestTickMeasures holds the names of the metrics and when they have a value.
func TestTickMeasures(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.minute.Lapse = func(now time.Time) (time.Duration, bool) { return 36 * time.Hour, now.Equal(d.now) }
	m := d.run().Metrics()
	if m["CredentialLapseDays"] != 1.5 {
		t.Errorf("CredentialLapseDays is %v", m["CredentialLapseDays"])
	}
	if m["Hints"] != 4 { // each mailbox is swept, and read once more when its watch stands
		t.Errorf("Hints is %v", m["Hints"])
	}
	if _, ok := m["WatchLapseHours"]; ok {
		t.Error("WatchLapseHours has a value although every watch is well")
	}
	d.minute.Lapse = func(time.Time) (time.Duration, bool) { return 0, false }
	if _, ok := d.run().Metrics()["CredentialLapseDays"]; ok {
		t.Error("CredentialLapseDays has a value although no credential ends")
	}

	// One of the two has synced, the other has tried to for two hours.
	d.must(d.store.SaveProgress(d.ctx, hello, pipeline.Progress{Synced: d.now.Add(110 * time.Minute)}))
	d.must(d.store.SaveProgress(d.ctx, support, pipeline.Progress{CutOver: d.now}))
	d.advance(2 * time.Hour)
	r := d.run()
	if r.Stalest != support || r.Metrics()["StalestMailboxMinutes"] != 120 {
		t.Errorf("the stalest is %s, %v minutes", r.Stalest, r.Metrics()["StalestMailboxMinutes"])
	}
	if lines := d.log.lines("level=ERROR", "no sync has come to its end", support, "2h0m0s"); len(lines) != 1 {
		t.Errorf("%d lines in the log name it", len(lines))
	}
	if lines := d.log.lines("no sync has come to its end", hello); len(lines) > 0 {
		t.Errorf("the log has %q", lines)
	}
}

// TestTickMendsWhatASyncLeft: a sync that died between its commit and its effect leaves an action behind. No notification
// comes any more, and the sweep carries it out.
func TestTickMendsWhatASyncLeft(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	d.hint(support)
	d.work()
	id := d.receive(support)
	committed := false
	d.interrupt = func(op string) (before, after error) {
		committed = committed || op == "Commit"
		if committed && op == "SaveProgress" {
			return nil, errors.New("killed")
		}
		return nil, nil
	}
	if _, err := d.worker.Pipeline.Sync(d.ctx, support); err == nil {
		t.Fatal("the sync was to be killed")
	}
	d.interrupt = nil
	marked := func() bool {
		m, err := d.Graph.Message(support, string(id))
		d.must(err)
		return len(m.Categories) > 0
	}
	pending, err := d.store.Pending(d.ctx, support, 0)
	d.must(err)
	if len(pending) != 1 || marked() {
		t.Fatalf("the killed sync left the actions %v, and the mail is marked: %v", pending, marked())
	}
	for range sweepPeriod / time.Minute {
		d.after(time.Minute)
		d.work()
	}
	if !marked() {
		t.Error("the mail is not marked after a sweep")
	}
	pending, err = d.store.Pending(d.ctx, support, 0)
	d.must(err)
	if len(pending) > 0 {
		t.Errorf("still pending: %v", pending)
	}
}
