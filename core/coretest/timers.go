package coretest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Timers runs the suite of pipeline.Timers; open and its reopen are as in Store. What the list of due timers may lag by
// is waited for with settle, which may be nil.
func Timers(t *testing.T, settle func(), open func(t *testing.T) (timers pipeline.Timers, reopen func() pipeline.Timers)) {
	ctx := context.Background()
	due := func(t *testing.T, s pipeline.Timers, now time.Time, limit int) []pipeline.Timer {
		t.Helper()
		if settle != nil {
			settle()
		}
		list := must(s.DueTimers(ctx, now, limit))(t)
		slices.SortFunc(list, func(a, b pipeline.Timer) int {
			return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Name, b.Name))
		})
		return list
	}
	timer := func(mailbox inbox.MailboxID, name string, minutes int) pipeline.Timer {
		return pipeline.Timer{Mailbox: mailbox, Name: name, Due: at(minutes)}
	}

	t.Run("due when their time has come", func(t *testing.T) {
		s, _ := open(t)
		equal(t, "due in an empty store", due(t, s, at(0), 10), []pipeline.Timer(nil))
		a, b, c := timer(support, "watch", 1), timer(sales, "watch", 2), timer(support, "look again", -50_000_000)
		for _, x := range []pipeline.Timer{a, b, c} {
			ok(t, s.SetTimer(ctx, x))
		}
		equal(t, "due", due(t, s, at(0), 10), []pipeline.Timer{c})
		equal(t, "due to the moment", due(t, s, at(1), 10), []pipeline.Timer{c, a})
		equal(t, "due a millisecond before", due(t, s, at(2).Add(-time.Millisecond), 10), []pipeline.Timer{c, a})
		equal(t, "due at last", due(t, s, at(2), 10), []pipeline.Timer{c, a, b})
		equal(t, "due again", due(t, s, at(3), 10), []pipeline.Timer{c, a, b})
		if list := due(t, s, at(3), 2); len(list) != 2 {
			t.Errorf("%d timers, limit 2", len(list))
		}
	})
	t.Run("set anew", func(t *testing.T) {
		s, _ := open(t)
		if _, there, err := s.Timer(ctx, support, "watch"); there || err != nil {
			t.Errorf("a timer in an empty store: %v, %v", there, err)
		}
		for _, minutes := range []int{5, 1, 9} {
			ok(t, s.SetTimer(ctx, timer(support, "watch", minutes)))
			found, there, err := s.Timer(ctx, support, "watch")
			ok(t, err)
			if !there {
				t.Fatal("it is not there")
			}
			equal(t, "timer", found, timer(support, "watch", minutes))
		}
		equal(t, "due before", due(t, s, at(8), 10), []pipeline.Timer(nil))
		equal(t, "due", due(t, s, at(9), 10), []pipeline.Timer{timer(support, "watch", 9)})
		if _, there, err := s.Timer(ctx, sales, "watch"); there || err != nil {
			t.Errorf("another mailbox's timer: %v, %v", there, err)
		}
		fine := timer(support, "watch", 10)
		fine.Due = fine.Due.Add(1_999_999)
		ok(t, s.SetTimer(ctx, fine))
		if found, _, _ := s.Timer(ctx, support, "watch"); !found.Due.Equal(at(10).Add(time.Millisecond)) {
			t.Errorf("due at %v, want whole milliseconds", found.Due)
		}
		ok(t, s.DropTimer(ctx, fine))
		equal(t, "due after it was dropped", due(t, s, at(100), 10), []pipeline.Timer(nil))
	})
	t.Run("dropped only as it was", func(t *testing.T) {
		s, _ := open(t)
		old, anew := timer(support, "watch", 1), timer(support, "watch", 2)
		ok(t, s.SetTimer(ctx, old))
		ok(t, s.SetTimer(ctx, anew))
		ok(t, s.DropTimer(ctx, old))
		equal(t, "due", due(t, s, at(5), 10), []pipeline.Timer{anew})
		for range 2 { // one that is not there is no error
			ok(t, s.DropTimer(ctx, anew))
			equal(t, "due", due(t, s, at(5), 10), []pipeline.Timer(nil))
		}
		if _, there, err := s.Timer(ctx, support, "watch"); there || err != nil {
			t.Errorf("after it was dropped: %v, %v", there, err)
		}
	})
	t.Run("many", func(t *testing.T) {
		s, _ := open(t)
		const n = 300
		for i := range n {
			ok(t, s.SetTimer(ctx, timer(inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i%7)), fmt.Sprint("t", i), i)))
		}
		if list := due(t, s, at(n/2-1), n); len(list) != n/2 {
			t.Errorf("%d timers are due, want %d", len(list), n/2)
		}
		for left := n; left > 0; { // worked off in portions
			list := due(t, s, at(n), 70)
			if len(list) != min(left, 70) {
				t.Fatalf("%d timers in a portion, %d are left", len(list), left)
			}
			for _, x := range list {
				ok(t, s.DropTimer(ctx, x))
			}
			left -= len(list)
		}
	})
	t.Run("what was set is there after a restart", func(t *testing.T) {
		s, reopen := open(t)
		if reopen == nil {
			t.Skip("these timers are not kept")
		}
		ok(t, s.SetTimer(ctx, timer(support, "watch", 1)))
		ok(t, s.SetTimer(ctx, timer(sales, "watch", 1)))
		ok(t, s.DropTimer(ctx, timer(sales, "watch", 1)))
		equal(t, "due", due(t, reopen(), at(1), 10), []pipeline.Timer{timer(support, "watch", 1)})
	})
}
