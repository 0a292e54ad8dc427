package coretest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func storeCommitKeeps(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	u := st.receive("m1", "t1", at(0))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	next := st.then(assigned("one", at(1)), inbox.Event{At: at(1), Kind: inbox.EventTagged, By: inbox.ByTeam, Tag: "VIP"})
	ok(t, s.Commit(ctx, support, []pipeline.Unit{next}))

	equal(t, "conversation", must(s.Conversations(ctx, support, []inbox.ConversationID{st.now.ID}))(t)[st.now.ID], st.now)
	timeline := must(s.Timeline(ctx, support, st.now.ID, 0, 10))(t)
	equal(t, "timeline", timeline, append(u.Events, next.Events...))
	equal(t, "replay of the timeline", inbox.Replay(st.now.ID, support, timeline), st.now)
	equal(t, "known", must(s.Known(ctx, support, []inbox.MessageID{"m1"}))(t)["m1"], u.Joined[0])
	equal(t, "messages", must(s.Messages(ctx, support, st.now.ID, "", 10))(t), u.Joined)
	equal(t, "pending", must(s.Pending(ctx, support, 0))(t), append(u.Actions, next.Actions...))
}

// left is all that a store shows of two conversations and their messages.
func left(t *testing.T, s pipeline.Store, ids []inbox.ConversationID, messages []inbox.MessageID) []any {
	t.Helper()
	ctx := context.Background()
	out := []any{
		must(s.Conversations(ctx, support, ids))(t), must(s.Known(ctx, support, messages))(t),
		must(s.Pending(ctx, support, 0))(t), must(s.Team(ctx, support))(t), must(s.List(ctx, support, "", 0))(t),
		must(s.Overflowing(ctx, support, 0))(t), must(s.Threads(ctx, support, []inbox.ThreadID{"t1", "t2"}))(t),
	}
	for _, id := range ids {
		out = append(out, must(s.Timeline(ctx, support, id, 0, 0))(t), must(s.Messages(ctx, support, id, "", 0))(t))
	}
	return out
}

func storeConflict(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m1", "t1", at(0))}))
	other := *st
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.then(assigned("one", at(1)))}))
	before := left(t, s, []inbox.ConversationID{st.now.ID}, []inbox.MessageID{"m1", "m2"})

	stale := other.receive("m2", "t1", at(2)) // decided on what was there before the assignment
	stale.Shift = shift("two", 1)
	stale.Seen = []inbox.Known{st.known("m1", "t1", at(5))}
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{stale}))

	anew := newStory(support, "a").receive("m3", "t1", at(3)) // believes that there is none yet
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{anew}))

	ahead := *st
	ahead.now.Seq += 3
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{ahead.then(assigned("two", at(4)))}))

	phantom := newStory(support, "b")
	phantom.now.Seq = 1
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{phantom.then(assigned("two", at(4)))}))
	equal(t, "after conflicts", left(t, s, []inbox.ConversationID{st.now.ID}, []inbox.MessageID{"m1", "m2"}), before)
}

func storeJoinedKnown(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	a, b := newStory(support, "a"), newStory(support, "b")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{a.receive("m1", "t1", at(0))}))
	ids := []inbox.ConversationID{a.now.ID, b.now.ID}
	before := left(t, s, ids, []inbox.MessageID{"m1", "m2"})

	twice := b.receive("m2", "t2", at(1))
	twice.Joined = append(twice.Joined, b.known("m1", "t1", at(0)))
	twice.Shift = shift("one", 1)
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{twice}))
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{a.receive("m1", "t1", at(0))}))
	equal(t, "after conflicts", left(t, s, ids, []inbox.MessageID{"m1", "m2"}), before)
}

func storeConflictAmongUnits(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	b := newStory(support, "b")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{b.receive("m0", "t1", at(0))}))
	a, c := newStory(support, "a"), newStory(support, "c")
	good := a.receive("m1", "t1", at(1))
	stale := newStory(support, "b").receive("m2", "t1", at(1))
	last := c.receive("m3", "t2", at(1))
	err := s.Commit(ctx, support, []pipeline.Unit{good, stale, last})
	wantConflict(t, err)

	known := must(s.Known(ctx, support, []inbox.MessageID{"m1", "m2", "m3"}))(t)
	stored := must(s.Conversations(ctx, support, []inbox.ConversationID{a.now.ID, b.now.ID, c.now.ID}))(t)
	if _, there := known["m2"]; there || stored[b.now.ID].Seq != 1 {
		t.Error("the unit in conflict has been written")
	}
	if _, there := stored[c.now.ID]; there || len(known) > 1 {
		t.Error("a unit after the one in conflict has been written")
	}
	// The unit before it stands as a whole or not at all.
	_, hasConversation := stored[a.now.ID]
	_, hasMessage := known["m1"]
	pending := len(must(s.Pending(ctx, support, 0))(t))
	if hasConversation != hasMessage || hasConversation != (pending == 2) {
		t.Errorf("half of a unit: conversation %v, message %v, %d actions", hasConversation, hasMessage, pending)
	}
}

