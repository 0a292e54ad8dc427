package dynamo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// TestTypedIDs asks for conversations by what a person may type: what cannot be there is not there.
func TestTypedIDs(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(strict{client}, name, dynamo.Options{})
	u := coretest.Arrival(support, 0)
	if err := d.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []inbox.ConversationID{inbox.ConversationID(strings.Repeat("x", 2000)), "a\xff", "", "#", "a#b", "\x00", "a/b"} {
		found, err := d.Conversations(t.Context(), support, []inbox.ConversationID{id, u.Conversation.ID})
		if _, there := found[id]; err != nil || there || len(found) != 1 {
			t.Errorf("conversation %.20q: %v, %v", id, found, err)
		}
		if list, err := d.Timeline(t.Context(), support, id, 0, 0); err != nil || len(list) != 0 {
			t.Errorf("timeline of %.20q: %v, %v", id, list, err)
		}
		if list, err := d.Messages(t.Context(), support, id, "", 0); err != nil || len(list) != 0 {
			t.Errorf("messages of %.20q: %v, %v", id, list, err)
		}
		if _, err := d.List(t.Context(), support, id, 1); err != nil {
			t.Errorf("list after %.20q: %v", id, err)
		}
		if err := d.Settle(t.Context(), support, []string{string(id) + "/000000000001"}, nil); err != nil {
			t.Errorf("settle in %.20q: %v", id, err)
		}
	}
}

// TestForeignConversationID refuses an id that would make the items of one conversation look like those of another.
func TestForeignConversationID(t *testing.T) {
	t.Parallel()
	d, _ := opened(t)
	for n, id := range []inbox.ConversationID{"a#b", "#", "a\xff"} {
		u := coretest.Arrival(support, n)
		u.Conversation.ID, u.Joined[0].Conversation, u.Actions[0].Conversation = id, id, id
		u.Actions[0].Key = string(id) + "/000000000002"
		if err := d.Commit(t.Context(), support, []pipeline.Unit{u}); err == nil {
			t.Errorf("conversation %q was kept", id)
		}
	}
}

// TestLargeUnits commits conversations of many long mails that are too large together, and not one by one.
func TestLargeUnits(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(strict{client}, name, dynamo.Options{})
	var units []pipeline.Unit
	for n := range 2 {
		l := newLong(t, d)
		l.now.ID = inbox.ConversationID(fmt.Sprint("large", n))
		u := l.unit(46)
		for i := range u.Joined {
			id := inbox.MessageID(fmt.Sprint(u.Joined[i].ID, n))
			u.Joined[i].ID, u.Events[i].Message = id, id
			long := func(what string) string { return opaque(5000, what, n, i) }
			m := *u.Events[i].Mail
			m.Subject, m.From = long("subject"), inbox.Person{Name: long("name"), Address: inbox.Address(long("address"))}
			m.To = inbox.Person{Name: long("to"), Address: inbox.Address(long("to address"))}
			u.Events[i].Mail = &m
		}
		units = append(units, u)
	}
	if err := d.Commit(t.Context(), support, units); err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if list, err := d.Timeline(t.Context(), support, u.Conversation.ID, 0, 0); err != nil || len(list) != len(u.Events) {
			t.Errorf("%d events are there, want %d: %v", len(list), len(u.Events), err)
		}
	}
}

// TestManyMembers commits units that together change the counts of more members than one expression can name.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(strict{client}, name, dynamo.Options{})
	var starts, units []pipeline.Unit
	for n := range 95 {
		u := coretest.Arrival(support, n)
		starts = append(starts, u)
		c := u.Conversation
		e := inbox.Event{Seq: c.Seq + 1, At: epoch, Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: inbox.MemberID(fmt.Sprint("to", n))}
		next := pipeline.Unit{Expect: c.Seq, Events: []inbox.Event{e}, Conversation: c.With(e)}
		next.Actions = []pipeline.Action{{Key: fmt.Sprintf("%s/%012d", c.ID, e.Seq), Conversation: c.ID, Kind: pipeline.SetMarkers}}
		next.Shift = assign.Shift{Open: map[inbox.MemberID]int{
			inbox.MemberID(fmt.Sprint("from", n)): -1, e.Member: 1, inbox.MemberID(fmt.Sprint("also", n)): 1,
		}, Overflow: 1}
		units = append(units, next)
	}
	for _, list := range [][]pipeline.Unit{starts, units} {
		if err := d.Commit(t.Context(), support, list); err != nil {
			t.Fatal(err)
		}
	}
	team, err := d.Team(t.Context(), support)
	if err != nil || team.Open["to94"] != 1 || team.Open["from0"] != -1 || team.Overflow != 95 {
		t.Errorf("the team is %+v, %v", team, err)
	}
}
