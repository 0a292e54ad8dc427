package exchange_test

import (
	"testing"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// TestPlansEnd: after the steps of a plan there is nothing left to plan, from nothing and from a mailbox that people set up.
func TestPlansEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		seed func(*tenant) error
	}{
		{"from nothing", func(*tenant) error { return nil }},
		{"from a mailbox of people's", func(tn *tenant) error {
			if err := tn.AddMailbox(exchangesim.Recipient{Address: string(support), Name: "Old name", Aliases: []string{"alt@contoso.com"}}); err != nil {
				return err
			}
			for who, right := range map[string]string{"bo@contoso.com": "FullAccess", "team@contoso.com": "SendAs", "anna@contoso.com": "SendOnBehalf", "o.hara@contoso.com": "FullAccess"} {
				if err := tn.Grant(string(support), who, right); err != nil {
					return err
				}
			}
			return tn.Run("Set-MailboxRegionalConfiguration", map[string]any{"Identity": string(support), "Language": "en-US", "TimeZone": "Pacific Standard Time"})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			must(t, tt.seed(tn))
			estate := provision.Estate{Admins: []provision.Admin{tn.admin}}
			want := []provision.Mailbox{idealTenant(), ideal(support)}
			plan, err := estate.Plan(t.Context(), want, provision.Options{AllowRemove: true})
			must(t, err)
			if len(plan.Steps) == 0 {
				t.Fatal("the plan is empty from the start")
			}
			tn.do(t, plan.Steps...)
			plan, err = estate.Plan(t.Context(), want, provision.Options{AllowRemove: true})
			must(t, err)
			if !plan.Empty() || len(plan.Unread) > 0 {
				t.Errorf("left: %+v, unread %+v", plan.Steps, plan.Unread)
			}
		})
	}
}
