package boot_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

const (
	contosoApp    = "6731de76-14a6-49ae-97bc-6eba6914391e"
	contosoObject = "9d3a0c1e-57f2-4f0c-8a55-0b6d2f4a7c11"
	undeclared    = "ceo@contoso.com" // a mailbox that no wish has
)

// contoso is a tenant of Microsoft 365, Exchange and Graph tied together, with one that applies plans to it. Time goes on
// with every request and every wait. It watches that nobody is ever given anything while they hold what the wish does not
// give them.
type contoso struct {
	rapid.TB
	*boot.Simulation
	journal *memory.Journal
	locks   *memory.Locks
	clock   *clock.Clock

	mu       sync.Mutex
	trips    int            // requests so far
	meddle   map[int]func() // before the request of that number
	deadAt   int            // no request but this one's effect gets through from here on; 0: none dies
	lost     bool           // the request at deadAt has its effect
	cancel   context.CancelFunc
	runs     int
	wish     []provision.Mailbox
	rights   map[string]map[string][]string // by mailbox and person, as they are now
	original map[string]map[string][]string // the same, when the apply began; nil while nothing is applied
	opened   map[string]bool                // by mailbox and person: an administrator gave FullAccess, so nobody knows its mapping
}

var errDead = errors.New("the process has died")

// newContoso has people and a mailbox that is none of ours. Changes show as late as delays says.
func newContoso(t rapid.TB, delays exchangesim.Delays) *contoso {
	c := &contoso{
		TB: t, journal: &memory.Journal{}, locks: &memory.Locks{}, clock: clock.At(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)),
		rights: map[string]map[string][]string{}, meddle: map[int]func(){}, opened: map[string]bool{},
	}
	dies := func(string) (error, error) {
		if c.dead() {
			return errDead, nil
		}
		return nil, nil
	}
	c.journal.Fail, c.locks.Fail = dies, dies
	c.Simulation = boot.SimulateTenants(boot.SimulationOptions{Now: c.clock.Now, Sleep: c.clock.Advance})
	c.Exchange.Delays = delays
	c.Graph.Reach = c.Exchange.Reaches
	c.Exchange.OnAccess = c.watch
	for _, who := range people {
		c.must(c.Exchange.AddUser(exchangesim.Recipient{Address: who}))
	}
	c.must(c.Exchange.AddMailbox(exchangesim.Recipient{Address: undeclared}))
	return c
}

func (c *contoso) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *contoso) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadAt > 0 && c.trips >= c.deadAt
}

// carry counts requests, lets time pass with each, and dies at the one it is told to.
func (c *contoso) carry(next http.RoundTripper) http.RoundTripper {
	return wire(func(r *http.Request) (*http.Response, error) {
		c.mu.Lock()
		if c.deadAt > 0 && c.trips >= c.deadAt {
			c.mu.Unlock()
			return nil, errDead
		}
		c.trips++
		c.clock.Advance(300 * time.Millisecond)
		dies, meddle := c.trips == c.deadAt, c.meddle[c.trips]
		c.mu.Unlock()
		if meddle != nil {
			meddle()
		}
		if dies {
			c.cancel()
			if c.lost {
				if answer, err := next.RoundTrip(r); err == nil {
					answer.Body.Close()
				}
			}
			return nil, errDead
		}
		return next.RoundTrip(r)
	})
}

// estate is what a process has of the tenant: made anew for each, so that nothing is remembered by accident.
func (c *contoso) estate(want []provision.Mailbox) *provision.Estate {
	c.Helper()
	to := c.Simulators()
	to.GraphTransport, to.ExchangeTransport = c.carry(to.GraphTransport), c.carry(to.ExchangeTransport)
	ways, err := to.Administrations(boot.AdministrationOptions{Want: want, Now: c.clock.Now, Wait: c.clock.Wait})
	c.must(err)
	e := ways.Estate()
	return &e
}

func (c *contoso) plan(want []provision.Mailbox, remove bool) provision.Plan {
	c.Helper()
	p, err := c.estate(want).Plan(context.Background(), want, provision.Options{Made: c.clock.Now(), AllowRemove: remove})
	c.must(err)
	return p
}

// apply applies a plan as a process of its own.
func (c *contoso) apply(want []provision.Mailbox, p provision.Plan) (provision.Report, error) {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.mu.Lock()
	c.runs++
	outer := c.original // of an apply that this one runs beside
	c.cancel, c.wish, c.original = cancel, want, map[string]map[string][]string{}
	for mailbox, of := range c.rights {
		c.original[mailbox] = maps.Clone(of)
	}
	holder := fmt.Sprint("run ", c.runs)
	c.mu.Unlock()
	run := &provision.Run{
		Estate: c.estate(want), Journal: c.journal, Locks: c.locks, Holder: holder, By: "anna", Now: c.clock.Now, Wait: c.clock.Wait,
		Patience: 4 * time.Hour,
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.original = outer
	}()
	return run.Apply(ctx, want, p)
}

// bring plans and applies until nothing is left to be done. What could not be read because the app did not reach it takes a
// second plan.
func (c *contoso) bring(want []provision.Mailbox) {
	c.Helper()
	for range 3 {
		p := c.plan(want, true)
		if p.Empty() {
			return
		}
		report, err := c.apply(want, p)
		c.must(err)
		for _, e := range report.Ended {
			if e.Outcome != provision.Shown && e.Outcome != provision.WasSo {
				c.Errorf("%s of %s: %s %s", e.Step.What, e.Step.Mailbox, e.Outcome, e.Says)
			}
		}
		c.clock.Advance(3 * time.Hour)
	}
	p := c.plan(want, true)
	c.Fatalf("the plan does not become empty: %s", describe(p))
}

func describe(p provision.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "\n%s %s %s %q: %q to %q", s.Verb, s.Mailbox, s.Fact.Aspect, s.Fact.Subject, s.Before, s.After)
	}
	for _, h := range p.Held {
		fmt.Fprintf(&b, "\nheld: %s %s %s %q: %s", h.Step.Verb, h.Step.Mailbox, h.Step.Fact.Aspect, h.Step.Fact.Subject, h.Why)
	}
	for _, u := range p.Unread {
		fmt.Fprintf(&b, "\nunread: %s %s: %s", u.Mailbox, u.Aspect, u.Why)
	}
	return b.String()
}

// byHand has an administrator give rights that no file knows of, in mailboxes that are there and declared, and make categories
// there that a wish may want in another letter case.
func (c *contoso) byHand(t *rapid.T, want []provision.Mailbox) {
	c.Helper()
	for _, w := range want {
		address := string(w.Address)
		if _, err := c.Graph.Categories(address); err != nil || len(w.Facts) == 0 {
			continue
		}
		for _, who := range people {
			for _, right := range rapid.SampledFrom([][]string{{}, {}, {"FullAccess"}, {"SendAs"}, {"ReadPermission", "SendOnBehalf"}}).Draw(t, "by hand "+address+" "+who) {
				c.must(c.Exchange.Grant(address, who, right))
				if right == "FullAccess" {
					c.opened[address+" "+who] = true
				}
			}
		}
		if rapid.Bool().Draw(t, "by hand "+address+" categories") {
			admin := c.estate([]provision.Mailbox{w}).Admins[1]
			for _, name := range []string{"vip", "CLOSED", "Private"} {
				c.must(admin.Do(context.Background(), provision.Step{Provider: inbox.M365, Mailbox: w.Address, Verb: provision.Add,
					Fact: provision.Fact{Aspect: provision.Marker, Subject: name}}))
			}
		}
	}
	c.clock.Advance(time.Hour)
}
