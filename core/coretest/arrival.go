package coretest

import (
	"fmt"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Arrival is what the spine commits for a customer's first mail, with ids as long as Graph's. Equal numbers give equal
// units; the nth mail, from 0, comes n seconds into the suites' stories.
func Arrival(mailbox inbox.MailboxID, n int) pipeline.Unit {
	at := epoch.Add(time.Duration(n) * time.Second)
	message := inbox.MessageID(fmt.Sprintf("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A%0116d", n))
	thread := inbox.ThreadID(fmt.Sprintf("AAQkADhhYmM0NzNiLTk1ZTQtNGI1Yi1hMDQ2LTk2NWVjYzA5NmYyMAAQ%08d", n))
	customer := inbox.Person{Name: "Jordis Customer", Address: inbox.Address(fmt.Sprintf("customer%d@example.net", n))}
	member := inbox.MemberID(fmt.Sprint("member", n%8))
	u := pipeline.Unit{Events: []inbox.Event{
		{
			Seq: 1, At: at, Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: message,
			Mail: &inbox.Mail{
				Thread: thread, Direction: inbox.In, From: customer, Subject: fmt.Sprintf("Where is my order %d?", n), At: at,
				Place: inbox.Inbox, Refs: []uint64{1<<63 + uint64(n)}, People: []uint64{1<<62 + uint64(n)},
			},
			Why: []string{"a new conversation"},
		},
		{
			Seq: 2, At: at, Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: member,
			Why: []string{fmt.Sprintf("least-loaded: %s has %d open", member, n/8)},
		},
	}}
	id := inbox.NewConversationID(mailbox, thread, message)
	u.Conversation = inbox.Replay(id, mailbox, u.Events)
	u.Joined = []inbox.Known{{
		ID: message, Conversation: id, Thread: thread, Direction: inbox.In, At: at,
		State: inbox.State{Place: inbox.Inbox, Revision: `W/"CQAAABYAAAAdC59DEVfRR6qAuwAAAAAA"`, Stamp: int64(n)},
	}}
	u.Actions = []pipeline.Action{{
		Key: string(id) + "/000000000002", Conversation: id, Kind: pipeline.SetMarkers, Markers: []inbox.Marker{"@Member"},
	}}
	u.Shift = assign.Shift{Open: map[inbox.MemberID]int{member: 1}, Last: member}
	u.Handled = map[inbox.Address]assign.Handled{customer.Address: {Member: member, At: at}}
	return u
}
