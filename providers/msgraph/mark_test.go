package msgraph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
)

// marked is a tenant with one mail that carries categories and has been read.
func marked(t *testing.T, categories ...string) (*tenant, *msgraph.Mailbox, inbox.Observation) {
	t.Helper()
	tn := newTenant(t)
	m := tn.mailbox()
	id := tn.receive(1)
	must(t, tn.SetCategories(support, string(id), categories...))
	o := one(t, tn.changes(m))
	tn.tick()
	return tn, m, o
}

func write(o inbox.Observation, add, remove []inbox.Marker) pipeline.Write {
	return pipeline.Write{Message: o.ID, Thread: o.Thread, State: *o.State, Add: add, Remove: remove}
}

func TestMarkKeepsPeoplesCategories(t *testing.T) {
	t.Parallel()
	tn, m, o := marked(t, "Blue folder", "@Bo", "Zebra")
	tn.ResetStats()
	w := mark(t, m, write(o, markers("@Anna", "VIP"), markers("@bo")))[o.ID]
	equal(t, "outcome", w.Outcome, pipeline.Done)
	equal(t, "categories", fmt.Sprint(tn.categories(o.ID)), "[Blue folder Zebra @Anna VIP]")
	equalSet(t, "state", w.State.Markers, "@Anna", "Blue folder", "VIP", "Zebra")
	equal(t, "place", w.State.Place, inbox.Inbox)
	equal(t, "stamp", w.State.Stamp, tn.now.Unix())
	equal(t, "requests", tn.Stats().Requests, 1)
	echo := one(t, tn.changes(m))
	equal(t, "revision of the echo", echo.State.Revision, w.State.Revision)
	equal(t, "markers of the echo", fmt.Sprint(echo.State.Markers), fmt.Sprint(w.State.Markers))
}

func TestMarkWritesNothingThatIsThere(t *testing.T) {
	t.Parallel()
	tn, m, o := marked(t, "@Anna", "Zebra")
	tn.ResetStats()
	w := mark(t, m, write(o, markers("@anna"), markers("@Bo")))[o.ID]
	equal(t, "outcome", w.Outcome, pipeline.Done)
	equal(t, "requests", tn.Stats().Requests, 0)
	equal(t, "revision", w.State.Revision, o.State.Revision)
}

func TestMarkTakesTheLastMarkerOff(t *testing.T) {
	t.Parallel()
	tn, m, o := marked(t, "@Anna")
	w := mark(t, m, write(o, nil, markers("@Anna")))[o.ID]
	equal(t, "outcome", w.Outcome, pipeline.Done)
	equal(t, "left", len(tn.categories(o.ID)), 0)
	equal(t, "markers", len(w.State.Markers), 0)
}

func TestMarkMeetsPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		person     func(tn *tenant, id string) error
		outcome    pipeline.Outcome
		categories string // sorted
	}{
		{"who put their own category on", func(tn *tenant, id string) error { return tn.AddCategory(support, id, "Mine") }, pipeline.Done, "[@Anna Mine Zebra]"},
		{"who took their own category off", func(tn *tenant, id string) error { return tn.RemoveCategory(support, id, "Zebra") }, pipeline.Done, "[@Anna]"},
		{"who read it", func(tn *tenant, id string) error { return tn.MarkRead(support, id, true) }, pipeline.Done, "[@Anna Zebra]"},
		{"who moved it", func(tn *tenant, id string) error { return tn.Move(support, id, "archive") }, pipeline.Done, "[@Anna Zebra]"},
		{"who claimed it", func(tn *tenant, id string) error { return tn.SetCategories(support, id, "@Cleo", "Zebra") }, pipeline.Changed, "[@Cleo Zebra]"},
		{"who released it", func(tn *tenant, id string) error { return tn.SetCategories(support, id, "Zebra") }, pipeline.Changed, "[Zebra]"},
		{"who closed it", func(tn *tenant, id string) error { return tn.AddCategory(support, id, "Closed") }, pipeline.Changed, "[@Bo Closed Zebra]"},
		{"who did the same", func(tn *tenant, id string) error { return tn.SetCategories(support, id, "Zebra", "@anna") }, pipeline.Done, "[@anna Zebra]"},
		{"who deleted it for good", func(tn *tenant, id string) error { return tn.Erase(support, id) }, pipeline.Missing, ""},
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, revision known: %v", c.name, known), func(t *testing.T) {
				t.Parallel()
				tn, m, o := marked(t, "@Bo", "Zebra")
				must(t, c.person(tn, string(o.ID)))
				w := write(o, markers("@Anna"), markers("@Bo"))
				if !known {
					w.State.Revision = ""
				}
				got := mark(t, m, w)[o.ID]
				equal(t, "outcome", got.Outcome, c.outcome)
				if c.outcome == pipeline.Missing {
					return
				}
				there := tn.categories(o.ID)
				equalSet(t, "categories", there, strings.Fields(strings.Trim(c.categories, "[]"))...)
				equalSet(t, "state", got.State.Markers, markers(there...)...)
				if c.name == "who moved it" {
					equal(t, "place", got.State.Place, inbox.Archive)
				}
				echo, err := m.Fetch(context.Background(), []inbox.MessageID{o.ID})
				must(t, err)
				equal(t, "revision", got.State.Revision, echo[0].State.Revision)
			})
		}
	}
}

