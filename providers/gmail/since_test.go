package gmail_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// An ignored backlog costs one search, whatever it holds, and a look at the newest mail; spam of since then is searched too,
// for it may be moved out.
func TestSinceSearchesByDate(t *testing.T) {
	d := newDesk(t)
	d.receiveMany(1203)
	d.clock.Advance(time.Hour)
	since := d.clock.Now()
	id := d.receive("new@x", "new")
	spam := inbox.MessageID(must(d.sim.ReceiveAt(box, rawMail("spam@x", "win"), since, "SPAM"))(d))
	before := d.sim.Stats()
	got, at := d.changes(d.mailbox.Since(since))
	if all := named(got); len(all) != 50 || all[id].ID == "" || all[spam].ID == "" {
		t.Errorf("listed %v", got)
	}
	after := d.sim.Stats()
	if n := after.Requests - before.Requests; n != 4 { // profile, search, the newest, and the history since
		t.Errorf("%d requests", n)
	}
	// The cursor of a search reads on as any other, and survives a restart.
	d.mailbox = d.open()
	late := d.receive("late@x", "late")
	if got, _ := d.changes(at); len(got) != 1 || got[0].ID != late {
		t.Errorf("afterwards %v", got)
	}
}

// named are observations by message; a later page may tell again of what an earlier one has told.
func named(list []inbox.Observation) map[inbox.MessageID]inbox.Observation {
	out := map[inbox.MessageID]inbox.Observation{}
	for _, o := range list {
		out[o.ID] = o
	}
	return out
}

// What has come in before the history that is read on from, and is not searchable yet, is not lost.
func TestSinceBeforeTheSearchKnows(t *testing.T) {
	d := newDesk(t)
	d.receiveMany(30)
	d.clock.Advance(time.Hour)
	since := d.clock.Now()
	d.sim.SearchDelay = time.Minute
	id := d.receive("new@x", "new")
	got, at := d.changes(d.mailbox.Since(since))
	if named(got)[id].ID == "" {
		t.Errorf("listed %v", got)
	}
	if got, _ := d.changes(at); len(got) != 0 {
		t.Errorf("afterwards %v", got)
	}
}

func TestTotalIsOfAFullListing(t *testing.T) {
	d := newDesk(t)
	d.receiveMany(501)
	for at, want := range map[inbox.Cursor]int{"": 501, d.mailbox.Since(d.clock.Now().Add(-time.Hour)): 0} {
		page, err := d.mailbox.Changes(t.Context(), at)
		d.ok(err)
		if page.Total != want {
			t.Errorf("from %q: total %d", at, page.Total)
		}
		page, err = d.mailbox.Changes(t.Context(), page.Next)
		d.ok(err)
		if page.Total != 0 {
			t.Errorf("the second page says %d", page.Total)
		}
	}
}

// A cursor from elsewhere is no position.
func TestCursorOfASearch(t *testing.T) {
	d := newDesk(t)
	for _, at := range []string{`{"since":0}`, `{"page":"x"}`, `{"since":5,"history":"1","pending":"2"}`} {
		if _, err := d.mailbox.Changes(t.Context(), inbox.Cursor(at)); err == nil {
			t.Error(fmt.Sprint(at, " is taken for a cursor"))
		}
	}
}

// The history tells what has come in since, whatever its date; it does not say so of what has only changed.
func TestHistoryTellsWhatIsNew(t *testing.T) {
	d := newDesk(t)
	old := d.receive("old@x", "old")
	at := d.start()
	long := inbox.MessageID(must(d.sim.ReceiveAt(box, rawMail("long@x", "long ago"), d.clock.Now().AddDate(-1, 0, 0), "INBOX"))(d))
	d.ok(d.sim.AddLabel(box, string(long), "@Anna"))
	d.ok(d.sim.AddLabel(box, string(old), "@Anna"))
	got, _ := d.changes(at)
	if all := byID(d, got); !all[long].New || all[old].New || len(all) != 2 {
		t.Errorf("got %+v", got)
	}
}
