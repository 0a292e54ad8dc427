package gmailsim

import (
	"fmt"
	"slices"
	"time"
)

// Message is what a test or the demo sees of a stored mail.
type Message struct {
	ID, ThreadID string
	// MessageID is the mail's own, with angle brackets.
	MessageID     string
	Subject, From string
	// Labels are names, sorted; system labels as the API writes them.
	Labels []string
	Date   time.Time
	// DraftID is set for a draft.
	DraftID string
	// Raw is shared with the simulator: read only.
	Raw []byte
}

// Has tells whether the message carries the label of that name.
func (m Message) Has(label string) bool { return slices.Contains(m.Labels, label) }

// Message returns one message.
func (s *Sim) Message(mailbox, id string) (out Message, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		m := t.byID[id]
		if m == nil {
			return fmt.Errorf("no message %s", id)
		}
		out = t.view(m)
		return nil
	})
	return out, err
}

// Messages returns all messages of a mailbox, oldest first.
func (s *Sim) Messages(mailbox string) (list []Message, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		list = make([]Message, 0, len(t.byID))
		for _, m := range t.inOrder() {
			list = append(list, t.view(m))
		}
		return nil
	})
	return list, err
}

// Labels returns the names of a mailbox's user labels, in the order they were made.
func (s *Sim) Labels(mailbox string) (names []string, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		for _, l := range t.labelOrder {
			if !l.system {
				names = append(names, l.name)
			}
		}
		return nil
	})
	return names, err
}

func (t *txn) view(m *message) Message {
	v := Message{ID: m.id, ThreadID: m.thread.id, MessageID: m.rfcID, Subject: m.subject, From: m.from, Date: time.UnixMilli(m.date).UTC(), Raw: m.raw}
	for _, id := range m.labels {
		v.Labels = append(v.Labels, t.labels[id].name)
	}
	slices.Sort(v.Labels)
	if m.draft != nil {
		v.DraftID = m.draft.id
	}
	return v
}