func storeChainedUnits(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	units := []pipeline.Unit{st.receive("m1", "t1", at(0)), st.then(assigned("one", at(1))), st.receive("m2", "t1", at(2))}
	later := st.known("m1", "t1", at(0))
	later.State.Place = inbox.Archive
	units[2].Seen = []inbox.Known{later}
	ok(t, s.Commit(ctx, support, units))
	equal(t, "conversation", must(s.Conversations(ctx, support, []inbox.ConversationID{st.now.ID}))(t)[st.now.ID], st.now)
	equal(t, "messages", must(s.Messages(ctx, support, st.now.ID, "", 0))(t), []inbox.Known{later, units[2].Joined[0]})
	if n := len(must(s.Timeline(ctx, support, st.now.ID, 0, 0))(t)); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func storeGap(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	u := st.receive("m1", "t1", at(0))
	u.Events[0].Seq, u.Conversation.Seq = 2, 2
	if err := s.Commit(ctx, support, []pipeline.Unit{u}); err == nil || errors.Is(err, pipeline.ErrConflict) {
		t.Errorf("a timeline that begins at 2: got %v, want an error that is no conflict", err)
	}
	u = newStory(support, "a").receive("m1", "t1", at(0))
	u.Conversation.Seq = 5
	if err := s.Commit(ctx, support, []pipeline.Unit{u}); err == nil || errors.Is(err, pipeline.ErrConflict) {
		t.Errorf("a conversation ahead of its events: got %v, want an error that is no conflict", err)
	}
	if got := must(s.List(ctx, support, "", 0))(t); len(got) != 0 {
		t.Errorf("refused units have been written: %v", got)
	}
}

func storeSeenOnly(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m1", "t1", at(0))}))
	k := st.known("m1", "t1", at(0))
	k.State = inbox.State{Place: inbox.Inbox, Markers: []inbox.Marker{"@One", "Private"}, Revision: "r2", Stamp: 2}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{{
		Conversation: inbox.Conversation{ID: "ignored", Seq: 99}, Expect: 7, Seen: []inbox.Known{k},
	}}))
	equal(t, "known", must(s.Known(ctx, support, []inbox.MessageID{"m1"}))(t)["m1"], k)
	equal(t, "conversation", must(s.List(ctx, support, "", 0))(t), []inbox.Conversation{st.now})
}

func storePending(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	var want []pipeline.Action
	// The ids of conversations, and so the keys, sort otherwise than the commits.
	var stories []*story
	for i := range 7 {
		st := newStory(support, fmt.Sprint("c", i))
		stories = append(stories, st)
		u := st.receive(inbox.MessageID(fmt.Sprint("m", i)), "t1", at(10-i))
		u.Actions[0].Messages = []inbox.MessageID{"m0", "m9"}
		ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
		want = append(want, u.Actions...)
	}
	u := stories[0].then(assigned("one", at(20)))
	more := u.Actions[0]
	more.Key += "b"
	u.Actions = append(u.Actions, more)
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	want = append(want, u.Actions...)

	equal(t, "all", must(s.Pending(ctx, support, 0))(t), want)
	equal(t, "at most 3", must(s.Pending(ctx, support, 3))(t), want[:3])
	equal(t, "at most 100", must(s.Pending(ctx, support, 100))(t), want)
	ok(t, s.Settle(ctx, support, []string{want[1].Key, want[8].Key}, nil))
	want = append(append([]pipeline.Action{want[0]}, want[2:8]...), want[9:]...)
	equal(t, "after settling", must(s.Pending(ctx, support, 0))(t), want)
}

func storeSettle(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	u := st.receive("m1", "t1", at(0))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	k := u.Joined[0]
	k.State = inbox.State{Place: inbox.Inbox, Markers: []inbox.Marker{"@One", "Private"}, Revision: "r9", Stamp: 9}
	for range 2 { // settling again is no error
		ok(t, s.Settle(ctx, support, []string{u.Actions[0].Key, "unknown"}, []inbox.Known{k}))
		if got := must(s.Pending(ctx, support, 0))(t); len(got) != 0 {
			t.Errorf("pending after settling: %v", got)
		}
		equal(t, "known", must(s.Known(ctx, support, []inbox.MessageID{"m1"}))(t)["m1"], k)
	}
	k.Gone = true
	ok(t, s.Settle(ctx, support, nil, []inbox.Known{k}))
	equal(t, "a message that is gone", must(s.Known(ctx, support, []inbox.MessageID{"m1"}))(t)["m1"], k)
	equal(t, "conversation", must(s.List(ctx, support, "", 0))(t), []inbox.Conversation{st.now})
	// Its record stays, so that it cannot join anew.
	wantConflict(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m1", "t1", at(0))}))
}

func storeStates(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m1", "t1", at(0)), st.receive("m2", "t1", at(1))}))
	k := st.known("m2", "t1", at(1))
	k.State = inbox.State{Place: inbox.Archive}
	u := st.then(assigned("one", at(2)))
	u.Seen = []inbox.Known{k}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	equal(t, "messages", must(s.Messages(ctx, support, st.now.ID, "", 0))(t), []inbox.Known{st.known("m1", "t1", at(0)), k})
}
