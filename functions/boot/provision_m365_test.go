package boot_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// slow is a tenant as slow as real ones are.
var slow = exchangesim.Delays{Recipient: 3 * time.Minute, Setting: 20 * time.Second, Permission: 2 * time.Minute, Scope: 40 * time.Minute}

// Whatever is and whatever is wished: applied, the plan is empty, the tenant is as wished, and at no moment did anybody hold
// more than before or than the wish gives them.
func TestMicrosoft365BecomesWhatIsWished(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newContoso(t, rapid.SampledFrom([]exchangesim.Delays{{}, slow}).Draw(t, "delays"))
		c.Graph.RefuseUnknown = rapid.Bool().Draw(t, "refusals come first")
		first := drawWish(t, "first", nil)
		second := drawWish(t, "second", first)
		for _, want := range [][]provision.Mailbox{first, second} {
			c.byHand(t, want)
			c.bring(want)
			c.check(want)
		}
	})
}

// Without leave to remove, nothing is taken from anybody, and nobody who holds too much is given more.
func TestMicrosoft365HoldsRemovalsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newContoso(t, exchangesim.Delays{})
		first := drawWish(t, "first", nil)
		second := drawWish(t, "second", first)
		c.bring(first)
		before := c.rights
		p := c.plan(second, false)
		_, err := c.apply(second, p)
		c.must(err)
		for mailbox, of := range before {
			for who, rights := range of {
				for _, r := range rights {
					if !slices.Contains(c.rights[mailbox][who], r) {
						t.Errorf("%s has lost %s in %s", who, r, mailbox)
					}
				}
			}
		}
		c.bring(second)
		c.check(second)
	})
}

// An apply that dies with any of its requests, whether that one still has its effect or not, is gone on with by the same
// plan, and the end is the same.
func TestMicrosoft365ApplyDiesAnywhere(t *testing.T) {
	t.Parallel()
	first, second := twoWishes()
	for _, delays := range []exchangesim.Delays{{}, slow} {
		start := func() (*contoso, provision.Plan) {
			c := newContoso(t, delays)
			c.Graph.RefuseUnknown = delays == slow
			c.bring(first)
			c.clock.Advance(3 * time.Hour)
			return c, c.plan(second, true)
		}
		c, p := start()
		begun := c.trips
		if report, err := c.apply(second, p); err != nil || !report.Complete() {
			t.Fatalf("undisturbed: %v, %+v", err, report)
		}
		requests := c.trips - begun
		t.Logf("%d requests", requests)
		for at := 1; at <= requests; at++ {
			for _, lost := range []bool{false, true} {
				if delays == slow && lost == (at%2 == 0) { // there are many, most of them readings: one of both will do
					continue
				}
				c, p := start()
				c.deadAt, c.lost = c.trips+at, lost
				if _, err := c.apply(second, p); err == nil {
					t.Fatalf("request %d: the apply did not notice that it died", at)
				}
				c.deadAt = 0
				c.clock.Advance(time.Hour) // the dead one's lock ends
				if report, err := c.apply(second, p); err != nil || !report.Complete() {
					t.Errorf("request %d of %d, lost %v: the same plan goes on with %v\n%+v", at, requests, lost, err, unfinished(report))
				}
				if p := c.plan(second, true); !p.Empty() {
					t.Errorf("request %d of %d, lost %v: left%s", at, requests, lost, describe(p))
				}
				c.check(second)
			}
		}
	}
}

func unfinished(r provision.Report) string {
	out := r.Stopped
	for _, e := range r.Ended {
		if e.Outcome != provision.Shown && e.Outcome != provision.WasSo {
			out += fmt.Sprintf("\n%s of %s: %s: %s", e.Step.What, e.Step.Mailbox, e.Outcome, e.Says)
		}
	}
	return out
}

// While one apply is at work another one is told who it is; when it has been silent for so long that its lock has ended, and
// another one has done it all, it corrupts nothing when it wakes up.
func TestMicrosoft365TwoAppliesAtOnce(t *testing.T) {
	t.Parallel()
	first, second := twoWishes()
	start := func() (*contoso, provision.Plan) {
		c := newContoso(t, exchangesim.Delays{})
		c.bring(first)
		return c, c.plan(second, true)
	}
	c, p := start()
	begun := c.trips
	_, err := c.apply(second, p)
	c.must(err)
	requests := c.trips - begun
	for _, asleep := range []bool{false, true} {
		for at := 1; at <= requests; at++ {
			c, p := start()
			c.meddle[c.trips+at] = func() {
				if asleep {
					c.clock.Advance(time.Hour)
				}
				report, err := c.apply(second, p)
				var locked *provision.Locked
				switch {
				case asleep && (err != nil || !report.Complete()):
					t.Errorf("request %d: the second one after the first one's time: %v %s", at, err, unfinished(report))
				case !asleep && (!errors.As(err, &locked) || locked.Holder == ""):
					t.Errorf("request %d: the second one beside the first one: %v", at, err)
				}
			}
			_, err := c.apply(second, p)
			var locked *provision.Locked
			if err != nil && !(asleep && (errors.As(err, &locked) || errors.Is(err, provision.ErrStale) || errors.Is(err, provision.ErrLapsed))) {
				t.Errorf("request %d: the first one: %v", at, err)
			}
			if p := c.plan(second, true); !p.Empty() {
				t.Errorf("request %d, asleep %v: left%s", at, asleep, describe(p))
			}
			c.check(second)
		}
	}
}

