package gmailsim_test

import (
	"fmt"
	"strings"
	"testing"

	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/mail"
)

// answerMail is what a client sends to answer <1@x>.
func answerMail(extra string) string {
	return encode([]byte("To: anna@fabrikam.com\r\nSubject: Re: Order\r\nIn-Reply-To: <1@x>\r\nReferences: <1@x>\r\n" + extra + "\r\nOn its way.\r\n"))
}

func TestDrafts(t *testing.T) {
	d := newDesk(t)
	first := d.receive("1@x", "Order")
	since := d.historyID()
	dr := must(d.users.Drafts.Create("me", &gmail.Draft{Message: &gmail.Message{ThreadId: first, Raw: answerMail("")}}).Do())(d)
	one := dr.Message.Id
	if dr.Message.ThreadId != first || d.labels(one) != "DRAFT" || d.message(one).DraftID != dr.Id {
		t.Errorf("draft %+v", d.message(one))
	}
	up := must(d.users.Drafts.Update("me", dr.Id, &gmail.Draft{Message: &gmail.Message{ThreadId: first, Raw: answerMail("X-Case: 7\r\n")}}).Do())(d)
	two := up.Message.Id
	if up.Id != dr.Id || two == one || up.Message.ThreadId != first {
		t.Errorf("update %+v", up)
	}
	d.wantChanges(since, "messageAdded "+one+" DRAFT", "messageDeleted "+one, "messageAdded "+two+" DRAFT")

	_, err := d.users.Messages.Modify("me", two, &gmail.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}}).Do()
	d.refused(err, 400, "drafts")
	must(d.users.Threads.Modify("me", first, &gmail.ModifyThreadRequest{AddLabelIds: []string{"STARRED"}}).Do())(d)
	d.ok(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: []string{two}, AddLabelIds: []string{"STARRED"}}).Do())
	if d.labels(two) != "DRAFT" || d.labels(first) != "INBOX STARRED UNREAD" {
		t.Errorf("labels %s / %s", d.labels(two), d.labels(first))
	}
	if got := must(d.users.Drafts.Get("me", dr.Id).Format("metadata").Do())(d); got.Message.Id != two || len(got.Message.Payload.Headers) != 5 {
		t.Errorf("get %+v", got.Message)
	}

	since = d.historyID()
	sent := must(d.users.Drafts.Send("me", &gmail.Draft{Id: dr.Id}).Do())(d)
	if sent.Id == two || sent.ThreadId != first || d.labels(sent.Id) != "SENT" {
		t.Errorf("sent %+v", sent)
	}
	d.wantChanges(since, "messageAdded "+sent.Id+" SENT", "messageDeleted "+two)
	if m := parseRaw(d, sent.Id); m.Get("X-Case") != "7" {
		t.Errorf("the draft's own field is gone: %v", m.Header)
	}
	_, err = d.users.Drafts.Send("me", &gmail.Draft{Id: dr.Id}).Do()
	d.refused(err, 404, "not found")
	if l := must(d.users.Drafts.List("me").Do())(d); len(l.Drafts) != 0 {
		t.Errorf("left %v", l.Drafts)
	}
}

func TestDraftsListAndDelete(t *testing.T) {
	d := newDesk(t)
	var ids []string
	for i := range 5 {
		dr := must(d.users.Drafts.Create("me", &gmail.Draft{Message: &gmail.Message{Raw: encode([]byte(fmt.Sprintf("To: a@x\r\nSubject: %d\r\n\r\n", i)))}}).Do())(d)
		ids = append([]string{dr.Id}, ids...)
	}
	var got []string
	d.ok(d.users.Drafts.List("me").MaxResults(2).Pages(t.Context(), func(p *gmail.ListDraftsResponse) error {
		for _, dr := range p.Drafts {
			got = append(got, dr.Id)
		}
		return nil
	}))
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("list %v, want %v", got, ids)
	}
	alone := must(d.users.Drafts.Get("me", ids[0]).Do())(d)
	again := must(d.users.Drafts.Update("me", ids[0], &gmail.Draft{Message: &gmail.Message{Raw: encode([]byte("To: a@x\r\nSubject: new\r\n\r\n"))}}).Do())(d)
	if again.Message.ThreadId != alone.Message.ThreadId || again.Message.Id == alone.Message.Id {
		t.Errorf("a lone draft moves from thread %s to %s", alone.Message.ThreadId, again.Message.ThreadId)
	}
	d.ok(d.users.Drafts.Delete("me", ids[0]).Do())
	d.refused(d.users.Drafts.Delete("me", ids[0]).Do(), 404, "not found")
	second := must(d.users.Drafts.Get("me", ids[1]).Do())(d)
	d.ok(d.users.Messages.Delete("me", second.Message.Id).Do())
	if l := must(d.users.Drafts.List("me").Do())(d); len(l.Drafts) != 3 {
		t.Errorf("%d drafts left", len(l.Drafts))
	}
	_, err := d.users.Drafts.Create("me", &gmail.Draft{}).Do()
	d.refused(err, 400, "'raw'")
}

func parseRaw(d *desk, id string) mail.Mail {
	d.Helper()
	return must(mail.ParseBytes(d.message(id).Raw))(d)
}

