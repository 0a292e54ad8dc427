package coretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// atOnce runs n functions at once and gives how many succeeded. An error other than ErrConflict fails the test.
func atOnce(t *testing.T, n int, do func(i int) error) int {
	t.Helper()
	errs := make([]error, n)
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range n {
		end.Go(func() {
			start.Wait()
			errs[i] = do(i)
		})
	}
	start.Done()
	end.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, pipeline.ErrConflict):
			t.Errorf("got %v, want success or ErrConflict", err)
		}
	}
	return won
}

// storeAtOnce lets a sync and several persons decide on one conversation at the same time, again and again.
func storeAtOnce(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	st := newStory(support, "a")
	ok(t, s.Commit(ctx, support, []pipeline.Unit{st.receive("m1", "t1", at(0))}))
	for round := range 10 {
		won := atOnce(t, 8, func(i int) error {
			mine := *st
			u := mine.then(assigned(inbox.MemberID(fmt.Sprint("member", i)), at(round)))
			u.Shift = shift("one", 1)
			return s.Commit(ctx, support, []pipeline.Unit{u})
		})
		if won != 1 {
			t.Fatalf("round %d: %d commits at one seq succeeded, want 1", round, won)
		}
		st.now = must(s.Conversations(ctx, support, []inbox.ConversationID{st.now.ID}))(t)[st.now.ID]
	}
	timeline := must(s.Timeline(ctx, support, st.now.ID, 0, 0))(t)
	if len(timeline) != 11 || st.now.Seq != 11 {
		t.Errorf("%d events, seq %d, want 11", len(timeline), st.now.Seq)
	}
	equal(t, "replay of the timeline", inbox.Replay(st.now.ID, support, timeline), st.now)
	if team := must(s.Team(ctx, support))(t); team.Open["one"] != 10 {
		t.Errorf("the team has %d, want a shift for each commit that succeeded: 10", team.Open["one"])
	}
	if n := len(must(s.Pending(ctx, support, 0))(t)); n != 11 {
		t.Errorf("%d pending, want 11", n)
	}
}

// storeNewAtOnce lets several begin a conversation with one message, and save one mailbox's progress.
func storeNewAtOnce(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	won := atOnce(t, 8, func(i int) error {
		return s.Commit(ctx, support, []pipeline.Unit{newStory(support, fmt.Sprint("c", i)).receive("m1", "t1", at(0))})
	})
	if list := must(s.List(ctx, support, "", 0))(t); won != 1 || len(list) != 1 {
		t.Errorf("%d commits succeeded and %d conversations have message m1, want 1", won, len(list))
	}
	won = atOnce(t, 8, func(i int) error {
		return s.SaveProgress(ctx, support, pipeline.Progress{Cursor: inbox.Cursor(fmt.Sprint("c", i))})
	})
	if p := must(s.Mailbox(ctx, support))(t); won != 1 || p.Version != 1 {
		t.Errorf("%d writes of progress succeeded, version %d, want 1", won, p.Version)
	}
}

// storeMailboxesAtOnce works several mailboxes at once, reading and settling beside the commits.
func storeMailboxesAtOnce(t *testing.T, s pipeline.Store) {
	ctx := context.Background()
	const mailboxes, rounds = 6, 20
	won := atOnce(t, mailboxes, func(i int) error {
		mailbox := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		st := newStory(mailbox, "a")
		for n := range rounds {
			u := st.receive(inbox.MessageID(fmt.Sprint("m", n)), "t1", at(n))
			u.Shift = shift("one", 1)
			if err := s.Commit(ctx, mailbox, []pipeline.Unit{u}); err != nil {
				return err
			}
			pending, err := s.Pending(ctx, mailbox, 1)
			if err != nil || len(pending) != 1 {
				return fmt.Errorf("%s: %d pending: %w", mailbox, len(pending), err)
			}
			if err := s.Settle(ctx, mailbox, []string{pending[0].Key}, u.Joined); err != nil {
				return err
			}
		}
		return nil
	})
	if won != mailboxes {
		t.Fatalf("%d of %d mailboxes came to their end", won, mailboxes)
	}
	for i := range mailboxes {
		mailbox := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		list := must(s.List(ctx, mailbox, "", 0))(t)
		team := must(s.Team(ctx, mailbox))(t)
		if len(list) != 1 || list[0].Received != rounds || team.Open["one"] != rounds {
			t.Errorf("%s: %+v, team %+v", mailbox, list, team)
		}
		if n := len(must(s.Pending(ctx, mailbox, 0))(t)); n != 0 {
			t.Errorf("%s: %d pending, want 0", mailbox, n)
		}
	}
}
