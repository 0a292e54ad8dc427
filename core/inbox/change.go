package inbox

import "time"

// ChangeKind says what has happened to a message since Postroom last looked.
type ChangeKind string

// The kinds of change.
const (
	Arrived ChangeKind = "arrived" // a received message is new to us
	SentOut ChangeKind = "sent"    // a message from the mailbox is new to us
	Marked  ChangeKind = "marked"  // somebody put on or took off markers of ours
	Moved   ChangeKind = "moved"   // it lies in another place
	Deleted ChangeKind = "deleted" // it is gone for good
)

// Change is one difference between what Postroom kept of a message and what the provider shows now.
type Change struct {
	Kind    ChangeKind
	Message Message // whole for arrived and sent; else only ID and Thread
	State   State   // the state now
	Known   Known   // what was kept before; zero for arrived and sent

	Added   []Marker // marked: names of ours that somebody put on
	Removed []Marker // marked: names of ours that somebody took off

	// Imported: the message was in the mailbox before Postroom first looked at it.
	Imported bool
	At       time.Time // when it happened as far as known: the mail's own time, else when it was seen
}

// ID is the message that changed.
func (c Change) ID() MessageID {
	if c.Message.ID != "" {
		return c.Message.ID
	}
	return c.Known.ID
}
