package gmailsim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/postroom/postroom/core/mail"
)

// maxRecipients of one message sent through the API (quota reference).
const maxRecipients = 500

func (c *call) sendMessage() (any, error) {
	in, err := c.decodeMessage()
	if err != nil {
		return nil, err
	}
	m, err := c.send(in.Raw, c.join(in))
	if err != nil {
		return nil, err
	}
	return m.brief(), nil
}

// send stores the sent copy and tells OnSend. Gmail gives the mail its own Message-ID, writes the missing Date,
// and replaces a From that is none of the mailbox's send-as addresses; other fields stay.
func (t *txn) send(raw []byte, into *thread) (*message, error) {
	m, err := mail.ParseHeader(raw)
	if err != nil {
		return nil, invalid("Invalid message: %s", err)
	}
	var recipients []string
	toSelf := false
	for _, list := range [][]mail.Address{m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			if a.Address != "" {
				recipients = append(recipients, a.Address)
				toSelf = toSelf || a.Address == t.address
			}
		}
	}
	if len(recipients) == 0 {
		return nil, invalid("Recipient address required")
	}
	if len(recipients) > maxRecipients {
		return nil, invalid("Too many recipients: at most %d", maxRecipients)
	}
	fields := []mail.Field{{Name: "Message-ID", Value: t.newMessageID()}}
	if m.Date.IsZero() {
		fields = append(fields, mail.Field{Name: "Date", Value: t.now.Format("Mon, 02 Jan 2006 15:04:05 -0700")})
	}
	if len(m.From) == 0 || t.sendAs(m.From[0].Address) == nil {
		fields = append(fields, mail.Field{Name: "From", Value: t.settings.sendAs[0].from()})
	}
	raw = setFields(raw, fields...)
	labels := []string{labelSent}
	if toSelf {
		labels = []string{labelSent, labelInbox, labelUnread}
	}
	msg := t.compose(raw, labels, into)
	t.sent = append(t.sent, sentMail{recipients: recipients, raw: raw})
	return msg, nil
}

func (t *txn) newMessageID() string {
	h := fnv.New128a()
	fmt.Fprint(h, t.address, t.created)
	return "<CA" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)) + "@mail.gmail.com>"
}

// setFields puts fields on top of a mail's header and takes out the ones they replace.
func setFields(raw []byte, fields ...mail.Field) []byte {
	var out bytes.Buffer
	for _, f := range fields {
		fmt.Fprintf(&out, "%s: %s\r\n", f.Name, oneLine(f.Value))
	}
	dropping := false
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		line := raw[:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, ok := bytes.Cut(line, []byte(":"))
			if !ok {
				break
			}
			dropping = false
			for _, f := range fields {
				dropping = dropping || strings.EqualFold(f.Name, string(bytes.TrimSpace(name)))
			}
		}
		if !dropping {
			out.Write(line)
		}
		raw = raw[end:]
	}
	if len(raw) > 0 && raw[0] != '\n' && !bytes.HasPrefix(raw, []byte("\r\n")) {
		out.WriteString("\r\n") // the body began without an empty line
	}
	out.Write(raw)
	return out.Bytes()
}

// oneLine keeps a value from adding fields of its own.
func oneLine(v string) string {
	return strings.NewReplacer("\r", "", "\n", " ", "\x00", "").Replace(v)
}
