package inbox

import (
	"slices"
	"strings"
	"time"
)

// Person is somebody who writes or receives mail. The name is what the mail claims.
type Person struct {
	Name    string  `json:"name,omitempty"`
	Address Address `json:"address,omitempty"`
}

// String is the name where there is one, else the address.
func (p Person) String() string {
	if p.Name != "" {
		return p.Name
	}
	return string(p.Address)
}

// Direction says which way a message goes, seen from the mailbox.
type Direction string

// The directions.
const (
	In    Direction = "in"    // somebody wrote to the mailbox
	Out   Direction = "out"   // the mailbox wrote to somebody
	Draft Direction = "draft" // not sent yet
)

// Place is where in the mailbox a message lies.
type Place string

// The places. What is neither of the named ones is Elsewhere: a folder or label that the team made.
const (
	Inbox     Place = "inbox"
	Archive   Place = "archive"
	Sent      Place = "sent"
	Drafts    Place = "drafts"
	Trash     Place = "trash"
	Junk      Place = "junk"
	Elsewhere Place = "elsewhere"
)

// Field is one header field, its value decoded (RFC 2047).
type Field struct {
	Name  string
	Value string
}

// Attachment is what a mail says of a part that is not its text. Size is in bytes, 0 where the provider does not say.
type Attachment struct {
	Name string
	Type string // media type in lower case
	Size int64
}

// Message is one mail of a mailbox: all that does not change once it is there.
// Every text in it was chosen by a stranger.
type Message struct {
	ID     MessageID
	Thread ThreadID
	// ThreadIsHint says that the provider's thread can hold mails that have nothing to do with one another, as
	// Exchange joins equal subjects. Conversations are then told apart by references and people.
	ThreadIsHint bool

	RFCID      string   // the Message-ID header, angle brackets kept; a hint, never a key
	InReplyTo  string   // as RFCID
	References []string // as RFCID, oldest first

	From   Person
	Sender Person // who really sent it where the provider tells (Send on Behalf, delegate); else as From or empty
	To     []Person
	Cc     []Person

	Subject     string
	Body        string // text, possibly only its beginning; empty where no rule asked for it
	Header      []Field
	Attachments []Attachment
	Size        int64 // bytes, 0 where unknown or not asked for
	At          time.Time
	Direction   Direction
	Unread      bool

	// Unreadable gives the reason when the provider has the message but its content cannot be had for good.
	Unreadable string
}

// Get is the value of the first header field of that name, letter case ignored; "" where there is none.
func (m Message) Get(name string) string {
	for _, f := range m.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// State is what can change on a message after it has arrived.
type State struct {
	Place   Place    `json:"place"`
	Markers []Marker `json:"markers,omitempty"` // all of them, people's own among them; sorted
	// Revision names this state for a guarded write (Graph's @odata.etag); empty where the provider has none.
	Revision string `json:"revision,omitempty"`
	// Stamp grows with every change of the message at the provider. Of two states with different stamps the lower
	// is stale. 0 says nothing.
	Stamp int64 `json:"stamp,omitempty"`
}

// Has reports whether m is among the markers, letter case ignored as both providers do.
func (s State) Has(m Marker) bool { return HasMarker(s.Markers, m) }

// HasMarker reports whether m is in list, letter case ignored.
func HasMarker(list []Marker, m Marker) bool {
	return slices.ContainsFunc(list, func(x Marker) bool { return strings.EqualFold(string(x), string(m)) })
}

// Observation is what a provider says of one message when it is asked for the changes since a cursor.
// It is the state of that message at some moment after the cursor, not the step that led there.
type Observation struct {
	ID     MessageID
	Thread ThreadID
	// Gone: the message does not exist in the mailbox any more. All else but ID may be empty.
	Gone bool
	// State is nil where the provider named the message but not its state; it must then be fetched.
	State *State
	// New: the provider says that the message came into the mailbox since the cursor, or since the time that its listing was
	// limited to, whatever its date. False says nothing.
	New bool
	// Doubtful: the state may have been overtaken by one that was not read yet. It is to be fetched before anything is
	// concluded from a difference.
	Doubtful bool
	// Message is nil where the provider did not send the content along.
	Message *Message
}

// Known is what Postroom keeps of a message: whose conversation it is in, and the state it last saw or set.
type Known struct {
	ID           MessageID      `json:"id"`
	Conversation ConversationID `json:"conversation"`
	Thread       ThreadID       `json:"thread,omitempty"` // empty where the thread is only a hint
	Direction    Direction      `json:"direction"`
	At           time.Time      `json:"at"`
	State        State          `json:"state"`
	// Gone: the provider does not have it any more. The record stays, so that a replay does not count it anew.
	Gone bool `json:"gone,omitempty"`
}

// Marked reports whether the conversation's markers belong on this message: on what was received and can still be seen.
// Sent mail and drafts carry none.
func (k Known) Marked() bool {
	return k.Direction == In && !k.Gone && k.State.Place != Trash && k.State.Place != Junk
}

// Style is how a marker shall look. Color is one of the 25 names that Outlook has, in lower case and with a hyphen:
// red, orange, brown, yellow, green, teal, olive, blue, purple, cranberry, steel, dark-steel, gray, dark-gray, black,
// dark-red, dark-orange, dark-brown, dark-yellow, dark-green, dark-teal, dark-olive, dark-blue, dark-purple,
// dark-cranberry; or none. Each adapter maps them to what its provider has.
type Style struct {
	Marker Marker
	Color  string
}
