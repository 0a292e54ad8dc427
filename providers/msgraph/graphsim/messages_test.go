package graphsim_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const messages = "/users/" + support + "/messages"

func TestPathSpellings(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	user := tn.want(200, "GET", "/users/"+support, nil, nil)
	uid := user.body["id"].(string)
	if user.body["mail"] != support || user.body["userPrincipalName"] != support {
		t.Errorf("user = %s", user.raw)
	}
	inbox := tn.want(200, "GET", "/users/"+uid+"/mailFolders/inbox", nil, nil).body["id"].(string)
	for _, target := range []string{
		"/users/" + uid + "/messages/" + id,
		"/users/support%40contoso.com/messages/" + id,
		"/users/Support@Contoso.com/messages/" + id,
		"/users('support@contoso.com')/messages('" + id + "')",
		"/users/" + support + "/mailFolders/inbox/messages/" + id,
		"/users/" + support + "/mailFolders/Inbox/messages/" + id,
		"/users/" + support + "/mailFolders('inbox')/messages/" + id,
		"/users/" + support + "/mailFolders/" + inbox + "/messages/" + id,
		"/users/" + support + "/mailFolders/inbox/messages/delta",
		"/users/" + support + "/mailFolders/inbox/messages/delta()",
		"/users/" + support + "/mailFolders/inbox/messages/microsoft.graph.delta()",
		"https://graph.microsoft.com/users/" + support + "/messages/" + id,
	} {
		tn.want(200, "GET", target, nil, nil)
	}
	// Ids are case-sensitive.
	tn.want(404, "GET", messages+"/"+swapCase(id), nil, nil)
	tn.want(404, "GET", "/users/"+support+"/mailFolders/"+swapCase(inbox), nil, nil)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if l := strings.ToLower(string(r)); l != string(r) {
			return []rune(l)[0]
		}
		return []rune(strings.ToUpper(string(r)))[0]
	}, s)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: "private@contoso.com"}))
	tn.do(tn.RefuseMailbox("private@contoso.com"))
	if _, err := tn.Receive("private@contoso.com", email(1, "a@customer.test", "x")); err != nil {
		t.Errorf("people cannot use a mailbox that only the app may not: %v", err)
	}
	for _, tt := range []struct {
		method, target string
		status         int
		code           string
	}{
		{"GET", "/users/nobody@contoso.com/messages", 404, "ErrorInvalidUser"},
		{"GET", "/users/private@contoso.com/messages", 403, "ErrorAccessDenied"},
		{"GET", "/users/private@contoso.com/mailFolders/inbox/messages/delta", 403, "ErrorAccessDenied"},
		{"GET", "/users/private@contoso.com", 403, "ErrorAccessDenied"},
		{"GET", messages + "/AAkALgAAnothing", 404, "ErrorItemNotFound"},
		{"GET", "/users/" + support + "/calendar", 404, "ResourceNotFound"},
		{"GET", "/nothing", 404, "ResourceNotFound"},
		{"GET", "/users", 501, "NotSimulated"},
		{"PUT", messages, 405, "Request_BadRequest"},
		{"GET", messages + "?$filter=isRead+eq+maybe", 400, "BadRequest"},
		{"GET", messages + "?$filter=isRead+eq+true+or+isDraft+eq+true", 501, "NotSimulated"},
		{"GET", messages + "?$top=0", 400, "BadRequest"},
		{"GET", messages + "?$skip=-1", 400, "BadRequest"},
		{"GET", messages + "?$search=x", 501, "NotSimulated"},
	} {
		a := tn.want(tt.status, tt.method, tt.target, nil, nil)
		if a.code() != tt.code {
			t.Errorf("%s %s: code %s, want %s", tt.method, tt.target, a.code(), tt.code)
		}
	}
	tn.Token = "secret"
	tn.want(401, "GET", messages, nil, nil)
	tn.want(200, "GET", messages, nil, map[string]string{"Authorization": "Bearer secret"})
}

