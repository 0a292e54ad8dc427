package gmail_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

// account is a wish for an account at Gmail.
func account(address inbox.MailboxID) provision.Mailbox {
	return provision.Mailbox{Address: address, Provider: inbox.Gmail, Facts: facts("mailbox", "", "account")}
}

// found is what doctor says of a check, one line a finding: verdict, mailbox, and whether there is a fix.
func found(all []provision.Finding, check string) string {
	var lines []string
	for _, f := range all {
		if f.Check == check {
			line := string(f.Verdict)
			if f.Mailbox != "" {
				line += " " + string(f.Mailbox)
			}
			if f.Fix != "" {
				line += " fix"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ", ")
}

func TestExamine(t *testing.T) {
	b := newBureau(t)
	b.sim.MaxDelegates = 100
	b.sim.AddMailbox("ceo@contoso.com")
	x := &gmail.Examination{Client: b.client, Settings: b.settings, Control: "CEO@contoso.com"}
	want := []provision.Mailbox{{Provider: inbox.Gmail}, account(box), {Address: "x@contoso.com", Provider: inbox.M365, Facts: facts("mailbox", "", "shared")}, {Address: "retired@contoso.com", Provider: inbox.Gmail}}
	all := x.Examine(t.Context(), want)
	for check, says := range map[string]string{
		gmail.CheckReach: "good " + box, gmail.CheckSettings: "good " + box, gmail.CheckDelegates: "good " + box,
		gmail.CheckControl: "good", gmail.CheckStorage: "skipped fix",
	} {
		if got := found(all, check); got != says {
			t.Errorf("%s: %q, want %q", check, got, says)
		}
	}
	if len(all) != 5 {
		t.Errorf("findings %+v", all)
	}
	for _, f := range all {
		if f.Check == gmail.CheckControl && (!strings.Contains(f.Says, "reaches every mailbox") || !strings.Contains(f.Says, "ceo@contoso.com")) {
			t.Errorf("the control says %q", f.Says)
		}
		if strings.Contains(f.Says+f.Fix, "\n") {
			t.Errorf("more than a line: %q", f.Says)
		}
	}
	for m := range b.sim.Stats().Mailboxes {
		if m != box {
			t.Errorf("asked about %s", m)
		}
	}
	for i := range 26 {
		b.ok(b.do(provision.Add, provision.Open, fmt.Sprintf("p%d@contoso.com", i), ""))
	}
	if got := found(x.Examine(t.Context(), want), gmail.CheckDelegates); got != "warning "+box+" fix" {
		t.Errorf("26 delegates: %q", got)
	}
}

// Nothing at Gmail, nothing named, nothing to provision with.
func TestExamineLittle(t *testing.T) {
	b := newBureau(t)
	x := &gmail.Examination{Client: b.client}
	if all := x.Examine(t.Context(), nil); len(all) != 0 {
		t.Errorf("found %+v", all)
	}
	all := x.Examine(t.Context(), []provision.Mailbox{account(box)})
	if found(all, gmail.CheckSettings) != "skipped" || found(all, gmail.CheckControl) != "skipped fix" {
		t.Errorf("found %+v", all)
	}
	// A control mailbox that is declared would be read: that is no proof but a mistake.
	x.Control = box
	if got := found(x.Examine(t.Context(), []provision.Mailbox{account(box)}), gmail.CheckControl); got != "bad fix" {
		t.Errorf("control %q", got)
	}
}

func TestExamineFailures(t *testing.T) {
	b := newBureau(t)
	x := &gmail.Examination{Client: b.client, Settings: b.settings}
	want := []provision.Mailbox{account(box)}
	b.dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/profile", RetryAfter: 0, Times: 1})
	if got := found(x.Examine(t.Context(), want), gmail.CheckReach); got != "skipped "+box {
		t.Errorf("throttled: %q", got)
	}
	b.sim.RemoveMailbox(box)
	all := x.Examine(t.Context(), want)
	if found(all, gmail.CheckReach) != "bad "+box+" fix" || found(all, gmail.CheckSettings) != "bad "+box+" fix" {
		t.Errorf("no mail service: %+v", all)
	}
}

// What every mailbox would meet is said once, not 500 times.
func TestExamineWithoutScopes(t *testing.T) {
	t.Parallel()
	tokens, err := gmail.ServiceAccount(serviceKey(t), roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 401, Status: "401 Unauthorized", Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"error":"unauthorized_client","error_description":"Client is unauthorized"}`)), Request: r}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	var boxes []inbox.MailboxID
	var want []provision.Mailbox
	for i := range 30 {
		boxes = append(boxes, inbox.MailboxID(fmt.Sprintf("m%d@contoso.com", i)))
		want = append(want, account(boxes[i]))
	}
	config := gmail.Config{Tokens: tokens, Mailboxes: boxes, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("sent without a token")
		return nil, io.EOF
	})}
	client, err := gmail.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := gmail.NewSettings(config)
	if err != nil {
		t.Fatal(err)
	}
	all := (&gmail.Examination{Client: client, Settings: settings}).Examine(t.Context(), want)
	if found(all, gmail.CheckReach) != "bad fix" || found(all, gmail.CheckSettings) != "bad fix" {
		t.Errorf("found %+v", all)
	}
	for _, f := range all {
		if f.Check == gmail.CheckReach && !strings.Contains(f.Fix, gmail.Scope) || f.Check == gmail.CheckSettings && !strings.Contains(f.Fix, "gmail.settings.sharing") {
			t.Errorf("%s: fix %q", f.Check, f.Fix)
		}
	}
}
