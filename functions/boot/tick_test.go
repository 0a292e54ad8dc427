package boot_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

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

// TestTickReadsANewMailboxAtOnce: also while its provider wants to be left alone by whoever asks for watches.
func TestTickReadsANewMailboxAtOnce(t *testing.T) {
	t.Parallel()
	const sales = inbox.MailboxID("sales@contoso.com")
	text := twoMailboxes + "  sales@contoso.com: {provider: m365, name: Sales, agents: [one]}\n"
	d := deploy(t, twoMailboxes)
	d.GraphDial.Add(fault.Rule{Kind: fault.Throttle, Path: "/subscriptions", RetryAfter: time.Hour})
	d.settle()
	d.must(d.Graph.AddMailbox(graphsim.Mailbox{Address: string(sales)}))
	d.become("2", text)
	d.minute.Sweep = 1000 * time.Hour
	d.after(time.Minute)
	if got := d.sent(); fmt.Sprint(got) != "map[sales@contoso.com:[new]]" {
		t.Errorf("hints: %v", got)
	}
	d.after(time.Minute)
	if got := d.sent(); len(got) > 0 {
		t.Errorf("a minute later: %v", got)
	}
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