func TestSend(t *testing.T) {
	d := newDesk(t)
	first := d.receive("1@x", "Order")
	var told []string
	d.sim.OnSend = func(mailbox string, to []string, raw []byte) {
		told = append(told, fmt.Sprint(mailbox, to, strings.Contains(string(raw), "On its way")))
	}
	sent := must(d.users.Messages.Send("me", &gmail.Message{ThreadId: first, Raw: answerMail("Message-ID: <own@x>\r\nX-Postroom-Action: k1\r\nFrom: someone@else.org\r\n")}).Do())(d)
	m := parseRaw(d, sent.Id)
	if m.MessageID == "<own@x>" || !strings.HasSuffix(m.MessageID, "@mail.gmail.com>") || m.Get("X-Postroom-Action") != "k1" ||
		m.From[0].Address != box || !m.Date.Equal(start) || m.Text != "On its way.\n" || sent.ThreadId != first || d.labels(sent.Id) != "SENT" {
		t.Errorf("sent %+v in %s, labels %s", m, sent.ThreadId, d.labels(sent.Id))
	}
	if fmt.Sprint(told) != "["+box+"[anna@fabrikam.com] true]" {
		t.Errorf("OnSend: %v", told)
	}
	meta := must(d.users.Messages.Get("me", sent.Id).Format("metadata").MetadataHeaders("Message-ID").Do())(d)
	if meta.Payload.Headers[0].Value != m.MessageID {
		t.Errorf("read back %v", meta.Payload.Headers)
	}
	if back := d.receive("2@x", "Re: Order", strings.Trim(m.MessageID, "<>")); d.message(back).ThreadID != first {
		t.Error("the customer's answer is not in the thread")
	}

	d.ok(d.sim.AddSendAs(box, "billing@contoso.com", "Contoso Økonomi"))
	alias := must(d.users.Messages.Send("me", &gmail.Message{Raw: answerMail("From: billing@contoso.com\r\n")}).Do())(d)
	if m := parseRaw(d, alias.Id); m.From[0].Address != "billing@contoso.com" {
		t.Errorf("send-as address replaced: %v", m.From)
	}
	if alias.ThreadId == first {
		t.Error("without threadId the answer is in the thread")
	}
	for name, raw := range map[string]string{
		"other subject": strings.Replace(string(must(decode(answerMail("")))(d)), "Re: Order", "Other", 1),
		"no reference":  "To: a@x\r\nSubject: Re: Order\r\n\r\nhi",
	} {
		if m := must(d.users.Messages.Send("me", &gmail.Message{ThreadId: first, Raw: encode([]byte(raw))}).Do())(d); m.ThreadId == first {
			t.Errorf("%s: in the thread all the same", name)
		}
	}
	up := must(d.users.Messages.Send("me", nil).Media(strings.NewReader("To: "+box+"\r\nSubject: self\r\n\r\nhi"), googleapi.ContentType("message/rfc822")).Do())(d)
	if d.labels(up.Id) != "INBOX SENT UNREAD" {
		t.Errorf("to itself: %s", d.labels(up.Id))
	}
	_, err := d.users.Messages.Send("me", &gmail.Message{Raw: encode([]byte("Subject: x\r\n\r\n"))}).Do()
	d.refused(err, 400, "Recipient address required")
	_, err = d.users.Messages.Send("me", &gmail.Message{Raw: encode([]byte("To: " + strings.Repeat("a@x,", 501) + "\r\n\r\n"))}).Do()
	d.refused(err, 400, "Too many recipients")
}

func TestAnswer(t *testing.T) {
	d := newDesk(t)
	d.ok(d.sim.AddSendAs(box, box, "Contoso Support"))
	first := d.receive("1@x", "Ordre på vej")
	since := d.historyID()
	by := must(d.sim.Answer(box, first, "one@contoso.com", "Kære Anna\nDen er på vej."))(d)
	d.wantChanges(since, "messageAdded "+by+" SENT")
	m := parseRaw(d, by)
	if m.Get("Sender") != "one@contoso.com" || m.Get("X-Google-Sender-Delegation") != "one@contoso.com" || m.InReplyTo != "<1@x>" ||
		fmt.Sprint(m.References) != "[<1@x>]" || m.Subject != "Re: Ordre på vej" || m.From[0] != (mail.Address{Name: "Contoso Support", Address: box}) ||
		m.To[0].Address != "anna@fabrikam.com" || m.Text != "Kære Anna\nDen er på vej." || d.message(by).ThreadID != first {
		t.Errorf("answer %+v", m)
	}
	anonymous := must(d.sim.Answer(box, by, "", "More."))(d)
	m = parseRaw(d, anonymous)
	if m.Get("Sender") != "" || m.Get("X-Google-Sender-Delegation") != "" || m.To[0].Address != "anna@fabrikam.com" || len(m.References) != 2 || m.Subject != "Re: Ordre på vej" {
		t.Errorf("anonymous answer %+v", m)
	}
	draft := must(d.sim.SaveDraft(box, first, "Let me see"))(d)
	if l := must(d.users.Drafts.List("me").Do())(d); len(l.Drafts) != 1 || l.Drafts[0].Id != draft || l.Drafts[0].Message.ThreadId != first {
		t.Errorf("drafts %+v", l.Drafts)
	}
	d.ok(d.sim.DiscardDraft(box, draft))
	if err := d.sim.DiscardDraft(box, draft); err == nil {
		t.Error("discarded twice")
	}
	if _, err := d.sim.Answer(box, "none", "", ""); err == nil {
		t.Error("answered nothing")
	}
	if _, err := d.sim.SaveDraft(box, "none", ""); err == nil {
		t.Error("drafted for nothing")
	}
}