// A plan that is not what would be planned now is refused, and nothing is changed by it.
func TestMicrosoft365RefusesAStalePlan(t *testing.T) {
	t.Parallel()
	first, second := twoWishes()
	for name, meanwhile := range map[string]func(c *contoso) error{
		"a right that no file knows of": func(c *contoso) error { return c.Exchange.Grant("x@contoso.com", "dan@contoso.com", "SendAs") },
		"another name than the one to be changed": func(c *contoso) error {
			return c.Exchange.Run("Set-Mailbox", map[string]any{"Identity": "x@contoso.com", "DisplayName": "Somebody's"})
		},
	} {
		c := newContoso(t, exchangesim.Delays{})
		c.bring(first)
		p := c.plan(second, true)
		c.must(meanwhile(c))
		before := c.Exchange.Cmdlets()
		_, err := c.apply(second, p)
		if !errors.Is(err, provision.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
		for cmdlet, n := range c.Exchange.Cmdlets() {
			if !strings.HasPrefix(cmdlet, "Get-") && n != before[cmdlet] {
				t.Errorf("%s: %s was run", name, cmdlet)
			}
		}
	}
}

// Throttled, out of order, with connections that break before an answer or after an effect: what an apply does not get done is
// left for the next one, and nobody is given too much meanwhile.
func TestMicrosoft365ThroughFaults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newContoso(t, rapid.SampledFrom([]exchangesim.Delays{{}, slow}).Draw(t, "delays"))
		first := drawWish(t, "first", nil)
		second := drawWish(t, "second", first)
		seed := rapid.Uint64().Draw(t, "seed")
		for i, want := range [][]provision.Mailbox{first, second} {
			for j, dial := range []*fault.Dial{c.ExchangeDial, c.GraphDial} {
				dial.Rand = rand.New(rand.NewPCG(seed, uint64(i*2+j)))
				for _, kind := range []fault.Kind{fault.Throttle, fault.ThrottleBare, fault.InnerThrottle, fault.Unavailable, fault.Reset, fault.Lost} {
					dial.Add(fault.Rule{Kind: kind, Rate: 0.04, RetryAfter: 7 * time.Second})
				}
			}
			for range 3 { // what comes of it may be anything but too much
				p, err := c.estate(want).Plan(context.Background(), want, provision.Options{Made: c.clock.Now(), AllowRemove: true})
				if err == nil {
					_, _ = c.apply(want, p)
				}
				c.clock.Advance(time.Hour)
			}
			c.ExchangeDial.Clear()
			c.GraphDial.Clear()
			c.bring(want)
			c.check(want)
		}
	})
}

// Once a plan is applied and its time has passed, doctor finds that the app reaches what is declared and nothing else.
func TestMicrosoft365DoctorAfterApply(t *testing.T) {
	t.Parallel()
	c := newContoso(t, slow)
	c.must(c.Graph.AddMailbox(graphsim.Mailbox{Address: undeclared, Purpose: "user"}))
	_, want := twoWishes()
	examine := func() map[string]provision.Verdict {
		client, err := msgraph.NewClient(msgraph.Options{BaseURL: c.Simulators().GraphURL, Transport: c.GraphTrips, Now: c.clock.Now})
		c.must(err)
		out := map[string]provision.Verdict{}
		for _, f := range (&msgraph.Examination{Client: client, Control: undeclared}).Examine(context.Background(), want) {
			out[strings.TrimSpace(f.Check+" "+string(f.Mailbox))] = f.Verdict
		}
		return out
	}
	if got := examine(); got["graph-reach x@contoso.com"] != provision.Bad || got["graph-control "+undeclared] != provision.Skipped {
		t.Errorf("before: %v", got)
	}
	c.bring(want)
	got := examine()
	for check, verdict := range got {
		if !strings.HasPrefix(check, "graph-subscription") && !strings.HasPrefix(check, "graph-token") && check != "graph-consent" && verdict != provision.Good {
			t.Errorf("%s is %s", check, verdict)
		}
	}
	if len(got) < 8 {
		t.Errorf("after: %v", got)
	}
	c.must(c.Exchange.Run("Set-Mailbox", map[string]any{"Identity": undeclared, "CustomAttribute15": "Postroom"}))
	c.clock.Advance(time.Hour)
	if got := examine(); got["graph-control "+undeclared] != provision.Bad {
		t.Errorf("marked by hand: %v", got)
	}
}

// Reading what there is takes less than one request a mailbox, and a plan for 500 mailboxes with 3,000 people is made in well
// under two seconds.
func TestMicrosoft365ReadsInBatches(t *testing.T) {
	t.Parallel()
	c, want := crowd(t, 40, 240)
	c.bring(want)
	before, graph := c.trips, c.Graph.Stats().RoundTrips
	have, err := c.estate(want).Read(context.Background(), want, nil)
	c.must(err)
	if took := c.trips - before; took > 40*6/10 {
		t.Errorf("%d requests to read 40 mailboxes", took)
	}
	if took := c.Graph.Stats().RoundTrips - graph; took != 2 {
		t.Errorf("%d round trips to Graph for 40 mailboxes", took)
	}
	if p := provision.Make(want, have, provision.Options{}); !p.Empty() {
		t.Errorf("left%s", describe(p))
	}
}

func TestMicrosoft365PlansManyMailboxes(t *testing.T) {
	t.Parallel()
	c, want := crowd(t, 500, 3000)
	have, err := c.estate(want).Read(context.Background(), want, nil)
	c.must(err)
	p := provision.Make(want, have, provision.Options{Made: c.clock.Now()}) // how long it takes is a figure: provision.plan_ms
	if len(p.Steps) < 500*20 {
		t.Errorf("%d steps", len(p.Steps))
	}
}
