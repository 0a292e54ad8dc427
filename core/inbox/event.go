package inbox

import "time"

// EventKind names a fact on the timeline, in the past tense.
type EventKind string

// The kinds of event.
const (
	EventReceived    EventKind = "received"    // a message joined the conversation from outside
	EventAnswered    EventKind = "answered"    // the team answered
	EventSent        EventKind = "sent"        // the mailbox sent something that is no answer: a first mail, an automatic one, a late copy
	EventAssigned    EventKind = "assigned"    // Member has it now; From had it before
	EventReleased    EventKind = "released"    // nobody has it now; From had it
	EventEscalated   EventKind = "escalated"   // nobody could take it: Member, a lead, has it until somebody can
	EventTagged      EventKind = "tagged"      // Tag was put on
	EventUntagged    EventKind = "untagged"    // Tag was taken off
	EventPrioritised EventKind = "prioritised" // Priority was set
	EventWaiting     EventKind = "waiting"     // it is the customer's turn
	EventClosed      EventKind = "closed"
	EventReopened    EventKind = "reopened"
	EventMoved       EventKind = "moved"   // Message lies at Place now
	EventDeleted     EventKind = "deleted" // Message is gone
	EventRefused     EventKind = "refused" // the provider refused an action for good; Why says which
)

// Actor says who made an event true.
type Actor string

// The actors that are no member. Graph and Gmail do not tell which person set a category or label, so a person's
// move in the mail client is ByTeam unless something else says who it was.
const (
	ByPostroom Actor = "postroom"
	ByCustomer Actor = "customer"
	ByTeam     Actor = "team"
)

// ByMember is the actor for a member who is known.
func ByMember(m MemberID) Actor { return Actor("member:" + m) }

// Event is one fact of a conversation. Events are only ever appended.
type Event struct {
	Seq  int64     `json:"seq"` // 1 for the first of a conversation, without gaps
	At   time.Time `json:"at"`
	Kind EventKind `json:"kind"`
	By   Actor     `json:"by"`

	Message  MessageID `json:"message,omitempty"`
	Mail     *Mail     `json:"mail,omitempty"` // received, answered, sent
	Member   MemberID  `json:"member,omitempty"`
	From     MemberID  `json:"from,omitempty"`
	Tag      string    `json:"tag,omitempty"`
	Priority Priority  `json:"priority,omitempty"`
	Skill    string    `json:"skill,omitempty"` // assigned, escalated: what the owner must be able to do
	Place    Place     `json:"place,omitempty"`
	Was      Place     `json:"was,omitempty"` // where a moved or deleted message lay before

	// Why gives the reasons in words, most specific first.
	Why []string `json:"why,omitempty"`
}

// Mail is what a conversation keeps of a message that joined it.
type Mail struct {
	Thread    ThreadID  `json:"thread,omitempty"`
	Direction Direction `json:"direction"`
	From      Person    `json:"from"`
	To        Person    `json:"to,omitzero"` // the first recipient, for what the team began itself
	Subject   string    `json:"subject,omitempty"`
	At        time.Time `json:"at"`
	Place     Place     `json:"place"`
	Automated string    `json:"automated,omitempty"` // why it counts as automated mail; empty for a person's
	Imported  bool      `json:"imported,omitempty"`  // it was there before Postroom
	Refs      []uint64  `json:"refs,omitempty"`      // hashes of its Message-ID and of those it refers to
	People    []uint64  `json:"people,omitempty"`    // hashes of the outsiders on it
}

// Priority orders work. The zero value is normal.
type Priority string

// The priorities.
const (
	PriorityNormal Priority = ""
	PriorityLow    Priority = "low"
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)
