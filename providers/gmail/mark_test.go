package gmail_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

func (d *desk) mark(writes ...pipeline.Write) map[inbox.MessageID]pipeline.Written {
	d.Helper()
	list, err := d.mailbox.Mark(d.Context(), writes)
	d.ok(err)
	out := map[inbox.MessageID]pipeline.Written{}
	for _, w := range list {
		out[w.Message] = w
	}
	if len(list) != len(writes) {
		d.Errorf("%d of %d writes are reported", len(list), len(writes))
	}
	return out
}

func in(list string) inbox.State { return inbox.State{Place: inbox.Inbox, Markers: markers(list)} }

func TestMark(t *testing.T) {
	d := newDesk(t)
	id, other := d.receive("1@x", "one"), d.receive("2@x", "one", "1@x")
	d.ok(d.sim.AddLabel(box, string(id), "Mine"))
	got := d.mark(write(id, in("Mine"), "@Anna VIP", "@Bo"))
	if w := got[id]; w.Outcome != pipeline.Done || show(w.State.Markers) != "@Anna Mine VIP" || w.State.Place != inbox.Inbox {
		t.Errorf("got %+v", w)
	}
	if d.labels(id) != "@Anna Mine VIP" || d.labels(other) != "" {
		t.Errorf("the message carries %q, another of its thread %q", d.labels(id), d.labels(other))
	}
	got = d.mark(write(id, in("@Anna Mine VIP"), "@Bo VIP", "@Anna"))
	if show(got[id].State.Markers) != "@Bo Mine VIP" || d.labels(id) != "@Bo Mine VIP" {
		t.Errorf("got %+v, carries %q", got[id], d.labels(id))
	}
	// What the next page shows is what was reported.
	if s := d.fetch(id)[id].State; show(s.Markers) != show(got[id].State.Markers) {
		t.Errorf("reported %v, is %v", got[id].State.Markers, s.Markers)
	}
}

// Nothing is sent where nothing differs, letter case ignored.
func TestMarkComparesFirst(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	before := d.wire.RoundTrips()
	got := d.mark(write(id, in("@anna"), "@Anna", "@Bo"))
	if got[id].Outcome != pipeline.Done || show(got[id].State.Markers) != "@anna" || d.wire.RoundTrips() != before {
		t.Errorf("got %+v after %d requests", got[id], d.wire.RoundTrips()-before)
	}
}

// What somebody else put on meanwhile is not reported as seen, so that it comes as a change.
func TestMarkLeavesOthersMovesToBeSeen(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	at := d.start()
	known := *d.fetch(id)[id].State
	d.ok(d.sim.AddLabel(box, string(id), "@Bo"))
	got := d.mark(write(id, known, "@Anna", ""))
	if show(got[id].State.Markers) != "@Anna" || d.labels(id) != "@Anna @Bo" {
		t.Errorf("reported %v, carries %q", got[id].State.Markers, d.labels(id))
	}
	list, _ := d.changes(at)
	if s := byID(d, list)[id].State; show(s.Markers) != "@Anna @Bo" || s.Stamp < got[id].State.Stamp {
		t.Errorf("the next page shows %+v", s)
	}
}

// The cheapest of modify (5), threads.modify (10) and batchModify (50) is used.
func TestMarkUnits(t *testing.T) {
	for _, c := range []struct {
		name                     string
		single, threads, perEach int
		whole                    bool
		units                    int
	}{
		{"nine messages", 9, 0, 0, false, 45},
		{"ten messages", 10, 0, 0, false, 50},
		{"eleven messages", 11, 0, 0, false, 50},
		{"a thread", 0, 1, 4, true, 10},
		{"a thread of two", 0, 1, 2, true, 10},
		{"a thread that is not whole", 0, 1, 4, false, 20},
		{"a thread and others", 2, 1, 4, true, 20},
		{"five threads", 0, 5, 3, true, 50},
		{"four threads", 0, 4, 3, true, 40},
		{"seven threads", 0, 7, 3, true, 50},
		{"more than one batch", 1001, 0, 0, false, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.ok(d.mailbox.Prepare(t.Context(), []inbox.Style{{Marker: "@Anna"}}))
			var writes []pipeline.Write
			for _, id := range d.receiveMany(c.single) {
				writes = append(writes, write(id, in(""), "@Anna", ""))
			}
			for i := range c.threads {
				thread, ids := d.thread(fmt.Sprintf("t%d", i), c.perEach)
				for _, id := range ids {
					w := write(id, in(""), "@Anna", "")
					w.Thread, w.WholeThread = thread, c.whole
					writes = append(writes, w)
				}
			}
			before := d.units()
			for id, w := range d.mark(writes...) {
				if w.Outcome != pipeline.Done || d.labels(id) != "@Anna" {
					t.Fatalf("%+v, carries %q", w, d.labels(id))
				}
			}
			if used := d.units() - before; used != c.units {
				t.Errorf("%d units, want %d", used, c.units)
			}
		})
	}
}

