package gmailsim_test

import (
	"strings"
	"testing"

	gmail "google.golang.org/api/gmail/v1"
)

func TestLabels(t *testing.T) {
	d := newDesk(t)
	color := &gmail.LabelColor{BackgroundColor: "#fb4c2f", TextColor: "#ffffff"}
	l := must(d.users.Labels.Create("me", &gmail.Label{Name: " @Anna ", Color: color, LabelListVisibility: "labelShow", MessageListVisibility: "show"}).Do())(d)
	if l.Name != "@Anna" || l.Type != "user" || !strings.HasPrefix(l.Id, "Label_") || l.Color.TextColor != "#ffffff" {
		t.Errorf("created %+v", l)
	}
	for _, tt := range []struct {
		label *gmail.Label
		code  int
		text  string
	}{
		{&gmail.Label{Name: "@ANNA"}, 409, "Label name exists or conflicts"},
		{&gmail.Label{Name: "Inbox"}, 400, "Invalid label name"},
		{&gmail.Label{Name: "drafts"}, 400, "Invalid label name"},
		{&gmail.Label{Name: " "}, 400, "Invalid label name"},
		{&gmail.Label{}, 400, "Invalid label name"},
		{&gmail.Label{Name: strings.Repeat("x", 226)}, 400, "Invalid label name"},
		{&gmail.Label{Name: "half", Color: &gmail.LabelColor{TextColor: "#ffffff"}}, 400, "required"},
		{&gmail.Label{Name: "odd", Color: &gmail.LabelColor{TextColor: "#ffffff", BackgroundColor: "#123456"}}, 400, "palette"},
	} {
		_, err := d.users.Labels.Create("me", tt.label).Do()
		d.refused(err, tt.code, tt.text)
	}
	d.refusedRaw("POST", "/gmail/v1/users/me/labels", `{"name":"v","labelListVisibility":"x"}`, 400, "label_list_visibility")
	d.refusedRaw("POST", "/gmail/v1/users/me/labels", `{"name":"v","messageListVisibility":"x"}`, 400, "message_list_visibility")

	list := must(d.users.Labels.List("me").Do())(d)
	names := map[string]string{}
	for _, l := range list.Labels {
		names[l.Name] = l.Type
	}
	if names["INBOX"] != "system" || names["@Anna"] != "user" || len(names) != 15 {
		t.Errorf("list %v", names)
	}

	id := d.receive("a@x", "a")
	d.ok(d.sim.AddLabel(box, id, "@anna"))
	got := must(d.users.Labels.Get("me", l.Id).Do())(d)
	if got.MessagesTotal != 1 || got.MessagesUnread != 1 || got.ThreadsTotal != 1 || got.ThreadsUnread != 1 {
		t.Errorf("counts %+v", got)
	}
	renamed := must(d.users.Labels.Patch("me", l.Id, &gmail.Label{Name: "@Annie"}).Do())(d)
	if renamed.Id != l.Id || renamed.Color == nil || d.labels(id) != "@Annie INBOX UNREAD" {
		t.Errorf("renamed %+v, %s", renamed, d.labels(id))
	}
	must(d.users.Labels.Patch("me", l.Id, &gmail.Label{Name: "@ANNIE"}).Do())(d) // its own name is no conflict
	d.ok(d.sim.RenameLabel(box, "@annie", "@Ann"))
	_, err := d.users.Labels.Patch("me", "INBOX", &gmail.Label{Name: "In"}).Do()
	d.refused(err, 400, "Invalid label name")

	since := d.historyID()
	d.ok(d.users.Labels.Delete("me", l.Id).Do())
	d.wantChanges(since, "labelRemoved "+id+" "+l.Id)
	if d.labels(id) != "INBOX UNREAD" {
		t.Errorf("after delete: %s", d.labels(id))
	}
	d.refused(d.users.Labels.Delete("me", l.Id).Do(), 404, "not found")
	d.refused(d.users.Labels.Delete("me", "INBOX").Do(), 400, "Invalid delete")
}
