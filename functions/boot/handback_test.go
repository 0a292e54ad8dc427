package boot_test

import (
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
)

// TestSyncKeepsAThrottledHintFromTheDeadLetters: a provider that names a few seconds each time would have a hint received
// twenty times within minutes.
func TestSyncKeepsAThrottledHintFromTheDeadLetters(t *testing.T) {
	consume(t, twoMailboxes, func(l *consumer) {
		total := time.Duration(0)
		for nth := 1; nth <= 20; nth++ {
			l.GraphDial.Clear()
			l.GraphDial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 3 * time.Second})
			l.handle(received("1", support, "graph", 0, nth))
			after := l.queue.delays["1"]
			if nth <= 10 && after != 3*time.Second || after < 3*time.Second {
				t.Errorf("the %dth time it comes again after %s", nth, after)
			}
			total += after
		}
		if total < 45*time.Minute {
			t.Errorf("it is a dead letter after %s", total)
		}
		l.GraphDial.Clear()
		l.GraphDial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: time.Hour})
		l.want(l.handle(received("1", support, "graph", 0, 20)), map[string]time.Duration{"1": time.Hour})
	})
}

// TestSyncWithoutALookWaits: while the newest manifest cannot be looked up, hints of a mailbox that may be in it do not come
// again at once, twenty times within a second.
func TestSyncWithoutALookWaits(t *testing.T) {
	const more = "more@contoso.com"
	consume(t, twoMailboxes, func(l *consumer) {
		l.want(l.handle(received("0", support, "sweep", 0, 1)), nil)
		l.library.shelf.err = errors.New("S3 answers 503")
		time.Sleep(2 * time.Minute)
		l.want(l.handle(received("1", more, "new", 0, 1)), map[string]time.Duration{"1": time.Second})
		l.want(l.handle(received("1", more, "new", 0, 9)), map[string]time.Duration{"1": 256 * time.Second})
	})
	consume(t, twoMailboxes, func(l *consumer) { // in a new process, which goes by what was recorded
		l.want(l.handle(received("0", support, "sweep", 0, 1)), nil)
		l.Manifests = l.library.process()
		l.Manifests.Now = time.Now
		l.library.shelf.err = errors.New("S3 answers 503")
		l.want(l.handle(received("1", more, "new", 0, 3)), map[string]time.Duration{"1": 4 * time.Second})
	})
}

// TestSyncHasTheWatchOfALeftMailboxEnded: a hint of a mailbox that has left says that it is watched still.
func TestSyncHasTheWatchOfALeftMailboxEnded(t *testing.T) {
	const left = inbox.MailboxID("left@contoso.com")
	consume(t, twoMailboxes, func(l *consumer) {
		due := func() time.Duration {
			timer, ok, err := l.timers.Timer(t.Context(), left, boot.TimerWatch)
			if err != nil || !ok {
				t.Fatalf("no timer: %v", err)
			}
			return time.Until(timer.Due)
		}
		set := func(in time.Duration) {
			if err := l.timers.SetTimer(t.Context(), pipeline.Timer{Mailbox: left, Name: boot.TimerWatch, Due: time.Now().Add(in)}); err != nil {
				t.Fatal(err)
			}
		}
		set(60 * time.Hour)
		l.want(l.handle(received("1", left, "graph", time.Second, 1)), nil)
		if d := due(); d > 0 {
			t.Errorf("its watch is looked at in %s", d)
		}
		set(40 * time.Minute) // tick could not end it just now, and tries again in an hour
		l.want(l.handle(received("2", left, "graph", time.Second, 1)), nil)
		if d := due(); d < 39*time.Minute {
			t.Errorf("the pause is cut short to %s", d)
		}
		if n := len(l.lines("hint dropped", string(left))); n != 2 {
			t.Errorf("%d lines in the log: %s", n, l.out)
		}
	})
	consume(t, twoMailboxes, func(l *consumer) { // a watch of which no timer is left
		l.want(l.handle(received("1", left, "graph", time.Second, 1)), nil)
		if _, ok, err := l.timers.Timer(t.Context(), left, boot.TimerWatch); err != nil || !ok {
			t.Errorf("no timer is set: %v", err)
		}
	})
}
