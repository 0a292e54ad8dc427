package graphsim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Messages are written by hand rather than through encoding/json: a benchmark of
// a client should not measure its simulator.

// render says how a request wants messages written.
type render struct {
	immutable   bool
	textBody    bool
	fields      []field // nil: the default ones
	attachments *subquery
	extended    []string // ids of extended properties asked for
	annotate    bool     // with @odata.type, as in a delta
}

// field is one property of the message type as it is written.
type field struct {
	name  string
	group property
	write func(b []byte, m *message, r *render) []byte
	// asked is true for properties that come only when selected.
	asked bool
}

var messageFields = []field{
	{"createdDateTime", propContent, func(b []byte, m *message, _ *render) []byte { return appendTime(b, m.created) }, false},
	{"lastModifiedDateTime", propContent, func(b []byte, m *message, _ *render) []byte { return appendTime(b, m.modified) }, false},
	{"changeKey", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, changeKey(m.change)) }, false},
	{"categories", propCategories, func(b []byte, m *message, _ *render) []byte { return appendStrings(b, m.categories) }, false},
	{"receivedDateTime", propContent, func(b []byte, m *message, _ *render) []byte { return appendTime(b, m.received) }, false},
	{"sentDateTime", propContent, func(b []byte, m *message, _ *render) []byte { return appendTime(b, m.sent) }, false},
	{"hasAttachments", propContent, func(b []byte, m *message, _ *render) []byte { return strconv.AppendBool(b, m.hasAttachments()) }, false},
	{"internetMessageId", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.rfcID) }, false},
	{"subject", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.subject) }, false},
	{"bodyPreview", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.preview) }, false},
	{"importance", propImportance, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.importance) }, false},
	{"parentFolderId", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.folder.id) }, false},
	{"conversationId", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.conversation) }, false},
	{"conversationIndex", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.conversationIndex()) }, false},
	{"isDeliveryReceiptRequested", propContent, func(b []byte, _ *message, _ *render) []byte { return append(b, "false"...) }, false},
	{"isReadReceiptRequested", propContent, func(b []byte, _ *message, _ *render) []byte { return append(b, "false"...) }, false},
	{"isRead", propRead, func(b []byte, m *message, _ *render) []byte { return strconv.AppendBool(b, m.read) }, false},
	{"isDraft", propContent, func(b []byte, m *message, _ *render) []byte { return strconv.AppendBool(b, m.draft) }, false},
	{"webLink", propContent, func(b []byte, m *message, r *render) []byte {
		return appendString(b, "https://outlook.office365.com/owa/?ItemID="+m.id(r.immutable)+"&exvsurl=1&viewmodel=ReadMessageItem")
	}, false},
	{"inferenceClassification", propContent, func(b []byte, m *message, _ *render) []byte { return appendString(b, m.inference) }, false},
	{"body", propContent, appendBody, false},
	{"sender", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipient(b, m.sender) }, false},
	{"from", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipient(b, m.from) }, false},
	{"toRecipients", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipients(b, m.to) }, false},
	{"ccRecipients", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipients(b, m.cc) }, false},
	{"bccRecipients", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipients(b, m.bcc) }, false},
	{"replyTo", propContent, func(b []byte, m *message, _ *render) []byte { return appendRecipients(b, m.replyTo) }, false},
	{"flag", propFlag, func(b []byte, m *message, _ *render) []byte { return appendFlag(b, m.flag) }, false},
	// uniqueBody is the part of the body that is this message's own. Exchange cuts
	// the quoted thread off by a method it does not document; here nothing is cut.
	{"uniqueBody", propContent, appendBody, true},
	{"internetMessageHeaders", propContent, func(b []byte, m *message, _ *render) []byte { return appendHeaders(b, m.headers) }, true},
}

var fieldByName = func() map[string]int {
	names := map[string]int{}
	for i, f := range messageFields {
		names[strings.ToLower(f.name)] = i
	}
	return names
}()

// appendMessage writes a message. since is what the reader has seen: properties
// that have not changed after it are left out; 0 leaves nothing out.
func appendMessage(b []byte, m *message, r *render, since uint64) []byte {
	b = append(b, '{')
	b = appendMembers(b, m, r, since)
	return append(b, '}')
}

