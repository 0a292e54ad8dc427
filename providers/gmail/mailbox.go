package gmail

import (
	"context"
	"math"
	"sync"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/rules"
)

// Options say which mailbox, and what of its mail is read.
type Options struct {
	Address inbox.MailboxID
	// Front is the group that customers write to and whose mail comes to the account; "" if there is none.
	Front inbox.Address
	// Needs: with Body or Attachments set messages are read whole, else only header fields. The units are the same.
	Needs rules.Needs
	// Header names the fields that rules ask for; they are read beside those that Postroom itself looks at. Nil reads
	// every field, which costs no units but is several times as many bytes.
	Header []string
	// Own reports whether a marker is Postroom's. No other label is ever put on or taken off; nil owns all.
	Own func(inbox.Marker) bool
}

// Mailbox is one mailbox at Gmail. It implements pipeline.Provider, and its methods may be called at once: at most
// four requests fly for the mailbox, and writes go one after another.
type Mailbox struct {
	account *account
	options Options
	fields  []string // names of header fields to ask for; nil: all

	mu     sync.Mutex
	table  *labelTable
	styles map[string]string // colour of each marker that Prepare was given, by lower-case name

	// thread of the messages that the last page named, so that Fetch can read a thread at once.
	threadOf map[inbox.MessageID]inbox.ThreadID
}

var _ pipeline.Provider = (*Mailbox)(nil)

// Mailbox fails with *pipeline.Permanent for a mailbox that is not on the client's list.
func (c *Client) Mailbox(o Options) (*Mailbox, error) {
	a, err := c.account(o.Address)
	if err != nil {
		return nil, err
	}
	o.Address = a.address
	if o.Own == nil {
		o.Own = func(inbox.Marker) bool { return true }
	}
	return &Mailbox{account: a, options: o, fields: fieldNames(o.Header), styles: map[string]string{}}, nil
}

// user is the mailbox by its address rather than "me": should a token ever be for another account, Google refuses.
func (m *Mailbox) user() string { return string(m.account.address) }

// whole reports whether messages are read with their MIME tree.
func (m *Mailbox) whole() bool { return m.options.Needs.Body || m.options.Needs.Attachments }

// Gmail's system labels that say where a message lies and which way it goes.
const (
	labelInbox  = "INBOX"
	labelSent   = "SENT"
	labelDraft  = "DRAFT"
	labelTrash  = "TRASH"
	labelSpam   = "SPAM"
	labelUnread = "UNREAD"
)

// place: a message has any number of labels, so the one that hides it from the others decides.
func place(ids []string) inbox.Place {
	has := labelSet(ids)
	switch {
	case has[labelTrash]:
		return inbox.Trash
	case has[labelSpam]:
		return inbox.Junk
	case has[labelDraft]:
		return inbox.Drafts
	case has[labelInbox]:
		return inbox.Inbox
	case has[labelSent]:
		return inbox.Sent
	}
	return inbox.Archive
}

// direction never changes: Gmail sets SENT and DRAFT itself, and nobody can take them off.
func direction(ids []string) inbox.Direction {
	has := labelSet(ids)
	switch {
	case has[labelDraft]:
		return inbox.Draft
	case has[labelSent]:
		return inbox.Out
	}
	return inbox.In
}

func labelSet(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// state is what labels make of a message. history is the id of its last history record, 0 if unknown; ids grow with
// every change of the mailbox, so that a later change of the message always has a higher one.
func (m *Mailbox) state(ctx context.Context, ids []string, history uint64) (inbox.State, error) {
	s := inbox.State{Place: place(ids)}
	if history <= math.MaxInt64 {
		s.Stamp = int64(history)
	}
	var err error
	s.Markers, err = m.markers(ctx, ids)
	return s, err
}

// observe is a message with its state.
func (m *Mailbox) observe(ctx context.Context, msg *api.Message) (inbox.Observation, error) {
	state, err := m.state(ctx, msg.LabelIds, msg.HistoryId)
	if err != nil {
		return inbox.Observation{}, err
	}
	content := decode(msg, m.options.Needs)
	throughFront(&content, m.options.Front)
	return inbox.Observation{ID: content.ID, Thread: content.Thread, State: &state, Message: &content}, nil
}
