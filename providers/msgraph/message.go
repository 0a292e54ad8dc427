package msgraph

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
)

// Bounds on what one message may make us keep: strangers write all of it.
const (
	maxBody       = 256 << 10 // bytes of text
	maxHTML       = 4 << 20   // bytes of HTML that text is made from
	maxHeader     = 256 << 10 // bytes of all header fields
	maxRecipients = 1000      // of To, and of Cc
)

// fields are the properties that are read of a message, and no others.
func (m *Mailbox) fields() []string {
	f := []string{
		"id", "conversationId", "internetMessageId", "internetMessageHeaders", "from", "sender", "toRecipients", "ccRecipients",
		"subject", "receivedDateTime", "createdDateTime", "sentDateTime", "lastModifiedDateTime", "categories", "parentFolderId",
		"isDraft", "isRead", "hasAttachments",
	}
	if m.needs.Body {
		f = append(f, "body")
	}
	return f
}

// bodyPreference asks for bodies as text, where they are asked for at all.
func (m *Mailbox) bodyPreference() []string {
	if !m.needs.Body {
		return nil
	}
	return []string{`outlook.body-content-type="text"`}
}

// observe turns an item into an observation. State stays nil where the item has not all of it, and Message where it
// has not all that the rules need; whole says that there is no more to be had.
func (m *Mailbox) observe(item *wireItem, place inbox.Place, whole bool) inbox.Observation {
	o := inbox.Observation{ID: inbox.MessageID(item.ID), Thread: inbox.ThreadID(item.ConversationID)}
	if item.Categories != nil && item.ETag != "" && item.Modified != "" || whole {
		s := stateOf(item, place)
		o.State = &s
	}
	if whole || m.complete(item) {
		msg := m.message(item, place)
		o.Message = &msg
	}
	return o
}

// complete reports whether a delta's item has all of the message. Sparse items have only what changed, attachments
// and size never come with a delta, and whether the header does in every case is not documented: without it automated
// mail would pass for a person's.
func (m *Mailbox) complete(item *wireItem) bool {
	switch {
	case item.Headers == nil && item.IsDraft != nil && !*item.IsDraft && !m.own[person(item.From).Address]:
		return false // what the mailbox itself sent often has none at all
	case item.ConversationID == "" || item.To == nil || item.IsDraft == nil || item.IsRead == nil:
		return false
	case item.Received == "" && !*item.IsDraft:
		return false
	case m.needs.Size, m.needs.Body && item.Body == nil:
		return false
	case m.needs.Attachments:
		return item.HasAttachments != nil && !*item.HasAttachments
	}
	return true
}

func stateOf(item *wireItem, place inbox.Place) inbox.State {
	s := inbox.State{Place: place, Revision: item.ETag}
	if t := moment(item.Modified); !t.IsZero() {
		s.Stamp = t.Unix()
	}
	for _, c := range item.Categories {
		s.Markers = append(s.Markers, inbox.Marker(c))
	}
	slices.Sort(s.Markers)
	return s
}

func (m *Mailbox) message(item *wireItem, place inbox.Place) inbox.Message {
	header := readHeader(item.Headers)
	msg := inbox.Message{
		ID: inbox.MessageID(item.ID), Thread: inbox.ThreadID(item.ConversationID), ThreadIsHint: true,
		RFCID: item.RFCID, InReplyTo: header.InReplyTo, References: header.References,
		From: person(item.From), Sender: person(item.Sender), To: people(item.To), Cc: people(item.Cc),
		Unread: item.IsRead != nil && !*item.IsRead,
	}
	if item.Subject != nil {
		msg.Subject = *item.Subject
	}
	for _, f := range header.Header {
		msg.Header = append(msg.Header, inbox.Field{Name: f.Name, Value: f.Value})
	}
	if m.needs.Body && item.Body != nil {
		msg.Body = item.Body.Content
		if strings.EqualFold(item.Body.Type, "html") {
			// The preference for text was not followed.
			msg.Body = mail.Mail{HTML: clip(msg.Body, maxHTML)}.Plain()
		}
		msg.Body = clip(msg.Body, maxBody)
	}
	for _, a := range item.Attachments {
		msg.Attachments = append(msg.Attachments, inbox.Attachment{Name: a.Name, Type: strings.ToLower(a.Type), Size: a.Size})
	}
	for _, p := range item.Extended {
		if strings.EqualFold(p.ID, messageSize) || strings.EqualFold(p.ID, "Integer 0xe08") {
			msg.Size, _ = strconv.ParseInt(p.Value, 10, 64)
		}
	}
	msg.Direction = m.direction(item, msg, place)
	msg.At = at(item, msg.Direction)
	return msg
}

// at is when a message was received, sent or, as a draft, begun, as far as Graph tells.
func at(item *wireItem, d inbox.Direction) time.Time {
	candidates := []string{item.Received, item.Sent, item.Modified}
	if d == inbox.Out {
		candidates = []string{item.Sent, item.Received, item.Modified}
	}
	for _, c := range candidates {
		if t := moment(c); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// direction: what lies in Sent Items was sent. Elsewhere than in the inbox, so was what is from one of the mailbox's
// own addresses, since people file sent mail too; unless a server's Received field shows that it came in, such as a
// mail the mailbox wrote to itself, or one that only claims to be from it.
func (m *Mailbox) direction(item *wireItem, msg inbox.Message, place inbox.Place) inbox.Direction {
	switch {
	case item.IsDraft != nil && *item.IsDraft:
		return inbox.Draft
	case place == inbox.Sent:
		return inbox.Out
	case place != inbox.Inbox && m.own[msg.From.Address] && msg.Get("Received") == "":
		return inbox.Out
	}
	return inbox.In
}

// readHeader decodes the fields as core/mail does those of a raw mail, so that both mean the same everywhere.
func readHeader(fields []wireRFCField) mail.Mail {
	if len(fields) == 0 {
		return mail.Mail{}
	}
	size := 2
	for _, f := range fields {
		size += len(f.Name) + len(f.Value) + 4
	}
	raw := make([]byte, 0, min(size, maxHeader))
	for _, f := range fields {
		if len(raw)+len(f.Name)+len(f.Value)+4 > maxHeader {
			break
		}
		if !fieldName(f.Name) {
			continue
		}
		raw = append(append(raw, f.Name...), ": "...)
		for i := range len(f.Value) {
			c := f.Value[i]
			if c == '\r' || c == '\n' {
				c = ' '
			}
			raw = append(raw, c)
		}
		raw = append(raw, "\r\n"...)
	}
	parsed, err := mail.ParseHeader(append(raw, "\r\n"...))
	if err != nil {
		return mail.Mail{}
	}
	return parsed
}

func fieldName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

func person(r *wireRecipient) inbox.Person {
	if r == nil {
		return inbox.Person{}
	}
	return inbox.Person{Name: r.Email.Name, Address: inbox.NewAddress(r.Email.Address)}
}

func people(list []wireRecipient) []inbox.Person {
	if len(list) == 0 {
		return nil
	}
	list = list[:min(len(list), maxRecipients)]
	out := make([]inbox.Person, len(list))
	for i := range list {
		out[i] = person(&list[i])
	}
	return out
}

// moment reads Graph's times; zero for one that cannot be read.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1970 {
		return time.Time{}
	}
	return t.UTC()
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
