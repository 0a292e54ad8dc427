package boot_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
)

// watched is how many mailboxes have a watch that is kept.
func (d *deployed) watched() (n int) {
	d.Helper()
	for _, id := range d.mailboxes.IDs() {
		list, err := d.watches.WatchesOf(d.ctx, id)
		d.must(err)
		if len(list) > 0 {
			n++
		}
	}
	return n
}

// TestRenewingIsBounded: watches are worked several at once, no request is begun when the time of a run is up, and those that
// have waited for longest come first, so that all are come to.
func TestRenewingIsBounded(t *testing.T) {
	t.Parallel()
	d := deploy(t, severalMailboxes(40))
	var order []string
	var mu sync.Mutex
	handler := d.Graph
	d.GraphTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.Method)
		mu.Unlock()
		d.late.Add(int64(2 * time.Second)) // as if each took so long, with none beside it
		handler.ServeHTTP(w, r)
	})
	before := 0
	for run := 1; d.watched() < 80; run++ {
		if run > 10 {
			t.Fatalf("after ten runs %d of 80 mailboxes are watched", d.watched())
		}
		r := d.run()
		began := len(order) - before
		before = len(order)
		// 35 seconds are 18 requests; eight may be under way when they are over.
		if began > 18+8 {
			t.Errorf("run %d began %d requests", run, began)
		}
		if waiting := 80 - d.watched(); r.Waiting != waiting {
			t.Errorf("run %d leaves %d waiting, the report says %d", run, waiting, r.Waiting)
		}
		d.late.Store(0)
		d.advance(time.Minute)
	}
	if n := d.GraphTrips.MaxInFlight(); n > 8 {
		t.Errorf("%d requests were under way at once", n)
	}

	// Now one of two waits for longer than the others. It is first.
	d.late.Store(0)
	first := inbox.MailboxID("graph31@contoso.com")
	for _, id := range d.mailboxes.IDs() {
		due := d.now.Add(-time.Hour)
		if id == first {
			due = due.Add(-time.Minute)
		}
		d.must(d.timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: id, Name: boot.TimerWatch, Due: due}))
	}
	d.minute.Budget = time.Second
	d.run()
	if w := d.watch(first); !w.Renewed.Equal(d.now) {
		t.Errorf("the one that waited for longest was renewed at %v", w.Renewed)
	}
}

// TestRenewingHonoursRetryAfter: a tenant that names a time is left alone for as long, over runs, and the other one is not
// concerned.
func TestRenewingHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	d := deploy(t, severalMailboxes(20))
	const pause = 10*time.Minute + 30*time.Second
	d.GraphDial.Add(fault.Rule{Kind: fault.Throttle, Path: "/subscriptions", RetryAfter: pause, Skip: 5})
	d.run()
	asked := d.GraphTrips.RoundTrips()
	if asked > 5+8 {
		t.Errorf("%d requests, although the sixth was refused and eight are under way at once", asked)
	}
	d.GraphDial.Clear()
	for id := range 20 {
		d.watch(inbox.MailboxID(fmt.Sprintf("gmail%d@contoso.com", id)))
	}
	for range 10 {
		d.after(time.Minute)
	}
	if n := d.GraphTrips.RoundTrips() - asked; n > 0 {
		t.Errorf("%d requests before the time that Graph named", n)
	}
	d.after(30*time.Second - time.Millisecond)
	if n := d.GraphTrips.RoundTrips() - asked; n > 0 {
		t.Errorf("%d requests a millisecond before", n)
	}
	d.after(time.Millisecond)
	if d.watched() != 40 {
		t.Errorf("%d of 40 mailboxes are watched", d.watched())
	}
}

// TestRenewingBesideAProviderThatHangs: Graph does not answer before Gmail's watches and all sweeps are through.
func TestRenewingBesideAProviderThatHangs(t *testing.T) {
	t.Parallel()
	d := deploy(t, severalMailboxes(40))
	through := make(chan struct{})
	var gmail atomic.Int64
	google := d.GmailTrips.Handler
	d.GmailTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		google.ServeHTTP(w, r)
		if gmail.Add(1) == 40 {
			close(through)
		}
	})
	var alone atomic.Bool
	d.GraphTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		swept := len(d.hints) > 79
		d.mu.Unlock()
		select {
		case <-through:
		case <-time.After(20 * time.Second):
			alone.Store(true)
		}
		if !swept {
			alone.Store(true)
		}
		panic(http.ErrAbortHandler)
	})
	r := d.run()
	if alone.Load() {
		t.Error("Gmail's watches or the sweeps wait for Graph")
	}
	if d.watched() != 40 {
		t.Errorf("%d mailboxes are watched, want the 40 of Google", d.watched())
	}
	if n := d.GraphTrips.RoundTrips(); n > 16+8 {
		t.Errorf("%d requests to a provider that does not answer", n)
	}
	if r.Failed+r.Waiting != 40 {
		t.Errorf("the report says %+v", r)
	}
	d.GraphTrips.Handler = d.Graph
	for range 5 {
		d.after(time.Minute)
	}
	if d.watched() != 80 {
		t.Errorf("when it answers again, %d mailboxes are watched", d.watched())
	}
}

