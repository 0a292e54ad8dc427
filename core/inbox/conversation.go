package inbox

import (
	"slices"
	"time"
)

// Status says whose turn it is in a conversation.
type Status string

// The statuses. Snoozed comes with the clock.
const (
	Open    Status = "open"    // the team's turn
	Waiting Status = "waiting" // answered, the customer's turn
	Closed  Status = "closed"
)

// Bounds of what a conversation keeps, so that it never grows with its thread.
const (
	maxRefs    = 48
	maxPeople  = 24
	maxSubject = 200 // runes
)

// Conversation is one thread in one mailbox as its events make it. The zero value with ID and Mailbox set is the
// conversation before its first event. It is bounded in size however long the thread becomes.
type Conversation struct {
	ID      ConversationID `json:"id"`
	Mailbox MailboxID      `json:"mailbox"`
	Thread  ThreadID       `json:"thread"`
	// Seq is the number of its events, and its version: a commit names the Seq it has decided on.
	Seq int64 `json:"seq"`

	Status   Status   `json:"status"`
	Owner    MemberID `json:"owner,omitempty"`
	Former   MemberID `json:"former,omitempty"` // who had it before it was closed or released
	Priority Priority `json:"priority,omitempty"`
	Tags     []string `json:"tags,omitempty"`

	Skill string `json:"skill,omitempty"` // what a rule asked its owner to be able to do

	// Overflow: nobody had room, so a lead holds it until somebody has.
	Overflow bool `json:"overflow,omitempty"`
	// Imported: all of it was there before Postroom and nobody has touched it since. It carries no markers.
	Imported bool `json:"imported,omitempty"`

	Subject  string    `json:"subject,omitempty"`
	Customer Person    `json:"customer,omitzero"`
	Opened   time.Time `json:"opened"`
	Changed  time.Time `json:"changed"`          // when the last event happened
	Taken    time.Time `json:"taken,omitzero"`   // when a person last said whose it is, or that it is nobody's
	LastIn   time.Time `json:"lastIn,omitzero"`  // newest mail of a person from outside
	LastOut  time.Time `json:"lastOut,omitzero"` // newest mail of a person of the team

	Received int `json:"received"` // messages from outside that still exist
	InInbox  int `json:"inInbox"`  // of these, how many lie in the inbox
	Answers  int `json:"answers,omitempty"`

	Refs   []uint64 `json:"refs,omitempty"`
	People []uint64 `json:"people,omitempty"`
}

// With is the conversation after e. It is total: it accepts any event at any time, and e.Seq is the caller's care.
func (c Conversation) With(e Event) Conversation {
	c.Seq = e.Seq
	if e.At.After(c.Changed) {
		c.Changed = e.At
	}
	switch e.Kind {
	case EventReceived, EventAnswered, EventSent:
		c = c.withMail(e)
	case EventAssigned, EventEscalated:
		c.Owner, c.Overflow, c.Imported = e.Member, e.Kind == EventEscalated, false
		c.Skill = e.Skill
		if e.By != ByPostroom {
			c.Taken = e.At
		}
	case EventReleased:
		if c.Owner != "" {
			c.Former = c.Owner
		}
		c.Owner, c.Overflow, c.Imported = "", false, false
		if e.By != ByPostroom {
			c.Taken = e.At
		}
	case EventTagged:
		c.Imported = false
		if !slices.Contains(c.Tags, e.Tag) {
			c.Tags = append(slices.Clone(c.Tags), e.Tag)
			slices.Sort(c.Tags)
		}
	case EventUntagged:
		c.Imported = false
		c.Tags = slices.DeleteFunc(slices.Clone(c.Tags), func(t string) bool { return t == e.Tag })
	case EventPrioritised:
		c.Priority = e.Priority
	case EventWaiting:
		c.Status, c.Overflow, c.Imported = Waiting, false, false
	case EventClosed:
		c.Status, c.Overflow, c.Imported = Closed, false, false
		if c.Owner != "" {
			c.Former = c.Owner
		}
	case EventReopened:
		c.Status, c.Imported = Open, false
	case EventMoved:
		c.InInbox += in(e.Place) - in(e.Was)
		if e.Was == "" { // restored after it was gone
			c.Received++
		}
	case EventDeleted:
		c.InInbox -= in(e.Was)
		c.Received--
	}
	return c
}

func (c Conversation) withMail(e Event) Conversation {
	m := e.Mail
	if m == nil {
		return c
	}
	if c.Status == "" {
		c.Status, c.Opened, c.Thread = Open, m.At, m.Thread
		c.Imported = m.Imported
		if m.Imported {
			c.Status = Closed
		}
		c.Subject = clip(m.Subject, maxSubject)
		switch m.Direction {
		case In:
			c.Customer = m.From
		default:
			c.Customer = m.To
			if !m.Imported {
				c.Status = Waiting
			}
		}
	}
	switch e.Kind {
	case EventReceived:
		c.Received++
		c.InInbox += in(m.Place)
		if m.Automated == "" && m.At.After(c.LastIn) {
			c.LastIn = m.At
		}
	case EventAnswered, EventSent:
		if e.Kind == EventAnswered {
			c.Answers++
		}
		if m.Automated == "" && m.At.After(c.LastOut) {
			c.LastOut = m.At
		}
	}
	c.Refs = newest(c.Refs, m.Refs, maxRefs)
	c.People = newest(c.People, m.People, maxPeople)
	return c
}

// Replay is the conversation that its whole timeline makes.
func Replay(id ConversationID, mailbox MailboxID, timeline []Event) Conversation {
	c := Conversation{ID: id, Mailbox: mailbox}
	for _, e := range timeline {
		c = c.With(e)
	}
	return c
}

func in(p Place) int {
	if p == Inbox {
		return 1
	}
	return 0
}

// newest appends what list lacks and keeps the last max of it. The first element stays: it is what began the thread.
func newest(list, more []uint64, limit int) []uint64 {
	out := slices.Clone(list)
	for _, v := range more {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if over := len(out) - limit; over > 0 {
		out = append(out[:1], out[1+over:]...)
	}
	return out
}

func clip(s string, runes int) string {
	n := 0
	for i := range s {
		if n == runes {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
