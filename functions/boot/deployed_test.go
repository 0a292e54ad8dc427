package boot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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
