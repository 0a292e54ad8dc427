package decide

import (
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

// Backlog says what becomes of mail that was in the inbox before Postroom.
type Backlog string

// The backlogs.
const (
	BacklogUnread Backlog = "unread" // unread mail in the inbox is work; the default
	BacklogAll    Backlog = "all"    // all mail in the inbox is work
	BacklogNone   Backlog = "none"   // nothing is
)
