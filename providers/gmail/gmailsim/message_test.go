package gmailsim_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
)

func TestFormats(t *testing.T) {
	d := newDesk(t)
	id := d.receive("m1@x", "=?utf-8?Q?S=C3=A5?=")
	min := must(d.users.Messages.Get("me", id).Format("minimal").Do())(d)
	if min.Payload != nil || min.Raw != "" || min.ThreadId == "" || fmt.Sprint(min.LabelIds) != "[INBOX UNREAD]" ||
		min.Snippet != "Hello &lt;you&gt; &amp; me, where is it?" || min.InternalDate != start.UnixMilli() || min.HistoryId == 0 || min.SizeEstimate == 0 {
		t.Errorf("minimal: %+v", min)
	}
	meta := must(d.users.Messages.Get("me", id).Format("metadata").MetadataHeaders("message-id", "SUBJECT").Do())(d)
	if len(meta.Payload.Headers) != 2 || meta.Payload.Headers[0].Value != "Så" || meta.Payload.Headers[1].Value != "<m1@x>" || meta.Payload.Body != nil {
		t.Errorf("metadata: %+v", meta.Payload)
	}
	if all := must(d.users.Messages.Get("me", id).Format("metadata").Do())(d); len(all.Payload.Headers) != 4 {
		t.Errorf("metadata of all: %+v", all.Payload)
	}
	raw := must(d.users.Messages.Get("me", id).Format("raw").Do())(d)
	if b, err := base64.URLEncoding.DecodeString(raw.Raw); err != nil || string(b) != string(rawMail("m1@x", "=?utf-8?Q?S=C3=A5?=")) {
		t.Errorf("raw: %q %v", b, err)
	}
	_, err := d.users.Messages.Get("me", "beef").Do()
	d.refused(err, 404, "not found")
	d.refusedRaw("GET", "/gmail/v1/users/me/messages/"+id+"?format=all", "", 400, "format")
	part := must(d.users.Messages.Get("me", id).Format("metadata").Fields("id", "payload(headers/name)").Do())(d)
	if part.Id != id || part.ThreadId != "" || part.Payload.MimeType != "" || part.Payload.Headers[0].Value != "" || part.Payload.Headers[0].Name == "" {
		t.Errorf("partial: %+v", part)
	}
}

const tree = "From: a@x\r\nTo: b@x\r\nSubject: files\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n" +
	"--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n" +
	"--i\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nbl=E5\r\n" +
	"--i\r\nContent-Type: text/html\r\n\r\n<p>b\r\n--i--\r\n" +
	"--o\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--o--\r\n"

func TestPayloadTree(t *testing.T) {
	d := newDesk(t)
	id := must(d.sim.Receive(box, []byte(tree)))(d)
	p := must(d.users.Messages.Get("me", id).Do())(d).Payload
	if p.PartId != "" || p.MimeType != "multipart/mixed" || len(p.Parts) != 2 {
		t.Fatalf("root: %+v", p)
	}
	text, html, pdf := p.Parts[0].Parts[0], p.Parts[0].Parts[1], p.Parts[1]
	if b, _ := base64.URLEncoding.DecodeString(text.Body.Data); text.PartId != "0.0" || string(b) != "blå" || text.Body.Size != 4 {
		t.Errorf("text: %+v %q", text, b)
	}
	if html.PartId != "0.1" || html.MimeType != "text/html" || html.Body.Data == "" {
		t.Errorf("html: %+v", html)
	}
	if pdf.PartId != "1" || pdf.Filename != "a.pdf" || pdf.Body.Data != "" || pdf.Body.AttachmentId == "" || pdf.Body.Size != 5 {
		t.Errorf("pdf: %+v %+v", pdf, pdf.Body)
	}
	body := must(d.users.Messages.Attachments.Get("me", id, pdf.Body.AttachmentId).Do())(d)
	if b, _ := base64.URLEncoding.DecodeString(body.Data); string(b) != "hello" || body.Size != 5 {
		t.Errorf("attachment: %q", b)
	}
	if again := must(d.users.Messages.Get("me", id).Do())(d); again.Payload.Parts[1].Body.AttachmentId == pdf.Body.AttachmentId {
		t.Error("attachment ids are stable, which Gmail does not promise")
	}
	for _, bad := range []string{"ANGjdJ", "x", "ANGjdJ" + base64.RawURLEncoding.EncodeToString([]byte(id+"/9/1"))} {
		_, err := d.users.Messages.Attachments.Get("me", id, bad).Do()
		d.refused(err, 400, "attachment")
	}
	d.sim.InlineLimit = 3
	text = must(d.users.Messages.Get("me", id).Do())(d).Payload.Parts[0].Parts[0]
	body = must(d.users.Messages.Attachments.Get("me", id, text.Body.AttachmentId).Do())(d)
	if b, _ := base64.URLEncoding.DecodeString(body.Data); string(b) != "blå" {
		t.Errorf("large text: %q", b)
	}
}