// A thousand new mails for eight members, from history to markers.
func TestBacklogUnits(t *testing.T) {
	d := newDesk(t)
	var styles []inbox.Style
	for i := range 8 {
		styles = append(styles, inbox.Style{Marker: inbox.Marker(fmt.Sprintf("@M%d", i)), Color: "blue"})
	}
	d.ok(d.mailbox.Prepare(t.Context(), styles))
	at := d.start()
	ids := d.receiveMany(1000)
	before, trips := d.units(), d.wire.RoundTrips()
	seen := 0
	for more := true; more; {
		page, err := d.mailbox.Changes(t.Context(), at)
		d.ok(err)
		at, more = page.Next, page.More
		var writes []pipeline.Write
		var want []inbox.MessageID
		for _, o := range page.Changes {
			want = append(want, o.ID)
			writes = append(writes, write(o.ID, *o.State, string(styles[seen%8].Marker), ""))
			seen++
		}
		for chunk := range slices.Chunk(want, 100) {
			d.fetch(chunk...)
		}
		d.mark(writes...)
	}
	units := float64(d.units()-before) / float64(len(ids))
	t.Logf("%.2f units and %.3f round trips a message", units, float64(d.wire.RoundTrips()-trips)/float64(len(ids)))
	if seen != 1000 || units > 22 {
		t.Errorf("%d messages, %.2f units each", seen, units)
	}
}

func TestMarkMissing(t *testing.T) {
	for _, n := range []int{1, 5, 30} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			d := newDesk(t)
			ids := d.receiveMany(n)
			d.ok(d.sim.Delete(box, string(ids[0])))
			// The simulator passes over what a batch cannot find; Google may refuse it.
			next := d.wire.Handler
			d.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/batchModify") {
					http.Error(w, `{"error":{"code":404,"message":"Requested entity was not found.","errors":[{"reason":"notFound"}]}}`, http.StatusNotFound)
					return
				}
				next.ServeHTTP(w, r)
			})
			var writes []pipeline.Write
			for _, id := range ids {
				writes = append(writes, write(id, in(""), "@Anna", ""))
			}
			for id, w := range d.mark(writes...) {
				switch {
				case id == ids[0]:
					if w.Outcome != pipeline.Missing {
						t.Errorf("the deleted message: %+v", w)
					}
				case w.Outcome != pipeline.Done || d.labels(id) != "@Anna":
					t.Errorf("%+v, carries %q", w, d.labels(id))
				}
			}
		})
	}
}

func TestMarkMissingThread(t *testing.T) {
	d := newDesk(t)
	thread, ids := d.thread("one", 3)
	var writes []pipeline.Write
	for _, id := range ids {
		d.ok(d.sim.Delete(box, string(id)))
		w := write(id, in(""), "@Anna", "")
		w.Thread, w.WholeThread = thread, true
		writes = append(writes, w)
	}
	for _, w := range d.mark(writes...) {
		if w.Outcome != pipeline.Missing {
			t.Errorf("got %+v", w)
		}
	}
}

