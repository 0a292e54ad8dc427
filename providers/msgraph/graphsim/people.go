package graphsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What people do in Outlook. Each names a message by either of its ids; the ids
// returned are immutable ones.

// Message is what a test sees of a message.
type Message struct {
	ID             string // immutable
	ConversationID string
	MessageID      string // the mail's own, with brackets
	Folder         string // well-known name, or display name of a folder that has none
	Subject        string
	From, Sender   string // addresses
	Categories     []string
	Read, Draft    bool
	Received       time.Time
	Raw            []byte // the mail itself, not to be changed
}

// Receive delivers a mail to the inbox, unread, received now. raw is kept and
// must not be changed afterwards.
func (s *Sim) Receive(address string, raw []byte) (id string, err error) {
	return s.ReceiveAt(address, "inbox", raw, s.now(), false)
}

// ReceiveAt puts a mail into a folder as received at a time, to fill a mailbox
// with old mail. The folder is an id, a well-known name or a display name. In
// Sent Items the mail is one the mailbox has sent.
func (s *Sim) ReceiveAt(address, folder string, raw []byte, at time.Time, read bool) (id string, err error) {
	mb, err := s.mailbox(address)
	if err != nil {
		return "", err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	f := mb.folderNamed(folder)
	if f == nil {
		return "", fmt.Errorf("graphsim: receive: no folder %s in %s", folder, address)
	}
	m, err := mb.readMail(raw)
	if err != nil {
		return "", fmt.Errorf("graphsim: receive in %s: %w", address, err)
	}
	m.receivedAt(at, read)
	mb.insert(m, f)
	return m.immutable, nil
}

// act runs one person's move on a message.
func (s *Sim) act(address, id string, move func(mb *mailbox, m *message) error) error {
	mb, err := s.mailbox(address)
	if err != nil {
		return err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	m := mb.byID[id]
	if m == nil {
		return fmt.Errorf("graphsim: no message %s in %s", id, address)
	}
	return move(mb, m)
}

// SetCategories replaces all categories of a message.
func (s *Sim) SetCategories(address, id string, names ...string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		m.categories = slices.Clone(names)
		mb.touch(m, propCategories)
		return nil
	})
}

// AddCategory adds one category; it changes nothing if the message has it.
func (s *Sim) AddCategory(address, id, name string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		if !slices.Contains(m.categories, name) {
			m.categories = append(slices.Clone(m.categories), name)
			mb.touch(m, propCategories)
		}
		return nil
	})
}

// RemoveCategory takes one category off; it changes nothing if the message has
// it not.
func (s *Sim) RemoveCategory(address, id, name string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		if i := slices.Index(m.categories, name); i >= 0 {
			m.categories = slices.Delete(slices.Clone(m.categories), i, i+1)
			mb.touch(m, propCategories)
		}
		return nil
	})
}

// Move takes a message to another folder: an id, a well-known name or a display
// name.
func (s *Sim) Move(address, id, folder string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		f := mb.folderNamed(folder)
		if f == nil {
			return fmt.Errorf("graphsim: move: no folder %s in %s", folder, address)
		}
		mb.move(m, f)
		return nil
	})
}

// Delete takes a message to Deleted Items, and from there away for good.
func (s *Sim) Delete(address, id string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		mb.discard(m)
		return nil
	})
}

// Erase removes a message for good, as Shift+Delete does.
func (s *Sim) Erase(address, id string) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		mb.erase(m)
		return nil
	})
}

// MarkRead marks a message read or unread.
func (s *Sim) MarkRead(address, id string, read bool) error {
	return s.act(address, id, func(mb *mailbox, m *message) error {
		mb.setRead(m, read)
		mb.touch(m, propRead)
		return nil
	})
}

// Answer sends an answer to a message from Outlook and keeps the copy in Sent
// Items. With a member's address it is sent on behalf of the mailbox: sender is
// the member, from the mailbox. With "" it is Send As: both are the mailbox, and
// nothing tells who wrote it.
func (s *Sim) Answer(address, id, member, body string) (sent string, err error) {
	err = s.act(address, id, func(mb *mailbox, m *message) error {
		a, err := mb.personalReply(m, body)
		if err != nil {
			return err
		}
		if member != "" {
			a.sender = person{member, member}
		}
		now := s.now()
		a.draft, a.sent, a.received = false, now, now
		a.raw = compose(a, now)
		a.size = len(a.raw)
		mb.insert(a, mb.known["sentitems"])
		sent = a.immutable
		return nil
	})
	return sent, err
}

// SaveDraft starts an answer to a message and leaves it in Drafts.
func (s *Sim) SaveDraft(address, id, body string) (draft string, err error) {
	err = s.act(address, id, func(mb *mailbox, m *message) error {
		d, err := mb.personalReply(m, body)
		if err != nil {
			return err
		}
		mb.insert(d, mb.known["drafts"])
		draft = d.immutable
		return nil
	})
	return draft, err
}

func (mb *mailbox) personalReply(m *message, body string) (*message, error) {
	if m.draft {
		return nil, errors.New("graphsim: a draft cannot be answered")
	}
	d := mb.replyTo(m, false)
	d.html, d.text = "", body
	d.settle()
	return d, nil
}

// Message reads one message back.
func (s *Sim) Message(address, id string) (Message, error) {
	var out Message
	err := s.act(address, id, func(mb *mailbox, m *message) error {
		out = mb.view(m)
		return nil
	})
	return out, err
}

// Messages reads a mailbox's messages back, newest first.
func (s *Sim) Messages(address string) ([]Message, error) {
	mb, err := s.mailbox(address)
	if err != nil {
		return nil, err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	var out []Message
	for _, m := range mb.all() {
		out = append(out, mb.view(m))
	}
	return out, nil
}

// Categories reads a mailbox's master list back: colour by name.
func (s *Sim) Categories(address string) (map[string]string, error) {
	mb, err := s.mailbox(address)
	if err != nil {
		return nil, err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	out := map[string]string{}
	for _, c := range mb.category {
		out[c.DisplayName] = c.Color
	}
	return out, nil
}

func (mb *mailbox) view(m *message) Message {
	f := m.folder.wellKnown
	if f == "" {
		f = m.folder.name
	}
	return Message{
		ID: m.immutable, ConversationID: m.conversation, MessageID: m.rfcID, Folder: f, Subject: m.subject,
		From: strings.ToLower(m.from.addr), Sender: strings.ToLower(m.sender.addr),
		Categories: slices.Clone(m.categories), Read: m.read, Draft: m.draft, Received: m.received, Raw: mb.mime(m),
	}
}
