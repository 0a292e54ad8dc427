package coretest

import (
	"context"
	"testing"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Store runs the suite of pipeline.Store. open gives an empty store, and a reopen that closes it and opens what it has
// kept anew, as after a restart; reopen may be nil for a store that keeps nothing. open is called once a subtest, with
// its T.
func Store(t *testing.T, open func(t *testing.T) (store pipeline.Store, reopen func() pipeline.Store)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s pipeline.Store)
	}{
		{"progress", storeProgress},
		{"commit keeps a unit whole", storeCommitKeeps},
		{"commit at another seq conflicts", storeConflict},
		{"a known message conflicts", storeJoinedKnown},
		{"units before a conflict may stand, the rest does not", storeConflictAmongUnits},
		{"units of one commit may follow on one another", storeChainedUnits},
		{"events with a gap are refused", storeGap},
		{"a unit without events stores states", storeSeenOnly},
		{"pending, oldest first", storePending},
		{"settle", storeSettle},
		{"states are replaced", storeStates},
		{"threads, oldest first", storeThreads},
		{"messages in pages", storeMessages},
		{"timeline in pages", storeTimeline},
		{"list in pages", storeList},
		{"overflow, the longest open first", storeOverflow},
		{"team", storeTeam},
		{"handled", storeHandled},
		{"ids that are not there", storeMissing},
		{"mailboxes are apart", storeApart},
		{"values are copies", storeCopies},
		{"a cancelled context", storeCancelled},
		{"commits at once", storeAtOnce},
		{"new conversations at once", storeNewAtOnce},
		{"different mailboxes at once", storeMailboxesAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := open(t)
			test.run(t, s)
		})
	}
	t.Run("what was written is there after a restart", func(t *testing.T) {
		s, reopen := open(t)
		if reopen == nil {
			t.Skip("this store keeps nothing")
		}
		storeRestart(t, s, reopen)
	})
}

func storeProgress(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	p := must(s.Mailbox(ctx, support))(t)
	equal(t, "progress of a new mailbox", p, pipeline.Progress{})
	p.Cursor, p.CutOver, p.Listed = "c1", epoch, true
	p.Backlog = decide.Backlog{Mode: decide.BacklogTriageSince, Since: at(-24)}
	ok(t, s.SaveProgress(ctx, support, p))
	got := must(s.Mailbox(ctx, support))(t)
	want := p
	want.Version = p.Version + 1
	equal(t, "progress", got, want)

	p.Cursor = "c2" // still of the version before
	wantConflict(t, s.SaveProgress(ctx, support, p))
	equal(t, "progress after a conflict", must(s.Mailbox(ctx, support))(t), want)

	ahead := want
	ahead.Version += 5
	wantConflict(t, s.SaveProgress(ctx, support, ahead))

	got.Synced, got.Resyncs, got.Cursor = at(3), 2, inbox.Cursor("c3\x00é\"")
	ok(t, s.SaveProgress(ctx, support, got))
	got.Version++
	equal(t, "progress after the second write", must(s.Mailbox(ctx, support))(t), got)

	got.Listed, got.Listing, got.Midway, got.Relisting = false, pipeline.Listing{Read: 12_400, Of: 20_000}, true, true
	ok(t, s.SaveProgress(ctx, support, got))
	got.Version++
	equal(t, "progress midway", must(s.Mailbox(ctx, support))(t), got)
}

func storeMissing(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	ok(t, s.Commit(ctx, support, []pipeline.Unit{newStory(support, "a").receive("m1", "t1", at(0))}))
	if got := must(s.Known(ctx, support, []inbox.MessageID{"m1", "nothing"}))(t); len(got) != 1 {
		t.Errorf("known: %v", got)
	}
	if got := must(s.Conversations(ctx, support, []inbox.ConversationID{"nothing"}))(t); len(got) != 0 {
		t.Errorf("conversations: %v", got)
	}
	if got := must(s.Threads(ctx, support, []inbox.ThreadID{"nothing", "t1"}))(t); len(got) != 1 {
		t.Errorf("threads: %v", got)
	}
	if got := must(s.Messages(ctx, support, "nothing", "", 10))(t); len(got) != 0 {
		t.Errorf("messages: %v", got)
	}
	if got := must(s.Timeline(ctx, support, "nothing", 0, 10))(t); len(got) != 0 {
		t.Errorf("timeline: %v", got)
	}
	if got := must(s.Handled(ctx, support, []inbox.Address{"nobody@example.net"}))(t); len(got) != 0 {
		t.Errorf("handled: %v", got)
	}
	equal(t, "team", must(s.Team(ctx, sales))(t), assign.Team{})
	ok(t, s.Settle(ctx, support, []string{"nothing"}, nil))
	ok(t, s.Commit(ctx, support, nil))
	if got := must(s.Known(ctx, support, nil))(t); len(got) != 0 {
		t.Errorf("known of no ids: %v", got)
	}
}

