package boot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

// TestRenewalsAreSpread: 10,000 watches are made in one minute, and renewed over a day, well before they end. What was renewed
// stays spread.
func TestRenewalsAreSpread(t *testing.T) {
	t.Parallel()
	const n, life = 10_000, 7*24*time.Hour - time.Hour
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	ctx := t.Context()
	r := boot.Renewals{Watches: &memory.Watches{}, Timers: &memory.Timers{}, Now: func() time.Time { return now }}
	due := map[inbox.MailboxID]time.Time{}
	for i := range n {
		id := inbox.MailboxID(fmt.Sprintf("team%d@contoso.com", i))
		due[id] = now.Add(time.Duration(i) * time.Minute / n)
	}
	for round := range 3 {
		var moments []time.Time
		for id, at := range due {
			now = at
			if err := r.SaveWatch(ctx, pipeline.Watch{ID: "of " + string(id), Mailbox: id, Expires: now.Add(life)}); err != nil {
				t.Fatal(err)
			}
			timer, ok, err := r.Timers.Timer(ctx, id, boot.TimerWatch)
			if err != nil || !ok {
				t.Fatalf("the timer of %s: %v %v", id, ok, err)
			}
			if left := at.Add(life).Sub(timer.Due); left < 84*time.Hour || left > 108*time.Hour {
				t.Fatalf("%s is renewed %s before its watch ends", id, left)
			}
			due[id] = timer.Due
			moments = append(moments, timer.Due)
		}
		slices.SortFunc(moments, time.Time.Compare)
		if span := moments[n-1].Sub(moments[0]); span < 20*time.Hour {
			t.Errorf("round %d: all are renewed within %s", round, span)
		}
		most, first := 0, 0
		for i, at := range moments {
			for at.Sub(moments[first]) >= time.Minute {
				first++
			}
			most = max(most, i-first+1)
		}
		if most > 30 { // 10,000 over 1,440 minutes are 7 a minute
			t.Errorf("round %d: %d are renewed within one minute", round, most)
		}
	}
}

func TestRenewalsFollowTheLifecycle(t *testing.T) {
	t.Parallel()
	for event, same := range map[string]bool{"reauthorizationRequired": true, "subscriptionRemoved": false} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, twoMailboxes)
			d.settle()
			d.advance(time.Hour)
			before := d.watch(support)
			d.must(d.Graph.Lifecycle("", event))
			d.deliver()
			if timer, ok := d.timer(support, boot.TimerWatch); !ok || timer.Due.After(d.now) {
				t.Fatalf("the timer is %v %v, want it due now", timer, ok)
			}
			d.hinted()
			d.run()
			w := d.watch(support)
			if (w.ID == before.ID) != same || w.ID != d.subscribed().ID || !w.Expires.After(before.Expires) {
				t.Errorf("the watch was %v and is %v; Graph has %v", before, w, d.subscribed())
			}
			if len(d.hinted()[support]) == 0 {
				t.Error("nobody reads what happened while no notifications came")
			}
			if timer, _ := d.timer(support, boot.TimerWatch); timer.Due.Before(d.now.Add(48 * time.Hour)) {
				t.Errorf("the timer is %v", timer)
			}
			if !d.notified(support) {
				t.Error("mail raises no hint")
			}
		})
	}
}

// well fails the test unless notifications of every mailbox come, its one watch is the provider's, and it will be renewed in
// time.
func (d *deployed) well() {
	d.Helper()
	if w, sub := d.watch(support), d.subscribed(); w.ID != sub.ID {
		d.Fatalf("kept is %v, and Graph has %v", w, sub)
	}
	for _, id := range d.mailboxes.IDs() {
		timer, ok := d.timer(id, boot.TimerWatch)
		if end := d.watch(id).Expires; !ok || timer.Due.After(end.Add(-84*time.Hour)) {
			d.Fatalf("the watch of %s ends at %v and its timer is %v %v", id, end, timer, ok)
		}
		if !d.notified(id) {
			d.Fatalf("mail at %s raises no hint", id)
		}
	}
}

// failFrom makes every call of the store and the queue fail from the nth on, as for a process that is killed there. The nth
// itself takes effect when effect is set.
func failFrom(n int, effect bool) (interrupt func(string) (error, error), reached *bool) {
	killed := errors.New("killed")
	reached = new(bool)
	calls := 0
	return func(string) (before, after error) {
		calls++
		switch {
		case calls < n:
			return nil, nil
		case calls == n && effect:
			*reached = true
			return nil, killed
		}
		*reached = true
		return killed, nil
	}, reached
}

