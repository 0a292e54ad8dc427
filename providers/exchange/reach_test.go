package exchange_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
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

// TestAMarkInOtherLetters: a filter of Exchange does not tell capitals apart, so such a mailbox is in the app's reach.
func TestAMarkInOtherLetters(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com"}))
	tn.apply(t, idealTenant())
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": "old@contoso.com", "CustomAttribute15": "postroom"}))
	if !tn.Reaches("old@contoso.com") {
		t.Fatal("the app does not reach it")
	}
	if have := tn.read(t, idealTenant()); len(have) != 2 || have[1].Facts[fact(provision.Reach, "")] != "postroom" {
		t.Errorf("read %v", have[1:])
	}
	tn.settled(t, box("old@contoso.com", map[provision.Fact]string{fact(provision.Existence, ""): "shared", fact(provision.Reach, ""): "Postroom"}))
}

// TestRolesThatMayBeAnyones: what is listed of several assignees says nothing of the app's own roles.
func TestRolesThatMayBeAnyones(t *testing.T) {
	t.Parallel()
	answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"made":"2026-11-22T12:00:00Z","answers":[
		{"cmdlet":"Get-ServicePrincipal","parameters":{},"rows":{"AppId":"` + appID + `","ObjectId":"` + appOID + `"}},
		{"cmdlet":"Get-ManagementRoleAssignment","parameters":{"RoleAssignee":"` + appOID + `"},"rows":[
			{"Name":"a","Role":"Application Mail.ReadWrite","RoleAssigneeName":"one"},{"Name":"b","Role":"Application Mail.Send","RoleAssigneeName":"two"}]}]}`))
	must(t, err)
	admin := mustAdmin(t, answers)
	have, err := admin.Read(t.Context(), []provision.Mailbox{idealTenant()}, []provision.Aspect{provision.AppRole})
	must(t, err)
	if len(subjectsOf(have[0], provision.AppRole)) > 0 || have[0].Unread[provision.AppRole] == "" {
		t.Errorf("read %v, unread %v", have[0].Facts, have[0].Unread)
	}
	script := &exchange.Script{Reads: answers}
	if err := admin.Through(script).Do(t.Context(), provision.Step{Verb: provision.Add, Fact: fact(provision.AppRole, "Application Mail.ReadWrite"), After: "Postroom"}); err == nil {
		t.Error("a role is given though nobody knows which the app has")
	}
}

func subjectsOf(m provision.Mailbox, aspect provision.Aspect) (out []string) {
	for f := range m.Facts {
		if f.Aspect == aspect {
			out = append(out, f.Subject)
		}
	}
	return out
}

// closedTo refuses the whole of a request in which there is a cmdlet of others.
type closedTo struct {
	exchange.Shell
	cmdlet string
}

func (c closedTo) Run(ctx context.Context, commands ...exchange.Command) ([]exchange.Result, error) {
	if slices.ContainsFunc(commands, func(x exchange.Command) bool { return x.Name == c.cmdlet }) {
		return nil, &provision.Refused{Err: errors.New("HTTP 403")}
	}
	return c.Shell.Run(ctx, commands...)
}

// TestMailboxesAreReadWithoutALookAtTheReach: who administers recipients need not be let see what apps may do.
func TestMailboxesAreReadWithoutALookAtTheReach(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.apply(t, ideal(support))
	tn.admin = mustAdmin(t, closedTo{tn.endpoint, "Get-ServicePrincipal"})
	have := tn.read(t, idealTenant(), ideal(support))
	if len(have[0].Facts) > 0 || !strings.Contains(have[0].Unread[provision.AppRole], "HTTP 403") || !strings.Contains(have[0].Unread[provision.Reach], "HTTP 403") {
		t.Errorf("of the tenant %v is read, unread %v", have[0].Facts, have[0].Unread)
	}
	if !have[1].Exists() || len(have[1].Unread) > 0 {
		t.Errorf("the mailbox is not read: %v", have[1].Unread)
	}
	var refused *provision.Refused
	if _, err := tn.admin.Read(t.Context(), []provision.Mailbox{idealTenant()}, nil); !errors.As(err, &refused) {
		t.Errorf("where nothing could be read: %v", err)
	}
}
