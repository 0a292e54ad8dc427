package boot_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
)

// TestFunctionsTellTimeByTheCalendar: between two events a process is frozen, and its monotonic clock may stand still
// meanwhile. What is to be kept for a minute would be kept for a day.
func TestFunctionsTellTimeByTheCalendar(t *testing.T) {
	t.Parallel()
	f, err := boot.NewFunction("console", func(string) string { return "" }, io.Discard, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, now := range map[string]time.Time{"the function": f.Now(), "its metrics": f.Metrics.Now()} {
		if strings.Contains(now.String(), " m=") {
			t.Errorf("%s goes by the monotonic clock: %s", name, now)
		}
	}
}

// TestEveryLineOfATickNamesItsInvocation, so that all of them can be found by one.
func TestEveryLineOfATickNamesItsInvocation(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	var log journal
	d.minute.Log = boot.Logger(&log, "tick", slog.LevelDebug)
	d.GraphDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "/subscriptions"})
	d.GmailDial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: time.Minute})
	d.must(d.records.SaveRecord(d.ctx, "tick", []byte("rubbish"), 0))
	d.must(d.timers.SetTimer(d.ctx, pipeline.Timer{Mailbox: support, Name: "of a later version", Due: d.now}))
	ctx := lambdacontext.NewContext(d.ctx, &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	_, err := d.minute.Run(ctx)
	d.must(err)
	if n := len(log.lines()); n < 5 {
		t.Errorf("%d lines: %s", n, log.lines())
	}
	for _, line := range log.lines() {
		if strings.Count(line, `"request":"8476a536"`) != 1 {
			t.Errorf("a line does not name its invocation: %s", line)
		}
	}
}

// TestTickThatFailsOftenSaysSoShortly: with a table that refuses, each mailbox is an error. CloudWatch cuts a line of more
// than 256 KB, and nobody reads it.
func TestTickThatFailsOftenSaysSoShortly(t *testing.T) {
	t.Parallel()
	d := deploy(t, severalMailboxes(200))
	d.run()
	d.advance(100 * time.Hour) // every watch is to be renewed
	d.interrupt = func(op string) (before, after error) {
		if op == "WatchesOf" {
			return errors.New(strings.Repeat("refused ", 20)), nil
		}
		return nil, nil
	}
	_, err := d.minute.Run(d.ctx)
	if err == nil || len(err.Error()) > 4096 || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("the error: %v", err)
	}
	if !strings.Contains(err.Error(), "more") {
		t.Errorf("it does not say that there are more: %v", err)
	}
}

// endsAt is a context that is going to end, by the clock of a test.
type endsAt struct {
	context.Context
	at time.Time
}

func (c endsAt) Deadline() (time.Time, bool) { return c.at, true }

// TestTickLeavesTimeToWriteDownWhatItDid: when looking for the manifest has taken most of the function's time, no request is
// begun that Lambda would cut off.
func TestTickLeavesTimeToWriteDownWhatItDid(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoMailboxes)
	r, err := d.minute.Run(endsAt{d.ctx, d.now.Add(55 * time.Second)})
	d.must(err)
	if r.Created != 2 || r.Waiting != 0 {
		t.Fatalf("with all its time: %+v", r)
	}
	d = deploy(t, twoMailboxes)
	r, err = d.minute.Run(endsAt{d.ctx, d.now.Add(15 * time.Second)})
	d.must(err)
	if r.Created != 0 || r.Waiting != 2 || r.Swept != 2 {
		t.Errorf("with hardly any: %+v", r)
	}
	if r := d.after(time.Minute); r.Created != 2 {
		t.Errorf("in the next minute: %+v", r)
	}
}
