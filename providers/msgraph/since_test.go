package msgraph_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// A listing of what came since a time, and all that follows it, asks for no part of a folder: what a filter would leave out
// later, nobody would miss. In particular there is no end to the new mail that it tells of.
func TestSinceNeverFilters(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	old := tn.receive(0)
	tn.now = tn.now.Add(time.Hour)
	since := tn.now
	id := tn.receive(1)
	m := tn.mailbox()
	tn.cursor = m.Since(since)
	if listed := latest(tn.changes(m)); listed[id].Message == nil || listed[old].Message == nil {
		t.Errorf("listed %v", listed)
	}
	late := tn.receive(2)
	if got := latest(tn.changes(m)); len(got) != 1 || got[late].Message == nil {
		t.Errorf("afterwards %v", got)
	}
	if strings.Contains(strings.ToLower(string(tn.cursor)), "filter") {
		t.Errorf("the cursor filters: %s", tn.cursor)
	}
	// What somebody brings from another mailbox keeps its date.
	raw := email(3, "Customer <c@customer.test>", "A month ago")
	brought, err := tn.ReceiveAt(support, "inbox", raw, since.AddDate(0, -1, 0), false)
	must(t, err)
	if got := latest(tn.changes(m)); got[inbox.MessageID(brought)].Message == nil || !got[inbox.MessageID(brought)].New {
		t.Errorf("a mail with an old date came in, and the changes are %v", got)
	}
	// What was there keeps the time at which it came, wherever somebody moves it; and new mail is new by its date.
	must(t, tn.Move(support, string(old), "archive"))
	next := tn.receive(4)
	got := latest(tn.changes(m))
	if o, ok := got[old]; !ok || o.New || len(got) != 2 || got[next].New {
		t.Errorf("a mail was moved and another came, and the changes are %v", got)
	}
}

func TestTotalIsOfTheFoldersListed(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for n := range 5 {
		id := tn.receive(n)
		if n == 0 {
			must(t, tn.Move(support, string(id), "archive"))
		}
		if n == 1 {
			must(t, tn.Move(support, string(id), "deleteditems")) // not listed
		}
	}
	m := tn.mailbox()
	for at, want := range map[inbox.Cursor]int{"": 4, m.Since(tn.now): 4} {
		total := 0
		for more := true; more; {
			page, err := m.Changes(context.Background(), at)
			must(t, err)
			total += page.Total
			at, more = page.Next, page.More
		}
		if total != want {
			t.Errorf("total %d, want %d", total, want)
		}
	}
}
