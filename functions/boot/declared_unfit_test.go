package boot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/boot"
)

// unfit is a world with three declared mailboxes, one of which does not go with the manifest any more.
func unfit(t *testing.T) *branch {
	t.Helper()
	b := newBranch(t)
	b.equip()
	for i, name := range []string{"careers", "jobs", "press"} {
		keys := jobs(map[string]any{"Address": name + "@contoso.com", "Removal": "delete"})
		if name == "jobs" {
			keys["Agents"], keys["Leads"] = []string{"two"}, []string{"two"}
		}
		event := strings.ReplaceAll(request("Create", fmt.Sprint("c", i), "", keys), `"Jobs"`, `"`+name+`"`)
		if _, err := b.handle(event); err != nil || b.answer(fmt.Sprint("c", i)).Status != "SUCCESS" {
			t.Fatalf("%v\n%s", err, b.logged())
		}
	}
	b.shelf.put(strings.Replace(onePerson, "  two: {name: Bo Dahl, email: bo@contoso.com}\n", "", 1))
	return b
}

// A declared mailbox that does not go with the manifest any more keeps nobody from looking for drift at the others. That nothing is
// known of it is said.
func TestUnfitDeclarationHidesNoDrift(t *testing.T) {
	t.Parallel()
	b := unfit(t)
	if err := b.world.Exchange.Grant("press@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	var r boot.DriftReport
	b.ask(`{"do": "report"}`, &r)
	if r.Mailboxes != 3 || r.Drift != 1 || r.Unread != 1 || len(b.told) != 1 || !strings.Contains(b.told[0], "eve@contoso.com") {
		t.Errorf("%+v, told %q", r, b.told)
	}
	if !strings.Contains(b.metrics.String(), `"PlanFailures":1`) || b.log.lines("level=ERROR", "jobs@contoso.com", "left out") == nil {
		t.Errorf("nobody is told of the one that is left out: %s\n%s", b.metrics.String(), b.logged())
	}
	var planned boot.Planned
	b.ask(`{"do": "plan", "allowRemove": true}`, &planned)
	if planned.Steps != 1 || planned.Unread != 1 || planned.Plan.Unread[0].Mailbox != "jobs@contoso.com" || !strings.Contains(planned.Plan.Unread[0].Why, "two") {
		t.Errorf("planned: %+v, unread %+v", planned, planned.Plan.Unread)
	}
	b.now = b.now.Add(time.Hour)
	var applied boot.Applied
	b.ask(`{"do": "apply", "allowRemove": true, "plan": "`+planned.Digest+`"}`, &applied)
	if !applied.Complete {
		t.Errorf("applied: %+v", applied)
	}
}

// Nor does it keep other resources from coming, changing and going; itself it goes too.
func TestUnfitDeclarationStopsNoOtherResource(t *testing.T) {
	t.Parallel()
	b := unfit(t)
	press := map[string]any{"Address": "press@contoso.com", "Name": "Press and media", "Removal": "delete"}
	send := func(logical, kind, id, physical string, keys map[string]any) {
		t.Helper()
		if _, err := b.handle(strings.ReplaceAll(request(kind, id, physical, keys), `"Jobs"`, `"`+logical+`"`)); err != nil {
			t.Fatal(err)
		}
		if a := b.answer(id); a.Status != "SUCCESS" {
			t.Errorf("%s of %s: %+v", kind, logical, a)
		}
	}
	send("sales", "Create", "s1", "", jobs(map[string]any{"Address": "sales@contoso.com", "Name": "Sales"}))
	send("press", "Update", "u1", "press@contoso.com", jobs(press))
	send("press", "Delete", "d1", "press@contoso.com", jobs(press))
	send("jobs", "Delete", "d2", "jobs@contoso.com", jobs(map[string]any{"Removal": "delete"}))
	for at, want := range map[string]bool{"sales@contoso.com": true, "press@contoso.com": false, "jobs@contoso.com": false, "careers@contoso.com": true} {
		if b.exists(at) != want {
			t.Errorf("%s is there: %v", at, !want)
		}
	}
}

// As long as a declared mailbox is left out each look counts it, so that the alarm stays.
func TestUnfitDeclarationIsCountedAtEachLook(t *testing.T) {
	t.Parallel()
	b := unfit(t)
	for range 3 {
		if got := b.worked(); got != "[support@contoso.com careers@contoso.com press@contoso.com]" {
			t.Errorf("worked: %s", got)
		}
		if n := b.Manifests.Refused(); n != 1 {
			t.Errorf("counted %d times in one look", n)
		}
	}
}
