package boot_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

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

	mu       sync.Mutex
	now      time.Time
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
		TB: t, journal: &memory.Journal{}, locks: &memory.Locks{}, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		rights: map[string]map[string][]string{}, meddle: map[int]func(){}, opened: map[string]bool{},
	}
	dies := func(string) (error, error) {
		if c.dead() {
			return errDead, nil
		}
		return nil, nil
	}
	c.journal.Fail, c.locks.Fail = dies, dies
	c.Simulation = boot.SimulateTenants(boot.SimulationOptions{Now: c.clock, Sleep: c.pass})
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

func (c *contoso) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *contoso) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
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
		c.now = c.now.Add(300 * time.Millisecond)
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
	ways, err := to.Administrations(boot.AdministrationOptions{Want: want, Now: c.clock, Wait: c.wait})
	c.must(err)
	e := ways.Estate()
	return &e
}

func (c *contoso) wait(ctx context.Context, d time.Duration) error {
	c.pass(d)
	return ctx.Err()
}

func (c *contoso) plan(want []provision.Mailbox, remove bool) provision.Plan {
	c.Helper()
	p, err := c.estate(want).Plan(context.Background(), want, provision.Options{Made: c.clock(), AllowRemove: remove})
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
		Estate: c.estate(want), Journal: c.journal, Locks: c.locks, Holder: holder, By: "anna", Now: c.clock, Wait: c.wait,
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
		c.pass(3 * time.Hour)
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

// rightOf names the rights as Exchange does.
var rightOf = map[provision.Aspect]string{
	provision.Open: "FullAccess", provision.Read: "ReadPermission", provision.SendAs: "SendAs", provision.SendOnBehalf: "SendOnBehalf",
}

// wished are the rights that the wish gives at a mailbox, by person.
func (c *contoso) wished(mailbox string) map[string][]string {
	out := map[string][]string{}
	for _, w := range c.wish {
		if string(w.Address) != mailbox {
			continue
		}
		for f := range w.Facts {
			if right, ok := rightOf[f.Aspect]; ok {
				out[f.Subject] = append(out[f.Subject], right)
			}
		}
	}
	return out
}

// watch is told of every change of rights.
func (c *contoso) watch(mailbox string, now map[string][]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.rights[mailbox] = now }()
	if c.original == nil {
		return
	}
	wished := c.wished(mailbox)
	for who, rights := range now {
		given := false
		for _, r := range rights {
			given = given || !slices.Contains(c.original[mailbox][who], r)
		}
		for _, r := range rights {
			if given && !slices.Contains(wished[who], r) {
				c.Errorf("%s was given something in %s while holding %v; the wish gives %v, and at the beginning it was %v",
					who, mailbox, rights, wished[who], c.original[mailbox][who])
			}
		}
	}
}

// check holds the tenant against the wish without asking any reader of ours.
func (c *contoso) check(want []provision.Mailbox) {
	c.Helper()
	c.mu.Lock()
	c.wish = want
	c.mu.Unlock()
	for _, w := range want {
		address := string(w.Address)
		if address == "" || len(w.Facts) == 0 {
			continue
		}
		if got, want := sortedRights(c.rights[address]), sortedRights(c.wished(address)); got != want {
			c.Errorf("rights in %s are %s, want %s", address, got, want)
		}
		have, err := c.Graph.Categories(address)
		c.must(err)
		folded := map[string]int{}
		for name := range have {
			folded[strings.ToLower(name)]++
		}
		for f, value := range w.Facts {
			if f.Aspect == provision.Marker && folded[strings.ToLower(f.Subject)] != 1 {
				c.Errorf("%s has the category %s not once but: %v", address, f.Subject, have)
			}
			if mapped, ok := c.Exchange.Mapped(address, f.Subject); f.Aspect == provision.Open && !c.opened[address+" "+f.Subject] && (!ok || mapped != (value == "mapped")) {
				c.Errorf("%s has %s open, mapped %v; want it %s", f.Subject, address, mapped, value)
			}
		}
		if !c.Exchange.Reaches(address) {
			c.Errorf("the app does not reach %s", address)
		}
	}
	for _, address := range append([]string{undeclared}, boxes...) {
		declared := slices.ContainsFunc(want, func(w provision.Mailbox) bool { return string(w.Address) == address && len(w.Facts) > 0 })
		if !declared && c.Exchange.Reaches(address) {
			c.Errorf("the app reaches %s", address)
		}
	}
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
	c.pass(time.Hour)
}

