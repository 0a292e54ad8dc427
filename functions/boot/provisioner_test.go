package boot_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

// drifts are the entries of a mailbox's timeline that tell of drift.
func (b *branch) drifts(mailbox inbox.MailboxID) (list []provision.Entry) {
	b.Helper()
	all, _, err := b.journal.Entries(b.Context(), mailbox, "", 1000)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range all {
		if e.Stage == provision.Drifted {
			list = append(list, e)
		}
	}
	return list
}

func TestDriftIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	look := func(event string, drift, fresh int) boot.DriftReport {
		t.Helper()
		var r boot.DriftReport
		b.now = b.now.Add(24 * time.Hour)
		b.ask(event, &r)
		if r.Drift != drift || r.New != fresh || r.Mailboxes != 1 || r.Unread != 0 {
			t.Fatalf("%+v, want %d differences, %d of them new\n%s\n%s", r, drift, fresh, strings.Join(b.told, "\n"), b.logged())
		}
		return r
	}
	look(`{"do": "report"}`, 0, 0)
	if len(b.told) > 0 {
		t.Fatalf("told without drift: %s", b.told[0])
	}
	if err := b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	look(`{"version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}`, 1, 1)
	if len(b.told) != 1 || !strings.HasPrefix(b.told[0], "Postroom postroom-eu: 1 differences") || !strings.Contains(b.told[0], "eve@contoso.com") {
		t.Fatalf("people were told %q", b.told)
	}
	if list := b.drifts("support@contoso.com"); len(list) != 1 || list[0].Fact.Subject != "eve@contoso.com" {
		t.Fatalf("the timeline has %+v", list)
	}
	look(`{"do": "report"}`, 1, 0)
	if len(b.told) != 1 || len(b.drifts("support@contoso.com")) != 1 {
		t.Error("the same drift is told again the next day")
	}
	if err := b.world.Exchange.Run("Set-Mailbox", map[string]any{"Identity": "support@contoso.com", "DisplayName": "Help \u202e<b>\x1b[31m"}); err != nil {
		t.Fatal(err)
	}
	look(`{"do": "report"}`, 2, 1)
	if len(b.told) != 2 || strings.ContainsAny(b.told[1], "\u202e\x1b") {
		t.Errorf("people were told %q", b.told[1:])
	}
	eve := map[string]any{"Identity": "support@contoso.com", "User": "eve@contoso.com", "AccessRights": "FullAccess"}
	if err := b.world.Exchange.Run("Remove-MailboxPermission", eve); err != nil {
		t.Fatal(err)
	}
	look(`{"do": "report"}`, 1, 0)
	if err := b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	look(`{"do": "report"}`, 2, 1) // it went and came again
	if n := len(b.drifts("support@contoso.com")); n != 3 {
		t.Errorf("%d drifts on the timeline, want 3", n)
	}
	if !strings.Contains(b.metrics.String(), `"DriftSteps":2`) || !strings.Contains(b.metrics.String(), `"PlanFailures":0`) {
		t.Errorf("metrics: %s", b.metrics.String())
	}
}

// What was noted down and not told, because the function died in between, is told at the next look, and once on the timeline.
func TestDriftIsToldInTheEnd(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	if err := b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Hour)
	dead := true
	publish := b.Publish
	b.Publish = func(ctx context.Context, subject, text string) error {
		if dead {
			return errors.New("SNS is down")
		}
		return publish(ctx, subject, text)
	}
	if _, err := b.handle(`{"do": "report"}`); err == nil || !strings.Contains(err.Error(), "SNS is down") {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(b.metrics.String(), `"PlanFailures":1`) {
		t.Errorf("the failure is in no metric: %s", b.metrics.String())
	}
	dead = false
	b.now = b.now.Add(time.Minute)
	var r boot.DriftReport
	b.ask(`{"do": "report"}`, &r)
	if r.New != 1 || len(b.told) != 1 || len(b.drifts("support@contoso.com")) != 1 {
		t.Errorf("%+v, told %d times, %d on the timeline", r, len(b.told), len(b.drifts("support@contoso.com")))
	}
}

