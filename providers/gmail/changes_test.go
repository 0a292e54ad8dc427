package gmail_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
)

// Everything that is there comes in some page, and what comes in while the pages are read comes after them.
func TestFirstListing(t *testing.T) {
	d := newDesk(t)
	want := map[inbox.MessageID]bool{}
	for _, id := range d.receiveMany(1203) {
		want[id] = true
	}
	spam := inbox.MessageID(must(d.sim.ReceiveAt(box, rawMail("spam@x", "win"), d.clock.Now(), "SPAM"))(d))
	want[spam] = true
	var at inbox.Cursor
	for n := 0; ; n++ {
		page, err := d.mailbox.Changes(t.Context(), at)
		d.ok(err)
		for _, o := range page.Changes {
			delete(want, o.ID)
		}
		late := d.receive(fmt.Sprintf("late%d@x", n), "late")
		want[late] = true
		at = page.Next
		if n == 2 {
			break
		}
	}
	for range 3 {
		page, err := d.mailbox.Changes(t.Context(), at)
		d.ok(err)
		for _, o := range page.Changes {
			delete(want, o.ID)
			if o.State == nil || o.State.Place != inbox.Inbox {
				t.Errorf("%s has state %+v", o.ID, o.State)
			}
		}
		at = page.Next
	}
	if len(want) > 0 {
		t.Errorf("%d messages are in no page", len(want))
	}
}

func TestEmptyMailbox(t *testing.T) {
	d := newDesk(t)
	if got, at := d.changes(""); len(got) != 0 || at == "" {
		t.Errorf("got %v at %q", got, at)
	}
}

// One page shows every message once, with its last state, whichever labels Google puts into its records.
func TestHistoryShowsTheLastState(t *testing.T) {
	for _, atRecord := range []bool{false, true} {
		t.Run(fmt.Sprintf("labels at record time %t", atRecord), func(t *testing.T) {
			d := newDesk(t)
			d.sim.LabelsAtRecordTime = atRecord
			at := d.start()
			marked := d.receive("1@x", "one")
			binned := d.receive("2@x", "two")
			gone := d.receive("3@x", "three")
			junk := d.receive("4@x", "four")
			filed := d.receive("5@x", "five")
			d.ok(d.sim.AddLabel(box, string(marked), "@Anna"))
			d.ok(d.sim.AddLabel(box, string(marked), "VIP"))
			d.ok(d.sim.RemoveLabel(box, string(marked), "@Anna"))
			d.ok(d.sim.Trash(box, d.message(binned).ThreadID))
			d.ok(d.sim.Delete(box, string(gone)))
			d.ok(d.sim.AddLabel(box, string(junk), "SPAM"))
			d.ok(d.sim.RemoveThreadLabel(box, d.message(filed).ThreadID, "INBOX"))
			answer := inbox.MessageID(must(d.sim.Answer(box, string(marked), "bo@contoso.com", "here it is"))(d))
			must(d.sim.SaveDraft(box, string(marked), "and"))(d)

			list, next := d.changes(at)
			got := byID(d, list)
			if o := got[gone]; !o.Gone {
				t.Errorf("the deleted message is %+v", o)
			}
			for id, want := range map[inbox.MessageID]string{marked: "inbox VIP", binned: "trash ", junk: "junk ", filed: "archive ", answer: "sent "} {
				o := got[id]
				if o.State == nil || o.Gone {
					t.Errorf("%s: no state in %+v", want, o)
					continue
				}
				if s := string(o.State.Place) + " " + show(o.State.Markers); s != want {
					t.Errorf("got %q, want %q", s, want)
				}
				if o.State.Stamp == 0 || o.Thread == "" {
					t.Errorf("%s has stamp %d and thread %q", want, o.State.Stamp, o.Thread)
				}
			}
			drafts := 0
			for _, o := range list {
				if o.State != nil && o.State.Place == inbox.Drafts {
					drafts++
				}
			}
			if drafts != 1 || len(list) != 7 {
				t.Errorf("%d drafts among %d messages", drafts, len(list))
			}
			if rest, _ := d.changes(next); len(rest) != 0 {
				t.Errorf("the next page has %v", rest)
			}
		})
	}
}

// A person's move right after our read is never older than what we know: stamps grow with every change.
func TestStampsGrow(t *testing.T) {
	for _, atRecord := range []bool{false, true} {
		t.Run(fmt.Sprint(atRecord), func(t *testing.T) {
			d := newDesk(t)
			d.sim.LabelsAtRecordTime = atRecord
			at := d.start()
			id := d.receive("1@x", "one")
			_, at = d.changes(at)
			known := *d.fetch(id)[id].State
			written, err := d.mailbox.Mark(t.Context(), []pipeline.Write{write(id, known, "@Anna", "")})
			d.ok(err)
			after := written[0].State
			if after.Stamp < known.Stamp {
				t.Errorf("the write takes the stamp back from %d to %d", known.Stamp, after.Stamp)
			}
			d.ok(d.sim.AddLabel(box, string(id), "@Bo"))
			list, _ := d.changes(at)
			now := byID(d, list)[id].State
			if now == nil || now.Stamp < after.Stamp || show(now.Markers) != "@Anna @Bo" {
				t.Errorf("after a person's move: %+v, known %+v", now, after)
			}
		})
	}
}

