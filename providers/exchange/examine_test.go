package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

func TestExamine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(*tenant) error
		want  *provision.Mailbox // beside the ideal
		check string
		is    provision.Verdict
		says  string
		fix   string
	}{
		{"all well", func(*tenant) error { return nil }, nil, "", "", "", ""},
		{"sign-in", func(tn *tenant) error {
			return tn.Run("Set-Mailbox", map[string]any{"Identity": string(support), "AccountDisabled": false})
		}, nil, "sign-in", provision.Bad, "sign in as the mailbox", "-AccountDisabled $true"},
		{"sent copies", func(tn *tenant) error {
			return tn.Run("Set-Mailbox", map[string]any{"Identity": string(support), "MessageCopyForSendOnBehalfEnabled": false})
		}, nil, "sent-copies", provision.Bad, "does not see them", "Set-Mailbox -Identity 'support@contoso.com' -MessageCopyForSendOnBehalfEnabled $true"},
		{"nearly full", func(tn *tenant) error { return tn.SetSize(string(support), 44<<30+1<<29) }, nil, "quota", provision.Warning, "44.5 GB of 49.0 GB: it is nearly full", "Exchange Online (Plan 2)"},
		{"sends no more", func(tn *tenant) error { return tn.SetSize(string(support), 48<<30+1<<29) }, nil, "quota", provision.Bad, "sends nothing any more", "Plan 2"},
		{"full", func(tn *tenant) error { return tn.SetSize(string(support), 49<<30) }, nil, "quota", provision.Bad, "mail to it bounces", "Plan 2"},
		{"a team too large", func(tn *tenant) error {
			for i := range 26 {
				who := fmt.Sprintf("agent%d@contoso.com", i)
				if err := tn.AddUser(exchangesim.Recipient{Address: who}); err != nil {
					return err
				}
				if err := tn.Grant(string(support), who, "FullAccess"); err != nil {
					return err
				}
			}
			return nil
		}, nil, "team", provision.Warning, "more than 25", "Microsoft 365 group"},
		{"not there", func(tn *tenant) error { return tn.Run("Remove-Mailbox", map[string]any{"Identity": string(support)}) }, nil, "mailbox", provision.Bad, "no such mailbox", "postroom apply"},
		{"a group mapped", func(*tenant) error { return nil }, &provision.Mailbox{Address: support, Provider: inbox.M365,
			Facts: map[provision.Fact]string{fact(provision.Open, "team@contoso.com"): "mapped"}}, "auto-mapping", provision.Warning, "team@contoso.com is a group", "one by one"},
		{"no role", func(tn *tenant) error { tn.NoRole = true; return nil }, nil, "exchange-role", provision.Bad, "HTTP 403", "Exchange Recipient Administrator"},
		{"no permission", func(tn *tenant) error { tn.Token = "another"; return nil }, nil, "exchange-role", provision.Bad, "HTTP 401", "Exchange.ManageAsApp"},
		{"out of reach", func(tn *tenant) error {
			return tn.Run("Set-Mailbox", map[string]any{"Identity": string(support), "CustomAttribute15": ""})
		}, nil, "reach", provision.Bad, "does not reach it with the role Application Mail.ReadWrite", "postroom apply"},
		{"reaching too far", func(tn *tenant) error {
			return tn.Run("New-ManagementRoleAssignment", map[string]any{"App": appOID, "Role": "Application Mail.Read"})
		}, nil, "control", provision.Bad, `not declared, by the role Application Mail.Read in the scope "Organization"`, "Get-ManagementRoleAssignment"},
		{"a control that is none", func(tn *tenant) error { return tn.Leave("bo@contoso.com") }, nil, "control", provision.Skipped, "couldn't be found", "that exists"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			tn.apply(t, idealTenant(), ideal(support))
			must(t, tt.spoil(tn))
			want := []provision.Mailbox{idealTenant(), ideal(support)}
			if tt.want != nil {
				want[1] = *tt.want
			} else {
				delete(want[1].Facts, fact(provision.Open, "team@contoso.com"))
			}
			found := false
			for _, f := range tn.admin.Examine(t.Context(), want, []inbox.MailboxID{"bo@contoso.com"}) {
				switch {
				case f.Verdict == provision.Good:
				case f.Check == tt.check && f.Verdict == tt.is && strings.Contains(f.Says, tt.says) && strings.Contains(f.Fix, tt.fix):
					found = true
				case tt.check == "":
					t.Errorf("all is well, and doctor says %+v", f)
				}
				if f.Verdict != provision.Good && f.Fix == "" || f.Says == "" || strings.Contains(f.Says, "\n") {
					t.Errorf("a finding without a fix, or not on one line: %+v", f)
				}
			}
			if !found && tt.check != "" {
				t.Errorf("not found; doctor says %+v", tn.admin.Examine(t.Context(), want, []inbox.MailboxID{"bo@contoso.com"}))
			}
		})
	}
}

// TestRightsBeyondTheManifest: what a manifest cannot name is told, and neither planned nor shown as anything else.
func TestRightsBeyondTheManifest(t *testing.T) {
	t.Parallel()
	answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"answers":[
		{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","RecipientTypeDetails":"SharedMailbox"}},
		{"cmdlet":"Get-MailboxPermission","parameters":{"Identity":"support@contoso.com"},"rows":[
			{"Identity":"support","User":"NT AUTHORITY\\SELF","AccessRights":["FullAccess","ChangeOwner"]},
			{"Identity":"support","User":"D\\Admins","AccessRights":["ChangeOwner"],"IsInherited":true},
			{"Identity":"support","User":"o'hara@contoso.com","AccessRights":["ChangePermission"],"IsInherited":false}]}]}`))
	must(t, err)
	var got []string
	for _, f := range mustAdmin(t, answers).Examine(t.Context(), []provision.Mailbox{box(support, nil)}, nil) {
		if f.Check == "other-rights" {
			got = append(got, f.Says+": "+f.Fix)
		}
	}
	want := "o'hara@contoso.com has the right ChangePermission, which is not the manifest's to give or take: Remove-MailboxPermission -Identity 'support@contoso.com' -AccessRights 'ChangePermission' -User 'o''hara@contoso.com'"
	if sorted(got) != want {
		t.Errorf("doctor says %q", got)
	}
}
