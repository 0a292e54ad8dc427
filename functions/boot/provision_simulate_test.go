package boot_test

import (
	"bytes"
	"testing"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

type facts = map[provision.Fact]string

func of(a provision.Aspect) provision.Fact { return provision.Fact{Aspect: a} }

func to(a provision.Aspect, subject string) provision.Fact {
	return provision.Fact{Aspect: a, Subject: subject}
}

const (
	testApp    = "0a0a0a0a-0000-0000-0000-000000000001"
	testObject = "0b0b0b0b-0000-0000-0000-000000000002"
)

// wished is a mailbox at each vendor, with every aspect that needs another part of its tenant.
func wished() []provision.Mailbox {
	return []provision.Mailbox{
		{Address: "support@contoso.com", Provider: inbox.M365, Facts: facts{
			of(provision.Existence): "shared", of(provision.Name): "Support", of(provision.Reach): "Postroom", of(provision.SignIn): "blocked", of(provision.AutoReply): "off",
			of(provision.AddressList): "shown", of(provision.Language): "da-DK", of(provision.TimeZone): "Europe/Copenhagen",
			to(provision.Alias, "help@contoso.com"): "", to(provision.SentCopies, "as"): "on", to(provision.SentCopies, "on-behalf"): "on",
			to(provision.Open, "anna@contoso.com"): "mapped", to(provision.SendAs, "anna@contoso.com"): "",
			to(provision.Open, "bo@contoso.com"): "unmapped", to(provision.SendOnBehalf, "bo@contoso.com"): "",
			to(provision.Read, "cleo@contoso.com"): "", to(provision.Marker, "@Anna"): "red", to(provision.Marker, "Closed"): "dark-gray",
		}},
		{Provider: inbox.M365, Facts: facts{
			to(provision.AppPrincipal, testApp): testObject, to(provision.AppScope, "Postroom"): "CustomAttribute15 -eq 'Postroom'",
			to(provision.AppRole, "Application Mail.ReadWrite"): "Postroom", to(provision.AppRole, "Application MailboxSettings.ReadWrite"): "Postroom",
		}},
		{Address: "hello@contoso.com", Provider: inbox.Gmail, Facts: facts{
			of(provision.Existence): "account", of(provision.Name): "Hello Contoso", of(provision.OrgUnit): "/Shared mailboxes",
			of(provision.Licence): "Google-Apps/1010020028", of(provision.AutoReply): "off", to(provision.Alias, "hi@contoso.com"): "",
			to(provision.Open, "anna@contoso.com"): "", to(provision.Marker, "@Anna"): "red", of(provision.AddressList): "hidden",
		}},
	}
}

// tenants are simulated tenants with a clock that goes on while somebody waits.
func tenants(t *testing.T, kept []byte) (*boot.Simulation, boot.AdministrationOptions) {
	t.Helper()
	hand := clock.At(examined)
	o := boot.AdministrationOptions{Want: wished(), Now: hand.Now, Wait: hand.Wait}
	world := boot.SimulateTenants(boot.SimulationOptions{Now: hand.Now, Sleep: hand.Advance})
	if err := world.Restore(t.Context(), kept, o); err != nil {
		t.Fatal(err)
	}
	return world, o
}

func estateOf(t *testing.T, world *boot.Simulation, o boot.AdministrationOptions) provision.Estate {
	t.Helper()
	ways, err := world.Administrations(o)
	if err != nil {
		t.Fatal(err)
	}
	return ways.Estate()
}

// planned holds that a plan for the wish has so many steps and nothing else.
func planned(t *testing.T, e provision.Estate, o boot.AdministrationOptions, steps int) provision.Plan {
	t.Helper()
	p, err := e.Plan(t.Context(), o.Want, provision.Options{Made: o.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if steps >= 0 && len(p.Steps) != steps || len(p.Held)+len(p.Unread) > 0 {
		var b bytes.Buffer
		p.Table(&b, false)
		t.Fatalf("want %d steps:\n%s", steps, &b)
	}
	return p
}

// TestSimulatedTenantsAreProvisioned: through the real clients, from nothing to an empty plan, and what was made is there for
// the mail too. Kept and made anew, the tenants are the same.
func TestSimulatedTenantsAreProvisioned(t *testing.T) {
	t.Parallel()
	world, o := tenants(t, nil)
	estate := estateOf(t, world, o)
	p := planned(t, estate, o, -1)
	run := provision.Run{Estate: &estate, Journal: &memory.Journal{}, Locks: &memory.Locks{}, Holder: "test", By: "test", Now: o.Now, Wait: o.Wait}
	report, err := run.Apply(t.Context(), o.Want, p)
	if err != nil || !report.Complete() {
		var b bytes.Buffer
		report.Table(&b, false)
		t.Fatalf("apply: %v\n%s", err, &b)
	}
	planned(t, estate, o, 0)
	if _, err := world.Graph.Receive("support@contoso.com", []byte("From: a@example.com\r\n\r\nHi\r\n")); err != nil {
		t.Errorf("the mailbox is not there for Graph: %v", err)
	}
	if _, err := world.Gmail.Receive("hello@contoso.com", []byte("From: a@example.com\r\n\r\nHi\r\n")); err != nil {
		t.Errorf("the mailbox is not there for Gmail: %v", err)
	}
	kept, err := world.Dump(t.Context(), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	again, o2 := tenants(t, kept)
	planned(t, estateOf(t, again, o2), o2, 0)
	twice, err := again.Dump(t.Context(), kept, o2)
	if err != nil || !bytes.Equal(kept, twice) {
		t.Errorf("kept and made anew (%v):\n%s\nwas\n%s", err, twice, kept)
	}
	// What is in no manifest any more is kept all the same.
	o2.Want = o2.Want[:2]
	if less, err := again.Dump(t.Context(), kept, o2); err != nil || !bytes.Equal(kept, less) {
		t.Errorf("with less in the manifest (%v):\n%s", err, less)
	}
}
