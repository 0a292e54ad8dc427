package gmailsim_test

import (
	"fmt"
	"testing"

	gmail "google.golang.org/api/gmail/v1"
)

func TestThreading(t *testing.T) {
	d := newDesk(t)
	first := d.receive("1@x", "Order 7")
	answer := d.receive("2@x", "RE: order  7", "1@x")
	chain := d.receive("3@x", "Sv: Re: Order 7", "1@x", "2@x", "unknown@x")
	renamed := d.receive("4@x", "Another thing", "1@x")
	stranger := d.receive("5@x", "Order 7")
	for id, want := range map[string]string{answer: first, chain: first, renamed: renamed, stranger: stranger} {
		if got := d.message(id).ThreadID; got != want {
			t.Errorf("%s is in thread %s, want %s", d.message(id).Subject, got, want)
		}
	}
	th := must(d.users.Threads.Get("me", first).Format("minimal").Do())(d)
	if len(th.Messages) != 3 || th.Messages[2].Id != chain || th.HistoryId != th.Messages[2].HistoryId {
		t.Errorf("thread %+v", th)
	}
	list := must(d.users.Threads.List("me").Do())(d)
	if len(list.Threads) != 3 || list.Threads[2].Id != first {
		t.Errorf("threads %+v", list.Threads)
	}
	var paged []string
	d.ok(d.users.Threads.List("me").MaxResults(1).Pages(t.Context(), func(p *gmail.ListThreadsResponse) error {
		for _, th := range p.Threads {
			paged = append(paged, th.Id)
		}
		return nil
	}))
	if fmt.Sprint(paged) != fmt.Sprint([]string{stranger, renamed, first}) {
		t.Errorf("paged %v", paged)
	}
	_, err := d.users.Threads.Get("me", answer).Do()
	d.refused(err, 404, "not found")
}

func TestNewMessagesInheritNoLabels(t *testing.T) {
	d := newDesk(t)
	label := must(d.users.Labels.Create("me", &gmail.Label{Name: "@Anna"}).Do())(d)
	first := d.receive("1@x", "Order")
	second := d.receive("2@x", "Re: Order", "1@x")
	since := d.historyID()
	must(d.users.Threads.Modify("me", first, &gmail.ModifyThreadRequest{AddLabelIds: []string{label.Id}, RemoveLabelIds: []string{"INBOX"}}).Do())(d)
	d.wantChanges(since, "labelAdded "+first+" "+label.Id, "labelRemoved "+first+" INBOX", "labelAdded "+second+" "+label.Id, "labelRemoved "+second+" INBOX")
	third := d.receive("3@x", "Re: Order", "1@x", "2@x")
	if d.labels(first) != "@Anna UNREAD" || d.labels(second) != "@Anna UNREAD" || d.labels(third) != "INBOX UNREAD" {
		t.Errorf("labels %q %q %q", d.labels(first), d.labels(second), d.labels(third))
	}
	must(d.users.Threads.Trash("me", first).Do())(d)
	if d.labels(third) != "TRASH UNREAD" {
		t.Errorf("trashed: %q", d.labels(third))
	}
	_, err := d.users.Threads.Modify("me", first, &gmail.ModifyThreadRequest{AddLabelIds: []string{"SENT"}}).Do()
	d.refused(err, 400, "Invalid label")
	_, err = d.users.Threads.Modify("me", "none", &gmail.ModifyThreadRequest{AddLabelIds: []string{"INBOX"}}).Do()
	d.refused(err, 404, "not found")
}