func TestApplyDoesWhatWasShownOrNothing(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	var planned boot.Planned
	b.ask(`{"do": "plan"}`, &planned)
	if planned.Steps == 0 || planned.Plan == nil || len(planned.Digest) != 64 || b.exists("support@contoso.com") {
		t.Fatalf("%+v", planned)
	}
	b.now = b.now.Add(time.Hour)
	var again boot.Planned
	b.ask(`{"do": "plan"}`, &again)
	if again.Digest != planned.Digest {
		t.Error("the same plan has another digest an hour later")
	}
	// Somebody makes the mailbox meanwhile.
	b.world.Exchange.Run("New-Mailbox", map[string]any{"Shared": true, "Name": "support", "DisplayName": "Support", "PrimarySmtpAddress": "support@contoso.com"})
	var stale boot.Planned
	b.ask(`{"do": "apply", "plan": "`+planned.Digest+`"}`, &stale)
	if !stale.Stale || stale.Digest == planned.Digest || stale.Plan == nil {
		t.Fatalf("apply of another plan: %+v", stale)
	}
	event := `{"do": "apply", "plan": "` + stale.Digest + `"}`
	first, err := b.deliver(event, "r1")
	if err != nil {
		t.Fatal(err)
	}
	done := first.(boot.Applied)
	if !done.Ended || !done.Complete {
		t.Fatalf("%+v\n%s", done, b.logged())
	}
	entries, _, _ := b.journal.Entries(t.Context(), "support@contoso.com", "", 1000)
	// Lambda delivers the event once more.
	second, err := b.deliver(event, "r1")
	if err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(first)
	two, _ := json.Marshal(second)
	if string(one) != string(two) {
		t.Errorf("delivered twice, it answers\n%s\nand\n%s", one, two)
	}
	if after, _, _ := b.journal.Entries(t.Context(), "support@contoso.com", "", 1000); len(after) != len(entries) {
		t.Errorf("delivered twice, it did %d things more", len(after)-len(entries))
	}
	var status boot.Applied
	b.ask(`{"do": "status", "task": "`+done.Task+`"}`, &status)
	if !status.Ended || !status.Complete {
		t.Errorf("status: %+v", status)
	}
}

// The timeline says who asked: as whom the event says, and by which invocation, which CloudTrail knows the caller of.
func TestTimelineSaysWhoAsked(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	var planned boot.Planned
	b.ask(`{"do": "plan"}`, &planned)
	if _, err := b.deliver(`{"do": "apply", "plan": "`+planned.Digest+`", "by": "anna@contoso.com"}`, "0f1e2d3c"); err != nil {
		t.Fatal(err)
	}
	entries, _, err := b.journal.Entries(t.Context(), "support@contoso.com", "", 1000)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		if e.By != "anna@contoso.com, by the function provision (request 0f1e2d3c)" {
			t.Fatalf("by %q", e.By)
		}
	}
}

func TestRemovalNeedsToBeAllowed(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	if err := b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Hour)
	var without, with boot.Planned
	b.ask(`{"do": "plan"}`, &without)
	b.ask(`{"do": "plan", "allowRemove": true}`, &with)
	if without.Steps != 0 || without.Held != 1 || with.Steps != 1 || with.Takes != 1 || with.Digest == without.Digest {
		t.Fatalf("without %+v, with %+v", without, with)
	}
	var refused boot.Planned
	b.ask(`{"do": "apply", "plan": "`+with.Digest+`"}`, &refused) // allowRemove is left out
	if !refused.Stale {
		t.Error("a plan that removes is applied without allowRemove")
	}
	var applied boot.Applied
	b.ask(`{"do": "apply", "allowRemove": true, "plan": "`+with.Digest+`"}`, &applied)
	if !applied.Complete {
		t.Errorf("%+v", applied)
	}
}

func TestEventsOfNobodyAreRefused(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	for event, want := range map[string]string{
		`[]`:                                 "no event of ours",
		`{}`:                                 "no event of ours",
		`{"do": "delete everything"}`:        "do is",
		`{"do": "apply"}`:                    "digest",
		`{"do": "apply", "plan": "x"}`:       "digest",
		`{"do": "apply", "by": "a\nb"}`:      "by is",
		`{"do": "plan", "ony": ["a@b.c"]}`:   "unknown field",
		`{"do": "status"}`:                   "task",
		`{"do": "status", "task": "none"}`:   "no apply",
		`{"do": "continue", "task": "none"}`: "no task",
		`{"RequestType": "Create"}`:          "missing",
		`{"RequestType": "Explode"}`:         "RequestType",
		`{"RequestType": "Delete", "StackId": "a", "RequestId": "b", "LogicalResourceId": "c", "ResponseURL": "d"}`: "PhysicalResourceId",
	} {
		if got, err := b.handle(event); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", event, got, err, want)
		}
	}
}
