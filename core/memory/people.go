package memory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Receive lets a mail arrive in the inbox, unread. It is Put with that direction and place.
func (p *Provider) Receive(m inbox.Message) inbox.MessageID {
	m.Direction, m.Unread = inbox.In, true
	return p.Put(m, inbox.Inbox)
}

// Put lets a mail of any direction appear somewhere, as the caller made it. Where they are empty, an id and a
// Message-ID are made up, and the thread is that of what it answers, else a new one. An id that is taken panics.
func (p *Provider) Put(m inbox.Message, place inbox.Place) inbox.MessageID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.put(copyMessage(m), place)
}

func (p *Provider) put(m inbox.Message, place inbox.Place) inbox.MessageID {
	if p.messages == nil {
		p.messages, p.threads = map[inbox.MessageID]*message{}, map[inbox.ThreadID][]*message{}
		p.byRFCID = map[string]*message{}
	}
	p.made++
	if m.ID == "" {
		m.ID = inbox.MessageID(fmt.Sprintf("m%06d", p.made))
	}
	if p.messages[m.ID] != nil {
		panic(fmt.Sprintf("memory: message id %s is taken", m.ID))
	}
	if m.RFCID == "" {
		m.RFCID = fmt.Sprintf("<%s@memory.invalid>", m.ID)
	}
	if m.Thread == "" {
		m.Thread = inbox.ThreadID(fmt.Sprintf("t%06d", p.made))
		for _, ref := range append([]string{m.InReplyTo}, m.References...) {
			if parent := p.byRFCID[ref]; parent != nil {
				m.Thread = parent.mail.Thread
				break
			}
		}
	}
	mail := &message{mail: m, state: inbox.State{Place: place}}
	p.messages[m.ID] = mail
	p.threads[m.Thread] = append(p.threads[m.Thread], mail)
	p.byRFCID[m.RFCID] = mail
	p.changed(mail)
	return m.ID
}

// Answer lets somebody answer a message from their mail client. By is the sender that the provider tells of; its zero
// value is an answer whose author nobody can tell. It is false when the message does not exist.
func (p *Provider) Answer(id inbox.MessageID, by inbox.Person, at time.Time) (inbox.MessageID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil {
		return "", false
	}
	r := p.reply(m, at)
	r.Direction, r.Sender = inbox.Out, by
	return p.put(r, inbox.Sent), true
}

// SaveDraft lets somebody begin an answer. It is false when the message does not exist.
func (p *Provider) SaveDraft(id inbox.MessageID, at time.Time) (inbox.MessageID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil {
		return "", false
	}
	r := p.reply(m, at)
	r.Direction = inbox.Draft
	return p.put(r, inbox.Drafts), true
}

// SendDraft sends a draft and gives the id it has in Sent. It is false when there is no such draft.
func (p *Provider) SendDraft(id inbox.MessageID, by inbox.Person, at time.Time) (inbox.MessageID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil || m.mail.Direction != inbox.Draft {
		return "", false
	}
	sent := m.mail
	sent.Direction, sent.Sender, sent.At = inbox.Out, by, at
	if p.NewIDOnSend {
		p.erase(m)
		sent.ID = ""
		return p.put(sent, inbox.Sent), true
	}
	m.mail, m.state.Place = sent, inbox.Sent
	p.changed(m)
	return id, true
}

func (p *Provider) reply(m *message, at time.Time) inbox.Message {
	from := inbox.Person{Address: p.Address}
	r := inbox.Message{
		Thread: m.mail.Thread, ThreadIsHint: m.mail.ThreadIsHint,
		InReplyTo: m.mail.RFCID, References: append(slices.Clone(m.mail.References), m.mail.RFCID),
		From: from, Subject: "Re: " + m.mail.Subject, At: at,
	}
	if m.mail.Direction == inbox.In {
		r.To = []inbox.Person{m.mail.From}
	} else {
		r.To = slices.Clone(m.mail.To)
	}
	return r
}

// PutMarker lets somebody put markers on a message. It is false when that changes nothing.
func (p *Provider) PutMarker(id inbox.MessageID, markers ...inbox.Marker) bool {
	return p.person(id, func(m *message) bool {
		var added []inbox.Marker
		m.state.Markers, added, _ = change(m.state.Markers, markers, nil)
		return len(added) > 0
	})
}

// TakeMarker lets somebody take markers off a message. It is false when that changes nothing.
func (p *Provider) TakeMarker(id inbox.MessageID, markers ...inbox.Marker) bool {
	return p.person(id, func(m *message) bool {
		var removed []inbox.Marker
		m.state.Markers, _, removed = change(m.state.Markers, nil, markers)
		return len(removed) > 0
	})
}

// Move lets somebody move a message. It is false when that changes nothing.
func (p *Provider) Move(id inbox.MessageID, place inbox.Place) bool {
	return p.person(id, func(m *message) bool {
		was := m.state.Place
		m.state.Place = place
		return was != place
	})
}

// MarkRead lets somebody open a message, or mark it unread. It is false when that changes nothing.
func (p *Provider) MarkRead(id inbox.MessageID, read bool) bool {
	return p.person(id, func(m *message) bool {
		was := m.mail.Unread
		m.mail.Unread = !read
		return was == read
	})
}

// Delete lets somebody delete a message for good. It is false when it does not exist.
func (p *Provider) Delete(id inbox.MessageID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil {
		return false
	}
	p.erase(m)
	return true
}

// State is what a message carries now; false when it does not exist.
func (p *Provider) State(id inbox.MessageID) (inbox.State, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil {
		return inbox.State{}, false
	}
	return copyState(m.state), true
}

// Messages lists what is in the mailbox, by id.
func (p *Provider) Messages() []inbox.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]inbox.Message, 0, len(p.messages))
	for _, m := range p.messages {
		out = append(out, copyMessage(m.mail))
	}
	slices.SortFunc(out, func(a, b inbox.Message) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out
}

func (p *Provider) person(id inbox.MessageID, do func(*message) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.messages[id]
	if m == nil || !do(m) {
		return false
	}
	p.changed(m)
	return true
}

// erase forgets all of a message but that it is gone.
func (p *Provider) erase(m *message) {
	delete(p.messages, m.mail.ID)
	if p.byRFCID[m.mail.RFCID] == m {
		delete(p.byRFCID, m.mail.RFCID)
	}
	t := m.mail.Thread
	p.threads[t] = slices.DeleteFunc(p.threads[t], func(x *message) bool { return x == m })
	m.mail, m.gone = inbox.Message{ID: m.mail.ID, Thread: t}, true
	p.gone++
	p.changed(m)
}
