package coretest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/pipeline"
)

// Watches runs the suite of pipeline.Watches; open and its reopen are as in Store.
func Watches(t *testing.T, open func(t *testing.T) (watches pipeline.Watches, reopen func() pipeline.Watches)) {
	ctx := context.Background()
	watch := func(id string, minutes int) pipeline.Watch {
		w := pipeline.Watch{ID: id, Mailbox: support, Target: "https://a.test", Expires: at(minutes), Renewed: at(minutes - 100)}
		copy(w.Secret[:], id+"\x00\xff")
		return w
	}
	find := func(t *testing.T, w pipeline.Watches, id string) (pipeline.Watch, bool) {
		t.Helper()
		found, there, err := w.Watch(ctx, id)
		ok(t, err)
		return found, there
	}
	of := func(t *testing.T, w pipeline.Watches) []pipeline.Watch {
		t.Helper()
		list, err := w.WatchesOf(ctx, support)
		ok(t, err)
		slices.SortFunc(list, func(a, b pipeline.Watch) int { return strings.Compare(a.ID, b.ID) })
		return list
	}

	t.Run("save, replace, drop", func(t *testing.T) {
		w, _ := open(t)
		if found, there := find(t, w, "s1"); there {
			t.Errorf("found %+v in an empty store", found)
		}
		equal(t, "watches of a mailbox without any", of(t, w), []pipeline.Watch(nil))
		other := watch("s3", 5)
		other.Mailbox = sales
		for _, x := range []pipeline.Watch{watch("s1", 1), watch("s2", 2), other, watch("s1", 9)} {
			ok(t, w.SaveWatch(ctx, x))
			found, there := find(t, w, x.ID)
			if !there {
				t.Fatalf("%s is not there", x.ID)
			}
			equal(t, "watch", found, x)
		}
		equal(t, "watches", of(t, w), []pipeline.Watch{watch("s1", 9), watch("s2", 2)})
		for range 2 { // an unknown id is no error
			ok(t, w.DropWatch(ctx, "s1"))
			if _, there := find(t, w, "s1"); there {
				t.Error("s1 is there after it was dropped")
			}
		}
		equal(t, "watches", of(t, w), []pipeline.Watch{watch("s2", 2)})
	})
	t.Run("a watch that changes its mailbox", func(t *testing.T) {
		w, _ := open(t)
		x := watch("s1", 1)
		x.Mailbox = sales
		ok(t, w.SaveWatch(ctx, x))
		ok(t, w.SaveWatch(ctx, watch("s1", 2)))
		equal(t, "watches", of(t, w), []pipeline.Watch{watch("s1", 2)})
		list, err := w.WatchesOf(ctx, sales)
		ok(t, err)
		equal(t, "watches of the mailbox before", list, []pipeline.Watch(nil))
	})
	t.Run("what was saved is there after a restart", func(t *testing.T) {
		w, reopen := open(t)
		if reopen == nil {
			t.Skip("these watches are not kept")
		}
		ok(t, w.SaveWatch(ctx, watch("s1", 1)))
		ok(t, w.SaveWatch(ctx, watch("s2", 2)))
		ok(t, w.DropWatch(ctx, "s2"))
		w = reopen()
		equal(t, "watches", of(t, w), []pipeline.Watch{watch("s1", 1)})
	})
}
