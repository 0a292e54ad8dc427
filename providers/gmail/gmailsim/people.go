package gmailsim

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/mail"
)

// Receive delivers a mail now, unread, to the inbox.
func (s *Sim) Receive(mailbox string, raw []byte) (id string, err error) {
	return s.ReceiveAt(mailbox, raw, s.now(), arrived...)
}

// ReceiveAt puts a mail into a mailbox as if it had arrived at that time, with these system labels or names of
// user labels: old mail for a first sync. It shows in history like any other.
func (s *Sim) ReceiveAt(mailbox string, raw []byte, at time.Time, labels ...string) (id string, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		ids, err := t.labelIDs(labels)
		if err != nil {
			return err
		}
		id = t.deliver(slices.Clone(raw), ids, at).id
		return nil
	})
	return id, err
}

// labelIDs resolves names as a person means them, making the labels that are missing.
func (t *txn) labelIDs(names []string) ([]string, error) {
	if slices.Equal(names, arrived) {
		return arrived, nil
	}
	ids := make([]string, 0, len(names))
	for _, name := range names {
		l := t.labelNamed(name)
		if l == nil {
			var err error
			if l, err = t.newLabel(wireLabel{Name: name}); err != nil {
				return nil, fmt.Errorf("label %q: %w", name, err)
			}
		}
		ids = append(ids, l.id)
	}
	return ids, nil
}

// AddLabel puts a label, by name, on one message, making the label if need be.
func (s *Sim) AddLabel(mailbox, messageID, name string) error {
	return s.label(mailbox, messageID, false, []string{name}, nil)
}

// RemoveLabel takes a label, by name, off one message.
func (s *Sim) RemoveLabel(mailbox, messageID, name string) error {
	return s.label(mailbox, messageID, false, nil, []string{name})
}

// AddThreadLabel puts a label on every message a thread has now, as the conversation view does.
func (s *Sim) AddThreadLabel(mailbox, threadID, name string) error {
	return s.label(mailbox, threadID, true, []string{name}, nil)
}

// RemoveThreadLabel takes a label off every message of a thread.
func (s *Sim) RemoveThreadLabel(mailbox, threadID, name string) error {
	return s.label(mailbox, threadID, true, nil, []string{name})
}

// Archive takes a thread out of the inbox.
func (s *Sim) Archive(mailbox, threadID string) error {
	return s.RemoveThreadLabel(mailbox, threadID, labelInbox)
}

// Trash moves a thread to the bin.
func (s *Sim) Trash(mailbox, threadID string) error {
	return s.label(mailbox, threadID, true, []string{labelTrash}, []string{labelInbox})
}

// MarkRead marks a thread as read.
func (s *Sim) MarkRead(mailbox, threadID string) error {
	return s.RemoveThreadLabel(mailbox, threadID, labelUnread)
}

func (s *Sim) label(mailbox, id string, whole bool, add, remove []string) error {
	return s.edit(mailbox, func(t *txn) error {
		added, err := t.labelIDs(add)
		if err != nil {
			return err
		}
		var removed []string
		for _, name := range remove {
			l := t.labelNamed(name)
			if l == nil {
				return fmt.Errorf("no label %q", name)
			}
			removed = append(removed, l.id)
		}
		if th := t.threads[id]; th != nil && whole {
			t.relabelThread(th, added, removed)
			return nil
		}
		m := t.byID[id]
		if m == nil || whole {
			return fmt.Errorf("no message or thread %s", id)
		}
		t.relabel(m, added, removed)
		return nil
	})
}

// RenameLabel renames a user label; its id stays.
func (s *Sim) RenameLabel(mailbox, from, to string) error {
	return s.edit(mailbox, func(t *txn) error {
		l := t.labelNamed(from)
		if l == nil {
			return fmt.Errorf("no label %q", from)
		}
		return t.change(l, wireLabel{Name: to})
	})
}

// Delete removes a message for good.
func (s *Sim) Delete(mailbox, messageID string) error {
	return s.edit(mailbox, func(t *txn) error {
		m := t.byID[messageID]
		if m == nil {
			return fmt.Errorf("no message %s", messageID)
		}
		if m.draft != nil {
			t.dropDraft(m.draft)
		}
		t.remove(m)
		return nil
	})
}

// Answer sends an answer to a message from the web client and returns the id of the sent copy. from is the
// delegate who writes: the mail then names him in Sender and X-Google-Sender-Delegation, as archived mails do.
// With "" it leaves no trace of who wrote it, as under "Show the account owner only".
func (s *Sim) Answer(mailbox, messageID, from, body string) (id string, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		m := t.byID[messageID]
		if m == nil {
			return fmt.Errorf("no message %s", messageID)
		}
		raw, err := t.answer(m, from, body)
		if err != nil {
			return err
		}
		sent, err := t.send(raw, m.thread)
		if err != nil {
			return err
		}
		id = sent.id
		return nil
	})
	return id, err
}

// SaveDraft begins an answer to a message and leaves it as a draft in the thread.
func (s *Sim) SaveDraft(mailbox, messageID, body string) (draftID string, err error) {
	err = s.edit(mailbox, func(t *txn) error {
		m := t.byID[messageID]
		if m == nil {
			return fmt.Errorf("no message %s", messageID)
		}
		raw, err := t.answer(m, "", body)
		if err != nil {
			return err
		}
		draftID = t.newDraft(raw, m.thread).id
		return nil
	})
	return draftID, err
}

// DiscardDraft throws a draft away.
func (s *Sim) DiscardDraft(mailbox, draftID string) error {
	return s.edit(mailbox, func(t *txn) error {
		d := t.drafts[draftID]
		if d == nil {
			return fmt.Errorf("no draft %s", draftID)
		}
		t.dropDraft(d)
		t.remove(d.message)
		return nil
	})
}

// answer writes the mail of an answer as the web client would.
func (t *txn) answer(to *message, delegate, body string) ([]byte, error) {
	orig, err := mail.ParseHeader(to.raw)
	if err != nil {
		return nil, err
	}
	recipients := orig.From
	if len(orig.ReplyTo) > 0 {
		recipients = orig.ReplyTo
	}
	if to.has(labelSent) {
		recipients = orig.To
	}
	var list []string
	for _, a := range recipients {
		if a.Address != "" {
			list = append(list, "<"+a.Address+">")
		}
	}
	subject := orig.Subject
	if !strings.HasPrefix(strings.ToLower(subject), "re:") {
		subject = "Re: " + subject
	}
	fields := []mail.Field{
		{Name: "MIME-Version", Value: "1.0"},
		{Name: "From", Value: t.settings.sendAs[0].from()},
		{Name: "To", Value: strings.Join(list, ", ")},
		{Name: "Subject", Value: mime.QEncoding.Encode("utf-8", subject)},
		{Name: "Date", Value: t.now.Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{Name: "Content-Type", Value: `text/plain; charset="UTF-8"`},
	}
	if orig.MessageID != "" {
		fields = append(fields, mail.Field{Name: "In-Reply-To", Value: orig.MessageID},
			mail.Field{Name: "References", Value: strings.Join(append(orig.References, orig.MessageID), " ")})
	}
	if delegate != "" {
		fields = append(fields, mail.Field{Name: "Sender", Value: delegate}, mail.Field{Name: "X-Google-Sender-Delegation", Value: delegate})
	}
	return setFields([]byte("\r\n"+strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")), fields...), nil
}
