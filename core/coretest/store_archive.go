package coretest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func storeThreads(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	// Thread ids are the provider's: they may contain anything, also one another.
	threads := []inbox.ThreadID{"AAQk=", "AAQk==", "AAQk=\x00", "ü"}
	want := map[inbox.ThreadID][]inbox.ConversationID{}
	for i, minutes := range []int{50, -100, 20, 40} {
		for j, thread := range threads {
			st := newStory(support, fmt.Sprint("c", i, j))
			ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive(inbox.MessageID(fmt.Sprint("m", i, j)), thread, at(minutes))}))
			want[thread] = append(want[thread], st.now.ID)
			// A later mail does not change where a conversation began, or when.
			ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive(inbox.MessageID(fmt.Sprint("n", i, j)), "other", at(minutes+500))}))
		}
	}
	for thread, ids := range want {
		want[thread] = []inbox.ConversationID{ids[1], ids[2], ids[3], ids[0]}
	}
	equal(t, "threads", must(s.Threads(ctx, support, threads))(t), want)
	equal(t, "one thread", must(s.Threads(ctx, support, threads[:1]))(t), map[inbox.ThreadID][]inbox.ConversationID{threads[0]: want[threads[0]]})
	if got := must(s.Threads(ctx, support, []inbox.ThreadID{"other"}))(t); len(got) != 0 {
		t.Errorf("a thread in which no conversation began has %v", got)
	}
}

func storeMessages(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st, other := newStory(support, "a"), newStory(support, "b")
	ids := []inbox.MessageID{"m5", "m1", "M1", "m10", "m\x00", "m=", "ü", "m1\x00a"}
	for i, id := range ids {
		ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive(id, "t1", at(i)), other.receive("x"+id, "t1", at(i))}))
	}
	slices.Sort(ids)
	for _, limit := range []int{1, 2, 3, 100} {
		var got []inbox.MessageID
		for after := inbox.MessageID(""); ; {
			page := must(s.Messages(ctx, support, st.now.ID, after, limit))(t)
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				t.Fatalf("%d messages, limit %d", len(page), limit)
			}
			for _, k := range page {
				got = append(got, k.ID)
				if k.Conversation != st.now.ID {
					t.Errorf("%s is of %s", k.ID, k.Conversation)
				}
			}
			after = got[len(got)-1]
		}
		equal(t, fmt.Sprint("messages by ", limit), got, ids)
	}
	if got := must(s.Messages(ctx, support, st.now.ID, "m2", 1))(t); len(got) != 1 || got[0].ID != "m5" {
		t.Errorf("after an id that is not there: %v", got)
	}
}

func storeTimeline(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m0", "t1", at(0)), newStory(support, "b").receive("n0", "t1", at(0))}))
	for i := range 299 { // beyond one byte, so that an order by text would show
		ok(t, s.Commit(ctx, support, []pipeline.Unit{st.then(assigned(inbox.MemberID(fmt.Sprint("m", i)), at(i)))}))
	}
	var got []int64
	for after := int64(0); ; {
		page := must(s.Timeline(ctx, support, st.now.ID, after, 70))(t)
		if len(page) == 0 {
			break
		}
		if len(page) > 70 {
			t.Fatalf("%d events, limit 70", len(page))
		}
		for _, e := range page {
			got = append(got, e.Seq)
		}
		after = got[len(got)-1]
	}
	var want []int64
	for i := range 300 {
		want = append(want, int64(i)+1)
	}
	equal(t, "timeline", got, want)
	equal(t, "after the end", must(s.Timeline(ctx, support, st.now.ID, 300, 10))(t), []inbox.Event(nil))
	equal(t, "far after the end", must(s.Timeline(ctx, support, st.now.ID, 9999, 10))(t), []inbox.Event(nil))
}

func storeList(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	var want []inbox.Conversation
	for i := range 30 {
		st := newStory(support, fmt.Sprint("c", i))
		ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive(inbox.MessageID(fmt.Sprint("m", i)), "t1", at(i))}))
		want = append(want, st.now)
	}
	slices.SortFunc(want, func(a, b inbox.Conversation) int { return strings.Compare(string(a.ID), string(b.ID)) })
	var got []inbox.Conversation
	for after := inbox.ConversationID(""); ; {
		page := must(s.List(ctx, support, after, 7))(t)
		if len(page) == 0 {
			break
		}
		if len(page) > 7 {
			t.Fatalf("%d conversations, limit 7", len(page))
		}
		got = append(got, page...)
		after = got[len(got)-1].ID
	}
	equal(t, "list", got, want)
}

