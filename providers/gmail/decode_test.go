package gmail_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/gmail"
)

func field(name, value string) *api.MessagePartHeader {
	return &api.MessagePartHeader{Name: name, Value: value}
}

func part(kind, text string, fields ...*api.MessagePartHeader) *api.MessagePart {
	return &api.MessagePart{MimeType: kind, Headers: fields, Body: &api.MessagePartBody{Data: base64.URLEncoding.EncodeToString([]byte(text)), Size: int64(len(text))}}
}

// A value cannot pass for a field of its own.
func TestFieldsStayApart(t *testing.T) {
	t.Parallel()
	m := gmail.Decode(&api.Message{Id: "1", Payload: &api.MessagePart{Headers: []*api.MessagePartHeader{
		field("Subject", "hello\r\nAuto-Submitted: auto-replied\r\n\r\nbody"), field("X\r\nPrecedence", "bulk"), field("", "x"), field("From", "a@b.example"),
	}}})
	if m.Get("Auto-Submitted") != "" || m.Get("Precedence") != "" || m.From.Address != "a@b.example" || !strings.HasPrefix(m.Subject, "hello") {
		t.Errorf("got %+v", m)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	japanese := "\x1b$B$3$s\x1b(B" // ISO-2022-JP, which is ASCII to look at
	for name, c := range map[string]struct {
		payload *api.MessagePart
		want    string
	}{
		"plain":      {part("text/plain", "refund"), "refund"},
		"HTML alone": {part("text/html", "<style>x</style><p>re<b>fund</b></p><p>now</p>"), "refund\nnow"},
		"plain before HTML": {&api.MessagePart{MimeType: "multipart/alternative", Parts: []*api.MessagePart{
			part("text/html", "<p>html</p>"), part("text/plain", "plain")}}, "plain"},
		"UTF-8 that says it is not": {part("text/plain", "Køb", field("Content-Type", "text/plain; charset=iso-8859-1")), "Køb"},
		"the sender's own bytes":    {part("text/plain", "K\xf8b", field("Content-Type", "text/plain; charset=iso-8859-1")), "Køb"},
		"ISO-2022-JP":               {part("text/plain", japanese, field("Content-Type", "text/plain; charset=iso-2022-jp")), "こん"},
		"an attached text":          {part("text/plain", "secret", field("Content-Disposition", "attachment")), ""},
		"an attached mail": {&api.MessagePart{MimeType: "multipart/mixed", Parts: []*api.MessagePart{
			part("text/plain", "mine"), {MimeType: "message/rfc822", Parts: []*api.MessagePart{part("text/plain", "theirs")}}}}, "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if m := gmail.Decode(&api.Message{Id: "1", Payload: c.payload}); strings.TrimSpace(m.Body) != c.want {
				t.Errorf("body %q, want %q", m.Body, c.want)
			}
		})
	}
}

// However large or deep a mail is, what is kept of it is small.
func TestBounds(t *testing.T) {
	t.Parallel()
	deep := part("text/plain", "bottom")
	for range 10_000 {
		deep = &api.MessagePart{MimeType: "multipart/mixed", Parts: []*api.MessagePart{deep}}
	}
	wide := &api.MessagePart{MimeType: "multipart/mixed", Parts: []*api.MessagePart{deep}}
	for range 5000 {
		p := part("image/png", "x")
		p.Filename = strings.Repeat("ø", 5000)
		wide.Parts = append(wide.Parts, p, part("text/plain", strings.Repeat("ø", 10_000)))
		wide.Headers = append(wide.Headers, field("To", strings.Repeat("a@b.example, ", 1000)))
	}
	m := gmail.Decode(&api.Message{Id: "1", Payload: wide})
	fields := 0
	for _, h := range m.Header {
		fields += len(h.Value)
	}
	if len(m.Body) > 32<<10 || len(m.Attachments) > 500 || len(m.Attachments[1].Name) > 400 || fields > 300<<10 || len(m.To) > 500 {
		t.Errorf("body %d, attachments %d, header %d, to %d", len(m.Body), len(m.Attachments), fields, len(m.To))
	}
	if strings.ContainsRune(m.Body, '\uFFFD') {
		t.Error("the body is cut through a character")
	}
}

// One record may change many messages. A page that ends within it would lose those behind.
func TestPageEndsBetweenRecords(t *testing.T) {
	t.Parallel()
	var records []*api.History
	for i := range 5 {
		r := &api.History{Id: uint64(10 + i)}
		for j := range 700 {
			r.LabelsAdded = append(r.LabelsAdded, &api.HistoryLabelAdded{Message: &api.Message{Id: fmt.Sprintf("%d.%d", i, j), LabelIds: []string{"INBOX"}}})
		}
		records = append(records, r)
	}
	page, last, all := gmail.Merge(records)
	if len(page) != 1400 || last != 11 || all {
		t.Errorf("a page of %d up to %d, all %t", len(page), last, all)
	}
	if page, last, all = gmail.Merge(records[3:]); len(page) != 1400 || last != 14 || !all {
		t.Errorf("a page of %d up to %d, all %t", len(page), last, all)
	}
}

func TestDirectionAndSize(t *testing.T) {
	t.Parallel()
	for labels, want := range map[string]inbox.Direction{"INBOX UNREAD": inbox.In, "SENT": inbox.Out, "SENT INBOX": inbox.Out, "DRAFT": inbox.Draft, "TRASH DRAFT": inbox.Draft, "": inbox.In} {
		if m := gmail.Decode(&api.Message{Id: "1", LabelIds: strings.Fields(labels), SizeEstimate: 12}); m.Direction != want || m.Size != 12 || m.Unreadable == "" {
			t.Errorf("%s: got %+v", labels, m)
		}
	}
}

// An imported mail is dated as a stranger wrote it. What is kept of it must be readable again.
func TestDates(t *testing.T) {
	t.Parallel()
	for millis, want := range map[int64]string{
		1764590400123: "2025-12-01T12:00:00.123Z", 253402300799999: "9999-12-31T23:59:59.999Z",
		253402300800000: "0001-01-01T00:00:00Z", math.MaxInt64: "0001-01-01T00:00:00Z", -1: "0001-01-01T00:00:00Z",
	} {
		at, err := gmail.Decode(&api.Message{Id: "1", InternalDate: millis}).At.MarshalText()
		if err != nil || string(at) != want {
			t.Errorf("%d: got %s, %v, want %s", millis, at, err, want)
		}
	}
}
