package main

import (
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func TestTold(t *testing.T) {
	t.Parallel()
	tell := &teller{location: time.UTC, names: map[inbox.MemberID]string{"one": "Agent One", "two": "Agent Two"}}
	jane := inbox.Person{Name: "Jane Roe", Address: "jane@example.com"}
	mail := func(m inbox.Mail) *inbox.Mail { return &m }
	for _, tt := range []struct {
		want string
		inbox.Event
	}{
		{"Jane Roe <jane@example.com> wrote: “Hello”",
			inbox.Event{Kind: inbox.EventReceived, By: inbox.ByCustomer, Mail: mail(inbox.Mail{From: jane, Subject: "Hello"})}},
		{"jane@example.com wrote without a subject (before Postroom)",
			inbox.Event{Kind: inbox.EventReceived, By: inbox.ByCustomer, Mail: mail(inbox.Mail{From: inbox.Person{Address: "jane@example.com"}, Imported: true})}},
		{"Agent Two answered: “Re: Hello”",
			inbox.Event{Kind: inbox.EventAnswered, By: inbox.ByMember("two"), Mail: mail(inbox.Mail{Subject: "Re: Hello", To: jane})}},
		{"somebody of the team wrote to Jane Roe <jane@example.com>: “News”",
			inbox.Event{Kind: inbox.EventSent, By: inbox.ByTeam, Mail: mail(inbox.Mail{Subject: "News", To: jane})}},
		{"the mailbox wrote to Jane Roe <jane@example.com>: “Out of office”",
			inbox.Event{Kind: inbox.EventSent, By: inbox.ByPostroom, Mail: mail(inbox.Mail{Subject: "Out of office", To: jane, Automated: "auto-replied"})}},
		{"the customer: a mail was received", inbox.Event{Kind: inbox.EventReceived, By: inbox.ByCustomer}},
		{"Postroom gave it to Agent One", inbox.Event{Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: "one"}},
		{"somebody of the team gave it to Agent One; Agent Two had it", inbox.Event{Kind: inbox.EventAssigned, By: inbox.ByTeam, Member: "one", From: "two"}},
		{"Agent One took it", inbox.Event{Kind: inbox.EventAssigned, By: inbox.ByMember("one"), Member: "one"}},
		{"Agent One gave it to gone (not in the manifest)", inbox.Event{Kind: inbox.EventAssigned, By: inbox.ByMember("one"), Member: "gone"}},
		{"Postroom gave it to Agent Two, a lead", inbox.Event{Kind: inbox.EventEscalated, By: inbox.ByPostroom, Member: "two"}},
		{"somebody of the team released it; Agent One had it", inbox.Event{Kind: inbox.EventReleased, By: inbox.ByTeam, From: "one"}},
		{"Postroom put on the tag VIP", inbox.Event{Kind: inbox.EventTagged, By: inbox.ByPostroom, Tag: "VIP"}},
		{"Agent One took off the tag VIP", inbox.Event{Kind: inbox.EventUntagged, By: inbox.ByMember("one"), Tag: "VIP"}},
		{"Postroom set the priority to urgent", inbox.Event{Kind: inbox.EventPrioritised, By: inbox.ByPostroom, Priority: inbox.PriorityUrgent}},
		{"Postroom set the priority to normal", inbox.Event{Kind: inbox.EventPrioritised, By: inbox.ByPostroom}},
		{"it waits for the customer", inbox.Event{Kind: inbox.EventWaiting, By: inbox.ByTeam}},
		{"somebody of the team closed it", inbox.Event{Kind: inbox.EventClosed, By: inbox.ByTeam}},
		{"the customer reopened it", inbox.Event{Kind: inbox.EventReopened, By: inbox.ByCustomer}},
		{"somebody of the team moved a mail from inbox to archive", inbox.Event{Kind: inbox.EventMoved, By: inbox.ByTeam, Was: inbox.Inbox, Place: inbox.Archive}},
		{"somebody of the team restored a mail to inbox", inbox.Event{Kind: inbox.EventMoved, By: inbox.ByTeam, Place: inbox.Inbox}},
		{"somebody of the team deleted a mail", inbox.Event{Kind: inbox.EventDeleted, By: inbox.ByTeam, Was: inbox.Inbox}},
		{"the provider refused for good to set the markers of a mail", inbox.Event{Kind: inbox.EventRefused, By: inbox.ByPostroom}},
		{"a later version: escaped�", inbox.Event{Kind: "escaped\x1b", By: "a later version"}},
	} {
		if got := tell.told(tt.Event); got != tt.want {
			t.Errorf("%s is told as %q, want %q", tt.Kind, got, tt.want)
		}
	}
}

// TestStateOfAnOverflow is a conversation that a lead holds until somebody has room.
func TestStateOfAnOverflow(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tell := &teller{out: &out, location: time.UTC, names: map[inbox.MemberID]string{"one": "Agent One"}}
	tell.state(inbox.Conversation{ID: "abc", Mailbox: "support@contoso.com", Status: inbox.Open, Owner: "one", Overflow: true, Former: "two", Opened: began})
	for _, want := range []string{
		"  status    open, with a lead until somebody has room\n", "  owner     Agent One (two (not in the manifest) had it before)\n",
		"  subject   none\n", "  customer  none\n", "  opened    2026-03-02 08:00:00 UTC\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestStatusOfAFirstSync: how far it is, as far as the provider says how much there is.
func TestStatusOfAFirstSync(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listing pipeline.Listing
		want    string
	}{
		{pipeline.Listing{}, "  never read to its end yet"},
		{pipeline.Listing{Read: 1}, "  never read to its end yet, first sync: 1 mail so far"},
		{pipeline.Listing{Read: 400, Of: 12_000}, "  never read to its end yet, first sync: 400 of about 12000 mails, 3 %"},
		{pipeline.Listing{Read: 12_007, Of: 12_000}, "  never read to its end yet, first sync: 12007 of about 12000 mails, 100 %"},
	} {
		m := mailboxStatus{standing: standing{Hints: -1, Listing: test.listing}}
		if got := m.queue(began); got != test.want {
			t.Errorf("%+v: %q, want %q", test.listing, got, test.want)
		}
	}
}