// killedAnywhere tries a death at each call, without and with that call's effect, until there is no such call. Fewer calls than
// least fail the test, for then little was tried.
func killedAnywhere(t *testing.T, least int, try func(n int, effect bool) (died bool)) {
	t.Helper()
	deaths := 0
	for n := 1; ; n++ {
		without, with := try(n, false), try(n, true)
		if !without && !with {
			break
		}
		deaths++
	}
	if deaths < least {
		t.Errorf("only %d calls to be killed at", deaths)
	}
}

// TestTickKilledAnywhere kills a run at each of its calls, with and without the effect of the last. The secret of a subscription
// may be lost, a timer or a watch may not be written. Runs that follow put it right.
func TestTickKilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*deployed){
		"new": func(*deployed) {},
		"to renew": func(d *deployed) {
			d.settle()
			d.advance(100 * time.Hour)
		},
		"lapsed": func(d *deployed) {
			d.settle()
			d.advance(200 * time.Hour)
		},
		"reauthorization required": func(d *deployed) {
			d.settle()
			d.must(d.Graph.Lifecycle("", "reauthorizationRequired"))
			d.deliver()
		},
		"removed": func(d *deployed) {
			d.settle()
			d.must(d.Graph.Lifecycle("", "subscriptionRemoved"))
			d.deliver()
		},
		"moved": func(d *deployed) {
			d.settle()
			d.minute.URL, d.minute.Topic = siteURL+":443", topic+"2"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killedAnywhere(t, 5, func(n int, effect bool) (died bool) {
				d := deploy(t, twoMailboxes)
				prepare(d)
				d.hinted()
				interrupt, reached := failFrom(n, effect)
				d.interrupt = interrupt
				_, err := d.minute.Run(d.ctx)
				d.interrupt = nil
				if *reached && err == nil {
					t.Errorf("killed at call %d, and nobody is told", n)
				}
				d.after(time.Minute)
				d.after(time.Minute)
				hinted := d.hinted()
				if name != "to renew" && len(hinted[support]) == 0 {
					t.Errorf("killed at call %d: what came in while %s was not watched is not read", n, support)
				}
				d.well()
				return *reached
			})
		})
	}
}

// TestHookKilledAnywhere kills the hook at each of its calls while it writes down a lifecycle event, with and without a tick
// before Graph sends the event again.
func TestHookKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"reauthorizationRequired", "subscriptionRemoved"} {
		for _, between := range []bool{false, true} {
			t.Run(fmt.Sprint(event, " tick between: ", between), func(t *testing.T) {
				t.Parallel()
				killedAnywhere(t, 3, func(n int, effect bool) (died bool) {
					d := deploy(t, twoMailboxes)
					d.settle()
					d.must(d.Graph.Lifecycle("", event))
					interrupt, reached := failFrom(n, effect)
					d.interrupt = interrupt
					d.deliver()
					d.interrupt = nil
					if between {
						d.after(time.Minute)
					}
					d.deliver()
					d.after(time.Minute)
					d.well()
					return *reached
				})
			})
		}
	}
}

// interrupted runs a minute and lets something else happen at its nth call of the store and the queue. It is false when there
// are fewer calls.
func (d *deployed) interrupted(n int, other func()) (happened bool) {
	d.Helper()
	calls := 0
	d.interrupt = func(string) (error, error) {
		if calls++; calls == n {
			happened = true
			d.interrupt = nil
			d.mu.Unlock()
			defer d.mu.Lock()
			other()
		}
		return nil, nil
	}
	d.run()
	d.interrupt = nil
	return happened
}

// TestLifecycleDuringARenewal lets a lifecycle event come in at each call of a run that renews the same subscription.
func TestLifecycleDuringARenewal(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"reauthorizationRequired", "subscriptionRemoved"} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			moments := 0
			for n := 1; ; n++ {
				d := deploy(t, twoMailboxes)
				d.settle()
				d.advance(100 * time.Hour)
				if !d.interrupted(n, func() {
					d.must(d.Graph.Lifecycle("", event))
					d.deliver()
				}) {
					break
				}
				moments++
				for range 3 {
					d.after(time.Minute)
				}
				d.well()
			}
			if moments < 5 {
				t.Errorf("only %d moments", moments)
			}
		})
	}
}

// TestTickOverlaps: two runs work the same watches at once.
func TestTickOverlaps(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"new": 0, "to renew": 100 * time.Hour, "lapsed": 200 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				d := deploy(t, twoMailboxes)
				if wait > 0 {
					d.settle()
					d.advance(wait)
				}
				if !d.interrupted(n, func() {
					if _, err := d.minute.Run(context.Background()); err != nil {
						t.Error(err)
					}
				}) {
					break
				}
				for _, id := range d.mailboxes.IDs() {
					if !d.notified(id) {
						t.Fatalf("overlapped at call %d: mail at %s raises no hint", n, id)
					}
				}
				for range 2 { // of two subscriptions that were made one is dead, and it is found out
					d.after(time.Minute)
				}
				d.well()
			}
		})
	}
}
