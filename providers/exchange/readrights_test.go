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

// TestFormsOfRights: a right that is shown in an unusual form is one all the same, and what cannot be understood is unread, not
// nothing.
func TestFormsOfRights(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		`["FullAccess"]`: "anna@contoso.com", `"FullAccess"`: "anna@contoso.com", `["ReadPermission", "FullAccess"]`: "anna@contoso.com", `"{ReadPermission, FullAccess}"`: "anna@contoso.com",
		`"FullAccess, ReadPermission"`: "anna@contoso.com", `["ReadPermission, FullAccess"]`: "anna@contoso.com",
		// Windows PowerShell's ConvertTo-Json may write a list so.
		`{"value": ["FullAccess"], "Count": 1}`: "anna@contoso.com",
		`["ReadPermission"]`:                    "", `[]`: "unread", `null`: "unread", `7`: "unread", `{"x": 1}`: "unread",
	} {
		answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"made":"2026-11-22T12:00:00Z","answers":[
			{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","RecipientTypeDetails":"SharedMailbox"}},
			{"cmdlet":"Get-MailboxPermission","parameters":{"Identity":"support@contoso.com"},"rows":[{"Identity":"support","User":"anna@contoso.com","AccessRights":` + form + `}]},
			{"cmdlet":"Get-RecipientPermission","parameters":{"Identity":"support@contoso.com"},"rows":[{"Identity":"support","Trustee":"anna@contoso.com","AccessRights":` + strings.ReplaceAll(form, "FullAccess", "SendAs") + `}]}]}`))
		must(t, err)
		for _, aspect := range []provision.Aspect{provision.Open, provision.SendAs} {
			have, err := mustAdmin(t, answers).Read(t.Context(), []provision.Mailbox{ideal(support)}, []provision.Aspect{aspect})
			must(t, err)
			got := ""
			for f := range have[0].Facts {
				if f.Aspect == aspect {
					got += f.Subject
				}
			}
			if have[0].Unread[aspect] != "" {
				got += "unread"
			}
			if got != want {
				t.Errorf("%s %s: %q, want %q", aspect, form, got, want)
			}
		}
	}
}

// TestNamesWithCommas: the text of a list cannot be taken apart where names may have commas, lest the parts be other people.
func TestNamesWithCommas(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{`["Berg, Anna"]`: "anna@contoso.com", `"Berg, Anna"`: "anna@contoso.com", `"{Berg, Anna}"`: "unread", `"{}"`: "", `null`: "", `[]`: ""} {
		answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"made":"2026-11-22T12:00:00Z","answers":[
			{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","RecipientTypeDetails":"SharedMailbox","GrantSendOnBehalfTo":` + form + `}},
			{"cmdlet":"Get-Recipient","parameters":{"Identity":"Berg, Anna"},"rows":{"PrimarySmtpAddress":"anna@contoso.com","DisplayName":"Berg, Anna"}},
			{"cmdlet":"Get-Recipient","parameters":{"Identity":"Anna"},"rows":{"PrimarySmtpAddress":"bo@contoso.com","DisplayName":"Anna"}}]}`))
		must(t, err)
		have, err := mustAdmin(t, answers).Read(t.Context(), []provision.Mailbox{ideal(support)}, []provision.Aspect{provision.SendOnBehalf})
		must(t, err)
		got := ""
		for f := range have[0].Facts {
			if f.Aspect == provision.SendOnBehalf {
				got += f.Subject
			}
		}
		if have[0].Unread[provision.SendOnBehalf] != "" {
			got = "unread"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
	}
}

// TestTheMemoryOfMapping: values of others in the attribute stay, and what is remembered both ways is not known.
func TestTheMemoryOfMapping(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	must(t, tn.Grant(string(support), "anna@contoso.com", "FullAccess"))
	theirs := []string{"cost centre 7", "automap", "automap:x", "automap:bo@contoso.com=maybe"}
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": string(support), "ExtensionCustomAttribute5": append(theirs, "automap:anna@contoso.com=on")}))
	want := box(support, map[provision.Fact]string{fact(provision.Open, "anna@contoso.com"): "mapped"})
	if v, ok := tn.read(t, want)[0].Facts[fact(provision.Open, "anna@contoso.com")]; v != "mapped" || !ok {
		t.Errorf("Anna's is %q, %v", v, ok)
	}
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": string(support), "ExtensionCustomAttribute5": append(theirs, "automap:anna@contoso.com=on", "automap:anna@contoso.com=off")}))
	if v, ok := tn.read(t, want)[0].Facts[fact(provision.Open, "anna@contoso.com")]; v != "" || !ok {
		t.Errorf("what is remembered both ways is read as %q, %v", v, ok)
	}
	tn.do(t, provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Set, Fact: fact(provision.Open, "anna@contoso.com"), After: "unmapped"},
		provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Remove, Fact: fact(provision.Open, "anna@contoso.com")})
	results, err := tn.endpoint.Run(t.Context(), exchange.Command{Name: "Get-Mailbox", Parameters: map[string]any{"Identity": string(support)}})
	must(t, err)
	if got := fmt.Sprint(results[0].Rows[0]["ExtensionCustomAttribute5"]); got != fmt.Sprint(theirs) {
		t.Errorf("left are %s", got)
	}
}
