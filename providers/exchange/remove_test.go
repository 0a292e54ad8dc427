package exchange_test

import (
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// TestOnlyTheSharedMailboxIsDeleted: what an address leads to may be somebody's own mailbox, or one of another name.
func TestOnlyTheSharedMailboxIsDeleted(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support), Aliases: []string{"old@contoso.com"}}))
	remove := func(m inbox.MailboxID, kind string) provision.Step {
		return provision.Step{Mailbox: m, Provider: inbox.M365, Verb: provision.Delete, Fact: fact(provision.Existence, ""), Before: kind}
	}
	own := remove("bo@contoso.com", "user")
	if err := tn.admin.Do(t.Context(), own); err == nil || !strings.Contains(err.Error(), "no shared mailbox") {
		t.Errorf("somebody's own mailbox: said %v", err)
	}
	if m := tn.admin.Manual(own); !strings.Contains(m, "retired") {
		t.Errorf("the plan says of somebody's own mailbox %q", m)
	}
	tn.do(t, remove("old@contoso.com", "shared")) // it is gone; the address is an alias now
	for _, m := range []inbox.MailboxID{"bo@contoso.com", support} {
		if !tn.read(t, box(m, nil))[0].Exists() {
			t.Errorf("%s is gone", m)
		}
	}
	if m := tn.admin.Manual(remove(support, "shared")); m != "" {
		t.Errorf("the plan has a person delete a shared mailbox: %q", m)
	}
	// A script deletes by the id of what was read.
	script := &exchange.Script{Reads: tn.endpoint}
	must(t, tn.admin.Through(script).Do(t.Context(), remove(support, "shared")))
	var b strings.Builder
	must(t, script.Print(&b, "postroom.yaml", noon, nil))
	if strings.Contains(b.String(), "Remove-Mailbox -Identity '"+string(support)) || !strings.Contains(b.String(), "Remove-Mailbox -Identity '") {
		t.Errorf("the script does not delete by id:\n%s", b.String())
	}
	tn.do(t, remove(support, "shared"), remove(support, "shared"))
	if tn.read(t, box(support, nil))[0].Exists() {
		t.Error("the shared mailbox is still there")
	}
}
