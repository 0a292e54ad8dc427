package graphsim

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroom/postroom/core/mail"
)

// readMail turns a mail into a message that is in no folder yet.
func (mb *mailbox) readMail(raw []byte) (*message, error) {
	parsed, err := mail.ParseBytes(raw)
	if err != nil {
		return nil, err
	}
	m := &message{
		rfcID: parsed.MessageID, subject: parsed.Subject,
		from: first(parsed.From), sender: first(parsed.Sender),
		replyTo: addresses(parsed.ReplyTo), to: addresses(parsed.To), cc: addresses(parsed.Cc), bcc: addresses(parsed.Bcc),
		text: parsed.Text, html: parsed.HTML, raw: raw, size: len(raw), sent: parsed.Date,
		importance: importanceOf(&parsed), inference: "focused",
		inReplyTo: parsed.InReplyTo, references: strings.Join(parsed.References, " "),
	}
	if m.sender == (person{}) {
		m.sender = m.from
	}
	if m.rfcID == "" {
		// Exchange gives a mail without Message-ID one of its own.
		m.rfcID = fmt.Sprintf("<%s@graphsim.invalid>", guid(familyRequest, uint64(mb.number)<<32|mb.items))
	}
	m.headers = make([]header, len(parsed.Header))
	for i, f := range parsed.Header {
		m.headers[i] = header{f.Name, f.Value}
	}
	for i, a := range parsed.Attachments {
		m.attachments = append(m.attachments, attachment{
			id: mb.attachmentID(m, i), name: a.Name, contentType: a.ContentType, contentID: a.ContentID,
			inline: a.Inline, size: a.Size, index: i,
		})
	}
	mb.thread(m, append(parsed.References, parsed.InReplyTo))
	m.preview = preview(m)
	return m, nil
}

func first(list []mail.Address) person {
	if len(list) == 0 {
		return person{}
	}
	return named(list[0])
}

func addresses(list []mail.Address) []person {
	out := make([]person, len(list))
	for i, a := range list {
		out[i] = named(a)
	}
	return out
}

// named fills in a missing name with the address, as Exchange does.
func named(a mail.Address) person {
	if a.Name == "" {
		a.Name = a.Address
	}
	return person{a.Name, a.Address}
}

func importanceOf(m *mail.Mail) string {
	switch v := strings.ToLower(strings.TrimSpace(m.Get("Importance"))); v {
	case "high", "low":
		return v
	}
	switch v := strings.TrimSpace(m.Get("X-Priority")); {
	case strings.HasPrefix(v, "1"), strings.HasPrefix(v, "2"):
		return "high"
	case strings.HasPrefix(v, "4"), strings.HasPrefix(v, "5"):
		return "low"
	}
	return "normal"
}

// thread puts a message into a conversation: that of a mail it refers to, the
// newest first, else that of an earlier mail with the same topic, else a new
// one. So two strangers who both write "Invoice" share a conversation, as they
// do in Exchange.
func (mb *mailbox) thread(m *message, refs []string) {
	for i := len(refs) - 1; i >= 0; i-- {
		if known := mb.byRFCID[refs[i]]; len(known) > 0 {
			mb.join(m, known[0].conversation)
			return
		}
	}
	topic := topicOf(m.subject)
	if topic != "" {
		if c, ok := mb.topics[topic]; ok {
			mb.join(m, c)
			return
		}
	}
	mb.convs++
	mb.join(m, opaque(convPrefix, mb.number, mb.convs))
	if topic != "" {
		mb.topics[topic] = m.conversation
	}
}

func (mb *mailbox) join(m *message, conversation string) {
	m.conversation, m.position = conversation, len(mb.byConv[conversation])
}

// topicOf is the subject without prefixes of answers and forwards: a word of up
// to three letters and a colon, as [MS-OXOMSG] 2.2.1.5 defines it.
func topicOf(subject string) string {
	s := strings.Join(strings.Fields(subject), " ")
	for {
		prefix, rest, ok := strings.Cut(s, ":")
		if !ok || len(prefix) == 0 || utf8.RuneCountInString(prefix) > 3 || strings.ContainsAny(prefix, " 0123456789") {
			return strings.ToLower(s)
		}
		s = strings.TrimSpace(rest)
	}
}

// settle derives what follows from the content of a message.
func (m *message) settle() {
	m.preview = preview(m)
	m.size = len(m.text) + len(m.html) + len(m.subject) + 512
	for _, a := range m.attachments {
		m.size += a.size
	}
}

const previewLength = 255

// preview is the beginning of the body as text.
func preview(m *message) string {
	text := m.text
	if text == "" {
		text = stripTags(m.html)
	}
	var b strings.Builder
	for word := range strings.FieldsSeq(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
		if b.Len() >= 4*previewLength {
			break
		}
	}
	runes := []rune(b.String())
	return string(runes[:min(len(runes), previewLength)])
}

// stripTags leaves the text of HTML, well enough for a preview. It stops early:
// nobody sees more than a preview of it.
func stripTags(html string) string {
	var b strings.Builder
	inTag := false
	for _, r := range html {
		switch {
		case r == '<':
			inTag = true
			b.WriteByte(' ')
		case r == '>':
			inTag = false
		case !inTag:
			b.WriteRune(r)
		}
		if b.Len() > 16*previewLength {
			break
		}
	}
	return b.String()
}

// receivedAt completes a message that came from outside.
func (m *message) receivedAt(at time.Time, read bool) {
	m.received, m.read = at.UTC().Truncate(time.Second), read
	if m.sent.IsZero() {
		m.sent = m.received
	}
}
