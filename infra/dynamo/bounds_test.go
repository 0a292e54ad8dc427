package dynamo_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// items reads all items of a table, whose sort keys begin with prefix.
func items(t *testing.T, client *dynamodb.Client, name, prefix string) (out []map[string]types.AttributeValue) {
	t.Helper()
	in := &dynamodb.ScanInput{TableName: &name}
	for {
		page, err := client.Scan(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			if strings.HasPrefix(it["s"].(*types.AttributeValueMemberS).Value, prefix) {
				out = append(out, it)
			}
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return out
		}
	}
}

// largest is the size of the largest of a table's items whose keys begin with prefix.
func largest(t *testing.T, client *dynamodb.Client, name, prefix string) (size int) {
	t.Helper()
	for _, it := range items(t, client, name, prefix) {
		size = max(size, dynamo.ItemSize(it))
	}
	return size
}

// long is one conversation as it goes on and on.
type long struct {
	t     *testing.T
	store pipeline.Store
	now   inbox.Conversation
	known map[inbox.MessageID]inbox.Known
	n     int
}

func newLong(t *testing.T, store pipeline.Store) *long {
	return &long{t: t, store: store, known: map[inbox.MessageID]inbox.Known{}, now: inbox.Conversation{
		ID: inbox.NewConversationID(support, "long", "m"), Mailbox: support,
	}}
}

// unit is one for n mails and as many other events, at least one.
func (l *long) unit(n int) pipeline.Unit { return l.more(n, max(n, 1)) }

func (l *long) more(n, others int) pipeline.Unit {
	u := pipeline.Unit{Expect: l.now.Seq}
	add := func(e inbox.Event) {
		e.Seq, e.At = l.now.Seq+1, epoch
		u.Events, l.now = append(u.Events, e), l.now.With(e)
	}
	for range n {
		l.n++
		id := inbox.MessageID("AAMkAD" + opaque(112, "mailbox") + opaque(26, "message", l.n) + "AAAAHg==")
		add(inbox.Event{Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: id, Mail: &inbox.Mail{
			Thread: "AAQkAD", Direction: inbox.In, From: inbox.Person{Name: "Customer", Address: "customer@example.net"},
			Subject: "Re: a long story", At: epoch, Place: inbox.Inbox, Refs: []uint64{uint64(l.n) << 40}, People: []uint64{9},
		}})
		k := inbox.Known{ID: id, Conversation: l.now.ID, Direction: inbox.In, At: epoch, State: inbox.State{
			Place: inbox.Inbox, Revision: `W/"CQAAABYAAA` + opaque(12, "etag", l.n) + `"`,
		}}
		u.Joined, l.known[id] = append(u.Joined, k), k
	}
	for i := range others {
		add(inbox.Event{Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: inbox.MemberID(fmt.Sprint("member", i%3))})
	}
	u.Conversation = l.now
	u.Actions = []pipeline.Action{{Key: fmt.Sprintf("%s/%012d", l.now.ID, l.now.Seq), Conversation: l.now.ID, Kind: pipeline.SetMarkers, Markers: []inbox.Marker{"@One"}}}
	return u
}

// marked gives some of the messages a new state, every nth.
func (l *long) marked(every int, marker inbox.Marker) (out []inbox.Known) {
	for i, id := range slices.Sorted(maps.Keys(l.known)) {
		if i%every == 0 {
			k := l.known[id]
			k.State.Markers = []inbox.Marker{marker}
			l.known[id] = k
			out = append(out, k)
		}
	}
	return out
}

// check reads everything back, in pages and by ids.
func (l *long) check(events int) {
	l.t.Helper()
	ctx := context.Background()
	fail := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	var ids []inbox.MessageID
	for after := inbox.MessageID(""); ; {
		page, err := l.store.Messages(ctx, support, l.now.ID, after, 200)
		fail(err)
		for _, k := range page {
			if want := l.known[k.ID]; fmt.Sprint(k) != fmt.Sprint(want) {
				l.t.Fatalf("message %s is %+v, want %+v", k.ID, k, want)
			}
			ids, after = append(ids, k.ID), k.ID
		}
		if len(page) < 200 {
			break
		}
	}
	if want := slices.Sorted(maps.Keys(l.known)); !slices.Equal(ids, want) {
		l.t.Fatalf("%d messages are listed, %d are known, or in another order", len(ids), len(want))
	}
	known, err := l.store.Known(ctx, support, ids)
	fail(err)
	for _, id := range ids {
		if fmt.Sprint(known[id]) != fmt.Sprint(l.known[id]) {
			l.t.Fatalf("message %s is known as %+v, want %+v", id, known[id], l.known[id])
		}
	}
	var timeline []inbox.Event
	for {
		page, err := l.store.Timeline(ctx, support, l.now.ID, int64(len(timeline)), 300)
		fail(err)
		timeline = append(timeline, page...)
		if len(page) < 300 {
			break
		}
	}
	if replayed := inbox.Replay(l.now.ID, support, timeline); len(timeline) != events || fmt.Sprint(replayed) != fmt.Sprint(l.now) {
		l.t.Fatalf("%d events make %+v, want %d and %+v", len(timeline), replayed, events, l.now)
	}
}

