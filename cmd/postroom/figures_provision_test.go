package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

// estateText is a manifest with mailboxes at one provider, and a team of six of its own for each.
func estateText(provider string, boxes int) string {
	var b strings.Builder
	b.WriteString("version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}\nmembers:\n")
	for i := range boxes * 6 {
		fmt.Fprintf(&b, "  m%d: {name: Member Number %d, email: m%d@contoso.com}\n", i, i, i)
	}
	b.WriteString("mailboxes:\n")
	for i := range boxes {
		fmt.Fprintf(&b, "  box%d@contoso.com: {provider: %s, name: Box %d, aliases: [alias%d@contoso.com], agents: [m%d, m%d, m%d, m%d, m%d, m%d], leads: [m%d], tags: {Refund: orange}}\n",
			i, provider, i, i, i*6, i*6+1, i*6+2, i*6+3, i*6+4, i*6+5, i*6)
	}
	return b.String()
}

// provisioned measures what it costs to read and to make mailboxes, for each of them.
func provisioned(t *testing.T, provider string) {
	const boxes = 40
	m, err := manifest.Parse("postroom.yaml", []byte(estateText(provider, boxes)))
	if err != nil {
		t.Fatal(err)
	}
	hand := clock.At(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	o := boot.AdministrationOptions{Want: m.Desired(), Mark: m.Mark(), Now: hand.Now, Wait: hand.Wait}
	world := boot.SimulateTenants(boot.SimulationOptions{Now: hand.Now, Sleep: hand.Advance})
	if err := world.Restore(t.Context(), nil, o); err != nil {
		t.Fatal(err)
	}
	ways, err := world.Administrations(o)
	if err != nil {
		t.Fatal(err)
	}
	estate := ways.Estate()
	requests, cmdlets := 0, 0
	count := func(what string, do func()) {
		requests = -(world.GraphTrips.RoundTrips() + world.GmailTrips.RoundTrips() + world.ExchangeTrips.RoundTrips() + world.WorkspaceTrips.RoundTrips())
		cmdlets = 0
		for _, n := range world.Exchange.Cmdlets() {
			cmdlets -= n
		}
		do()
		requests += world.GraphTrips.RoundTrips() + world.GmailTrips.RoundTrips() + world.ExchangeTrips.RoundTrips() + world.WorkspaceTrips.RoundTrips()
		for _, n := range world.Exchange.Cmdlets() {
			cmdlets += n
		}
		figure(fmt.Sprintf("provision.requests_per_mailbox_%s_%s", provider, what), round(float64(requests)/boxes, 2), "requests")
		if cmdlets > 0 {
			figure(fmt.Sprintf("provision.cmdlets_per_mailbox_%s_%s", provider, what), round(float64(cmdlets)/boxes, 2), "cmdlets")
		}
	}
	var plan provision.Plan
	planned := func() {
		if plan, err = estate.Plan(t.Context(), o.Want, provision.Options{Made: hand.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	count("plan_new", planned)
	count("apply", func() {
		run := provision.Run{Estate: &estate, Journal: &memory.Journal{}, Locks: &memory.Locks{}, Holder: "figures", By: "figures", Now: hand.Now, Wait: hand.Wait}
		report, err := run.Apply(t.Context(), o.Want, plan)
		if err != nil || !report.Complete() {
			t.Fatalf("apply: %v, %d failed", err, report.Count(provision.Broke))
		}
		figure("provision.steps_per_mailbox_"+provider, round(float64(len(plan.Steps))/boxes, 2), "steps")
	})
	count("plan", planned)
	if !plan.Empty() {
		t.Fatalf("%d steps are left", len(plan.Steps))
	}
}

// plannedInTime measures what a plan takes beyond reading the providers: 500 mailboxes with 3,000 members, none of which is
// there, and all of which are.
func plannedInTime(t *testing.T) {
	text := []byte(estateText("m365", 500))
	began := time.Now()
	m, err := manifest.Parse("postroom.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	want := m.Desired()
	parsed := time.Since(began)
	for _, world := range []struct {
		name string
		have []provision.Mailbox
	}{{"new", nobody(want)}, {"done", want}} {
		began = time.Now()
		plan := provision.Make(want, world.have, provision.Options{})
		took := time.Since(began)
		if world.name == "done" && len(plan.Steps) > 0 {
			t.Fatalf("%d steps where all is done", len(plan.Steps))
		}
		figure("provision.plan_ms_"+world.name, round(float64((parsed+took).Microseconds())/1000, 0), "ms")
	}
}

// nobody is a finding in which no mailbox is there.
func nobody(want []provision.Mailbox) []provision.Mailbox {
	have := make([]provision.Mailbox, len(want))
	for i, w := range want {
		have[i] = provision.Mailbox{Address: w.Address, Provider: w.Provider, Facts: map[provision.Fact]string{}}
	}
	return have
}