func TestModify(t *testing.T) {
	d := newDesk(t)
	label := must(d.users.Labels.Create("me", &gmail.Label{Name: "@Anna"}).Do())(d)
	a, b := d.receive("a@x", "a"), d.receive("b@x", "b")
	since := d.historyID()
	got := must(d.users.Messages.Modify("me", a, &gmail.ModifyMessageRequest{AddLabelIds: []string{label.Id, "INBOX"}, RemoveLabelIds: []string{"UNREAD", "STARRED"}}).Do())(d)
	if fmt.Sprint(got.LabelIds) != fmt.Sprint([]string{"INBOX", label.Id}) {
		t.Errorf("labels %v", got.LabelIds)
	}
	d.wantChanges(since, "labelAdded "+a+" "+label.Id, "labelRemoved "+a+" UNREAD") // only what really changed

	since = d.historyID()
	d.ok(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: []string{a, "gone", b}, AddLabelIds: []string{label.Id}, RemoveLabelIds: []string{"INBOX"}}).Do())
	d.wantChanges(since, "labelRemoved "+a+" INBOX", "labelAdded "+b+" "+label.Id, "labelRemoved "+b+" INBOX")
	if body, status := d.raw("POST", "/gmail/v1/users/me/messages/batchModify", `{"ids":["`+a+`"],"addLabelIds":["INBOX"]}`); status != 204 || body != "" {
		t.Errorf("batchModify answers %d %q", status, body)
	}

	many := func(n int) []string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = a
		}
		return ids
	}
	for _, tt := range []struct {
		req  *gmail.ModifyMessageRequest
		text string
	}{
		{&gmail.ModifyMessageRequest{AddLabelIds: []string{"SENT"}}, "Invalid label: SENT"},
		{&gmail.ModifyMessageRequest{RemoveLabelIds: []string{"DRAFT"}}, "Invalid label: DRAFT"},
		{&gmail.ModifyMessageRequest{AddLabelIds: []string{"Label_99"}}, "Invalid label: Label_99"},
		{&gmail.ModifyMessageRequest{}, "No label add or removes"},
		{&gmail.ModifyMessageRequest{AddLabelIds: []string{"INBOX"}, RemoveLabelIds: []string{"INBOX"}}, "Cannot both"},
		{&gmail.ModifyMessageRequest{AddLabelIds: many(101)}, "Too many labels"},
	} {
		_, err := d.users.Messages.Modify("me", a, tt.req).Do()
		d.refused(err, 400, tt.text)
	}
	d.refused(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: many(1001), AddLabelIds: []string{"INBOX"}}).Do(), 400, "Too many message ids")
	d.refused(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{AddLabelIds: []string{"INBOX"}}).Do(), 400, "No message ids")
	d.ok(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: many(1000), AddLabelIds: []string{"INBOX"}}).Do())

	must(d.users.Messages.Trash("me", a).Do())(d)
	if got := d.labels(a); got != "@Anna TRASH" {
		t.Errorf("trashed: %s", got)
	}
	must(d.users.Messages.Untrash("me", a).Do())(d)
	d.ok(d.users.Messages.Delete("me", a).Do())
	if _, err := d.sim.Message(box, a); err == nil {
		t.Error("deleted message is still there")
	}
	d.refused(d.users.Messages.Delete("me", a).Do(), 404, "not found")
}

func TestInsertAndImport(t *testing.T) {
	d := newDesk(t)
	dated := append([]byte("Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n"), rawMail("m@x", "s")...)
	in := must(d.users.Messages.Insert("me", &gmail.Message{Raw: encode(dated), LabelIds: []string{"INBOX", "SENT"}}).Do())(d)
	if m := d.message(in.Id); !m.Date.Equal(start) || d.labels(in.Id) != "INBOX SENT" {
		t.Errorf("insert: %+v", m)
	}
	im := must(d.users.Messages.Import("me", &gmail.Message{Raw: encode(dated)}).Do())(d)
	if m := d.message(im.Id); !m.Date.Equal(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("import: %+v", m)
	}
	up := must(d.users.Messages.Insert("me", &gmail.Message{LabelIds: []string{"INBOX"}}).Media(strings.NewReader(string(dated)), googleapi.ContentType("message/rfc822")).Do())(d)
	if m := d.message(up.Id); string(m.Raw) != string(dated) || d.labels(up.Id) != "INBOX" {
		t.Errorf("upload: %+v", m)
	}
	_, err := d.users.Messages.Insert("me", &gmail.Message{}).Do()
	d.refused(err, 400, "'raw' RFC822 payload")
	_, err = d.users.Messages.Insert("me", &gmail.Message{Raw: encode(dated), LabelIds: []string{"DRAFT"}}).Do()
	d.refused(err, 400, "Invalid label")
}

