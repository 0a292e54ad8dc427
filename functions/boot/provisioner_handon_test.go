package boot_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

// throttled lets the function not invoke itself the next n times.
func (b *branch) throttled(n int) {
	again := b.Again
	b.Again = func(ctx context.Context, event []byte) error {
		if n--; n >= 0 {
			return errors.New("TooManyRequestsException: Rate Exceeded")
		}
		return again(ctx, event)
	}
}

// insist delivers an event as Lambda does: a failure twice more, with the same request id.
func (b *branch) insist(event, id string) {
	b.Helper()
	var err error
	for range 3 {
		b.cut = b.now.Add(15 * time.Minute)
		if _, err = b.deliver(event, id); err == nil {
			return
		}
		b.now = b.now.Add(time.Minute)
	}
	b.Fatalf("%s: %v", event, err)
}

// When the function cannot invoke itself for a moment, Lambda's next try of the event goes on; else CloudFormation would wait in vain.
func TestHandingOnSurvivesAThrottledInvoke(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.world.Exchange.Delays.Recipient = 35 * time.Minute
	b.Patience = 50 * time.Minute
	b.insist(request("Create", "c1", "", jobs(nil)), "r1")
	for leg := 1; len(b.again) > 0; leg++ {
		event := string(b.again[0])
		b.again = nil
		if leg == 1 {
			b.throttled(1)
		}
		if leg > 5 {
			t.Fatal("it never ends")
		}
		b.insist(event, "leg"+event)
	}
	if a := b.answer("c1"); a.Status != "SUCCESS" || b.puts != 1 {
		t.Errorf("%d answers, %+v\n%s", b.puts, a, b.logged())
	}
}

// A look for drift of several invocations is not lost when the first cannot hand on at once.
func TestReportSurvivesAThrottledInvoke(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.shelf.put(large(60))
	b.equip()
	if err := b.world.Exchange.Grant("team57@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil {
			e.Admins[0] = tardy{e.Admins[0], func() { _ = b.wait(context.Background(), 4*time.Minute) }}
		}
		return e, err
	}
	b.throttled(1)
	b.insist(`{"do": "report"}`, "r1")
	b.goOn()
	if len(b.told) != 1 {
		t.Errorf("told %d times\n%s", len(b.told), b.logged())
	}
}

// An apply that never comes to its end says so.
func TestEndlessApplyEnds(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.world.Exchange.Delays.Recipient = 1000 * time.Hour
	b.Patience = 1000 * time.Hour
	var planned boot.Planned
	b.ask(`{"do": "plan"}`, &planned)
	b.cut = b.now.Add(15 * time.Minute)
	var first, status boot.Applied
	b.ask(`{"do": "apply", "plan": "`+planned.Digest+`"}`, &first)
	for n := 0; len(b.again) > 0; n++ {
		if n > 30 {
			t.Fatal("it goes on and on")
		}
		event := string(b.again[0])
		b.again, b.cut = nil, b.now.Add(15*time.Minute)
		_, _ = b.handle(event)
	}
	b.ask(`{"do": "status", "task": "`+first.Task+`"}`, &status)
	if !status.Ended || status.Complete || status.Failed == "" {
		t.Errorf("after %s: %+v", b.now, status)
	}
}

// Whatever is waited for, nobody waits longer than CloudFormation does: its ServiceTimeout may be less than an hour.
func TestResourceGivesUpWithinItsServiceTimeout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout any
		passed  time.Duration // since the request came
		left    time.Duration // at most, and at least two thirds of it
	}{
		"an hour unless it is said":   {nil, 50 * time.Minute, 8 * time.Minute},
		"as a text":                   {"600", 0, 10 * time.Minute},
		"as a number":                 {600.0, 0, 10 * time.Minute},
		"not a number":                {"soon", 50 * time.Minute, 8 * time.Minute},
		"in a later invocation":       {"1800", 15 * time.Minute, 14 * time.Minute},
		"more than an hour is not so": {"7200", 50 * time.Minute, 8 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBranch(t)
			b.equip()
			keys := jobs(nil)
			if c.timeout != nil {
				keys["ServiceTimeout"] = c.timeout
			}
			b.Locks = alwaysLocked{}
			waited := b.Wait
			var left time.Duration
			b.Wait = func(ctx context.Context, d time.Duration) error {
				if end, ok := ctx.Deadline(); ok {
					left = time.Until(end)
				}
				return waited(ctx, d)
			}
			b.cut = b.now
			if _, err := b.handle(request("Create", "c1", "", keys)); err != nil {
				t.Fatal(err)
			}
			if c.passed > 0 {
				b.now = b.now.Add(c.passed)
				b.cut = b.now
				if _, err := b.handle(string(b.again[0])); err != nil {
					t.Fatal(err)
				}
			}
			if left > c.left || left < c.left*2/3 {
				t.Errorf("it would go on for %s, and CloudFormation waits %s more", left, c.left)
			}
		})
	}
}

// alwaysLocked is in other hands.
type alwaysLocked struct{}

func (alwaysLocked) Lock(_ context.Context, _ string, now, _ time.Time) error {
	return &provision.Locked{Holder: "somebody", Until: now.Add(time.Hour)}
}
func (alwaysLocked) Unlock(context.Context, string) error { return nil }