// TestLongConversation lets a conversation grow to thousands of messages and events, and holds that no item of it grows
// beyond what is written for one mail.
func TestLongConversation(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	l := newLong(t, dynamo.Open(client, name, dynamo.Options{}))
	ctx, events, written := t.Context(), 0, 0
	settle := func(u pipeline.Unit, seen []inbox.Known) {
		t.Helper()
		if err := l.store.Settle(ctx, support, []string{u.Actions[0].Key}, seen); err != nil {
			t.Fatal(err)
		}
	}
	for l.n < 2000 {
		n := 1 + written%17
		if written%40 == 39 {
			n = pipeline.MaxJoined
		}
		u := l.unit(n)
		if written%9 == 0 {
			u.Seen = l.marked(1+l.n/20, "Seen")
			for i := range u.Joined { // those that join have their newest state there too
				u.Joined[i] = l.known[u.Joined[i].ID]
			}
		}
		if err := l.store.Commit(ctx, support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		events += len(u.Events)
		if written++; written%10 == 0 {
			settle(u, l.marked(1+l.n/20, "@One"))
		} else {
			settle(u, nil)
		}
	}
	for events < 5000 {
		u := l.more(0, 1+written%50)
		if err := l.store.Commit(ctx, support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		events, written = events+len(u.Events), written+1
		settle(u, nil)
	}
	l.check(events)
	for prefix, bound := range map[string]int{"c#": 2048, "e#": 24 << 10, "g#": 4096, "i#": 200, "t": 1024, "": 24 << 10} {
		if size := largest(t, client, name, prefix); size > bound || size == 0 {
			t.Errorf("the largest item %s… has %d bytes, want at most %d", prefix, size, bound)
		}
	}
	if n := len(items(t, client, name, "e#")); n > events/2 {
		t.Errorf("%d events take %d items of their own", events, n)
	}
}

// TestUnsettledActions is a provider that takes nothing for long: actions pile up in one conversation.
func TestUnsettledActions(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	l := newLong(t, dynamo.Open(client, name, dynamo.Options{}))
	var want []pipeline.Action
	events := 0
	for range 300 {
		u := l.unit(0)
		if err := l.store.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		want, events = append(want, u.Actions...), events+len(u.Events)
	}
	pending(t, l.store, 0, want)
	pending(t, l.store, 10, want[:10])
	if size := largest(t, client, name, "c#"); size > 2048 {
		t.Errorf("the conversation has %d bytes with %d actions", size, len(want))
	}
	// Some of each spill, then all that were settled before once more and the rest, but for the newest.
	var some, rest []string
	var left []pipeline.Action
	for i, a := range want {
		switch {
		case i == len(want)-1:
		case i%3 == 0:
			some = append(some, a.Key)
		default:
			rest = append(rest, a.Key)
			left = append(left, a)
		}
	}
	settle := func(keys []string) {
		t.Helper()
		if err := l.store.Settle(t.Context(), support, keys, nil); err != nil {
			t.Fatal(err)
		}
	}
	newest := want[len(want)-1]
	settle(some)
	pending(t, l.store, 0, append(left, newest))
	settle(append(rest, some...))
	pending(t, l.store, 0, []pipeline.Action{newest})
	if n := len(items(t, client, name, "x#")); n != 0 {
		t.Errorf("%d spills are left with nothing in them", n)
	}
	settle([]string{newest.Key})
	pending(t, l.store, 0, nil)
	l.check(events)
}

// pending holds what is pending, and in which order.
func pending(t *testing.T, s pipeline.Store, limit int, want []pipeline.Action) {
	t.Helper()
	got, err := s.Pending(t.Context(), support, limit)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) && len(got)+len(want) > 0 {
		t.Fatalf("%d actions are pending, want %d, or in another order", len(got), len(want))
	}
}

// TestManyPending has more conversations with pending actions than the team's item lists.
func TestManyPending(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	open := func() *dynamo.Table { return dynamo.Open(client, name, dynamo.Options{}) }
	s := open()
	var want []pipeline.Action
	var units []pipeline.Unit
	for n := range dynamo.MaxPending + 60 {
		u := coretest.Arrival(support, n)
		want, units = append(want, u.Actions...), append(units, u)
		if n%2 == 1 { // few at a time, so that the list fills up between two commits
			if err := s.Commit(t.Context(), support, units); err != nil {
				t.Fatal(err)
			}
			units = nil
		}
	}
	pending(t, s, 0, want)
	for _, limit := range []int{1, 150, 255, 309, 1000} {
		pending(t, s, limit, want[:min(limit, len(want))])
	}
	if size, n := largest(t, client, name, "t"), len(items(t, client, name, "a#")); size > 10<<10 || n == 0 {
		t.Errorf("the team's item has %d bytes, %d actions have items of their own", size, n)
	}
	settle := func(list []pipeline.Action) {
		t.Helper()
		var keys []string
		for _, a := range list {
			keys = append(keys, a.Key)
		}
		if err := s.Settle(t.Context(), support, keys, nil); err != nil {
			t.Fatal(err)
		}
	}
	settle(want[:100])
	pending(t, s, 0, want[100:])
	again := answer(coretest.Arrival(support, 0), 1) // of a conversation that is listed in vain
	if err := s.Commit(t.Context(), support, []pipeline.Unit{again}); err != nil {
		t.Fatal(err)
	}
	pending(t, s, 0, append(slices.Clone(want[100:]), again.Actions...))
	settle(append(slices.Clone(want[100:]), again.Actions...))
	for range 8 { // each reading takes some out
		pending(t, open(), 0, nil)
	}
	if n := len(items(t, client, name, "a#")); n != 0 {
		t.Errorf("%d items of settled actions are left", n)
	}
	if size := largest(t, client, name, "t"); size > 512 {
		t.Errorf("the team's item still has %d bytes", size)
	}
	last := answer(again, 2)
	if err := s.Commit(t.Context(), support, []pipeline.Unit{last}); err != nil {
		t.Fatal(err)
	}
	pending(t, open(), 0, last.Actions)
	if n := len(items(t, client, name, "a#")); n != 0 {
		t.Errorf("%d actions have items of their own although the list has room", n)
	}
}

// TestLargestUnit is one with all that a unit may have at once.
func TestLargestUnit(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	l := newLong(t, dynamo.Open(client, name, dynamo.Options{}))
	events := 0
	for range 3 {
		u := l.unit(pipeline.MaxJoined)
		u.Shift = assign.Shift{Open: map[inbox.MemberID]int{"one": 1, "two": 2}, Last: "one", Overflow: 1}
		u.Handled = map[inbox.Address]assign.Handled{"a@example.net": {Member: "one", At: epoch}}
		if u.Expect > 0 {
			u.Seen = l.marked(2, "Seen")
			for i := range u.Joined { // those that join have their newest state there too
				u.Joined[i] = l.known[u.Joined[i].ID]
			}
		}
		if err := l.store.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		events += len(u.Events)
	}
	l.check(events)
	if size := largest(t, client, name, ""); size > 64<<10 {
		t.Errorf("an item has %d bytes", size)
	}
}

// TestLongChain commits more units of one conversation than one transaction holds.
func TestLongChain(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	l := newLong(t, dynamo.Open(client, name, dynamo.Options{}))
	var units []pipeline.Unit
	var actions []pipeline.Action
	events := 0
	for n := range 60 {
		u := l.unit(3)
		if n%10 == 5 {
			u.Seen = l.marked(5, inbox.Marker(fmt.Sprint("Seen", n)))
			for i := range u.Joined {
				u.Joined[i] = l.known[u.Joined[i].ID]
			}
		}
		units, actions, events = append(units, u), append(actions, u.Actions...), events+len(u.Events)
	}
	if err := l.store.Commit(t.Context(), support, units); err != nil {
		t.Fatal(err)
	}
	l.check(events)
	pending(t, l.store, 0, actions)
}

// TestHostileTexts are texts that no item could hold.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	s := dynamo.Open(client, name, dynamo.Options{})
	u := coretest.Arrival(support, 1)
	m := u.Events[0].Mail
	m.Subject, m.From = opaque(900_000, "subject"), inbox.Person{Name: opaque(900_000, "name"), Address: inbox.Address(opaque(900_000, "address"))}
	u.Events[0].Why = []string{opaque(900_000, "why"), "short"}
	u.Conversation = inbox.Replay(u.Conversation.ID, support, u.Events)
	if err := s.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
		t.Fatal(err)
	}
	if len(m.Subject) != 900_000 || len(u.Events[0].Why[0]) != 900_000 {
		t.Error("the caller's values have changed")
	}
	timeline, err := s.Timeline(t.Context(), support, u.Conversation.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := timeline[0].Mail
	for what, text := range map[string]string{"subject": got.Subject, "name": got.From.Name, "address": string(got.From.Address), "why": timeline[0].Why[0]} {
		if len(text) > dynamo.MaxText || len(text) < dynamo.MaxText/2 || !strings.HasSuffix(text, "…") {
			t.Errorf("of the %s %d bytes are kept, want its beginning", what, len(text))
		}
	}
	if next := answer(u, 1); s.Commit(t.Context(), support, []pipeline.Unit{next}) != nil {
		t.Error("the conversation takes no more mail")
	}
	if w, there, err := s.Watch(t.Context(), strings.Repeat("\xff", 5000)); there || err != nil {
		t.Errorf("a watch id that no key could hold: %+v, %v, %v", w, there, err)
	}
	if list, err := s.List(t.Context(), support, inbox.ConversationID(strings.Repeat("\xff", 5000)), 1); err != nil || len(list) != 1 {
		t.Errorf("after what a person typed: %v, %v", list, err)
	}
}