func TestListing(t *testing.T) {
	d := newDesk(t)
	var ids []string
	for i := range 7 {
		ids = append(ids, must(d.sim.ReceiveAt(box, rawMail(fmt.Sprint(i, "@x"), fmt.Sprint("mail ", i)), start.Add(time.Duration(-i)*time.Hour), "INBOX"))(d))
	}
	d.ok(d.sim.Trash(box, d.message(ids[6]).ThreadID))
	d.ok(d.sim.AddLabel(box, ids[2], "Refund"))
	list := func(call *gmail.UsersMessagesListCall) string {
		t.Helper()
		var out []string
		d.ok(call.Pages(t.Context(), func(p *gmail.ListMessagesResponse) error {
			for _, m := range p.Messages {
				out = append(out, strings.TrimPrefix(d.message(m.Id).Subject, "mail "))
			}
			return nil
		}))
		return strings.Join(out, "")
	}
	for _, tt := range []struct {
		name string
		call *gmail.UsersMessagesListCall
		want string
	}{
		{"newest first", d.users.Messages.List("me"), "012345"},
		{"paged", d.users.Messages.List("me").MaxResults(2), "012345"},
		{"with trash", d.users.Messages.List("me").IncludeSpamTrash(true), "0123456"},
		{"in trash", d.users.Messages.List("me").LabelIds("TRASH"), "6"},
		{"label", d.users.Messages.List("me").LabelIds("INBOX", "Label_1"), "2"},
		{"query", d.users.Messages.List("me").Q("rfc822msgid:3@x"), "3"},
		{"query label", d.users.Messages.List("me").Q("label:refund"), "2"},
		{"query not", d.users.Messages.List("me").Q("-label:refund in:inbox"), "01345"},
		{"query subject", d.users.Messages.List("me").Q(`subject:"mail 4" from:anna`), "4"},
		{"query time", d.users.Messages.List("me").Q(fmt.Sprint("after:", start.Add(-2*time.Hour).Unix())), "012"},
		{"query anywhere", d.users.Messages.List("me").Q(`in:anywhere "mail 6"`), "6"},
		{"query unknown label", d.users.Messages.List("me").Q("label:none"), ""},
	} {
		if got := list(tt.call); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if r := must(d.users.Messages.List("me").Do())(d); r.ResultSizeEstimate != 6 || r.NextPageToken != "" {
		t.Errorf("estimate %d", r.ResultSizeEstimate)
	}
	_, err := d.users.Messages.List("me").LabelIds("nope").Do()
	d.refused(err, 400, "Invalid label")
}

func TestListLimits(t *testing.T) {
	d := newDesk(t)
	for i := range 510 {
		d.receive(fmt.Sprint(i, "@x"), fmt.Sprint(i))
	}
	if n := len(must(d.users.Messages.List("me").Do())(d).Messages); n != 100 {
		t.Errorf("default page %d", n)
	}
	if r := must(d.users.Messages.List("me").MaxResults(1000).Do())(d); len(r.Messages) != 500 || r.NextPageToken == "" {
		t.Errorf("largest page %d", len(r.Messages))
	}
	if n := len(must(d.users.Threads.List("me").MaxResults(1000).Do())(d).Threads); n != 500 {
		t.Errorf("largest page of threads %d", n)
	}
	first := must(d.users.History.List("me").StartHistoryId(must(d.sim.HistoryID(box))(d)).Do())(d)
	if len(first.History) != 0 {
		t.Errorf("history from the end: %d", len(first.History))
	}
}

func TestReadBack(t *testing.T) {
	d := newDesk(t)
	id := must(d.sim.ReceiveAt(box, rawMail("old@x", "old"), start.Add(-time.Hour), "INBOX", "Refund"))(d)
	d.receive("new@x", "new")
	all := must(d.sim.Messages(box))(d)
	if len(all) != 2 || all[0].ID != id || all[0].MessageID != "<old@x>" || all[0].From != "anna@fabrikam.com" || !all[0].Has("Refund") || all[1].Has("Refund") {
		t.Errorf("messages %+v", all)
	}
	if l := must(d.sim.Labels(box))(d); fmt.Sprint(l) != "[Refund]" {
		t.Errorf("labels %v", l)
	}
	for name, err := range map[string]error{
		"mailbox": func() error { _, err := d.sim.Receive("nobody@x", rawMail("a", "b")); return err }(),
		"message": d.sim.AddLabel(box, "none", "x"), "thread": d.sim.Archive(box, "none"), "label": d.sim.RemoveLabel(box, id, "none"),
	} {
		if err == nil {
			t.Errorf("no %s: no error", name)
		}
	}
	if got := d.sim.Mailboxes(); fmt.Sprint(got) != fmt.Sprint([]string{box}) {
		t.Errorf("mailboxes %v", got)
	}
}
