package inbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

func TestConversationIDIsStableAndDistinct(t *testing.T) {
	t.Parallel()
	id := inbox.NewConversationID("support@contoso.com", "thread", "message")
	if id != inbox.NewConversationID("support@contoso.com", "thread", "message") || len(id) != 12 {
		t.Errorf("id %q", id)
	}
	// The parts must not run into one another.
	if id == inbox.NewConversationID("support@contoso.com", "thread"+"message", "") ||
		id == inbox.NewConversationID("support@contoso.com", "threa", "dmessage") {
		t.Error("two threads have one id")
	}
}

// TestBelongs is the trap of Exchange's conversationId, which joins equal subjects of strangers.
func TestBelongs(t *testing.T) {
	t.Parallel()
	inside := func(a inbox.Address) bool { return a.Domain() == "contoso.com" }
	mail := func(id, from, ref string, hint bool) inbox.Message {
		m := inbox.Message{Thread: "t", ThreadIsHint: hint, RFCID: id, InReplyTo: ref, From: inbox.Person{Address: inbox.Address(from)}}
		m.To = []inbox.Person{{Address: "support@contoso.com"}}
		return m
	}
	first := mail("<1@a>", "a@example.com", "", true)
	c := inbox.Conversation{ID: "c"}.With(inbox.Event{Seq: 1, Kind: inbox.EventReceived, Mail: &inbox.Mail{
		Thread: "t", Direction: inbox.In, From: first.From, Refs: first.Refs(), People: first.Outsiders(inside), At: time.Unix(1, 0),
	}})
	for _, tt := range []struct {
		name string
		m    inbox.Message
		want bool
	}{
		{"the same customer again", mail("<2@a>", "a@example.com", "", true), true},
		{"a stranger with the same subject", mail("<2@b>", "b@example.com", "", true), false},
		{"a stranger who answers the mail", mail("<2@b>", "b@example.com", "<1@a>", true), true},
		{"a colleague without any reference", mail("<2@c>", "one@contoso.com", "", true), true},
		{"a stranger, but the provider's thread is to be trusted", mail("<2@b>", "b@example.com", "", false), true},
	} {
		if got := c.Belongs(tt.m, tt.m.Refs(), tt.m.Outsiders(inside)); got != tt.want {
			t.Errorf("%s: belongs %v", tt.name, got)
		}
	}
	colleague := mail("<1@c>", "one@contoso.com", "", true)
	c = inbox.Conversation{ID: "c"}.With(inbox.Event{Seq: 1, Kind: inbox.EventReceived, Mail: &inbox.Mail{
		Thread: "t", Direction: inbox.In, From: colleague.From, Refs: colleague.Refs(), People: colleague.Outsiders(inside), At: time.Unix(1, 0),
	}})
	for ref, want := range map[string]bool{"": false, "<1@c>": true} {
		m := mail("<2@b>", "b@example.com", ref, true)
		if got := c.Belongs(m, m.Refs(), m.Outsiders(inside)); got != want {
			t.Errorf("a stranger who answers %q, where a colleague began with the same subject: belongs %v", ref, got)
		}
	}
	other := mail("<1@a>", "a@example.com", "", true)
	other.Thread = "another"
	if c.Belongs(other, other.Refs(), nil) {
		t.Error("a mail of another thread belongs")
	}
}

// TestConversationStaysBounded: a thread of ten thousand mails from ten thousand people keeps its conversation small.
func TestConversationStaysBounded(t *testing.T) {
	t.Parallel()
	c := inbox.Conversation{ID: "c"}
	for i := range 10_000 {
		m := inbox.Message{RFCID: fmt.Sprintf("<%d@example.com>", i), From: inbox.Person{Address: inbox.Address(fmt.Sprintf("p%d@example.com", i))}}
		c = c.With(inbox.Event{Seq: int64(i + 1), Kind: inbox.EventReceived, Mail: &inbox.Mail{
			Direction: inbox.In, Subject: strings.Repeat("é", 5000), Refs: m.Refs(), People: m.Outsiders(func(inbox.Address) bool { return false }),
		}})
	}
	if len(c.Refs) > 48 || len(c.People) > 24 || len([]rune(c.Subject)) > 201 {
		t.Errorf("kept %d refs, %d people, %d runes of subject", len(c.Refs), len(c.People), len([]rune(c.Subject)))
	}
	if c.Received != 10_000 {
		t.Errorf("received %d", c.Received)
	}
}

// TestWithLeavesTheOldValueAlone: conversations are values; nobody may see a later event in an earlier one.
func TestWithLeavesTheOldValueAlone(t *testing.T) {
	t.Parallel()
	c := inbox.Conversation{ID: "c", Tags: make([]string, 1, 8), Refs: make([]uint64, 1, 8)}
	c.Tags[0] = "b"
	before := fmt.Sprintf("%+v", c)
	_ = c.With(inbox.Event{Kind: inbox.EventTagged, Tag: "a"})
	_ = c.With(inbox.Event{Kind: inbox.EventUntagged, Tag: "b"})
	_ = c.With(inbox.Event{Kind: inbox.EventReceived, Mail: &inbox.Mail{Direction: inbox.In, Refs: []uint64{7}}})
	if after := fmt.Sprintf("%+v", c); after != before {
		t.Errorf("it became %s, was %s", after, before)
	}
}

func TestNewAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]inbox.Address{" <Anna@Contoso.COM> ": "anna@contoso.com", "": "", "no-at": "no-at"} {
		if got := inbox.NewAddress(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
	if d := inbox.Address("a@b@c.d").Domain(); d != "c.d" {
		t.Errorf("domain %q", d)
	}
}