// TestRenewingWhatIsRefused: a mailbox outside the app's scope is polled each minute, and tried again after ever longer pauses.
func TestRenewingWhatIsRefused(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.must(d.Graph.RefuseMailbox(support))
	var tries []int
	minute := 0
	d.GraphTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries = append(tries, minute)
		d.Graph.ServeHTTP(w, r)
	})
	polls := 0
	for ; minute < 120; minute++ {
		r := d.run()
		for _, source := range d.sent()[support] {
			if source == "poll" {
				polls++
			}
		}
		if left, ok := r.Metrics()["WatchLapseHours"]; !ok || left != 0 {
			t.Errorf("in minute %d WatchLapseHours is %v %v", minute, left, ok)
		}
		d.advance(time.Minute - time.Duration(minute%2)*time.Second + time.Duration((minute+1)%2)*time.Second) // seldom on the second
	}
	if polls != 120 {
		t.Errorf("polled %d times in 120 minutes", polls)
	}
	if got := fmt.Sprint(tries); got != "[0 1 3 7 15 31 63 95]" {
		t.Errorf("it was tried in the minutes %s", got)
	}
	if lines := d.log.lines("level=ERROR", "no notifications", support, "403", "scope"); len(lines) != len(tries) {
		t.Errorf("%d lines in the log tell of %d tries", len(lines), len(tries))
	}
	if lines := d.log.lines("no notifications", hello); len(lines) > 0 {
		t.Errorf("of the other one the log has %q", lines)
	}
}

// TestRenewingALiveWatchFails: it is not polled while notifications come, it is told how long they still will, and when it is
// well again the pauses begin anew.
func TestRenewingALiveWatchFails(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	end := d.watch(support).Expires
	d.now = end.Add(-84 * time.Hour)
	d.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "/subscriptions"})
	shortest := 1e9
	for d.now.Before(end) {
		if left, ok := d.run().Metrics()["WatchLapseHours"]; ok {
			shortest = min(shortest, left)
		}
		if got := d.sent()[support]; len(got) > 1 || len(got) == 1 && got[0] != "sweep" {
			t.Fatalf("hints %v although notifications come", got)
		}
		d.advance(5 * time.Minute)
	}
	if shortest > 1 {
		t.Errorf("the shortest WatchLapseHours is %v", shortest)
	}
	d.run()
	if got := d.sent()[support]; len(got) == 0 {
		t.Error("not polled when notifications have ended")
	}
	d.GraphDial.Clear()
	for range 40 {
		d.after(time.Minute)
	}
	d.well()
	d.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "/subscriptions", Times: 1})
	d.now = d.watch(support).Expires.Add(-84 * time.Hour)
	d.run()
	r := d.after(time.Minute)
	if r.Renewed != 1 {
		t.Errorf("after one failure the next try was not a minute later: %+v", r)
	}
}

func TestRenewingWhatHasEnded(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	before := d.watch(support)
	d.advance(10 * 24 * time.Hour) // a deployment that stood still
	d.receive(support)
	d.run()
	if w := d.watch(support); w.ID == before.ID {
		t.Error("the subscription that has ended is kept")
	}
	sources := d.sent()
	for _, id := range []inbox.MailboxID{support, hello} {
		if got := sources[id]; len(got) == 0 || got[len(got)-1] != "watch" {
			t.Errorf("the hints of %s are %v, want a last one after its watch stands", id, got)
		}
	}
	d.well()
}

func TestRenewingFollowsTheURL(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.settle()
	const elsewhere = "https://postroom.adatum.com"
	d.minute.URL, d.minute.Topic = elsewhere, topic+"2"
	d.after(time.Minute)
	if sub := d.subscribed(); sub.NotificationURL != elsewhere+"/hooks/graph" || d.watch(support).ID != sub.ID {
		t.Errorf("Graph is to tell %s; the watch is %+v", sub.NotificationURL, d.watch(support))
	}
	if got := d.watch(hello).Target; got != topic+"2" {
		t.Errorf("Gmail is to tell %q", got)
	}
	asked := d.requests()
	d.after(time.Minute)
	if n := d.requests() - asked; n > 0 {
		t.Errorf("%d requests although nothing was due", n)
	}
}

func TestRenewingWithoutATopic(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	d.minute.Topic = ""
	d.settle()
	for range 10 {
		d.after(time.Minute)
		if got := d.sent()[hello]; len(got) == 0 {
			t.Error("a mailbox of which no notifications come is not polled each minute")
		}
	}
	if d.GmailTrips.RoundTrips() > 0 {
		t.Error("a watch was asked for that nobody can hear")
	}
	d.watch(support)
}