// A long history comes in pages of bounded size, and still no message is shown in a state that it left within the
// history read.
func TestLongHistory(t *testing.T) {
	for _, atRecord := range []bool{false, true} {
		t.Run(fmt.Sprint(atRecord), func(t *testing.T) {
			d := newDesk(t)
			d.sim.LabelsAtRecordTime = atRecord
			at := d.start()
			ids := d.receiveMany(1200)
			for _, id := range ids[:300] {
				d.ok(d.sim.AddLabel(box, string(id), "@Anna"))
			}
			last := map[inbox.MessageID]inbox.Observation{}
			for pages := 0; ; pages++ {
				page, err := d.mailbox.Changes(t.Context(), at)
				d.ok(err)
				if len(page.Changes) > 1000 || pages > 1 {
					t.Fatalf("page %d has %d changes", pages, len(page.Changes))
				}
				for _, o := range byID(d, page.Changes) {
					last[o.ID] = o
					if o.State == nil {
						t.Fatalf("%s has no state", o.ID)
					}
					if want := d.labels(o.ID); show(o.State.Markers) != want {
						t.Fatalf("%s shows %q, carries %q", o.ID, show(o.State.Markers), want)
					}
				}
				at = page.Next
				if !page.More {
					break
				}
			}
			if len(last) != len(ids) {
				t.Errorf("%d of %d messages are in the pages", len(last), len(ids))
			}
		})
	}
}

// Beyond what one page reads, stale states are said to be doubtful, and nothing is lost.
func TestHistoryBeyondOnePage(t *testing.T) {
	d := newDesk(t)
	d.sim.LabelsAtRecordTime = true
	at := d.start()
	ids := d.receiveMany(300)
	for i := range 40 {
		for _, id := range ids {
			if i%2 == 0 {
				d.ok(d.sim.AddLabel(box, string(id), "@Anna"))
			} else {
				d.ok(d.sim.RemoveLabel(box, string(id), "@Anna"))
			}
		}
	}
	last := map[inbox.MessageID]inbox.Observation{}
	stale, doubtful := 0, 0
	for {
		page, err := d.mailbox.Changes(t.Context(), at)
		d.ok(err)
		for _, o := range byID(d, page.Changes) {
			last[o.ID] = o
			switch {
			case o.Doubtful:
				doubtful++
			case o.State != nil && show(o.State.Markers) != "":
				stale++
			}
		}
		at = page.Next
		if !page.More {
			break
		}
	}
	if len(last) != len(ids) || stale > 0 || doubtful == 0 {
		t.Errorf("%d of %d messages, %d stale states told as sure, %d doubtful", len(last), len(ids), stale, doubtful)
	}
}

func TestExpiredHistory(t *testing.T) {
	d := newDesk(t)
	at := d.start()
	d.receive("1@x", "one")
	d.ok(d.sim.ExpireHistory(box))
	_, err := d.mailbox.Changes(t.Context(), at)
	if !errors.Is(err, pipeline.ErrCursorExpired) {
		t.Errorf("got %v", err)
	}
	if list, _ := d.changes(""); len(list) != 1 {
		t.Errorf("listing anew gives %d messages", len(list))
	}
}

func TestForeignCursor(t *testing.T) {
	d := newDesk(t)
	for _, at := range []inbox.Cursor{"https://graph.microsoft.com/delta", "{}", `{"history":"x"}`, `{"history":"1","pending":"2"}`} {
		if _, err := d.mailbox.Changes(t.Context(), at); !errors.Is(err, pipeline.ErrCursorExpired) {
			t.Errorf("%s: got %v", at, err)
		}
	}
}

// A label renamed or made by somebody is read by its new id without being told; a renamed one keeps its messages.
func TestNewLabelIsLookedUp(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	at := d.start()
	for i := range 3 {
		name := fmt.Sprintf("new%d", i)
		d.ok(d.sim.AddLabel(box, string(id), name))
		var list []inbox.Observation
		list, at = d.changes(at)
		if s := byID(d, list)[id].State; s == nil || !s.Has(inbox.Marker(name)) {
			t.Errorf("state %+v lacks %s", s, name)
		}
	}
	if n := d.sim.Stats().Methods["labels.list"]; n != 3 {
		t.Errorf("labels were read %d times", n)
	}
}

func TestOneNewMailIsThreeRoundTrips(t *testing.T) {
	d := newDesk(t)
	d.ok(d.mailbox.Prepare(t.Context(), []inbox.Style{{Marker: "@Anna", Color: "red"}}))
	at := d.start()
	id := d.receive("1@x", "one")
	before, units := d.wire.RoundTrips(), d.units()
	page, err := d.mailbox.Changes(t.Context(), at)
	d.ok(err)
	got := d.fetch(id)
	_, err = d.mailbox.Mark(t.Context(), []pipeline.Write{write(id, *got[id].State, "@Anna", "")})
	d.ok(err)
	if page.More || d.wire.RoundTrips()-before > 3 || d.labels(id) != "@Anna" {
		t.Errorf("%d round trips, more %t, labels %q", d.wire.RoundTrips()-before, page.More, d.labels(id))
	}
	if used := d.units() - units; used != 27 {
		t.Errorf("it costs %d units", used)
	}
}

func TestFaultsWhileReading(t *testing.T) {
	d := newDesk(t)
	at := d.start()
	id := d.receive("1@x", "one")
	for _, k := range []fault.Kind{fault.Unavailable, fault.Reset, fault.Lost} {
		d.dial.Add(fault.Rule{Kind: k, Times: 2})
		if list, _ := d.changes(at); len(list) != 1 || list[0].ID != id {
			t.Errorf("%v: got %v", k, list)
		}
		d.dial.Clear()
	}
	d.dial.Add(fault.Rule{Kind: fault.Unavailable})
	if _, err := d.mailbox.Changes(t.Context(), at); err == nil {
		t.Error("a Google that never answers is no error")
	}
}