func TestListMessages(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	var ids []string
	for i := range 12 {
		tn.now = tn.now.Add(time.Minute)
		ids = append(ids, tn.receive(i, fmt.Sprintf("c%d@customer.test", i%3), fmt.Sprint("subject ", i)))
	}
	tn.do(tn.MarkRead(support, ids[3], true))
	tn.do(tn.Move(support, ids[4], "archive"))
	tn.do(tn.AddCategory(support, ids[5], "VIP"))
	conversation, err := tn.Message(support, ids[6])
	tn.do(err)

	list := func(target string) []string {
		t.Helper()
		var out []string
		for target != "" {
			a := tn.want(200, "GET", target, nil, immutable)
			for _, m := range a.value() {
				out = append(out, m["id"].(string))
			}
			target, _ = a.body["@odata.nextLink"].(string)
		}
		return out
	}
	newest := slices.Clone(ids)
	slices.Reverse(newest)
	for _, tt := range []struct {
		name, target string
		want         []string
	}{
		{"all, by pages", messages + "?$select=id", newest},
		{"small pages", messages + "?$top=5", newest},
		{"oldest first", messages + "?$orderby=receivedDateTime+asc", ids},
		{"a folder", "/users/" + support + "/mailFolders/archive/messages", ids[4:5]},
		{"read", messages + "?$filter=isRead+eq+true", ids[3:4]},
		{"a conversation", messages + "?$filter=" + url.QueryEscape("conversationId eq '"+conversation.ConversationID+"'"), ids[6:7]},
		{"a Message-ID", messages + "?$filter=" + url.QueryEscape("internetMessageId eq '<m7@customer.test>'"), ids[7:8]},
		{"a Message-ID elsewhere", "/users/" + support + "/mailFolders/archive/messages?$filter=" + url.QueryEscape("internetMessageId eq '<m7@customer.test>'"), nil},
		{"since", messages + "?$filter=receivedDateTime+ge+2026-05-04T12:11:00Z", []string{ids[11], ids[10]}},
		{"since, in order", messages + "?$filter=receivedDateTime+gt+2026-05-04T12:10:00Z&$orderby=receivedDateTime", []string{ids[10], ids[11]}},
		{"category", messages + "?$filter=" + url.QueryEscape("categories/any(c:c eq 'vip')"), ids[5:6]},
		{"two conditions", messages + "?$filter=" + url.QueryEscape("from/emailAddress/address eq 'c0@customer.test' and isRead eq true"), ids[3:4]},
	} {
		if got := list(tt.target); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	a := tn.want(400, "GET", messages+"?$filter=isRead+eq+true&$orderby=receivedDateTime", nil, nil)
	if a.code() != "InefficientFilter" {
		t.Errorf("code = %s", a.code())
	}
}

const letter = "From: \"Kunde, Jens\" <jens@kunde.test>\r\nTo: support@contoso.com\r\nCc: boss@kunde.test\r\nReply-To: svar@kunde.test\r\n" +
	"Subject: =?utf-8?q?Sp=C3=B8rgsm=C3=A5l?=\r\nMessage-ID: <letter@kunde.test>\r\nDate: Mon, 04 May 2026 10:00:00 +0200\r\n" +
	"Importance: high\r\nX-Order: 42\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hej <b>der</b></p>\r\n" +
	"--b\r\nContent-Type: text/csv; name=\"a.csv\"\r\nContent-Disposition: attachment; filename=\"a.csv\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMSwyCg==\r\n--b--\r\n"

func TestGetMessage(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id, err := tn.Receive(support, []byte(letter))
	tn.do(err)
	m := tn.want(200, "GET", messages+"/"+id, nil, immutable)
	for path, want := range map[string]any{
		"id":                            id,
		"subject":                       "Spørgsmål",
		"internetMessageId":             "<letter@kunde.test>",
		"importance":                    "high",
		"isRead":                        false,
		"isDraft":                       false,
		"hasAttachments":                true,
		"bodyPreview":                   "Hej der",
		"body/contentType":              "html",
		"from/emailAddress/address":     "jens@kunde.test",
		"from/emailAddress/name":        "Kunde, Jens",
		"sender/emailAddress/address":   "jens@kunde.test",
		"receivedDateTime":              "2026-05-04T12:00:00Z",
		"sentDateTime":                  "2026-05-04T08:00:00Z",
		"flag/flagStatus":               "notFlagged",
		"inferenceClassification":       "focused",
		"internetMessageHeaders":        nil, // only when selected
		"singleValueExtendedProperties": nil,
		"attachments":                   nil,
	} {
		if got := m.at(path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if m.header.Get("Preference-Applied") != `IdType="ImmutableId"` || m.header.Get("ETag") != m.body["@odata.etag"] {
		t.Errorf("header = %v", m.header)
	}

	sel := tn.want(200, "GET", messages+"/"+id+"?$select=internetMessageHeaders,subject", nil, immutable)
	names := []string{}
	for _, h := range sel.body["internetMessageHeaders"].([]any) {
		names = append(names, h.(map[string]any)["name"].(string))
	}
	if !slices.Contains(names, "X-Order") || sel.body["body"] != nil {
		t.Errorf("selected = %s", sel.raw)
	}

	size := tn.want(200, "GET", messages+"/"+id+"?$select=id&$expand="+url.QueryEscape("singleValueExtendedProperties($filter=id eq 'Integer 0x0E08')"), nil, nil)
	want := []any{map[string]any{"id": "Integer 0x0E08", "value": fmt.Sprint(len(letter))}}
	if got := size.body["singleValueExtendedProperties"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("size = %v, want %v", got, want)
	}

	both := tn.want(200, "GET", messages+"/"+id+"?$select=id&$expand="+url.QueryEscape("attachments($select=name,size),singleValueExtendedProperties($filter=id eq 'Long 0x0E08')"), nil, nil)
	file := both.body["attachments"].([]any)[0].(map[string]any)
	if file["name"] != "a.csv" || file["size"] != 4.0 || file["contentBytes"] != nil || both.body["singleValueExtendedProperties"] == nil {
		t.Errorf("expanded = %s", both.raw)
	}

	list := tn.want(200, "GET", messages+"/"+id+"/attachments", nil, nil).value()
	if len(list) != 1 || list[0]["contentBytes"] != base64.StdEncoding.EncodeToString([]byte("1,2\n")) {
		t.Fatalf("attachments = %v", list)
	}
	aid := list[0]["id"].(string)
	tn.want(200, "GET", messages+"/"+id+"/attachments/"+aid, nil, nil)
	if b := tn.want(200, "GET", messages+"/"+id+"/attachments/"+aid+"/$value", nil, nil); string(b.raw) != "1,2\n" {
		t.Errorf("contents = %q", b.raw)
	}
	tn.want(404, "GET", messages+"/"+id+"/attachments/other", nil, nil)

	if raw := tn.want(200, "GET", messages+"/"+id+"/$value", nil, nil); !bytes.Equal(raw.raw, []byte(letter)) {
		t.Errorf("MIME = %q", raw.raw)
	}
}

func TestPatchMessage(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	target := messages + "/" + id
	a := tn.want(200, "PATCH", target, map[string]any{
		"@odata.type": "#microsoft.graph.message", "categories": []string{"@Anna", "VIP"}, "isRead": true, "importance": "low",
		"flag":                          map[string]any{"flagStatus": "flagged"},
		"singleValueExtendedProperties": []any{map[string]any{"id": "String {00020329-0000-0000-C000-000000000046} Name Postroom", "value": "k1"}},
	}, immutable)
	if a.at("flag/flagStatus") != "flagged" || a.at("isRead") != true || a.at("importance") != "low" {
		t.Errorf("patched = %s", a.raw)
	}
	m, err := tn.Message(support, id)
	tn.do(err)
	if !slices.Equal(m.Categories, []string{"@Anna", "VIP"}) || !m.Read {
		t.Errorf("message = %+v", m)
	}
	filter := "?$select=id&$filter=" + url.QueryEscape("singleValueExtendedProperties/Any(ep: ep/id eq 'String {00020329-0000-0000-C000-000000000046} Name Postroom' and ep/value eq 'k1')")
	if list := tn.want(200, "GET", messages+filter, nil, immutable).value(); len(list) != 1 || list[0]["id"] != id {
		t.Errorf("found by extended property: %v", list)
	}
	tn.want(200, "PATCH", target, map[string]any{"categories": []string{}}, nil)
	due := tn.want(200, "PATCH", target, map[string]any{"inferenceClassification": "other", "flag": map[string]any{
		"flagStatus": "complete", "completedDateTime": map[string]any{"dateTime": "2026-05-04T10:00:00", "timeZone": "UTC"}}}, nil)
	if due.at("flag/completedDateTime/timeZone") != "UTC" || due.at("inferenceClassification") != "other" {
		t.Errorf("flagged = %s", due.raw)
	}
	if m, _ = tn.Message(support, id); len(m.Categories) != 0 {
		t.Errorf("categories = %v", m.Categories)
	}
	for name, body := range map[string]any{
		"RequestBodyRead":   map[string]any{"categries": []string{"x"}},
		"ErrorAccessDenied": map[string]any{"subject": "[#1] one"},
	} {
		if a := tn.call("PATCH", target, body, nil); a.status < 400 || a.code() != name {
			t.Errorf("%v: %d %s, want %s", body, a.status, a.code(), name)
		}
	}
	for _, body := range []any{
		map[string]any{"isRead": "yes"}, map[string]any{"isRead": nil}, map[string]any{"importance": "urgent"},
		map[string]any{"flag": map[string]any{"flagStatus": "waving"}}, map[string]any{"flag": "flagged"}, map[string]any{"inferenceClassification": "else"},
		map[string]any{"body": map[string]any{"contentType": "rtf"}}, map[string]any{"from": map[string]any{"address": "x"}}, map[string]any{"toRecipients": []any{nil}}, map[string]any{"categories": "x"}, []string{"x"}, "x",
	} {
		tn.want(400, "PATCH", target, body, nil)
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for _, ignored := range []bool{false, true} {
		tn := newTenant(t)
		tn.IfMatchIgnored = ignored
		id := tn.receive(1, "a@customer.test", "one")
		target := messages + "/" + id
		etag := tn.want(200, "GET", target, nil, nil).body["@odata.etag"].(string)
		tn.want(200, "PATCH", target, map[string]any{"isRead": true}, map[string]string{"If-Match": etag})
		a := tn.call("PATCH", target, map[string]any{"isRead": false}, map[string]string{"If-Match": etag})
		m, err := tn.Message(support, id)
		tn.do(err)
		if ignored {
			if a.status != 200 || m.Read {
				t.Errorf("ignored: %d, read %v", a.status, m.Read)
			}
			continue
		}
		if a.status != 412 || a.code() != "ErrorIrresolvableConflict" || !m.Read {
			t.Errorf("stale etag: %d %s, read %v", a.status, a.code(), m.Read)
		}
		tn.want(200, "PATCH", target, map[string]any{"isRead": false}, map[string]string{"If-Match": "*"})
	}
}

func TestMoveAndDelete(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1, "a@customer.test", "one")
	volatile := tn.want(200, "GET", messages+"/"+id, nil, nil).body["id"].(string)
	moved := tn.want(201, "POST", messages+"/"+volatile+"/move", map[string]any{"destinationId": "archive"}, nil)
	if moved.body["id"] == volatile {
		t.Error("the volatile id survived a move")
	}
	tn.want(404, "GET", messages+"/"+volatile, nil, nil)
	again := tn.want(201, "POST", messages+"/"+id+"/microsoft.graph.move", map[string]any{"DestinationId": "inbox"}, immutable)
	if again.body["id"] != id {
		t.Errorf("the immutable id changed to %v", again.body["id"])
	}
	tn.want(404, "POST", messages+"/"+id+"/move", map[string]any{"destinationId": "nowhere"}, nil)
	tn.want(204, "DELETE", messages+"/"+id, nil, nil)
	if m, err := tn.Message(support, id); err != nil || m.Folder != "deleteditems" {
		t.Errorf("after delete: %+v, %v", m, err)
	}
	tn.want(204, "DELETE", messages+"/"+id, nil, nil)
	tn.want(404, "GET", messages+"/"+id, nil, nil)
	other := tn.receive(2, "a@customer.test", "two")
	tn.want(204, "POST", messages+"/"+other+"/permanentDelete", nil, nil)
	if all, err := tn.Messages(support); err != nil || len(all) != 0 {
		t.Errorf("left over: %v, %v", all, err)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.do(tn.AddMailbox(graphsim.Mailbox{Address: "bare@contoso.com", NoArchive: true}))
	for _, name := range []string{"inbox", "sentitems", "drafts", "deleteditems", "archive", "junkemail", "msgfolderroot"} {
		tn.want(200, "GET", "/users/"+support+"/mailFolders/"+name, nil, nil)
	}
	tn.want(404, "GET", "/users/bare@contoso.com/mailFolders/archive", nil, nil)
	folders := "/users/" + support + "/mailFolders"
	made := tn.want(201, "POST", folders, map[string]any{"displayName": "Closed"}, nil)
	if a := tn.want(409, "POST", folders, map[string]any{"displayName": "closed"}, nil); a.code() != "ErrorFolderExists" {
		t.Errorf("code = %s", a.code())
	}
	tn.want(201, "POST", folders+"/"+made.body["id"].(string)+"/childFolders", map[string]any{"displayName": "2026"}, nil)
	id := tn.receive(1, "a@customer.test", "one")
	tn.do(tn.Move(support, id, "Closed"))
	got := tn.want(200, "GET", folders+"/"+made.body["id"].(string), nil, nil)
	if got.body["totalItemCount"] != 1.0 || got.body["unreadItemCount"] != 1.0 || got.body["childFolderCount"] != 1.0 || got.body["displayName"] != "Closed" {
		t.Errorf("folder = %s", got.raw)
	}
	if m, err := tn.Message(support, id); err != nil || m.Folder != "Closed" {
		t.Errorf("message in %s, %v", m.Folder, err)
	}
	n := 0
	for target := folders + "?$top=3"; target != ""; {
		a := tn.want(200, "GET", target, nil, nil)
		n += len(a.value())
		target, _ = a.body["@odata.nextLink"].(string)
	}
	if n != 8 {
		t.Errorf("%d folders listed, want 8", n)
	}
	if list := tn.want(200, "GET", folders+"?$filter="+url.QueryEscape("displayName eq 'Closed'"), nil, nil).value(); len(list) != 1 {
		t.Errorf("filtered = %v", list)
	}
}
