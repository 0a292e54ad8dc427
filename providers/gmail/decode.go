package gmail

import (
	"strings"
	"time"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/google"
)

// Bounds of what is taken over from one message.
const (
	maxHeader = 256 << 10 // bytes of all header fields
	maxField  = 32 << 10  // bytes of one
	maxFields = 500
	maxPeople = 500 // of one address field
)

// lastDate is the last moment of the year 9999 in milliseconds. An imported mail is dated by its own Date field, and a later
// one could not be written as JSON.
const lastDate = 253402300799999

// decode reads a message as Gmail sends it. It is total: whatever a stranger wrote, it makes the best of it.
func decode(msg *api.Message, needs rules.Needs) inbox.Message {
	out := inbox.Message{
		ID:        inbox.MessageID(msg.Id),
		Thread:    inbox.ThreadID(msg.ThreadId),
		Direction: direction(msg.LabelIds),
		Unread:    labelSet(msg.LabelIds)[labelUnread],
		Size:      max(msg.SizeEstimate, 0),
	}
	if msg.InternalDate > 0 && msg.InternalDate <= lastDate {
		out.At = time.UnixMilli(msg.InternalDate).UTC()
	}
	if msg.Payload == nil {
		out.Unreadable = "Gmail sent no content for it"
		return out
	}
	// The fields are read by the parser of whole mails, which knows encoded words and what senders do to addresses.
	if h, err := mail.ParseHeader(headerBlock(msg.Payload.Headers)); err == nil {
		header(&out, h)
	}
	if needs.Body {
		out.Body = text(msg.Payload)
	}
	if needs.Attachments {
		out.Attachments = attachments(msg.Payload)
	}
	return out
}

func header(out *inbox.Message, h mail.Mail) {
	out.RFCID, out.InReplyTo, out.References = h.MessageID, h.InReplyTo, h.References
	out.Subject = h.Subject
	out.To, out.Cc = people(h.To), people(h.Cc)
	if from := people(h.From); len(from) > 0 {
		out.From = from[0]
	}
	for _, f := range h.Header {
		out.Header = append(out.Header, inbox.Field{Name: f.Name, Value: f.Value})
	}
	if out.Direction == inbox.Out {
		out.Sender = delegate(h)
	}
}

// delegate is who sent a mail of the mailbox, where Gmail tells: recipients see "sent by" unless the administrator
// has chosen to show the owner only. The header fields are not documented, so they are a hint. On mail from outside
// they say nothing, for anybody can write them.
func delegate(h mail.Mail) inbox.Person {
	if list := people(h.Sender); len(list) > 0 && list[0].Address != "" {
		return list[0]
	}
	if a := inbox.NewAddress(h.Get("X-Google-Sender-Delegation")); strings.Contains(string(a), "@") && !strings.ContainsAny(string(a), " \t<>,") {
		return inbox.Person{Address: a}
	}
	return inbox.Person{}
}

func people(list []mail.Address) []inbox.Person {
	if len(list) == 0 {
		return nil
	}
	list = list[:min(len(list), maxPeople)]
	out := make([]inbox.Person, len(list))
	for i, a := range list {
		out[i] = inbox.Person{Name: a.Name, Address: inbox.NewAddress(a.Address)}
	}
	return out
}

// headerBlock writes fields as a mail's header, so that no value can pass for a field of its own.
func headerBlock(fields []*api.MessagePartHeader) []byte {
	var b []byte
	for i, f := range fields {
		if f == nil || !fieldName(f.Name) {
			continue
		}
		if i >= maxFields || len(b) > maxHeader {
			break
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, oneLine.Replace(google.Clip(f.Value, maxField))...)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ", "\x00", "")

func fieldName(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return true
}
