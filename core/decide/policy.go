package decide

import (
	"strings"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// Policy is all that the manifest says about the work in one mailbox. It is built once and never changed, so any
// number of decisions may use it at once.
type Policy struct {
	Mailbox   inbox.MailboxID
	Addresses []inbox.Address // the mailbox's own: itself and its aliases
	Domains   []string        // of the organisation, lower case; mail from them is a colleague's
	Members   []Member        // everybody who has a marker in this mailbox, in the order of the manifest
	Assign    assign.Config
	Rules     *rules.Set // nil matches nothing
	Tags      []Tag
	Markers   Markers
	// CloseBy is the place that means closed when the last received message in the inbox goes there. Empty: none does.
	CloseBy inbox.Place
	Backlog Backlog
}

// Member is a person as far as markers and authorship are concerned.
type Member struct {
	ID      inbox.MemberID
	Name    string
	Address inbox.Address
	Marker  inbox.Marker // such as @Anna
}

// Tag is a tag of the mailbox and the marker that shows it.
type Tag struct {
	Name   string
	Marker inbox.Marker
}

// Markers are the names of the markers that show a status. An empty one is not shown.
type Markers struct {
	Waiting inbox.Marker
	Closed  inbox.Marker
}

// Backlog says what becomes of mail that was in the mailbox before Postroom.
type Backlog struct {
	Mode  BacklogMode `json:"mode,omitempty"` // empty: BacklogRegister
	Since time.Time   `json:"since,omitzero"` // of BacklogTriageSince: the first moment whose mail is work
}

// BacklogMode is what a backlog does.
type BacklogMode string

// The modes. Nothing is ever sent because of a backlog.
const (
	BacklogIgnore       BacklogMode = "ignore"        // it is not even kept, but for that of the last minutes
	BacklogRegister     BacklogMode = "register"      // it makes closed conversations, which nobody is told of; the default
	BacklogTriageSince  BacklogMode = "triage-since"  // what came into the inbox since a day is work, the rest registered
	BacklogTriageUnread BacklogMode = "triage-unread" // what is unread in the inbox is work, the rest registered
	BacklogTriageAll    BacklogMode = "triage-all"    // what is in the inbox is work, the rest registered
)

// triages reports whether the backlog makes work of anything.
func (b Backlog) triages() bool {
	switch b.Mode {
	case BacklogTriageSince, BacklogTriageUnread, BacklogTriageAll:
		return true
	}
	return false
}

// wants reports whether the backlog makes work of a mail in the inbox.
func (b Backlog) wants(m inbox.Message) bool {
	switch b.Mode {
	case BacklogTriageAll:
		return true
	case BacklogTriageUnread:
		return m.Unread
	case BacklogTriageSince:
		return !m.At.Before(b.Since)
	}
	return false
}

// String is the backlog in the manifest's words.
func (b Backlog) String() string {
	switch b.Mode {
	case "":
		return string(BacklogRegister)
	case BacklogTriageSince:
		return "triage since " + b.Since.Format(time.DateOnly)
	}
	return strings.ReplaceAll(string(b.Mode), "-", " ")
}

// words names the backlog as the timeline does.
func (b Backlog) words() string { return "backlog: " + b.String() }

// reason says of a mail why nothing more follows from it.
func (b Backlog) reason() string { return "there before Postroom; " + b.words() }