func TestMarkRefused(t *testing.T) {
	d := newDesk(t, func(o *gmail.Options) {
		o.Own = func(m inbox.Marker) bool { return strings.HasPrefix(string(m), "@") || m == "Inbox" }
	})
	id, other := d.receive("1@x", "one"), d.receive("2@x", "two")
	must(d.sim.SaveDraft(box, string(id), "hello"))(d)
	var draft inbox.MessageID
	for _, m := range must(d.sim.Messages(box))(d) {
		if m.DraftID != "" {
			draft = inbox.MessageID(m.ID)
		}
	}
	d.ok(d.sim.AddLabel(box, string(id), "Holiday"))
	got := d.mark(
		write(id, in("Holiday"), "", "Holiday"),
		write(draft, inbox.State{Place: inbox.Drafts}, "@Anna", ""),
		write(other, in(""), "Inbox", ""),
	)
	for id, text := range map[inbox.MessageID]string{id: "not Postroom's", draft: "drafts", other: "label of its own"} {
		if w := got[id]; w.Outcome != pipeline.Refused || !strings.Contains(w.Why, text) {
			t.Errorf("got %+v, want %q", w, text)
		}
	}
	if d.labels(id) != "Holiday" {
		t.Errorf("a person's label is gone: %q", d.labels(id))
	}
}

// A label that somebody has deleted is made again.
func TestMarkAfterLabelIsDeleted(t *testing.T) {
	for _, n := range []int{1, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			d := newDesk(t)
			d.ok(d.mailbox.Prepare(t.Context(), []inbox.Style{{Marker: "@Anna", Color: "red"}, {Marker: "@Bo"}}))
			d.deleteLabels()
			var writes []pipeline.Write
			for _, id := range d.receiveMany(n) {
				writes = append(writes, write(id, in("@Bo"), "@Anna", "@Bo"))
			}
			for id, w := range d.mark(writes...) {
				if w.Outcome != pipeline.Done || d.labels(id) != "@Anna" || show(w.State.Markers) != "@Anna" {
					t.Errorf("got %+v, carries %q", w, d.labels(id))
				}
			}
		})
	}
}

// Two writes for one message in one call happen in their order.
func TestMarkTwice(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	list, err := d.mailbox.Mark(t.Context(), []pipeline.Write{
		write(id, in(""), "@Anna", ""),
		write(id, in(""), "@Bo", "@Anna"),
	})
	d.ok(err)
	if len(list) != 2 || show(list[1].State.Markers) != "@Bo" || d.labels(id) != "@Bo" {
		t.Errorf("got %+v, carries %q", list, d.labels(id))
	}
}

// A write whose answer is lost is sent again, and one that Google puts off comes back with its time and with what
// was done before.
func TestMarkFaults(t *testing.T) {
	for _, k := range []fault.Kind{fault.Unavailable, fault.Reset, fault.Lost} {
		t.Run(k.String(), func(t *testing.T) {
			d := newDesk(t)
			id := d.receive("1@x", "one")
			d.dial.Add(fault.Rule{Kind: k, Method: "POST", Times: 3})
			d.mark(write(id, in(""), "@Anna", ""))
			if d.labels(id) != "@Anna" || len(must(d.sim.Labels(box))(d)) != 1 {
				t.Errorf("carries %q", d.labels(id))
			}
		})
	}
	t.Run("throttled", func(t *testing.T) {
		d := newDesk(t)
		ids := d.receiveMany(3)
		d.dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/modify", RetryAfter: 9 * time.Second, Skip: 2, Times: 1})
		var writes []pipeline.Write
		for _, id := range ids {
			writes = append(writes, write(id, in(""), "@Anna", ""))
		}
		done, err := d.mailbox.Mark(t.Context(), writes)
		var limited *pipeline.Throttled
		if !errors.As(err, &limited) || limited.After != 9*time.Second || len(done) != 2 || len(d.clock.Waits()) > 0 {
			t.Errorf("got %v, %v, slept %v", done, err, d.clock.Waits())
		}
		for _, w := range done {
			if w.Outcome != pipeline.Done || d.labels(w.Message) != "@Anna" {
				t.Errorf("got %+v", w)
			}
		}
	})
}

// More labels than one request may name go out in several.
func TestMarkManyLabels(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	w := pipeline.Write{Message: id, State: in("")}
	for i := range 205 {
		w.Add = append(w.Add, inbox.Marker(fmt.Sprintf("t%03d", i)))
	}
	got := d.mark(w)
	if got[id].Outcome != pipeline.Done || len(strings.Fields(d.labels(id))) != 205 {
		t.Errorf("got %v, carries %d labels", got[id].Outcome, len(strings.Fields(d.labels(id))))
	}
}
