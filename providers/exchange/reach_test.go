package exchange_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

func TestReachIsForAnotherRole(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.Lacks = map[string]bool{"New-ManagementScope": true, "New-ServicePrincipal": true}
	for _, s := range steps(idealTenant(), tn.read(t, idealTenant())[0])[:2] {
		var byHand *provision.ByHand
		err := tn.admin.Do(t.Context(), s)
		if !errors.As(err, &byHand) || !strings.Contains(byHand.Instruction, "New-") || !strings.Contains(byHand.Instruction, "Organization Management") {
			t.Errorf("%s: said %v", s.Fact.Aspect, err)
		}
	}
}

func TestTooWideAnAssignment(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.apply(t, idealTenant())
	must(t, tn.Run("New-ManagementRoleAssignment", map[string]any{"App": appOID, "Role": "Application Mail.ReadWrite"}))
	if v := tn.read(t, idealTenant())[0].Facts[fact(provision.AppRole, "Application Mail.ReadWrite")]; v != "" {
		t.Errorf("a role for the whole organisation beside the one in scope is read as %q", v)
	}
	tn.apply(t, idealTenant())
	if tn.Reaches("anna@contoso.com") {
		t.Error("the app still reaches everybody")
	}
}

func TestMarkedButNotDeclared(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com"}))
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": "old@contoso.com", "CustomAttribute15": "Postroom"}))
	tn.apply(t, idealTenant(), ideal(support))
	have := tn.read(t, idealTenant(), ideal(support))
	if len(have) != 3 || have[2].Address != "old@contoso.com" || have[2].Facts[fact(provision.Reach, "")] != "Postroom" {
		t.Errorf("read %v", have[2:])
	}
}
