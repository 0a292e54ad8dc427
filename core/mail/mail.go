// Package mail reads one mail as a stranger may have written it.
//
// Reading is forgiving where the standards are broken in practice: unknown character sets, missing boundaries,
// raw eight-bit headers, malformed addresses, truncated encodings. It never panics, and it fails only for input
// that is no mail at all. Nesting depth and the number of parts are bounded, every string it returns is valid
// UTF-8 without NUL, and no string is ever interpreted beyond RFC 5322 and MIME: bodies, names and header values
// stay hostile input for whoever shows them.
package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ErrNoMail is returned for input that holds nothing but white space.
var ErrNoMail = errors.New("mail: the input is empty")

// MaxSize bounds what Parse reads, in bytes: above the largest mail either provider delivers (150 MiB). The rest
// of a longer input is not read.
const MaxSize = 160 << 20

// Address is one mailbox of an address field. Address is lower-cased and empty when the field named someone
// without giving an address, such as "Mail Delivery Subsystem".
type Address struct{ Name, Address string }

// Field is one header field, its value unfolded, decoded as RFC 2047 says, and without control characters. An
// address field can be read again: a decoded name is quoted where it needs to be.
type Field struct{ Name, Value string }

// Attachment is any part that is not the mail's own text: files, inline pictures, attached mails, delivery
// reports. Data is decoded from its transfer encoding; Size is its length in bytes. Name may hold path separators
// or anything else the sender chose.
type Attachment struct {
	Name, ContentType string
	// ContentID has no angle brackets, so that it compares with the "cid:" of an HTML body.
	ContentID string
	Inline    bool
	Size      int
	Data      []byte
}

// Mail is one parsed mail. Message ids keep their angle brackets.
type Mail struct {
	MessageID, InReplyTo string
	// References are the ids of the conversation so far, oldest first, at most 1000.
	References                         []string
	From, Sender, ReplyTo, To, Cc, Bcc []Address
	Subject                            string
	// Date is what the sender claims, zero if unreadable. Order mails by what the provider says instead.
	Date time.Time
	// Header holds all fields in order of appearance.
	Header []Field
	// Text and HTML are the bodies in UTF-8 with LF line ends; either may be empty.
	Text, HTML  string
	Attachments []Attachment
	// Size is the length of the mail as it was read, in bytes.
	Size int
}

// Parse reads one mail of at most MaxSize bytes. It fails only when r fails or holds no mail at all (ErrNoMail).
// Input without any header is taken as a body.
func Parse(r io.Reader) (Mail, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize))
	if err != nil {
		return Mail{}, fmt.Errorf("mail: read: %w", err)
	}
	return ParseBytes(raw)
}

// ParseBytes is Parse for a mail already in memory. Attachments that need no decoding share memory with raw.
func ParseBytes(raw []byte) (Mail, error) {
	m, h, body, err := parseHeader(raw)
	if err != nil {
		return Mail{}, err
	}
	w := walker{mail: &m}
	w.part(h, body, "", 0)
	m.Text = tidyText(w.text)
	m.HTML = tidyText(w.html)
	return m, nil
}

// ParseHeader is ParseBytes without the bodies: Text, HTML and Attachments stay empty. It costs a fraction of a
// full parse and is what an index of many mails needs.
func ParseHeader(raw []byte) (Mail, error) {
	m, _, _, err := parseHeader(raw)
	return m, err
}

// Get returns the value of the first field with that name in any case, "" when there is none.
func (m Mail) Get(name string) string {
	for _, f := range m.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

func parseHeader(raw []byte) (Mail, header, []byte, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return Mail{}, nil, nil, ErrNoMail
	}
	h, body := splitHeader(raw)
	m := Mail{Size: len(raw), Header: make([]Field, 0, len(h))}
	_, params := parseParams(h.get("Content-Type"))
	local := params["charset"]
	for _, f := range h {
		value := decodeField(f.name, f.value, local)
		m.Header = append(m.Header, Field{Name: clean(f.name), Value: value})
		switch {
		case strings.EqualFold(f.name, "From"):
			m.From = appendAddresses(m.From, value)
		case strings.EqualFold(f.name, "To"):
			m.To = appendAddresses(m.To, value)
		case strings.EqualFold(f.name, "Cc"):
			m.Cc = appendAddresses(m.Cc, value)
		case strings.EqualFold(f.name, "Bcc"):
			m.Bcc = appendAddresses(m.Bcc, value)
		case strings.EqualFold(f.name, "Sender"):
			m.Sender = appendAddresses(m.Sender, value)
		case strings.EqualFold(f.name, "Reply-To"):
			m.ReplyTo = appendAddresses(m.ReplyTo, value)
		case strings.EqualFold(f.name, "References"):
			m.References = append(m.References, messageIDs(f.value)...)
		}
	}
	m.Subject = strings.TrimSpace(m.Get("Subject"))
	m.MessageID = firstID(h.get("Message-ID"))
	m.InReplyTo = firstID(h.get("In-Reply-To"))
	if extra := len(m.References) - maxReferences; extra > 0 {
		m.References = m.References[extra:]
	}
	m.Date = parseDate(h.get("Date"))
	return m, h, body, nil
}
