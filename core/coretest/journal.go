package coretest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Journal runs the suite of provision.Journal; open and its reopen are as in Store.
func Journal(t *testing.T, open func(t *testing.T) (journal provision.Journal, reopen func() provision.Journal)) {
	ctx := context.Background()
	entry := func(mailbox inbox.MailboxID, n int, stage provision.Stage, minutes int) provision.Entry {
		return provision.Entry{
			Key: fmt.Sprintf("plan/%d", n), Mailbox: mailbox, At: at(minutes), By: "anna@laptop", Stage: stage, Verb: provision.Add,
			Fact: provision.Fact{Aspect: provision.SendAs, Subject: "anna@contoso.com"}, Before: "", After: "x", What: "let anna answer", Why: "members of " + string(mailbox),
		}
	}
	all := func(t *testing.T, j provision.Journal, mailbox inbox.MailboxID, limit int) (out []provision.Entry) {
		t.Helper()
		for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
			list, next, err := j.Entries(ctx, mailbox, cursor, limit)
			ok(t, err)
			if len(list) > limit {
				t.Fatalf("%d entries, limit %d", len(list), limit)
			}
			if page > 1000 || next != "" && next == cursor {
				t.Fatalf("page %d of %d entries ends at %q, and it goes on", page, len(out), next)
			}
			out, cursor = append(out, list...), next
		}
		return out
	}

	t.Run("the oldest first, each mailbox by itself", func(t *testing.T) {
		j, _ := open(t)
		equal(t, "an empty journal", all(t, j, support, 10), []provision.Entry(nil))
		var want []provision.Entry
		for n := range 7 {
			want = append(want, entry(support, n, provision.Begun, n), entry(support, n, provision.Done, n))
		}
		tenant, other := entry("", 1, provision.Begun, 3), entry(sales, 1, provision.Begun, 4)
		ok(t, j.Record(ctx, []provision.Entry{want[2], tenant}))
		ok(t, j.Record(ctx, append(slices.Clone(want[3:]), other)))
		ok(t, j.Record(ctx, want[:2])) // what a second process recorded with a slower clock
		ok(t, j.Record(ctx, nil))
		for _, limit := range []int{1, 3, 14, 100} {
			equal(t, fmt.Sprint("by ", limit), all(t, j, support, limit), want)
		}
		equal(t, "of the tenant", all(t, j, "", 10), []provision.Entry{tenant})
		equal(t, "of another mailbox", all(t, j, sales, 10), []provision.Entry{other})
	})
	t.Run("times beyond the common", func(t *testing.T) {
		j, _ := open(t)
		early, late := entry(support, 1, provision.Begun, -40_000_000), entry(support, 2, provision.Begun, 0)
		fine := entry(support, 3, provision.Begun, 0)
		late.At = late.At.Add(2)
		fine.At = fine.At.Add(1)
		ok(t, j.Record(ctx, []provision.Entry{late, fine, early}))
		equal(t, "entries", all(t, j, support, 2), []provision.Entry{early, fine, late})
	})
	t.Run("one of each key and stage", func(t *testing.T) {
		j, _ := open(t)
		first := entry(support, 1, provision.Begun, 1)
		again := first
		again.At, again.Says = at(9), "once more"
		done, other := entry(support, 1, provision.Done, 2), entry(sales, 1, provision.Begun, 1)
		ok(t, j.Record(ctx, []provision.Entry{first}))
		ok(t, j.Record(ctx, []provision.Entry{again, done, again, done, other}))
		ok(t, j.Record(ctx, []provision.Entry{done, other}))
		equal(t, "entries", all(t, j, support, 10), []provision.Entry{first, done})
		equal(t, "of another mailbox", all(t, j, sales, 10), []provision.Entry{other})
	})
	t.Run("a reader goes on where it was", func(t *testing.T) {
		j, _ := open(t)
		a, b := entry(support, 1, provision.Begun, 1), entry(support, 1, provision.Done, 2)
		c := entry(support, 2, provision.Failed, 3)
		c.Says = "refused:\nsee <https://example.com> “now”\x00"
		ok(t, j.Record(ctx, []provision.Entry{a, b}))
		list, cursor, err := j.Entries(ctx, support, "", 1)
		ok(t, err)
		equal(t, "the first", list, []provision.Entry{a})
		ok(t, j.Record(ctx, []provision.Entry{c}))
		list, cursor, err = j.Entries(ctx, support, cursor, 2)
		ok(t, err)
		equal(t, "the rest", list, []provision.Entry{b, c})
		if cursor != "" {
			if list, _, err = j.Entries(ctx, support, cursor, 2); len(list) > 0 || err != nil {
				t.Errorf("after the end: %v, %v", list, err)
			}
		}
	})
	t.Run("many at once", func(t *testing.T) {
		j, _ := open(t)
		const writers, each = 4, 40
		var g sync.WaitGroup
		errs := make([]error, writers)
		for w := range writers {
			g.Go(func() {
				var list []provision.Entry
				for n := range each { // half of them are those of the next writer too
					list = append(list, entry(support, w*each/2+n, provision.Begun, n))
				}
				errs[w] = j.Record(ctx, list)
			})
		}
		g.Wait()
		for _, err := range errs {
			ok(t, err)
		}
		found := map[string]int{}
		for _, e := range all(t, j, support, 17) {
			found[e.Key]++
		}
		if len(found) != (writers+1)*each/2 {
			t.Errorf("%d keys, want %d", len(found), (writers+1)*each/2)
		}
		for key, n := range found {
			if n != 1 {
				t.Errorf("%s is there %d times", key, n)
			}
		}
	})
	t.Run("what was recorded is there after a restart", func(t *testing.T) {
		j, reopen := open(t)
		if reopen == nil {
			t.Skip("this journal is not kept")
		}
		a, b := entry(support, 1, provision.Begun, 1), entry(support, 1, provision.Done, 2)
		ok(t, j.Record(ctx, []provision.Entry{a}))
		j = reopen()
		ok(t, j.Record(ctx, []provision.Entry{a, b}))
		j = reopen()
		equal(t, "entries", all(t, j, support, 10), []provision.Entry{a, b})
	})
}
