package boot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
)

// madeUp is the id that CloudFormation makes up for a resource whose creation nobody has answered.
const madeUp = "hr-Jobs-1GQ5E8R0T4Z7X"

// A creation that CloudFormation has called off, because another resource failed, is deleted under an id that CloudFormation makes up.
// It must not go on afterwards: nobody would ever take the mailbox away.
func TestDeleteEndsACreationUnderWay(t *testing.T) {
	t.Parallel()
	for _, removal := range []string{"retain", "delete"} {
		b := newBranch(t)
		b.equip()
		b.world.Exchange.Delays.Recipient = 20 * time.Minute
		b.Patience = 40 * time.Minute
		keys := jobs(map[string]any{"Removal": removal})
		b.cut = b.now.Add(15 * time.Minute)
		if _, err := b.handle(request("Create", "c1", "", keys)); err != nil {
			t.Fatal(err)
		}
		later := b.again
		b.again = nil
		b.world.Exchange.Delays.Recipient = 0
		b.well("Delete", "d1", madeUp, keys)
		there := b.exists("jobs@contoso.com")
		if removal == "delete" && there {
			t.Error("the mailbox that the creation has made is there")
		}
		b.again = later
		b.goOn()
		if a := b.answer("c1"); a.Status != "FAILED" {
			t.Errorf("%s: the creation goes on after its end: %+v", removal, a)
		}
		if b.exists("jobs@contoso.com") != there || b.worked() != "[support@contoso.com]" {
			t.Errorf("%s: the creation has done something after its end; worked: %s", removal, b.worked())
		}
		b.well("Create", "c2", "", keys) // nobody has it
	}
}

// The answer to a creation that comes too late counts for nothing, and the mailbox goes with the request that follows.
func TestDeleteOfACreationAnsweredTooLate(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	keys := jobs(map[string]any{"Address": "Jobs@contoso.com"})
	b.well("Create", "c1", "", keys)
	b.well("Delete", "d1", madeUp, keys)
	if got := b.worked(); got != "[support@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
}

// An update to another address that fails leaves no claim to it behind.
func TestFailedReplacementLeavesNoClaim(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.well("Create", "c1", "", jobs(nil))
	b.world.ExchangeDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "Add-RecipientPermission"})
	if a := b.send("Update", "u1", "jobs@contoso.com", jobs(map[string]any{"Address": "careers@contoso.com"})); a.Status != "FAILED" || a.PhysicalResourceId != "jobs@contoso.com" {
		t.Fatalf("%+v", a)
	}
	b.world.ExchangeDial.Clear()
	b.well("Update", "rollback", "jobs@contoso.com", jobs(nil))
	event := strings.ReplaceAll(request("Create", "o1", "", jobs(map[string]any{"Address": "careers@contoso.com"})), `"Jobs"`, `"Careers"`)
	if _, err := b.handle(event); err != nil {
		t.Fatal(err)
	}
	if a := b.answer("o1"); a.Status != "SUCCESS" {
		t.Errorf("nobody has the mailbox, and yet: %+v", a)
	}
	if got := b.worked(); got != "[support@contoso.com careers@contoso.com jobs@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
}

// What the resource has made at one provider says nothing of the mailbox with the same address at another, which was there before.
func TestChangeOfProviderIsRefused(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	b.well("Create", "c1", "", jobs(nil))
	google := jobs(map[string]any{"Provider": "gmail", "Removal": "delete"})
	a := b.send("Update", "u1", "jobs@contoso.com", google)
	if a.Status != "FAILED" || !strings.Contains(a.Reason, "provider") || a.PhysicalResourceId != "jobs@contoso.com" {
		t.Errorf("%+v", a)
	}
	if got := b.worked(); got != "[support@contoso.com jobs@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
}

// Who sets Removal to retain in the update that replaces the mailbox means the mailbox that goes.
func TestRemovalOfTheLastUpdateCounts(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	old := jobs(map[string]any{"Removal": "delete"})
	b.well("Create", "c1", "", old)
	b.well("Update", "u1", "jobs@contoso.com", jobs(map[string]any{"Address": "careers@contoso.com", "Removal": "retain"}))
	b.well("Delete", "d1", "jobs@contoso.com", old) // with the properties that it had
	if !b.exists("jobs@contoso.com") {
		t.Error("a mailbox is deleted that the template retains")
	}
}

// Who declares somebody's own mailbox, perhaps by a slip, gets no access to it and has it not worked.
func TestSomebodysOwnMailboxIsNotDeclared(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	keys := jobs(map[string]any{"Address": "eve@contoso.com", "Removal": "delete"})
	a := b.send("Create", "c1", "", keys)
	if a.Status != "FAILED" || !strings.Contains(a.Reason, "shared mailbox") {
		t.Errorf("%+v", a)
	}
	if mapped, ok := b.world.Exchange.Mapped("eve@contoso.com", "anna@contoso.com"); ok {
		t.Errorf("Anna has Eve's mailbox: %v", mapped)
	}
	if got := b.worked(); got != "[support@contoso.com]" {
		t.Errorf("worked: %s", got)
	}
	b.well("Delete", "rollback", "eve@contoso.com", keys)
	if !b.exists("eve@contoso.com") {
		t.Error("Eve's mailbox is gone")
	}
}

// Nor is it deleted where a mailbox that the resource had made was before.
func TestSomebodysOwnMailboxIsNotDeleted(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	keys := jobs(map[string]any{"Removal": "delete"})
	b.well("Create", "c1", "", keys)
	if err := b.world.Exchange.Run("Remove-Mailbox", map[string]any{"Identity": "jobs@contoso.com", "Confirm": false}); err != nil {
		t.Fatal(err)
	}
	if err := b.world.Exchange.AddUser(exchangesim.Recipient{Address: "jobs@contoso.com"}); err != nil {
		t.Fatal(err)
	}
	b.send("Delete", "d1", "jobs@contoso.com", keys)
	if !b.exists("jobs@contoso.com") {
		t.Error("it is gone")
	}
}
