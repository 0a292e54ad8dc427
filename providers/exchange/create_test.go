package exchange_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	create := provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Create, Fact: fact(provision.Existence, ""), After: "shared"}
	for _, tt := range []struct {
		name string
		seed func(*tenant) error
		want string
	}{
		{"a person's", func(tn *tenant) error { return tn.AddUser(exchangesim.Recipient{Address: string(support)}) }, "Set-Mailbox -Identity 'support@contoso.com' -Type Shared"},
		{"a group", func(tn *tenant) error { return tn.AddGroup(exchangesim.Recipient{Address: string(support)}) }, "give the group another address"},
		{"an alias", func(tn *tenant) error {
			return tn.AddMailbox(exchangesim.Recipient{Address: "info@contoso.com", Aliases: []string{string(support)}})
		}, "is an alias of info@contoso.com"},
		{"in the bin", func(tn *tenant) error {
			if err := tn.AddMailbox(exchangesim.Recipient{Address: string(support)}); err != nil {
				return err
			}
			return tn.Run("Remove-Mailbox", map[string]any{"Identity": string(support)})
		}, "Undo-SoftDeletedMailbox -SoftDeletedObject 'support@contoso.com'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			must(t, tt.seed(tn))
			if err := tn.admin.Do(t.Context(), create); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("said %v, want %q", err, tt.want)
			}
			if n := tn.Cmdlets()["New-Mailbox"]; n != 0 {
				t.Errorf("New-Mailbox was run %d times", n)
			}
		})
	}
}

func TestCreateWithATakenName(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "support@fabrikam.com", Name: "Other support"}))
	tn.apply(t, ideal(support))
}

// TestDelays: what is created does not show for a while, and neither do rights.
func TestDelays(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Delays = exchangesim.Delays{Recipient: 3 * time.Minute, Setting: time.Minute, Permission: 20 * time.Minute, Scope: 2 * time.Hour}
	want := ideal(support)
	create := steps(want, box(support, nil))[0]
	tn.do(t, create)
	var later *provision.NotYet
	block := provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Set, Fact: fact(provision.SignIn, ""), After: "blocked"}
	if err := tn.admin.Do(t.Context(), block); !errors.As(err, &later) {
		t.Fatalf("a step at a mailbox that does not show yet: %v", err)
	}
	if err := tn.admin.Do(t.Context(), create); !errors.As(err, &later) {
		t.Fatalf("creating it again before it shows: %v", err)
	}
	must(t, tn.clock.Wait(t.Context(), 4*time.Minute))
	tn.do(t, create)
	tn.do(t, steps(want, tn.read(t, want)[0])...)
	if _, ok := tn.read(t, want)[0].Facts[fact(provision.Open, "anna@contoso.com")]; ok {
		t.Error("the right shows at once")
	}
	must(t, tn.clock.Wait(t.Context(), 21*time.Minute))
	tn.settled(t, want)
}

// TestAMovedAlias: the mailbox that gives an alias away may have it a while longer; one that keeps it has it for good.
func TestAMovedAlias(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com", Aliases: []string{"help@contoso.com"}}))
	add := provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Add, Fact: fact(provision.Alias, "help@contoso.com")}
	var later *provision.NotYet
	if err := tn.admin.Do(t.Context(), add); err == nil || errors.As(err, &later) || !strings.Contains(err.Error(), `of "old"`) {
		t.Errorf("somebody else's: %v", err)
	}
	add.With = []provision.Value{{Fact: add.Fact, Value: "old@contoso.com"}}
	if err := tn.admin.Do(t.Context(), add); !errors.As(err, &later) {
		t.Errorf("given away a moment ago: %v", err)
	}
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": "old@contoso.com", "EmailAddresses": map[string]any{"Remove": []string{"smtp:help@contoso.com"}}}))
	tn.do(t, add)
}

// TestWhatIsNeverTakenAway: the mailbox's own address, and those that Microsoft gives.
func TestWhatIsNeverTakenAway(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	for f := range tn.read(t, box(support, nil))[0].Facts {
		if f.Aspect == provision.Alias {
			t.Errorf("%s is shown as an alias", f.Subject)
		}
	}
	for _, address := range []string{string(support), "support@contoso.onmicrosoft.com"} {
		if err := tn.admin.Do(t.Context(), provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Remove, Fact: fact(provision.Alias, address)}); err == nil {
			t.Errorf("%s was taken away", address)
		}
	}
	if n := tn.Cmdlets()["Set-Mailbox"]; n != 0 {
		t.Errorf("Set-Mailbox was run %d times", n)
	}
}

// TestAFilterByAddressFindsAliasesToo: a deleted mailbox that had the address as an alias does not keep a new one from being made.
func TestAFilterByAddressFindsAliasesToo(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com", Aliases: []string{string(support)}}))
	must(t, tn.Run("Remove-Mailbox", map[string]any{"Identity": "old@contoso.com"}))
	for _, property := range []string{"EmailAddresses", "PrimarySmtpAddress"} {
		got, err := tn.endpoint.Run(t.Context(), exchange.Command{Name: "Get-Mailbox", Parameters: map[string]any{"SoftDeletedMailbox": true, "Filter": property + " -eq '" + string(support) + "'"}})
		must(t, err)
		if len(got[0].Rows) != 1 {
			t.Errorf("a filter by %s finds %d, %v", property, len(got[0].Rows), got[0].Err)
		}
	}
	tn.apply(t, ideal(support))
}
