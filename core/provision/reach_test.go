package provision_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// TestNoMailboxIsPutIntoTheReachOfAnAppWithTooMuch: a role that the manifest does not give the app would be one in the mailbox.
func TestNoMailboxIsPutIntoTheReachOfAnAppWithTooMuch(t *testing.T) {
	t.Parallel()
	want := boxes{tenantWish, with(support, "reach = Postroom")}
	for _, tt := range []struct {
		name, role, by string
		mark           string
		held           bool
	}{
		{"a role beyond the manifest", "app-role Application Exchange Full Access = Postroom", "Full Access", "", true},
		{"a role in another scope", "app-role Application Mail.ReadWrite = Everybody", "Mail.ReadWrite", "", true},
		{"another mark before", "app-role Application Exchange Full Access = Postroom", "Full Access", "reach = Payroll", true},
		{"the manifest's roles", "app-role Application Mail.ReadWrite = Postroom", "", "", false},
	} {
		have := boxes{with(tenantWish, tt.role), support}
		if tt.mark != "" {
			have[1] = with(support, tt.mark)
		}
		p := provision.Make(want, have, provision.Options{})
		why := heldBack(p, "mark it with Postroom")
		if tt.mark != "" { // that takes another mark away, which is the first reason
			p = provision.Make(want, have, provision.Options{AllowRemove: true})
			if len(p.Held) > 0 || p.Steps[0].Fact.Aspect != provision.AppRole {
				t.Errorf("%s: %+v", tt.name, p)
			}
			continue
		}
		if held := strings.Contains(why, tt.by) && why != ""; held != tt.held {
			t.Errorf("%s: held back because %q", tt.name, why)
		}
	}
}

// TestAScopeIsNotWidenedForARoleThatIsTooMuch: the role could not be taken away.
func TestAScopeIsNotWidenedForARoleThatIsTooMuch(t *testing.T) {
	t.Parallel()
	want := boxes{tenantWish, with(support, "reach = Postroom")}
	have := boxes{with(tenantWish, "app-scope Postroom = CustomAttribute1 -eq 'x'", "app-role Application Exchange Full Access = Postroom"), support}
	tn, _ := office(t, want, have, true)
	tn.manual = func(s provision.Step) string {
		if s.Fact.Aspect == provision.AppRole {
			return "Remove-ManagementRoleAssignment"
		}
		return ""
	}
	p := plan(tn, want, provision.Options{AllowRemove: true})
	r, err := tn.run("one").Apply(t.Context(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(provision.ByPerson) != 1 || r.Count(provision.Untried) != 2 || len(tn.changes) > 0 {
		t.Errorf("%s", outcomes(r))
	}
}

// TestAliasStaysWhenNobodyWouldTakeIt: the mailbox that it goes to has come to its end, and mail to the address would bounce.
func TestAliasStaysWhenNobodyWouldTakeIt(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "-alias help@contoso.com"), with(sales, "alias help@contoso.com", "-open bo@contoso.com")}
	tn, p := office(t, want, boxes{support, sales}, true)
	tn.before = func(s provision.Step) error {
		if s.Fact.Aspect == provision.Open {
			return errors.New("no")
		}
		return nil
	}
	r, err := tn.run("one").Apply(t.Context(), want, p)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, r, "failed: bo@contoso.com no longer opens it",
		"not tried: take away the alias help@contoso.com, which goes to sales@contoso.com",
		"not tried: add the alias help@contoso.com, which comes from support@contoso.com")
	if _, there := tn.truth[site{inbox.M365, "support@contoso.com"}][fact{Aspect: provision.Alias, Subject: "help@contoso.com"}]; !there {
		t.Error("nobody has the alias")
	}
}
