package graphsim

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/mail"
)

func (mb *mailbox) attachmentID(m *message, index int) string {
	return opaque(volatilePrefix, mb.number, uint64(index+1)<<40|mb.items)
}

func (mb *mailbox) getAttachments(r *request, m *message, at int) response {
	id := ""
	if at < len(r.segments) {
		id = r.segments[at]
	}
	if id == "" {
		sub := attachmentFields(r.option("select"))
		b := append([]byte(nil), `{"@odata.context":`...)
		b = appendString(b, r.origin+"/$metadata#users('"+mb.id+"')/messages('"+m.id(r.immutable())+"')/attachments")
		b = append(b, `,"value":`...)
		return ok(append(appendAttachments(b, m, sub), '}'))
	}
	for i := range m.attachments {
		if m.attachments[i].id != id {
			continue
		}
		data := m.attachmentData()
		if r.segment(at+1) == "$value" {
			resp := ok(data[i])
			resp.header.Set("Content-Type", m.attachments[i].contentType)
			return resp
		}
		return ok(appendAttachment(nil, m, i, data, &subquery{}))
	}
	return mb.sim.notFound()
}

// attachmentFields reads a $select of attachments, where properties of the
// derived type are qualified with its name.
func attachmentFields(sel string) *subquery {
	q := &subquery{}
	for f := range strings.SplitSeq(strings.ToLower(sel), ",") {
		if f = strings.TrimPrefix(strings.TrimSpace(f), "microsoft.graph.fileattachment/"); f != "" {
			q.fields = append(q.fields, f)
		}
	}
	return q
}

// attachmentData gives the contents of all attachments. A received mail's are
// parsed out of the raw mail again rather than kept twice.
func (m *message) attachmentData() [][]byte {
	out := make([][]byte, len(m.attachments))
	var parsed mail.Mail
	if m.raw != nil {
		parsed, _ = mail.ParseBytes(m.raw) // it parsed when it came in
	}
	for i, a := range m.attachments {
		switch {
		case a.data != nil:
			out[i] = a.data
		case a.index < len(parsed.Attachments):
			out[i] = parsed.Attachments[a.index].Data
		}
	}
	return out
}

func appendAttachments(b []byte, m *message, sub *subquery) []byte {
	var data [][]byte
	if len(m.attachments) > 0 && sub.wants("contentbytes") {
		data = m.attachmentData()
	}
	b = append(b, '[')
	for i := range m.attachments {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAttachment(b, m, i, data, sub)
	}
	return append(b, ']')
}

func (q *subquery) wants(name string) bool {
	return len(q.fields) == 0 || slices.Contains(q.fields, name)
}

func appendAttachment(b []byte, m *message, i int, data [][]byte, sub *subquery) []byte {
	a := &m.attachments[i]
	b = append(b, `{"@odata.type":"#microsoft.graph.fileAttachment","@odata.mediaContentType":`...)
	b = appendString(b, a.contentType)
	b = append(b, `,"id":`...)
	b = appendString(b, a.id)
	member := func(name string, write func()) {
		if sub.wants(strings.ToLower(name)) {
			b = append(b, `,"`+name+`":`...)
			write()
		}
	}
	member("lastModifiedDateTime", func() { b = appendTime(b, m.created) })
	member("name", func() { b = appendString(b, a.name) })
	member("contentType", func() { b = appendString(b, a.contentType) })
	member("size", func() { b = strconv.AppendInt(b, int64(a.size), 10) })
	member("isInline", func() { b = strconv.AppendBool(b, a.inline) })
	member("contentId", func() {
		if a.contentID == "" {
			b = append(b, "null"...)
			return
		}
		b = appendString(b, a.contentID)
	})
	member("contentLocation", func() { b = append(b, "null"...) })
	member("contentBytes", func() {
		b = append(b, '"')
		if data != nil {
			b = base64.StdEncoding.AppendEncode(b, data[i])
		}
		b = append(b, '"')
	})
	return append(b, '}')
}
