package coretest

import (
	"fmt"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

const (
	support = inbox.MailboxID("support@contoso.com")
	sales   = inbox.MailboxID("sales@contoso.com")
)

// story makes the units of one conversation, each following on the last.
type story struct{ now inbox.Conversation }

func newStory(mailbox inbox.MailboxID, name string) *story {
	id := inbox.NewConversationID(mailbox, inbox.ThreadID("thread "+name), inbox.MessageID(name))
	return &story{inbox.Conversation{ID: id, Mailbox: mailbox}}
}

// then is the unit for more events, numbered here, with one action.
func (s *story) then(events ...inbox.Event) pipeline.Unit {
	u := pipeline.Unit{Expect: s.now.Seq}
	for _, e := range events {
		e.Seq = s.now.Seq + 1
		s.now = s.now.With(e)
		u.Events = append(u.Events, e)
	}
	u.Conversation = s.now
	u.Actions = []pipeline.Action{{
		Key:          fmt.Sprintf("%s/%012d", s.now.ID, s.now.Seq),
		Conversation: s.now.ID, Kind: pipeline.SetMarkers,
		Markers: []inbox.Marker{"@One"},
	}}
	return u
}

// receive is the unit for a mail that joins the conversation.
func (s *story) receive(id inbox.MessageID, thread inbox.ThreadID, when time.Time) pipeline.Unit {
	u := s.then(inbox.Event{
		At: when, Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: id,
		Mail: &inbox.Mail{
			Thread: thread, Direction: inbox.In, At: when, Place: inbox.Inbox, Subject: "Frage zur Lieferung – " + string(id),
			From: inbox.Person{Name: "Jördis", Address: "jordis@example.net"}, Refs: []uint64{1 << 63, 7}, People: []uint64{9},
		},
		Why: []string{"a new thread"},
	})
	u.Joined = []inbox.Known{s.known(id, thread, when)}
	return u
}

func (s *story) known(id inbox.MessageID, thread inbox.ThreadID, when time.Time) inbox.Known {
	return inbox.Known{
		ID: id, Conversation: s.now.ID, Thread: thread, Direction: inbox.In, At: when,
		State: inbox.State{Place: inbox.Inbox, Markers: []inbox.Marker{"Private"}, Revision: "r1", Stamp: 1},
	}
}

func assigned(m inbox.MemberID, when time.Time) inbox.Event {
	return inbox.Event{At: when, Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: m, Why: []string{"it is their turn"}}
}

func escalated(m inbox.MemberID, when time.Time) inbox.Event {
	return inbox.Event{At: when, Kind: inbox.EventEscalated, By: inbox.ByPostroom, Member: m}
}

func shift(m inbox.MemberID, n int) assign.Shift {
	return assign.Shift{Open: map[inbox.MemberID]int{m: n}, Last: m}
}
