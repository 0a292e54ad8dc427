package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// deed is a step of a process's work that the next process does again when it does not know whether it was done.
type deed struct {
	name string
	do   func(ctx context.Context, d *dynamo.Table) error
}

// deeds is work of every kind that writes. Repeating one that was done is a conflict or changes nothing.
func deeds() []deed {
	var out []deed
	add := func(name string, do func(ctx context.Context, d *dynamo.Table) error) {
		out = append(out, deed{name, do})
	}
	units := []pipeline.Unit{coretest.Arrival(support, 0), coretest.Arrival(support, 1), coretest.Arrival(support, 2)}
	add("a first commit", func(ctx context.Context, d *dynamo.Table) error { return d.Commit(ctx, support, units) })
	next := answer(units[0], 1)
	over := inbox.Event{Seq: units[1].Conversation.Seq + 1, At: epoch, Kind: inbox.EventEscalated, By: inbox.ByPostroom, Member: "lead"}
	escalated := pipeline.Unit{Expect: units[1].Conversation.Seq, Events: []inbox.Event{over}, Conversation: units[1].Conversation.With(over)}
	seen := units[2].Joined[0]
	seen.State.Place = inbox.Archive
	add("answers, an escalation and a state", func(ctx context.Context, d *dynamo.Table) error {
		return d.Commit(ctx, support, []pipeline.Unit{next, escalated, {Seen: []inbox.Known{seen}}, answer(next, 2)})
	})
	marked := units[0].Joined[0]
	marked.State.Markers = []inbox.Marker{"@Member"}
	add("settling", func(ctx context.Context, d *dynamo.Table) error {
		return d.Settle(ctx, support, []string{units[0].Actions[0].Key, units[1].Actions[0].Key}, []inbox.Known{marked})
	})
	add("progress", func(ctx context.Context, d *dynamo.Table) error {
		return d.SaveProgress(ctx, support, pipeline.Progress{Cursor: "c1", CutOver: epoch})
	})
	add("a record", func(ctx context.Context, d *dynamo.Table) error { return d.SaveRecord(ctx, "tick", []byte("then"), 0) })
	w := pipeline.Watch{ID: "s1", Mailbox: "sales@contoso.com", Expires: epoch}
	add("a watch", func(ctx context.Context, d *dynamo.Table) error { return d.SaveWatch(ctx, w) })
	moved := w
	moved.Mailbox = support
	add("a watch of another mailbox", func(ctx context.Context, d *dynamo.Table) error { return d.SaveWatch(ctx, moved) })
	timer := pipeline.Timer{Mailbox: support, Name: "watch", Due: epoch}
	add("a timer", func(ctx context.Context, d *dynamo.Table) error { return d.SetTimer(ctx, timer) })
	add("a timer dropped", func(ctx context.Context, d *dynamo.Table) error { return d.DropTimer(ctx, timer) })
	return out
}

// answer is the unit for one more mail in the conversation that u leaves.
func answer(u pipeline.Unit, n int) pipeline.Unit {
	c := u.Conversation
	id := inbox.MessageID(fmt.Sprintf("%s-answer-%d", c.ID, n))
	e := inbox.Event{Seq: c.Seq + 1, At: epoch, Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: id, Mail: &inbox.Mail{
		Thread: c.Thread, Direction: inbox.In, From: c.Customer, Subject: c.Subject, At: epoch, Place: inbox.Inbox,
	}}
	out := pipeline.Unit{Expect: c.Seq, Events: []inbox.Event{e}, Conversation: c.With(e)}
	out.Joined = []inbox.Known{{ID: id, Conversation: c.ID, Thread: c.Thread, Direction: inbox.In, At: epoch, State: inbox.State{Place: inbox.Inbox}}}
	out.Actions = []pipeline.Action{{
		Key: fmt.Sprintf("%s/%012d", c.ID, out.Conversation.Seq), Conversation: c.ID, Kind: pipeline.SetMarkers,
		Markers: []inbox.Marker{"@Member"}, Messages: []inbox.MessageID{id},
	}}
	return out
}

