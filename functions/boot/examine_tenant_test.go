package boot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/exchange"
)

// TestEveryFindingCanBeAskedFor: a look is left out where none of its names is asked for, so it must name all that it finds.
func TestEveryFindingCanBeAskedFor(t *testing.T) {
	t.Parallel()
	answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"answers":[
		{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","RecipientTypeDetails":"SharedMailbox"}},
		{"cmdlet":"Get-MailboxPermission","parameters":{"Identity":"support@contoso.com"},"rows":[
			{"Identity":"support","User":"anna@contoso.com","AccessRights":["ChangePermission"],"IsInherited":false}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := exchange.New(answers, "")
	if err != nil {
		t.Fatal(err)
	}
	checks := boot.TenantChecks(boot.Patients{
		Ways: &boot.Administrations{Exchange: admin},
		Want: []provision.Mailbox{{Address: "support@contoso.com", Provider: inbox.M365, Facts: map[provision.Fact]string{{Aspect: provision.Existence}: "shared"}}},
	})
	var names []string
	for _, c := range checks {
		names = append(names, c.Names...)
	}
	other := false
	for _, f := range boot.Examine(t.Context(), checks, nil) {
		if !slices.Contains(names, f.Check) {
			t.Errorf("%s cannot be asked for", f.Check)
		}
		other = other || f.Check == "other-rights"
	}
	if !other {
		t.Error("the right that no manifest names is not told of")
	}
}
