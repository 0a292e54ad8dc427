package main

import (
	"context"
	"fmt"
	"mime"
	"slices"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
)

// moveKind is something a person does in the mail client.
type moveKind int

// The moves.
const (
	moveAnswer   moveKind = iota // writes an answer in their own name, on behalf of the mailbox
	moveAnswerAs                 // writes one as the mailbox, which leaves no trace of who it was
	moveClaim                    // puts their own category or label on
	moveClose                    // puts the category or label on that means closed
	moveArchive                  // takes it out of the inbox
	moveAway                     // the customer's mail program sends an automatic reply
)

// openList is a mailbox's open conversations, the longest open first.
type openList struct {
	order []inbox.ConversationID
	is    map[inbox.ConversationID]bool
}

func (l *openList) follow(c inbox.Conversation) {
	if l.is == nil {
		l.is = map[inbox.ConversationID]bool{}
	}
	switch open := c.Status == inbox.Open; {
	case open && !l.is[c.ID]:
		l.is[c.ID] = true
		l.order = append(l.order, c.ID)
	case !open && l.is[c.ID]:
		delete(l.is, c.ID)
		l.order = slices.DeleteFunc(l.order, func(id inbox.ConversationID) bool { return id == c.ID })
	}
}

// of finds the conversation of a message.
func (w *demoWorld) of(ctx context.Context, b *demoBox, id inbox.MessageID) (inbox.Conversation, error) {
	known, err := w.store.Known(ctx, b.id, []inbox.MessageID{id})
	if err != nil {
		return inbox.Conversation{}, err
	}
	return w.conversation(ctx, b, known[id].Conversation)
}

func (w *demoWorld) conversation(ctx context.Context, b *demoBox, id inbox.ConversationID) (inbox.Conversation, error) {
	found, err := w.store.Conversations(ctx, b.id, []inbox.ConversationID{id})
	if err != nil {
		return inbox.Conversation{}, err
	}
	c, ok := found[id]
	if !ok {
		return c, fmt.Errorf("%s has no conversation %q", b.id, id)
	}
	return c, nil
}

// newest gives a conversation's newest message of a direction.
func (w *demoWorld) newest(ctx context.Context, b *demoBox, c inbox.Conversation, d inbox.Direction) (inbox.Known, bool, error) {
	list, err := w.store.Messages(ctx, b.id, c.ID, "", 0)
	var out inbox.Known
	for _, k := range list {
		if k.Direction == d && !k.Gone && (out.ID == "" || k.At.After(out.At)) {
			out = k
		}
	}
	return out, out.ID != "", err
}

// move does what a member does in Outlook or Gmail, and tells of it. What follows comes when the world settles.
func (s *demoStory) move(ctx context.Context, b *demoBox, c inbox.Conversation, kind moveKind, member decide.Member) error {
	w := s.world
	if kind == moveAway {
		return s.away(ctx, b, c)
	}
	last, ok, err := w.newest(ctx, b, c, inbox.In)
	if err != nil || !ok {
		return err
	}
	name := firstName(member.Name)
	thing := "category"
	if b.provider == manifest.Gmail {
		thing = "label"
	}
	var does string
	switch kind {
	case moveAnswer:
		does = "answers on behalf:"
		if b.provider == manifest.Gmail {
			does = "answers as delegate:"
		}
		err = w.answer(b, last, string(member.Address))
	case moveAnswerAs:
		name, does = "somebody", "answers as the mailbox:"
		err = w.answer(b, last, "")
	case moveClaim:
		does = fmt.Sprintf("puts the %s %s on", thing, member.Marker)
		err = w.putOn(b, c, last, member.Marker)
	case moveClose:
		does = fmt.Sprintf("puts the %s %s on", thing, b.policy.Markers.Closed)
		err = w.putOn(b, c, last, b.policy.Markers.Closed)
	case moveArchive:
		does = "archives"
		err = w.archive(ctx, b, c)
	}
	if err != nil {
		return err
	}
	does += " "
	s.say(b, cyanInk, name, does+aboutMail(c, s.room()-cells(does)))
	return nil
}

func (w *demoWorld) answer(b *demoBox, to inbox.Known, member string) error {
	const body = "Hello,\n\nthank you for your mail. We are looking into it and come back to you today.\n\nKind regards\nContoso\n"
	var err error
	if b.provider == manifest.M365 {
		_, err = w.sim.Graph.Answer(string(b.id), string(to.ID), member, body)
	} else {
		_, err = w.sim.Gmail.Answer(string(b.id), string(to.ID), member, body)
	}
	return err
}

// putOn puts a marker on as each client does it: Outlook on the mail that is selected, Gmail on the thread.
func (w *demoWorld) putOn(b *demoBox, c inbox.Conversation, last inbox.Known, m inbox.Marker) error {
	if b.provider == manifest.M365 {
		return w.sim.Graph.AddCategory(string(b.id), string(last.ID), string(m))
	}
	return w.sim.Gmail.AddThreadLabel(string(b.id), string(c.Thread), string(m))
}

func (w *demoWorld) archive(ctx context.Context, b *demoBox, c inbox.Conversation) error {
	if b.provider == manifest.Gmail {
		return w.sim.Gmail.Archive(string(b.id), string(c.Thread))
	}
	list, err := w.store.Messages(ctx, b.id, c.ID, "", 0)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.Direction == inbox.In && !k.Gone && k.State.Place == inbox.Inbox {
			if err := w.sim.Graph.Move(string(b.id), string(k.ID), "archive"); err != nil {
				return err
			}
		}
	}
	return nil
}

// away lets the customer's mail program answer the team's last mail by itself.
func (s *demoStory) away(ctx context.Context, b *demoBox, c inbox.Conversation) error {
	w := s.world
	sent, ok, err := w.newest(ctx, b, c, inbox.Out)
	if err != nil || !ok {
		return err
	}
	var rfcID string
	if b.provider == manifest.M365 {
		m, err := w.sim.Graph.Message(string(b.id), string(sent.ID))
		if err != nil {
			return err
		}
		rfcID = m.MessageID
	} else {
		m, err := w.sim.Gmail.Message(string(b.id), string(sent.ID))
		if err != nil {
			return err
		}
		rfcID = m.MessageID
	}
	subject := "Automatic reply: " + c.Subject
	if b.provider == manifest.Gmail {
		subject = "Re: " + c.Subject // Gmail threads by subject too
	}
	raw := fmt.Sprintf("From: %s <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <away.%s@%s>\r\nIn-Reply-To: %s\r\nReferences: %s\r\n"+
		"Auto-Submitted: auto-replied\r\nContent-Language: en\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nI am out of the office until Monday.\r\n",
		mime.QEncoding.Encode("utf-8", c.Customer.Name), c.Customer.Address, b.id, mime.QEncoding.Encode("utf-8", subject),
		w.clock.Now().Format(time.RFC1123Z), c.ID, c.Customer.Address.Domain(), rfcID, rfcID)
	return s.arrive(b, []byte(raw))
}

// touched puts a conversation that somebody is about to work on to the end, so that nobody else takes it up at once.
func (l *openList) touched(id inbox.ConversationID) {
	if i := slices.Index(l.order, id); i >= 0 {
		l.order = append(slices.Delete(l.order, i, i+1), id)
	}
}
