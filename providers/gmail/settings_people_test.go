package gmail_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
)

// byHand is the instruction of an error.
func (b *bureau) byHand(err error, words ...string) {
	b.Helper()
	var hand *provision.ByHand
	if !errors.As(err, &hand) {
		b.Errorf("got %v, want it by hand", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(hand.Instruction, w) {
			b.Errorf("%q does not say %q", hand.Instruction, w)
		}
	}
}

func TestDelegateCap(t *testing.T) {
	b := newBureau(t)
	b.sim.MaxDelegates = 10
	for i := range 10 {
		b.ok(b.do(provision.Add, provision.Open, fmt.Sprintf("p%02d@contoso.com", i), ""))
	}
	b.byHand(b.do(provision.Add, provision.Open, "p10@contoso.com", ""), "delegate-group", "Mail delegation", "Settings > See all settings > Accounts", box,
		"--allow-remove", "Directory > Users > "+box+" > Reset password") // what the account was made with nobody knows
	b.ok(b.do(provision.Remove, provision.Open, "p00@contoso.com", ""))
	b.ok(b.do(provision.Add, provision.Open, "p10@contoso.com", ""))
	if n := len(b.delegates()); n != 10 {
		t.Errorf("%d delegates", n)
	}
}

func TestDelegationIsOff(t *testing.T) {
	b := newBureau(t)
	b.sim.DelegationOff = true
	b.byHand(b.do(provision.Add, provision.Open, "anna@contoso.com", ""), "Apps > Google Workspace > Gmail > User settings > Mail delegation")
	b.opens()
}

// The API takes accounts by their primary address only: no alias, no group, nobody outside.
func TestWhoCanBeNoDelegate(t *testing.T) {
	b := newBureau(t)
	b.sim.IsAccount = func(address string) bool { return address == "anna@contoso.com" }
	for _, who := range []string{"team@contoso.com", "alias@contoso.com", "anna@else.org"} {
		b.byHand(b.do(provision.Add, provision.Open, who, ""), who, "primary address", "delegate-group")
	}
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	b.opens("anna@contoso.com")
}

// A group is in no list: nobody claims to know, a person is told how, and the people beside it are managed as ever.
func TestGroupAsDelegate(t *testing.T) {
	b := newBureau(t)
	b.ok(b.do(provision.Add, provision.Open, "former@contoso.com", ""))
	want := facts("open", "team@contoso.com", "", "open", "anna@contoso.com", "", "group-member", "team@contoso.com/bo@contoso.com", "MEMBER")
	got := b.read(want)
	b.expect(got, provision.Open, facts("open", "former@contoso.com", ""))
	why := got.Unseen[provision.Fact{Aspect: provision.Open, Subject: "team@contoso.com"}]
	if len(got.Unseen) != 1 || !strings.Contains(why, "Grant access to your account") || len(got.Unread) > 0 {
		t.Errorf("unseen %q, unread %q", got.Unseen, got.Unread)
	}
}

// Whoever was invited in the web client and may yet accept has access as good as; who declined has none, and is made a
// delegate anew.
func TestInvitedDelegates(t *testing.T) {
	b := newBureau(t)
	for who, status := range map[string]string{"anna": "accepted", "bo": "pending", "cai": "rejected", "dea": "expired", "eve": "pending"} {
		b.ok(b.sim.InviteDelegate(box, who+"@contoso.com", status))
	}
	want := facts("open", "anna@contoso.com", "", "open", "bo@contoso.com", "", "open", "dea@contoso.com", "")
	b.expect(b.read(want), provision.Open, facts("open", "anna@contoso.com", "", "open", "eve@contoso.com", ""))
	for _, s := range missing(want, b.read(want)) {
		if s.Fact.Aspect == provision.Open {
			b.ok(b.settings.Do(t.Context(), s))
		}
	}
	b.expect(b.read(want), provision.Open, want)
	b.opens("anna@contoso.com", "bo@contoso.com", "dea@contoso.com")
}

// A status that the reference does not have yet is no reason to overlook somebody, or to make a delegate anew each time.
func TestDelegateOfUnknownStatus(t *testing.T) {
	b := newBureau(t)
	b.ok(b.sim.InviteDelegate(box, "anna@contoso.com", ""))
	b.ok(b.sim.InviteDelegate(box, "eve@contoso.com", "verificationStatusUnspecified"))
	want := facts("open", "anna@contoso.com", "")
	b.expect(b.read(want), provision.Open, facts("open", "anna@contoso.com", "", "open", "eve@contoso.com", ""))
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	if n := b.sim.Stats().Methods["settings.delegates.delete"]; n != 0 {
		t.Error("Anna was taken out for a moment")
	}
}

// Lists are behind for a while, and the account of a delegate may be gone: doing it twice is no error.
func TestDelegatesShowLater(t *testing.T) {
	b := newBureau(t)
	b.sim.DelegateDelay = time.Minute
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	b.expect(b.read(nil), provision.Open, facts())
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	b.clock.Advance(time.Minute)
	b.expect(b.read(nil), provision.Open, facts("open", "anna@contoso.com", ""))
	b.sim.IsAccount = func(string) bool { return false } // Anna has left
	for range 2 {
		b.ok(b.do(provision.Remove, provision.Open, "anna@contoso.com", ""))
	}
	b.expect(b.read(nil), provision.Open, facts("open", "anna@contoso.com", ""))
	b.clock.Advance(time.Minute)
	b.expect(b.read(nil), provision.Open, facts())
}

// The monitor hears of every change, also of one whose answer was lost.
func TestDelegatesAreTold(t *testing.T) {
	b := newBureau(t)
	var told []string
	b.sim.OnDelegates = func(mailbox string, delegates []string) {
		told = append(told, mailbox+": "+strings.Join(delegates, " "))
	}
	b.dial.Add(fault.Rule{Kind: fault.Lost, Method: "POST", Times: 1})
	if err := b.do(provision.Add, provision.Open, "bo@contoso.com", ""); verdict(err) != "later" {
		t.Errorf("a lost answer: %v", err)
	}
	b.ok(b.do(provision.Add, provision.Open, "bo@contoso.com", ""))
	b.ok(b.do(provision.Add, provision.Open, "anna@contoso.com", ""))
	b.ok(b.do(provision.Remove, provision.Open, "bo@contoso.com", ""))
	want := []string{box + ": bo@contoso.com", box + ": anna@contoso.com bo@contoso.com", box + ": anna@contoso.com"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

// An address that nobody has confirmed is no sender, a person is told what to do, and Gmail's mail goes out once.
func TestSenderThatWaitsForConfirmation(t *testing.T) {
	b := newBureau(t)
	b.sim.OwnsAddress = func(_, address string) bool { return address == "billing@contoso.com" }
	for range 2 {
		b.byHand(b.do(provision.Add, provision.Sender, "info@fabrikam.com", "default"), "info@fabrikam.com", "Send mail as", "Reset password")
	}
	if n := b.sim.Stats().Methods["settings.sendAs.create"]; n != 1 {
		t.Errorf("%d creations", n)
	}
	b.expect(b.read(nil), provision.Sender, facts("sender", box, "default"))
	b.ok(b.sim.ConfirmSendAs(box, "info@fabrikam.com"))
	b.ok(b.do(provision.Add, provision.Sender, "info@fabrikam.com", "default"))
	b.ok(b.do(provision.Add, provision.Sender, "billing@contoso.com", ""))
	b.expect(b.read(nil), provision.Sender, facts("sender", box, "", "sender", "info@fabrikam.com", "default", "sender", "billing@contoso.com", ""))
}

// Another default sender takes the mailbox's signature along.
func TestSignatureStaysWithTheMailbox(t *testing.T) {
	b := newBureau(t)
	b.ok(b.do(provision.Set, provision.Signature, "", "Contoso Support"))
	b.ok(b.do(provision.Add, provision.Sender, "billing@contoso.com", "default"))
	want := facts("signature", "", "Contoso Support")
	b.expect(b.read(want), provision.Signature, want)
	b.ok(b.do(provision.Set, provision.Signature, "", ""))
	b.expect(b.read(nil), provision.Signature, facts())
}