func sortedRights(of map[string][]string) string {
	var out []string
	for who, rights := range of {
		rights = slices.Clone(rights)
		slices.Sort(rights)
		if len(rights) > 0 {
			out = append(out, who+" "+strings.Join(rights, ","))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// taken are the facts of the mailbox that has the alias.
func taken(list []provision.Mailbox, alias string) map[provision.Fact]string {
	for _, m := range list {
		if _, ok := m.Facts[provision.Fact{Aspect: provision.Alias, Subject: alias}]; ok {
			return m.Facts
		}
	}
	return nil
}

// people of the tenant.
var people = []string{"anna@contoso.com", "bo@contoso.com", "cy@contoso.com", "dan@contoso.com"}

// tenantFacts is the wish for the tenant itself.
func tenantFacts() provision.Mailbox {
	return provision.Mailbox{Provider: inbox.M365, Facts: map[provision.Fact]string{
		{Aspect: provision.AppPrincipal, Subject: contosoApp}:                         contosoObject,
		{Aspect: provision.AppScope, Subject: "Postroom"}:                             "CustomAttribute15 -eq 'Postroom'",
		{Aspect: provision.AppRole, Subject: "Application Mail.ReadWrite"}:            "Postroom",
		{Aspect: provision.AppRole, Subject: "Application MailboxSettings.ReadWrite"}: "Postroom",
	}}
}

// boxes are the addresses that mailboxes are drawn for.
var boxes = []string{"x@contoso.com", "y@contoso.com"}

// drawWish draws what mailboxes shall be: which of them there are, and everything that can be said of each. After a past, one
// may be declared as retired, with all that is in it; and one that is not declared any more keeps the aliases it has.
func drawWish(t *rapid.T, label string, past []provision.Mailbox) []provision.Mailbox {
	out := []provision.Mailbox{tenantFacts()}
	aliases := []string{"a1@contoso.com", "a2@contoso.com", "a3@contoso.com", "a4@contoso.com"}
	holder := map[string]string{}
	for _, a := range aliases {
		holder[a] = rapid.SampledFrom(append([]string{""}, boxes...)).Draw(t, label+" "+a)
	}
	for _, address := range boxes {
		draw := func(what string, from ...string) string {
			return rapid.SampledFrom(from).Draw(t, label+" "+address+" "+what)
		}
		kinds := []string{"declared", "declared", "declared", "absent"}
		if past != nil {
			kinds = append(kinds, "retired")
		}
		m := provision.Mailbox{Address: inbox.MailboxID(address), Provider: inbox.M365, Facts: map[provision.Fact]string{}}
		switch draw("is", kinds...) {
		case "absent":
			for _, m := range past {
				for f := range m.Facts {
					if string(m.Address) == address && f.Aspect == provision.Alias {
						holder[f.Subject] = ""
						delete(taken(out, f.Subject), f)
					}
				}
			}
			continue
		case "retired":
			out = append(out, m)
			continue
		}
		set := func(aspect provision.Aspect, subject, value string) {
			m.Facts[provision.Fact{Aspect: aspect, Subject: subject}] = value
		}
		set(provision.Existence, "", "shared")
		set(provision.SignIn, "", "blocked")
		set(provision.Reach, "", "Postroom")
		set(provision.AutoReply, "", "off")
		set(provision.Name, "", draw("name", "Support", "Café Ö", "Sales & more"))
		set(provision.AddressList, "", draw("list", "shown", "hidden"))
		set(provision.SentCopies, "as", draw("copies as", "on", "off"))
		set(provision.SentCopies, "on-behalf", draw("copies on behalf", "on", "off"))
		if v := draw("quota", "", "10737418240", "53687091200"); v != "" {
			set(provision.Quota, "", v)
		}
		if v := draw("language", "", "da-DK", "en-GB"); v != "" {
			set(provision.Language, "", v)
		}
		if v := draw("zone", "", "Europe/Copenhagen", "America/New_York"); v != "" {
			set(provision.TimeZone, "", v)
		}
		m.AtCreation = map[provision.Fact]string{
			{Aspect: provision.Language}: "en-US", {Aspect: provision.TimeZone}: "Europe/Copenhagen",
		}
		for _, a := range aliases {
			if holder[a] == address {
				set(provision.Alias, a, "")
			}
		}
		for _, who := range people {
			for _, right := range strings.Fields(draw(who, "", "", "read", "open send-as", "open send-on-behalf", "open", "send-as", "open read send-as")) {
				value := ""
				if right == "open" {
					value = draw(who+" mapped", "mapped", "unmapped")
				}
				set(provision.Aspect(right), who, value)
			}
		}
		for _, name := range []string{"@Anna", "VIP", "Closed"} {
			if v := draw(name, "-", "", "red", "blue"); v != "-" {
				set(provision.Marker, name, v)
			}
		}
		out = append(out, m)
	}
	return out
}