func appendMembers(b []byte, m *message, r *render, since uint64) []byte {
	if r.annotate {
		b = append(b, `"@odata.type":"#microsoft.graph.message",`...)
	}
	b = append(b, `"@odata.etag":`...)
	b = appendString(b, m.etag())
	b = append(b, `,"id":`...)
	b = appendString(b, m.id(r.immutable))
	fields := r.fields
	if fields == nil {
		fields = messageFields
	}
	for i := range fields {
		f := &fields[i]
		if f.asked && r.fields == nil || since > 0 && m.changed[f.group] <= since {
			continue
		}
		b = append(b, ',', '"')
		b = append(b, f.name...)
		b = append(b, '"', ':')
		b = f.write(b, m, r)
	}
	if r.attachments != nil {
		b = append(b, `,"attachments":`...)
		b = appendAttachments(b, m, r.attachments)
	}
	if len(r.extended) > 0 {
		b = appendExtended(b, m, r.extended)
	}
	return b
}

// appendGone writes a message that left the folder of a delta.
func appendGone(b []byte, id string) []byte {
	b = append(b, `{"@odata.type":"#microsoft.graph.message","id":`...)
	b = appendString(b, id)
	return append(b, `,"@removed":{"reason":"deleted"}}`...)
}

func (m *message) hasAttachments() bool {
	for _, a := range m.attachments {
		if !a.inline {
			return true
		}
	}
	return false
}

// conversationIndex is a header of 22 bytes and 5 more for every answer, as
// [MS-OXOMSG] 2.2.1.3 lays it out; its values mean nothing here.
func (m *message) conversationIndex() string {
	b := make([]byte, 22+5*m.position)
	b[0] = 1
	copy(b[1:22], m.conversation[len(convPrefix):])
	for i := range m.position {
		binary.BigEndian.PutUint32(b[22+5*i:], uint32(i+1))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func appendBody(b []byte, m *message, r *render) []byte {
	kind, content := "text", m.text
	if m.html != "" && !(r.textBody && m.text != "") {
		kind, content = "html", m.html
	}
	b = append(b, `{"contentType":"`...)
	b = append(b, kind...)
	b = append(b, `","content":`...)
	b = appendString(b, content)
	return append(b, '}')
}

func appendRecipient(b []byte, a person) []byte {
	if a == (person{}) {
		return append(b, "null"...)
	}
	b = append(b, `{"emailAddress":{"name":`...)
	b = appendString(b, a.name)
	b = append(b, `,"address":`...)
	b = appendString(b, a.addr)
	return append(b, '}', '}')
}

func appendRecipients(b []byte, list []person) []byte {
	return appendList(b, list, appendRecipient)
}

func appendStrings(b []byte, list []string) []byte { return appendList(b, list, appendString) }

func appendHeaders(b []byte, list []header) []byte {
	return appendList(b, list, func(b []byte, h header) []byte {
		b = append(b, `{"name":`...)
		b = appendString(b, h.name)
		b = append(b, `,"value":`...)
		b = appendString(b, h.value)
		return append(b, '}')
	})
}

func appendList[T any](b []byte, list []T, write func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, x := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = write(b, x)
	}
	return append(b, ']')
}

func appendFlag(b []byte, f flag) []byte {
	status := f.status
	if status == "" {
		status = "notFlagged"
	}
	b = append(b, `{"flagStatus":"`...)
	b = append(b, status...)
	b = append(b, '"')
	for _, d := range []struct {
		name string
		at   *dateTimeZone
	}{{"startDateTime", f.start}, {"dueDateTime", f.due}, {"completedDateTime", f.completed}} {
		if d.at == nil {
			continue
		}
		b = append(b, `,"`+d.name+`":{"dateTime":`...)
		b = appendString(b, d.at.DateTime)
		b = append(b, `,"timeZone":`...)
		b = appendString(b, d.at.TimeZone)
		b = append(b, '}')
	}
	return append(b, '}')
}

// Both spellings name PidTagMessageSize, the size in bytes.
var sizeProperties = map[string]bool{"integer 0x0e08": true, "integer 0xe08": true, "long 0x0e08": true, "long 0xe08": true}

// appendExtended writes the extended properties asked for that the message has;
// like Graph it leaves the member out when it has none of them.
func appendExtended(b []byte, m *message, ids []string) []byte {
	written := 0
	for _, id := range ids {
		value, ok := m.extendedValue(id)
		if sizeProperties[strings.ToLower(id)] {
			value, ok = strconv.Itoa(m.size), true
		}
		if !ok {
			continue
		}
		if written == 0 {
			b = append(b, `,"singleValueExtendedProperties":[`...)
		} else {
			b = append(b, ',')
		}
		written++
		b = append(b, `{"id":`...)
		b = appendString(b, id)
		b = append(b, `,"value":`...)
		b = appendString(b, value)
		b = append(b, '}')
	}
	if written > 0 {
		b = append(b, ']')
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string; bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i++
			start = i
			continue
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// mustJSON encodes a value of this package's own making.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a wire struct that does not encode is a defect here
	}
	return b
}