func storeApart(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	// The same ids everywhere, as two mailboxes of one provider may have them.
	for i, mailbox := range []inbox.MailboxID{support, sales} {
		st := &story{inbox.Conversation{ID: "samesamesame", Mailbox: mailbox}}
		u := st.receive("m1", "t1", at(i))
		u.Shift = shift("one", 1+i)
		u.Handled = map[inbox.Address]assign.Handled{"jordis@example.net": {Member: "one", At: at(i)}}
		ok(t, s.Commit(ctx, mailbox, []pipeline.Unit{u}))
		ok(t, s.SaveProgress(ctx, mailbox, pipeline.Progress{Cursor: inbox.Cursor(mailbox)}))
	}
	ok(t, s.Settle(ctx, support, []string{"samesamesame/000000000001"}, nil))
	for i, mailbox := range []inbox.MailboxID{support, sales} {
		c := must(s.Conversations(ctx, mailbox, []inbox.ConversationID{"samesamesame"}))(t)["samesamesame"]
		if c.Mailbox != mailbox || !c.Opened.Equal(at(i)) {
			t.Errorf("%s: conversation of %s opened at %v", mailbox, c.Mailbox, c.Opened)
		}
		if k := must(s.Known(ctx, mailbox, []inbox.MessageID{"m1"}))(t)["m1"]; !k.At.Equal(at(i)) {
			t.Errorf("%s: message of %v", mailbox, k.At)
		}
		if n := len(must(s.Pending(ctx, mailbox, 0))(t)); n != i {
			t.Errorf("%s: %d pending, want %d", mailbox, n, i)
		}
		if team := must(s.Team(ctx, mailbox))(t); team.Open["one"] != 1+i {
			t.Errorf("%s: team %+v", mailbox, team)
		}
		if p := must(s.Mailbox(ctx, mailbox))(t); p.Cursor != inbox.Cursor(mailbox) {
			t.Errorf("%s: cursor %s", mailbox, p.Cursor)
		}
		h := must(s.Handled(ctx, mailbox, []inbox.Address{"jordis@example.net"}))(t)
		if !h["jordis@example.net"].At.Equal(at(i)) {
			t.Errorf("%s: handled %v", mailbox, h)
		}
		if n := len(must(s.List(ctx, mailbox, "", 10))(t)); n != 1 {
			t.Errorf("%s: lists %d", mailbox, n)
		}
	}
}

func storeCancelled(t *testing.T, s pipeline.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	u := newStory(support, "a").receive("m1", "t1", at(0))
	if err := s.Commit(ctx, support, []pipeline.Unit{u}); err == nil {
		return // it may have been too late to stop
	}
	ctx = context.Background()
	if got := must(s.Known(ctx, support, []inbox.MessageID{"m1"}))(t); len(got) != 0 {
		t.Error("a commit that failed before it began has written something")
	}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{u}))
}

func storeRestart(t *testing.T, s pipeline.Store, reopen func() pipeline.Store) {
	ctx := context.Background()
	a, b := newStory(support, "a"), newStory(support, "b")
	first := a.receive("m1", "t1", at(0))
	first.Shift = shift("one", 1)
	second := b.receive("m2", "t1", at(1))
	second.Shift = assign.Shift{Overflow: 1}
	second.Handled = map[inbox.Address]assign.Handled{"jordis@example.net": {Member: "two", At: at(1)}}
	ok(t, s.Commit(ctx, support, []pipeline.Unit{first, second}))
	escalation := b.then(escalated("two", at(2)))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{escalation}))
	ok(t, s.Settle(ctx, support, []string{first.Actions[0].Key}, nil))
	ok(t, s.SaveProgress(ctx, support, pipeline.Progress{Cursor: "c1", CutOver: epoch}))

	read := func(s pipeline.Store) []any {
		return []any{
			must(s.Mailbox(ctx, support))(t), must(s.Pending(ctx, support, 0))(t),
			must(s.Known(ctx, support, []inbox.MessageID{"m1", "m2"}))(t), must(s.List(ctx, support, "", 0))(t),
			must(s.Threads(ctx, support, []inbox.ThreadID{"t1"}))(t), must(s.Timeline(ctx, support, b.now.ID, 0, 0))(t),
			must(s.Messages(ctx, support, a.now.ID, "", 0))(t), must(s.Overflowing(ctx, support, 0))(t),
			must(s.Team(ctx, support))(t), must(s.Handled(ctx, support, []inbox.Address{"jordis@example.net"}))(t),
		}
	}
	before := read(s)
	s = reopen()
	equal(t, "after a restart", read(s), before)
	wantConflict(t, s.SaveProgress(ctx, support, pipeline.Progress{Cursor: "c0"}))
	third := a.then(assigned("one", at(9)))
	ok(t, s.Commit(ctx, support, []pipeline.Unit{third}))
	var keys []string
	for _, action := range must(s.Pending(ctx, support, 0))(t) {
		keys = append(keys, action.Key)
	}
	equal(t, "pending after a restart, oldest first", keys,
		[]string{second.Actions[0].Key, escalation.Actions[0].Key, third.Actions[0].Key})
}