func storeOverflow(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	var stories []*story
	// Opened neither in the order of the commits nor of the ids, and before 1970 too.
	for i, minutes := range []int{500, 10, -40_000_000, 300, 20} {
		st := newStory(support, fmt.Sprint("c", i))
		ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive(inbox.MessageID(fmt.Sprint("m", i)), "t1", at(minutes))}))
		ok(t, s.Commit(ctx, support, []pipeline.Unit{st.then(escalated("lead", at(1000)))}))
		stories = append(stories, st)
	}
	ids := func(order ...int) (out []inbox.ConversationID) {
		for _, i := range order {
			out = append(out, stories[i].now.ID)
		}
		return out
	}
	equal(t, "overflowing", must(s.Overflowing(ctx, support, 10))(t), ids(2, 1, 4, 3, 0))
	equal(t, "at most 2", must(s.Overflowing(ctx, support, 2))(t), ids(2, 1))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{stories[1].then(assigned("one", at(1001))), stories[3].then(inbox.Event{At: at(1001), Kind: inbox.EventClosed})}))
	equal(t, "after two were taken", must(s.Overflowing(ctx, support, 10))(t), ids(2, 4, 0))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{stories[1].then(escalated("lead", at(1002)))}))
	equal(t, "after one came back", must(s.Overflowing(ctx, support, 10))(t), ids(2, 1, 4, 0))
}

func storeTeam(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	shifts := []assign.Shift{
		shift("one", 1), shift("two", 1), shift("one", 2), {}, {Overflow: 2},
		{Open: map[inbox.MemberID]int{"one": -3, "two": 1}, Overflow: -1}, {Last: "three"},
	}
	var want assign.Team
	for i, sh := range shifts {
		u := newStory(support, fmt.Sprint("c", i)).receive(inbox.MessageID(fmt.Sprint("m", i)), "t1", at(i))
		u.Shift = sh
		ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
		want = want.With(sh)
		equal(t, fmt.Sprint("team after shift ", i), must(s.Team(ctx, support))(t), want)
	}
}

func storeHandled(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	u := st.receive("m1", "t1", at(0))
	u.Handled = map[inbox.Address]assign.Handled{"a@example.net": {Member: "one", At: at(0)}, "b@example.net": {Member: "two", At: at(0)}}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	u = st.then(assigned("two", at(1)))
	u.Handled = map[inbox.Address]assign.Handled{"a@example.net": {Member: "two", At: at(1)}}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	got := must(s.Handled(ctx, support, []inbox.Address{"a@example.net", "b@example.net", "c@example.net"}))(t)
	equal(t, "handled", got, map[inbox.Address]assign.Handled{
		"a@example.net": {Member: "two", At: at(1)}, "b@example.net": {Member: "two", At: at(0)},
	})

	// A stranger chooses the address, and it may be of any length.
	long := inbox.Address(strings.Repeat("x", 100_000))
	u = st.then(assigned("three", at(2)))
	u.Handled = map[inbox.Address]assign.Handled{long + "y": {Member: "one", At: at(2)}, long + "z": {Member: "two", At: at(2)}}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	equal(t, "handled", must(s.Handled(ctx, support, []inbox.Address{long + "y", long + "z", long}))(t), u.Handled)
}

func storeCopies(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	u := st.receive("m1", "t1", at(0))
	u.Actions[0].Messages = []inbox.MessageID{"m1"}
	u.Shift = shift("one", 1)
	ids, messages := []inbox.ConversationID{st.now.ID}, []inbox.MessageID{"m1"}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
	before := encode(t, left(t, s, ids, messages))

	// Whoever wrote it goes on with what they have.
	u.Conversation.Refs[0], u.Events[0].Mail.Subject, u.Events[0].Why[0] = 4, "changed", "changed"
	u.Joined[0].State.Markers[0], u.Actions[0].Markers[0], u.Actions[0].Messages[0] = "changed", "changed", "changed"
	u.Shift.Open["one"] = 9
	if after := encode(t, left(t, s, ids, messages)); after != before {
		t.Errorf("the writer's changes show:\n got %s\nwant %s", after, before)
	}
	// So does whoever read it.
	must(s.Conversations(ctx, support, ids))(t)[st.now.ID].Refs[0] = 5
	e := must(s.Timeline(ctx, support, st.now.ID, 0, 0))(t)[0]
	e.Mail.Subject, e.Why[0] = "changed", "changed"
	must(s.Known(ctx, support, messages))(t)["m1"].State.Markers[0] = "changed"
	must(s.Messages(ctx, support, st.now.ID, "", 0))(t)[0].State.Markers[0] = "changed"
	must(s.Pending(ctx, support, 0))(t)[0].Markers[0] = "changed"
	must(s.Team(ctx, support))(t).Open["one"] = 9
	must(s.Threads(ctx, support, []inbox.ThreadID{"t1"}))(t)["t1"][0] = "changed"
	if after := encode(t, left(t, s, ids, messages)); after != before {
		t.Errorf("a reader's changes show:\n got %s\nwant %s", after, before)
	}
}
