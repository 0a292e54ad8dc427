package boot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// large is a manifest of so many mailboxes, with the app's reach.
func large(n int) string {
	var s strings.Builder
	s.WriteString(strings.Replace(onePerson, "mailboxes:", `m365: {app: 0a0a0a0a-0000-0000-0000-000000000001, principal: 0b0b0b0b-0000-0000-0000-000000000002}
mailboxes:`, 1))
	for i := range n - 1 {
		fmt.Fprintf(&s, "  team%02d@contoso.com: {provider: m365, name: Team %d, agents: [one], leads: [one]}\n", i, i)
	}
	return s.String()
}

// tardy lets time pass with each read of the administrations.
type tardy struct {
	provision.Admin
	wait func()
}

func (s tardy) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	s.wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.Admin.Read(ctx, want, only)
}

// A look at many mailboxes takes several invocations, and finds what one would: also mailboxes in the app's reach that nobody wants
// there.
func TestLargeReportIsHandedOn(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.shelf.put(large(60))
	b.equip()
	if err := b.world.Exchange.AddMailbox(exchangesim.Recipient{Address: "stray@contoso.com"}); err != nil {
		t.Fatal(err)
	}
	if err := b.world.Exchange.Run("Set-Mailbox", map[string]any{"Identity": "stray@contoso.com", "CustomAttribute15": "Postroom"}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"support@contoso.com", "team57@contoso.com"} {
		if err := b.world.Exchange.Grant(at, "eve@contoso.com", "FullAccess"); err != nil {
			t.Fatal(err)
		}
	}
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil {
			e.Admins[0] = tardy{e.Admins[0], func() { _ = b.wait(context.Background(), 4*time.Minute) }}
		}
		return e, err
	}
	b.cut = b.now.Add(15 * time.Minute)
	got, err := b.handle(`{"do": "report"}`)
	if err != nil {
		t.Fatal(err)
	}
	if first := got.(boot.DriftReport); first.Task == "" || len(b.told) > 0 {
		t.Fatalf("the first invocation says %+v, told %q", first, b.told)
	}
	b.again = append(b.again, b.again[0]) // Lambda delivers it twice
	if legs := b.goOn(); legs < 2 {
		t.Errorf("%d invocations more", legs)
	}
	if len(b.told) != 1 || strings.Count(b.told[0], "eve@contoso.com no longer") != 2 || !strings.Contains(b.told[0], "stray@contoso.com") {
		t.Errorf("told %d times: %s\n%s", len(b.told), strings.Join(b.told, "\n"), b.logged())
	}
}

// An apply that takes longer goes on in the next invocation, and its status says so meanwhile.
func TestApplyIsHandedOn(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.world.Exchange.Delays.Recipient = 25 * time.Minute
	b.Patience = time.Hour
	var planned boot.Planned
	b.ask(`{"do": "plan"}`, &planned)
	b.cut = b.now.Add(15 * time.Minute)
	var first boot.Applied
	b.ask(`{"do": "apply", "plan": "`+planned.Digest+`"}`, &first)
	if first.Ended || first.Task == "" || len(b.again) != 1 {
		t.Fatalf("%+v, %d events of its own", first, len(b.again))
	}
	var status boot.Applied
	b.ask(`{"do": "status", "task": "`+first.Task+`"}`, &status)
	if status.Ended {
		t.Errorf("under way, the status is %+v", status)
	}
	b.again = append(b.again, b.again[0])
	b.goOn()
	b.ask(`{"do": "status", "task": "`+first.Task+`"}`, &status)
	if !status.Ended || !status.Complete {
		t.Errorf("in the end the status is %+v\n%s", status, b.logged())
	}
}

// What cannot be read has not drifted and has not ceased to: it is measured, and told of neither now nor when it can be read again.
func TestReportWithoutAnAspect(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	if err := b.world.Exchange.Grant("support@contoso.com", "eve@contoso.com", "FullAccess"); err != nil {
		t.Fatal(err)
	}
	var r boot.DriftReport
	b.ask(`{"do": "report"}`, &r)
	blind := true
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil && blind {
			e.Admins[0] = unreadable{e.Admins[0]}
		}
		return e, err
	}
	b.now = b.now.Add(24 * time.Hour)
	b.ask(`{"do": "report"}`, &r)
	if r.Unread != 1 || r.New != 0 || len(b.told) != 1 || !strings.Contains(b.metrics.String(), `"PlanFailures":1`) {
		t.Errorf("%+v, told %d times\n%s", r, len(b.told), b.metrics.String())
	}
	if b.log.lines("not known whether it has drifted", "support@contoso.com") == nil {
		t.Error("the log does not say what could not be read")
	}
	blind = false
	b.now = b.now.Add(24 * time.Hour)
	b.ask(`{"do": "report"}`, &r)
	if r.New != 0 || r.Drift != 1 || len(b.told) != 1 {
		t.Errorf("%+v, told %d times", r, len(b.told))
	}
}

// unreadable cannot read who opens a mailbox.
type unreadable struct{ provision.Admin }

func (u unreadable) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	list, err := u.Admin.Read(ctx, want, only)
	for i := range list {
		for f := range list[i].Facts {
			if f.Aspect == provision.Open {
				delete(list[i].Facts, f)
			}
		}
		if list[i].Address != "" {
			list[i].Unread = map[provision.Aspect]string{provision.Open: "Get-MailboxPermission answered 500"}
		}
	}
	return list, err
}

// A deployment that administers nothing has nothing to look for, and fails for nobody, also while there is no manifest yet.
func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.shelf.versions = nil
	b.Administers = func(inbox.Provider) bool { return false }
	var r boot.DriftReport
	b.ask(`{"do": "report"}`, &r)
	if r != (boot.DriftReport{}) || len(b.told) > 0 || b.metrics.Len() > 0 {
		t.Errorf("%+v, told %q, measured %s", r, b.told, b.metrics.String())
	}
}

// A plan that holds more than a message may is cut, at the end of a line and with a word of it.
func TestNoticeIsBounded(t *testing.T) {
	t.Parallel()
	b := newBranch(t)
	b.equip()
	estate := b.Estate
	b.Estate = func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
		e, err := estate(m, want)
		if err == nil {
			e.Admins[0] = wordy{e.Admins[0]}
		}
		return e, err
	}
	var r boot.DriftReport
	b.ask(`{"do": "report"}`, &r)
	if len(b.told) != 1 || len(b.told[0]) > 256<<10 || !strings.HasSuffix(b.told[0], "look at the whole plan.\n") {
		t.Errorf("%+v, told %d times, %d bytes", r, len(b.told), len(strings.Join(b.told, "")))
	}
}

// wordy finds thousands of aliases.
type wordy struct{ provision.Admin }

func (w wordy) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	list, err := w.Admin.Read(ctx, want, only)
	for i := range list {
		if list[i].Address != "" {
			for n := range 3000 {
				list[i].Facts[provision.Fact{Aspect: provision.Alias, Subject: fmt.Sprintf("%s%d@contoso.com", strings.Repeat("x", 60), n)}] = ""
			}
		}
	}
	return list, err
}