func TestMarkWithoutChangesRead(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	id := tn.receive(1)
	must(t, tn.Move(support, string(id), "archive"))
	w := mark(t, tn.mailbox(), pipeline.Write{Message: id, Add: markers("@Anna")})[id]
	equal(t, "outcome", w.Outcome, pipeline.Done)
	equal(t, "place", w.State.Place, inbox.Archive)
	equalSet(t, "categories", tn.categories(id), "@Anna")
}

func TestMarkReportsWhatEnded(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	for n := range 50 {
		tn.receive(n)
	}
	var writes []pipeline.Write
	for _, o := range tn.changes(m) {
		writes = append(writes, write(o, markers("@Anna"), nil))
	}
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Method: http.MethodPatch, Skip: 25, Times: 2, RetryAfter: 17 * time.Second})
	tn.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Method: http.MethodPatch, Skip: 25, Times: 1, RetryAfter: 42 * time.Second})
	done, err := m.Mark(context.Background(), writes)
	var throttled *pipeline.Throttled
	if !errors.As(err, &throttled) || throttled.After != 42*time.Second {
		t.Fatalf("%v, want to be throttled for the longest time named, 42 s", err)
	}
	equal(t, "reported", len(done), 37)
	reported := map[inbox.MessageID]bool{}
	for _, w := range done {
		reported[w.Message] = true
		equal(t, "outcome", w.Outcome, pipeline.Done)
		equalSet(t, "categories", tn.categories(w.Message), "@Anna")
	}
	tn.Dial.Clear()
	var rest []pipeline.Write
	for _, w := range writes {
		if !reported[w.Message] {
			rest = append(rest, w)
			equal(t, "categories of an unreported write", len(tn.categories(w.Message)), 0)
		}
	}
	for _, w := range mark(t, m, rest...) {
		equal(t, "outcome", w.Outcome, pipeline.Done)
	}
}

// The connection breaks after the writes have happened: trying again finds them done.
func TestMarkAfterALostAnswer(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	tn.receive(1)
	tn.receive(2)
	var writes []pipeline.Write
	for _, o := range tn.changes(m) {
		writes = append(writes, write(o, markers("@Anna"), nil))
	}
	tn.Dial.Add(fault.Rule{Kind: fault.Lost, Times: 1})
	if done, err := m.Mark(context.Background(), writes); err == nil || len(done) != 0 {
		t.Fatalf("%d reported, error %v", len(done), err)
	}
	for id, w := range mark(t, m, writes...) {
		equal(t, "outcome", w.Outcome, pipeline.Done)
		equalSet(t, "categories", tn.categories(id), "@Anna")
	}
}

func TestMarkOuterThrottles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		rule fault.Rule
		want time.Duration
	}{
		{"with a time", fault.Rule{Kind: fault.Throttle, RetryAfter: 90 * time.Second}, 90 * time.Second},
		{"without a time", fault.Rule{Kind: fault.ThrottleBare}, 10*time.Second + 250*time.Millisecond},
		{"unavailable", fault.Rule{Kind: fault.Unavailable, RetryAfter: 3 * time.Second}, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tn, m, o := marked(t)
			c.rule.Times = 1
			tn.Dial.Add(c.rule)
			before := tn.trips.RoundTrips()
			done, err := m.Mark(context.Background(), []pipeline.Write{write(o, markers("@Anna"), nil)})
			var throttled *pipeline.Throttled
			if !errors.As(err, &throttled) || throttled.After != c.want || len(done) != 0 {
				t.Fatalf("%v, want to be throttled for %s", err, c.want)
			}
			equal(t, "round trips: the SDK tries nothing again", tn.trips.RoundTrips()-before, 1)
		})
	}
}

func TestMarkOfAMailboxThatRefuses(t *testing.T) {
	t.Parallel()
	tn, m, o := marked(t)
	must(t, tn.RefuseMailbox(support))
	done, err := m.Mark(context.Background(), []pipeline.Write{write(o, markers("@Anna"), nil)})
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || len(done) != 0 {
		t.Fatalf("%v with %d reported, want a permanent error", err, len(done))
	}
	for _, part := range []string{"Mail.ReadWrite", "RBAC", support} {
		if !strings.Contains(permanent.Fix, part) {
			t.Errorf("the fix does not name %s: %s", part, permanent.Fix)
		}
	}
}

// While another program changes the message between every read and write, the call ends all the same.
func TestMarkThatNeverCatchesUp(t *testing.T) {
	t.Parallel()
	tn, _, o := marked(t)
	busy := roundTrip(func(r *http.Request) (*http.Response, error) {
		tn.tick()
		if err := tn.MarkRead(support, string(o.ID), tn.now.Unix()%2 == 0); err != nil {
			return nil, err
		}
		return tn.trips.RoundTrip(r)
	})
	m, err := tn.newClient(busy).Mailbox(msgraph.MailboxOptions{Address: support})
	must(t, err)
	done, err := m.Mark(context.Background(), []pipeline.Write{write(o, markers("@Anna"), nil)})
	if err == nil || len(done) != 0 {
		t.Fatalf("%v with %d reported, want an error", err, len(done))
	}
	equal(t, "categories", len(tn.categories(o.ID)), 0)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
