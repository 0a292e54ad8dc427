package graphsim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// mime gives the message as RFC 5322. A received mail is byte for byte what came
// in; one made here is composed anew until it is sent.
func (mb *mailbox) mime(m *message) []byte {
	if m.raw != nil {
		return m.raw
	}
	return compose(m, mb.sim.now())
}

func compose(m *message, now time.Time) []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, strings.NewReplacer("\r", "", "\n", " ").Replace(value))
		}
	}
	at := m.sent
	if at.IsZero() {
		at = now
	}
	line("From", formatAddresses([]person{m.from}))
	if m.sender != m.from {
		line("Sender", formatAddresses([]person{m.sender}))
	}
	line("To", formatAddresses(m.to))
	line("Cc", formatAddresses(m.cc))
	line("Reply-To", formatAddresses(m.replyTo))
	line("Subject", mime.QEncoding.Encode("utf-8", m.subject))
	line("Date", at.Format(time.RFC1123Z))
	line("Message-ID", m.rfcID)
	line("In-Reply-To", m.inReplyTo)
	line("References", m.references)
	for _, h := range m.headers {
		line(h.name, mime.QEncoding.Encode("utf-8", h.value))
	}
	line("MIME-Version", "1.0")

	kind, content := "text/plain; charset=utf-8", m.text
	if m.html != "" {
		kind, content = "text/html; charset=utf-8", m.html
	}
	if len(m.attachments) == 0 {
		line("Content-Type", kind)
		line("Content-Transfer-Encoding", "quoted-printable")
		b.WriteString("\r\n")
		writeQuoted(&b, content)
		return b.Bytes()
	}
	w := multipart.NewWriter(&b)
	w.SetBoundary("=_graphsim_" + strings.Trim(strings.NewReplacer("<", "", ">", "", "@", "_").Replace(m.rfcID), "_")) // a bad boundary is refused and the random one stays
	line("Content-Type", `multipart/mixed; boundary="`+w.Boundary()+`"`)
	b.WriteString("\r\n")
	part, _ := w.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}, "Content-Transfer-Encoding": {"quoted-printable"}}) // a buffer takes everything
	var q bytes.Buffer
	writeQuoted(&q, content)
	part.Write(q.Bytes())
	data := m.attachmentData()
	for i, a := range m.attachments {
		disposition := "attachment"
		if a.inline {
			disposition = "inline"
		}
		h := textproto.MIMEHeader{
			"Content-Type":              {a.contentType},
			"Content-Transfer-Encoding": {"base64"},
			"Content-Disposition":       {mime.FormatMediaType(disposition, map[string]string{"filename": a.name})},
		}
		if a.contentID != "" {
			h.Set("Content-Id", "<"+a.contentID+">")
		}
		part, _ := w.CreatePart(h)
		text := base64.StdEncoding.EncodeToString(data[i])
		for len(text) > 76 {
			part.Write([]byte(text[:76] + "\r\n"))
			text = text[76:]
		}
		part.Write([]byte(text))
	}
	w.Close()
	return b.Bytes()
}

func writeQuoted(b *bytes.Buffer, content string) {
	q := quotedprintable.NewWriter(b)
	q.Write([]byte(strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\n", "\r\n")))
	q.Close()
}

func formatAddresses(list []person) string {
	var out []string
	for _, a := range list {
		if a == (person{}) {
			continue
		}
		name := a.name
		if name == a.addr {
			name = ""
		}
		out = append(out, (&mail.Address{Name: name, Address: a.addr}).String())
	}
	return strings.Join(out, ", ")
}
