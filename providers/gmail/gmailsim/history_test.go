package gmailsim_test

import (
	"fmt"
	"testing"

	gmail "google.golang.org/api/gmail/v1"
)

func TestHistory(t *testing.T) {
	d := newDesk(t)
	since := d.historyID()
	a := d.receive("a@x", "a")
	d.ok(d.sim.AddLabel(box, a, "@Anna"))
	d.ok(d.sim.MarkRead(box, d.message(a).ThreadID))
	b := d.receive("b@x", "b")
	d.ok(d.sim.Delete(box, b))
	d.wantChanges(since,
		"messageAdded "+a+" INBOX Label_1", // the labels of now, not of then
		"labelAdded "+a+" Label_1", "labelRemoved "+a+" UNREAD",
		"messageAdded "+b+" INBOX UNREAD", "messageDeleted "+b)
	d.sim.LabelsAtRecordTime = true
	if got := d.changes(since)[0]; got != "messageAdded "+a+" INBOX UNREAD" {
		t.Errorf("at record time: %s", got)
	}
	d.sim.LabelsAtRecordTime = false

	h := must(d.users.History.List("me").StartHistoryId(since).Do())(d)
	if h.HistoryId != d.historyID() || h.History[1].LabelsAdded[0].Message.LabelIds == nil || h.History[0].Messages[0].Id != a {
		t.Errorf("list %+v", h)
	}
	h = must(d.users.History.List("me").StartHistoryId(since).HistoryTypes("labelAdded", "messageDeleted").Do())(d)
	if len(h.History) != 2 || h.HistoryId != d.historyID() {
		t.Errorf("by type: %d records, id %d", len(h.History), h.HistoryId)
	}
	h = must(d.users.History.List("me").StartHistoryId(since).LabelId("UNREAD").Do())(d)
	if len(h.History) != 2 || h.History[0].Messages[0].Id != b || h.HistoryId != d.historyID() {
		t.Errorf("by label: %d records, id %d", len(h.History), h.HistoryId)
	}
	h = must(d.users.History.List("me").StartHistoryId(since).LabelId("STARRED").Do())(d)
	if len(h.History) != 0 || h.HistoryId != d.historyID() {
		t.Errorf("by an unused label: %+v", h)
	}
}

func TestHistoryPages(t *testing.T) {
	d := newDesk(t)
	since := d.historyID()
	for i := range 250 {
		d.receive(fmt.Sprint(i, "@x"), fmt.Sprint(i))
	}
	var sizes []int
	d.ok(d.users.History.List("me").StartHistoryId(since).Pages(t.Context(), func(p *gmail.ListHistoryResponse) error {
		sizes = append(sizes, len(p.History))
		return nil
	}))
	if fmt.Sprint(sizes) != "[100 100 50]" {
		t.Errorf("pages %v", sizes)
	}
	if p := must(d.users.History.List("me").StartHistoryId(since).MaxResults(9999).Do())(d); len(p.History) != 250 || p.NextPageToken != "" {
		t.Errorf("one page: %d", len(p.History))
	}
}

func TestHistoryExpires(t *testing.T) {
	d := newDesk(t)
	since := d.historyID()
	d.receive("a@x", "a")
	p := must(d.users.History.List("me").StartHistoryId(since).Do())(d)
	d.ok(d.sim.ExpireHistory(box))
	_, err := d.users.History.List("me").StartHistoryId(since).Do()
	d.refused(err, 404, "not found")
	if got := d.changes(p.HistoryId); len(got) != 0 {
		t.Errorf("the newest id still works and is empty, got %v", got)
	}
	b := d.receive("b@x", "b")
	d.wantChanges(p.HistoryId, "messageAdded "+b+" INBOX UNREAD")
	_, err = d.users.History.List("me").StartHistoryId(d.historyID() + 1).Do()
	d.refused(err, 404, "not found")
	d.refusedRaw("GET", "/gmail/v1/users/me/history", "", 400, "startHistoryId")
	d.refusedRaw("GET", "/gmail/v1/users/me/history?startHistoryId=x", "", 400, "startHistoryId")
	d.refusedRaw("GET", fmt.Sprintf("/gmail/v1/users/me/history?startHistoryId=%d&pageToken=x", p.HistoryId), "", 400, "pageToken")
	d.refusedRaw("GET", fmt.Sprintf("/gmail/v1/users/me/history?startHistoryId=%d&historyTypes=read", p.HistoryId), "", 400, "history_types")
}
