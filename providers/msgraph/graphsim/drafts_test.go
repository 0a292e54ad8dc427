package graphsim_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/mail"
)

func to(addr string) []any {
	return []any{map[string]any{"emailAddress": map[string]any{"address": addr}}}
}

func TestDraftAndSend(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	d := tn.want(201, "POST", messages, map[string]any{
		"subject": "Hej på dig", "toRecipients": to("jens@kunde.test"),
		"body": map[string]any{"contentType": "html", "content": "<p>Tak</p>"},
		"from": to("support@contoso.com")[0], "replyTo": to("svar@contoso.com"), "bccRecipients": to("x@contoso.com"),
		"internetMessageId":      "<own.1@contoso.com>",
		"internetMessageHeaders": []any{map[string]any{"name": "x-postroom-key", "value": "k1"}},
		"attachments":            []any{map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentType": "text/plain", "contentBytes": "aGk="}},
	}, immutable)
	id := d.body["id"].(string)
	if d.at("isDraft") != true || d.at("from/emailAddress/address") != support || d.at("hasAttachments") != true {
		t.Errorf("draft = %s", d.raw)
	}
	tn.want(200, "PATCH", messages+"/"+id, map[string]any{"subject": "Hej igen"}, nil)
	tn.want(202, "POST", messages+"/"+id+"/send", nil, nil)
	m, err := tn.Message(support, id)
	tn.do(err)
	if m.Folder != "sentitems" || m.Draft || m.MessageID != "<own.1@contoso.com>" {
		t.Errorf("sent = %+v", m)
	}
	parsed, err := mail.ParseBytes(m.Raw)
	tn.do(err)
	if parsed.Subject != "Hej igen" || parsed.Get("X-Postroom-Key") != "k1" || parsed.MessageID != "<own.1@contoso.com>" ||
		!strings.Contains(parsed.HTML, "<p>Tak</p>") || len(parsed.Attachments) != 1 || string(parsed.Attachments[0].Data) != "hi" ||
		len(parsed.To) != 1 || parsed.To[0].Address != "jens@kunde.test" {
		t.Errorf("MIME = %s", m.Raw)
	}
	if tn.Stats().Sent != 1 {
		t.Errorf("sent count = %d", tn.Stats().Sent)
	}
	tn.want(400, "POST", messages+"/"+id+"/send", nil, nil)
	tn.want(403, "PATCH", messages+"/"+id, map[string]any{"subject": "too late"}, nil)

	nobody := tn.want(201, "POST", messages, map[string]any{"subject": "x"}, nil).body["id"].(string)
	if a := tn.want(400, "POST", messages+"/"+nobody+"/send", nil, nil); a.code() != "ErrorInvalidRecipients" {
		t.Errorf("code = %s", a.code())
	}
	var many []any
	for range 6 {
		many = append(many, map[string]any{"name": "x-a", "value": "b"})
	}
	for _, headers := range [][]any{many, {map[string]any{"name": "Auto-Submitted", "value": "auto-replied"}}} {
		a := tn.want(400, "POST", messages, map[string]any{"internetMessageHeaders": headers}, nil)
		if a.code() != "InvalidInternetMessageHeaderCollection" {
			t.Errorf("code = %s", a.code())
		}
	}
}

func TestCreateReply(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id, err := tn.Receive(support, []byte(letter))
	tn.do(err)
	original, err := tn.Message(support, id)
	tn.do(err)

	r := tn.want(201, "POST", messages+"/"+id+"/createReply", map[string]any{"comment": "Tak & hej"}, immutable)
	if r.at("conversationId") != original.ConversationID || r.at("subject") != "RE: Spørgsmål" || r.at("isDraft") != true {
		t.Errorf("reply = %s", r.raw)
	}
	if got := recipients(r, "toRecipients"); got != "svar@kunde.test" {
		t.Errorf("to = %s", got)
	}
	if !strings.Contains(r.at("body/content").(string), "Tak &amp; hej") {
		t.Errorf("body = %v", r.at("body/content"))
	}
	all := tn.want(201, "POST", messages+"/"+id+"/createReplyAll", nil, immutable)
	if to, cc := recipients(all, "toRecipients"), recipients(all, "ccRecipients"); to != "svar@kunde.test" || cc != "boss@kunde.test" {
		t.Errorf("all: to %s cc %s", to, cc)
	}
	own := tn.want(201, "POST", messages+"/"+id+"/createReply", map[string]any{
		"message": map[string]any{"body": map[string]any{"contentType": "text", "content": "Ja"}},
	}, immutable)
	tn.want(202, "POST", messages+"/"+own.body["id"].(string)+"/send", nil, nil)
	sent, err := tn.Message(support, own.body["id"].(string))
	tn.do(err)
	parsed, err := mail.ParseBytes(sent.Raw)
	tn.do(err)
	if parsed.InReplyTo != "<letter@kunde.test>" || strings.TrimSpace(parsed.Text) != "Ja" {
		t.Errorf("sent = %s", sent.Raw)
	}
	tn.want(400, "POST", messages+"/"+id+"/createReply", map[string]any{"comment": "a", "message": map[string]any{}}, nil)
}

func recipients(a answer, name string) string {
	var out []string
	list, _ := a.body[name].([]any)
	for _, r := range list {
		out = append(out, r.(map[string]any)["emailAddress"].(map[string]any)["address"].(string))
	}
	return strings.Join(out, ",")
}

func TestSendMail(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	target := "/users/" + support + "/sendMail"
	message := map[string]any{"subject": "Hi", "toRecipients": to("a@customer.test"), "body": map[string]any{"contentType": "text", "content": "x"}}
	tn.want(202, "POST", target, map[string]any{"Message": message}, nil)
	tn.want(202, "POST", target, map[string]any{"message": message, "saveToSentItems": false}, nil)
	all, err := tn.Messages(support)
	tn.do(err)
	if len(all) != 1 || all[0].Folder != "sentitems" || all[0].From != support || tn.Stats().Sent != 2 {
		t.Errorf("sent = %+v, counted %d", all, tn.Stats().Sent)
	}
	tn.want(400, "POST", target, map[string]any{"message": map[string]any{"subject": "to nobody"}}, nil)
	tn.want(400, "POST", target, map[string]any{}, nil)

	raw := base64.StdEncoding.EncodeToString([]byte("From: support@contoso.com\r\nTo: a@customer.test\r\nSubject: MIME\r\nAuto-Submitted: auto-replied\r\n\r\nhi\r\n"))
	if got := tn.sendText(target, raw); got != 202 {
		t.Errorf("MIME send = %d", got)
	}
	if got := tn.sendText(target, "%%%"); got != 400 {
		t.Errorf("rubbish send = %d", got)
	}
	if all, _ = tn.Messages(support); len(all) != 2 || tn.Stats().Sent != 3 {
		t.Errorf("%d in the mailbox, %d sent", len(all), tn.Stats().Sent)
	}
}