// without is the manifest with some mailboxes less.
func without(text string, gone ...string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		keep := true
		for _, id := range gone {
			keep = keep && !strings.HasPrefix(strings.TrimSpace(line), id+":")
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestReleaseOfWhatHasLeft(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"earlier manifest known": true, "not known": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, severalMailboxes(2))
			d.settle()
			d.must(d.timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: "graph0@contoso.com", Name: boot.TimerLookAgain, Due: d.now}))
			d.become("2", without(severalMailboxes(2), "graph0@contoso.com", "gmail0@contoso.com"))
			if !known {
				d.minute.Earlier = nil
			}
			google := d.GmailTrips.RoundTrips()
			d.advance(time.Minute)
			if !known {
				d.advance(83 * time.Hour) // when its watch is to be renewed
			}
			r := d.run()
			if got := d.sent(); len(got["graph0@contoso.com"])+len(got["gmail0@contoso.com"]) > 0 {
				t.Errorf("hints of mailboxes that have left: %v", got)
			}
			if r.Ended != 2 {
				t.Errorf("%d watches were ended", r.Ended)
			}
			if sub := d.subscribed(); !strings.Contains(sub.Resource, "graph1@") {
				t.Errorf("Graph still has %v", sub)
			}
			for _, id := range []inbox.MailboxID{"graph0@contoso.com", "gmail0@contoso.com"} {
				if list, err := d.watches.WatchesOf(d.ctx, id); err != nil || len(list) > 0 {
					t.Errorf("of %s the watches %v are kept, %v", id, list, err)
				}
				for _, timer := range []string{boot.TimerWatch, boot.TimerLookAgain} {
					if _, ok := d.timer(id, timer); ok {
						t.Errorf("the timer %s of %s is kept", timer, id)
					}
				}
				if lines := d.log.lines("level=INFO", "left the manifest", string(id)); len(lines) != 1 {
					t.Errorf("%d lines in the log name %s", len(lines), id)
				}
			}
			if n := d.GmailTrips.RoundTrips() - google; known && n > 0 {
				t.Errorf("%d requests to Google for a mailbox that is none of ours", n)
			}
			d.watch("graph1@contoso.com")
			d.watch("gmail1@contoso.com")
		})
	}
}

// TestReleaseIsTriedAgain: Graph does not end the subscription at first.
func TestReleaseIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"for a while": 3 * time.Hour, "ever": 8 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, twoMailboxes)
			d.settle()
			d.become("2", without(twoMailboxes, support))
			d.GraphDial.Add(fault.Rule{Kind: fault.Reset, Method: http.MethodDelete})
			tries := d.GraphTrips.RoundTrips()
			for end := d.now.Add(after); d.now.Before(end); {
				d.after(10 * time.Minute)
			}
			d.GraphDial.Clear()
			d.after(time.Hour)
			if left := d.Graph.Subscriptions(); len(left) > 0 {
				t.Errorf("Graph still has %v", left)
			}
			if _, ok := d.timer(support, boot.TimerWatch); ok {
				t.Error("the timer is kept")
			}
			if n := d.GraphTrips.RoundTrips() - tries; n > int(after/time.Hour)+2 {
				t.Errorf("%d tries in %s", n, after)
			}
		})
	}
}

// TestReleaseByAnOldManifest: a process that still has the manifest before a mailbox came in lets go what another one has just
// taken up. The next tick takes it up again.
func TestReleaseByAnOldManifest(t *testing.T) {
	t.Parallel()
	d := deploy(t, without(twoMailboxes, hello))
	d.Gmail.AddMailbox(string(hello))
	d.settle()
	d.become("0", without(twoMailboxes, hello))
	old := *d.minute
	nested := false
	other := deploy(t, twoMailboxes) // only for its way to Google
	d.clients.Gmail = other.clients.Gmail
	d.become("2", twoMailboxes)
	fresh := *d.minute
	d.advance(time.Minute)
	d.interrupt = func(op string) (error, error) {
		if op == "DueTimers" && !nested {
			nested = true
			d.mu.Unlock()
			_, err := fresh.Run(d.ctx)
			d.mu.Lock()
			if err != nil {
				t.Error(err)
			}
			if err := d.timers.Timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: hello, Name: boot.TimerWatch, Due: d.now}); err != nil {
				t.Error(err)
			}
		}
		return nil, nil
	}
	old.Version = "1"
	_, err := old.Run(d.ctx)
	d.must(err)
	d.interrupt = nil
	if _, ok := d.timer(hello, boot.TimerWatch); ok || !nested {
		t.Fatal("the old manifest was to let the mailbox go")
	}
	d.advance(time.Minute)
	_, err = fresh.Run(d.ctx)
	d.must(err)
	if _, ok := d.timer(hello, boot.TimerWatch); !ok {
		t.Error("the mailbox is not taken up again")
	}
	d.watch(hello)
}