// TestKill lets the process die just before and just after each of its calls, does the work again in a new one, and holds
// that this leads to what an undisturbed process leaves, without half of a unit anywhere on the way.
func TestKill(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	quiet := newShaky(client, 1, 0)
	d := dynamo.Open(quiet, name, dynamo.Options{})
	for _, x := range deeds() {
		if err := x.do(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
	}
	calls := quiet.calls
	want := all(t, d)
	if calls < 20 {
		t.Fatalf("the work takes %d calls: too few to be all of it", calls)
	}
	for call := 1; call <= calls; call++ {
		for _, after := range []bool{false, true} {
			killed(t, call, after, want)
		}
	}
}

func killed(t *testing.T, call int, after bool, want string) {
	client, name := newTable(t)
	s := newShaky(client, 1, 0)
	// Calls of one operation may be side by side, so more than one can be under way when the process dies.
	s.lose = func(n int, _ bool) (bool, bool) { return n > call || n == call && !after, n == call }
	died := 0
	for _, x := range deeds() {
		d := dynamo.Open(s, name, dynamo.Options{Sleep: noSleep})
		err := x.do(t.Context(), d)
		if errors.Is(err, errLost) {
			died++
			s.lose = nil
			d = dynamo.Open(s, name, dynamo.Options{Sleep: noSleep})
			halves(t, d, fmt.Sprintf("%s, killed at call %d (after it: %v)", x.name, call, after))
			err = x.do(t.Context(), d)
			if errors.Is(err, pipeline.ErrConflict) {
				err = rest(t, d, x)
			}
		}
		if err != nil {
			t.Fatalf("%s, killed at call %d (after it: %v): %v", x.name, call, after, err)
		}
	}
	d := dynamo.Open(client, name, dynamo.Options{})
	got, at := all(t, d), 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	if got != want || died != 1 {
		from := max(0, at-100)
		t.Errorf("killed at call %d (after it: %v), %d times:\n got … %.200s\nwant … %.200s", call, after, died, got[from:], want[from:])
	}
}

// rest does what is left of a commit some of whose units were written, as a sync does that decides anew.
func rest(t *testing.T, d *dynamo.Table, x deed) error {
	t.Helper()
	if x.name != "answers, an escalation and a state" {
		return nil // it was one transaction
	}
	first := coretest.Arrival(support, 0)
	next := answer(first, 1)
	last := answer(next, 2)
	found, err := d.Conversations(t.Context(), support, []inbox.ConversationID{first.Conversation.ID})
	if err != nil || found[first.Conversation.ID].Seq == last.Conversation.Seq {
		return err
	}
	seen := coretest.Arrival(support, 2).Joined[0]
	seen.State.Place = inbox.Archive
	return d.Commit(t.Context(), support, []pipeline.Unit{{Seen: []inbox.Known{seen}}, last})
}

// halves holds that of each conversation all is there or nothing.
func halves(t *testing.T, d *dynamo.Table, when string) {
	t.Helper()
	ctx, open := t.Context(), 0
	pending, err := d.Pending(ctx, support, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		u := coretest.Arrival(support, n)
		id := u.Conversation.ID
		conversations, err1 := d.Conversations(ctx, support, []inbox.ConversationID{id})
		timeline, err2 := d.Timeline(ctx, support, id, 0, 0)
		messages, err3 := d.Messages(ctx, support, id, "", 0)
		threads, err4 := d.Threads(ctx, support, []inbox.ThreadID{u.Conversation.Thread})
		handled, err5 := d.Handled(ctx, support, []inbox.Address{u.Conversation.Customer.Address})
		ids := []inbox.MessageID{u.Joined[0].ID, answer(u, 1).Joined[0].ID, answer(answer(u, 1), 2).Joined[0].ID}
		known, err6 := d.Known(ctx, support, ids)
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			t.Fatal(err)
		}
		c, there := conversations[id]
		whole := 0
		if there {
			whole = 1
			open++
		}
		if inbox.Replay(id, support, timeline).Seq != c.Seq || len(messages) != c.Received || len(known) != c.Received ||
			len(threads) != whole || len(handled) != whole {
			t.Errorf("%s: half of conversation %s: %+v with %d events, %d messages, %d of them known, %d threads, %d handled",
				when, id, c, len(timeline), len(messages), len(known), len(threads), len(handled))
		}
		for _, a := range pending {
			if a.Conversation == id && !there {
				t.Errorf("%s: action %s of a conversation that is not there", when, a.Key)
			}
		}
	}
	team, err := d.Team(ctx, support)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range team.Open {
		open -= n
	}
	if open != 0 {
		t.Errorf("%s: the team counts %d conversations less than there are", when, open)
	}
}

// all is everything that a table shows of the deeds.
func all(t *testing.T, d *dynamo.Table) string {
	t.Helper()
	ctx := t.Context()
	list, err := d.List(ctx, support, "", 0)
	errs := []error{err}
	show := []any{list}
	add := func(v any, err error) {
		show, errs = append(show, v), append(errs, err)
	}
	for _, c := range list {
		add(d.Timeline(ctx, support, c.ID, 0, 0))
		add(d.Messages(ctx, support, c.ID, "", 0))
		add(d.Threads(ctx, support, []inbox.ThreadID{c.Thread}))
		add(d.Handled(ctx, support, []inbox.Address{c.Customer.Address}))
	}
	add(d.Pending(ctx, support, 0))
	add(d.Overflowing(ctx, support, 0))
	add(d.Team(ctx, support))
	add(d.Mailbox(ctx, support))
	add(d.WatchesOf(ctx, support))
	add(d.WatchesOf(ctx, "sales@contoso.com"))
	add(d.DueTimers(ctx, epoch, 10))
	value, version, err := d.Record(ctx, "tick")
	add(append(value, byte(version)), err)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(show)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
