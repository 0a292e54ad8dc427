package graphsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// newDraft is an empty draft of the mailbox, in no folder yet.
func (mb *mailbox) newDraft() *message {
	own := person{mb.name, mb.address}
	return &message{
		rfcID: mb.newMessageID(), from: own, sender: own,
		read: true, draft: true, importance: "normal", inference: "focused",
	}
}

func (mb *mailbox) newMessageID() string {
	_, domain, _ := strings.Cut(mb.address, "@")
	return fmt.Sprintf("<GS%dP%06d.%d@%s>", mb.number, mb.items+1, mb.seq+1, domain)
}

// createDraft is POST messages: JSON, or MIME in base64 as text/plain.
func (mb *mailbox) createDraft(r *request, f *folder) response {
	if f == nil {
		f = mb.known["drafts"]
	}
	m, failed := mb.composed(r)
	if failed != nil {
		return *failed
	}
	mb.insert(m, f)
	return created(mb.entity(r, m, &render{immutable: r.immutable()}))
}

// composed reads a whole new message out of a request's body.
func (mb *mailbox) composed(r *request) (*message, *response) {
	if strings.HasPrefix(strings.ToLower(r.header.Get("Content-Type")), "text/plain") {
		return mb.composedMIME(r.body)
	}
	return mb.composedJSON(r.body)
}

func (mb *mailbox) composedMIME(body []byte) (*message, *response) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(body)), ""))
	if err == nil && len(raw) == 0 {
		err = fmt.Errorf("empty MIME")
	}
	var m *message
	if err == nil {
		m, err = mb.readMail(raw)
	}
	if err != nil {
		resp := mb.sim.fail(http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
		return nil, &resp
	}
	m.draft, m.read = true, true
	return m, nil
}

func (mb *mailbox) composedJSON(body []byte) (*message, *response) {
	e, failed := mb.parseMessage(body)
	if failed != nil {
		return nil, failed
	}
	m := mb.newDraft()
	for _, apply := range e.apply {
		apply(mb, m)
	}
	m.settle()
	mb.thread(m, nil)
	return m, nil
}

// createReply makes a draft that answers a message. The body has a message or a
// comment, not both.
func (mb *mailbox) createReply(r *request, m *message, all bool) response {
	var body struct {
		Message json.RawMessage `json:"message"`
		Comment *string         `json:"comment"`
	}
	if len(r.body) > 0 {
		if err := r.decode(&body); err != nil {
			return mb.sim.badRequest(err.Error())
		}
	}
	if body.Message != nil && body.Comment != nil {
		return mb.sim.fail(http.StatusBadRequest, "ErrorInvalidRequest", "Comment and Message.Body cannot be specified together.")
	}
	if m.draft {
		return mb.sim.fail(http.StatusBadRequest, "ErrorInvalidReferenceItem", "A draft cannot be answered.")
	}
	d := mb.replyTo(m, all)
	quoted := d.html
	if body.Comment != nil {
		d.html = html.EscapeString(*body.Comment) + quoted
	}
	if body.Message != nil {
		e, failed := mb.parseMessage(body.Message)
		if failed != nil {
			return *failed
		}
		for _, apply := range e.apply {
			apply(mb, d)
		}
	}
	d.settle()
	mb.insert(d, mb.known["drafts"])
	return created(mb.entity(r, d, &render{immutable: r.immutable()}))
}

// replyTo is a draft in the thread of m, addressed and quoted.
func (mb *mailbox) replyTo(m *message, all bool) *message {
	d := mb.newDraft()
	d.subject = m.subject
	if prefix, _ := cutPrefixFold(d.subject, "re:"); prefix == d.subject {
		d.subject = "RE: " + m.subject
	}
	d.to = m.replyTo
	if len(d.to) == 0 && m.from != (person{}) {
		d.to = []person{m.from}
	}
	if all {
		for _, a := range m.to {
			if !strings.EqualFold(a.addr, mb.address) {
				d.to = append(d.to[:len(d.to):len(d.to)], a)
			}
		}
		d.cc = m.cc
	}
	d.inReplyTo, d.references = m.rfcID, strings.TrimSpace(m.references+" "+m.rfcID)
	quoted := m.html
	if quoted == "" {
		quoted = "<pre>" + html.EscapeString(m.text) + "</pre>"
	}
	d.html = "<hr><b>From:</b> " + html.EscapeString(m.from.name) + "<br><b>Subject:</b> " + html.EscapeString(m.subject) + "<br>" + quoted
	mb.join(d, m.conversation)
	return d
}

// sendDraft is POST messages/{id}/send.
func (mb *mailbox) sendDraft(m *message) response {
	if !m.draft {
		return mb.sim.fail(http.StatusBadRequest, "ErrorInvalidRequest", "The message is not a draft.")
	}
	if len(m.to)+len(m.cc)+len(m.bcc) == 0 {
		return mb.noRecipients()
	}
	mb.launch(m)
	// The copy in Sent Items keeps the immutable id of the draft.
	mb.move(m, mb.known["sentitems"])
	return empty(http.StatusAccepted)
}

func (mb *mailbox) noRecipients() response {
	return mb.sim.fail(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
}

// launch makes a draft a sent mail. It leaves the tenant: nobody receives it.
func (mb *mailbox) launch(m *message) {
	now := mb.sim.now()
	m.draft, m.sent, m.received = false, now, now
	mb.sorted = nil
	if m.raw == nil {
		m.raw = compose(m, now)
		m.size = len(m.raw)
	}
	mb.sim.stats.add(mb, func(st *Stats) { st.Sent++ })
}

func (mb *mailbox) handleSendMail(r *request) response {
	if r.method != http.MethodPost {
		return mb.sim.wrongMethod()
	}
	save := true
	var m *message
	var failed *response
	if strings.HasPrefix(strings.ToLower(r.header.Get("Content-Type")), "text/plain") {
		m, failed = mb.composedMIME(r.body)
	} else {
		var body struct {
			Message         json.RawMessage `json:"message"`
			SaveToSentItems *bool           `json:"saveToSentItems"`
		}
		if err := r.decode(&body); err != nil || body.Message == nil {
			return mb.sim.badRequest("sendMail needs a message.")
		}
		if body.SaveToSentItems != nil {
			save = *body.SaveToSentItems
		}
		m, failed = mb.composedJSON(body.Message)
	}
	if failed != nil {
		return *failed
	}
	if len(m.to)+len(m.cc)+len(m.bcc) == 0 {
		return mb.noRecipients()
	}
	mb.launch(m)
	if save {
		mb.insert(m, mb.known["sentitems"])
	}
	return empty(http.StatusAccepted)
}
