package coretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/postroom/postroom/core/provision"
)

// Locks runs the suite of provision.Locks; open and its reopen are as in Store.
func Locks(t *testing.T, open func(t *testing.T) (locks provision.Locks, reopen func() provision.Locks)) {
	ctx := context.Background()
	held := func(t *testing.T, err error, holder string, untilMinutes int) {
		t.Helper()
		var locked *provision.Locked
		if !errors.As(err, &locked) {
			t.Fatalf("got %v, want that it is locked", err)
		}
		if locked.Holder != holder || !locked.Until.Equal(at(untilMinutes)) {
			t.Errorf("locked by %q until %s, want %q until %s", locked.Holder, locked.Until, holder, at(untilMinutes))
		}
	}

	t.Run("one holder at a time", func(t *testing.T) {
		l, _ := open(t)
		ok(t, l.Unlock(ctx, "anna")) // of what nobody has
		ok(t, l.Lock(ctx, "anna", at(0), at(10)))
		held(t, l.Lock(ctx, "ben", at(5), at(50)), "anna", 10)
		ok(t, l.Lock(ctx, "anna", at(6), at(20)))
		held(t, l.Lock(ctx, "ben", at(15), at(50)), "anna", 20)
		ok(t, l.Unlock(ctx, "ben"))
		held(t, l.Lock(ctx, "ben", at(15), at(50)), "anna", 20)
		ok(t, l.Unlock(ctx, "anna"))
		ok(t, l.Unlock(ctx, "anna"))
		ok(t, l.Lock(ctx, "ben", at(15), at(50)))
		held(t, l.Lock(ctx, "anna", at(16), at(60)), "ben", 50)
	})
	t.Run("its holder may shorten it", func(t *testing.T) {
		l, _ := open(t)
		ok(t, l.Lock(ctx, "anna", at(0), at(60)))
		ok(t, l.Lock(ctx, "anna", at(1), at(2)))
		ok(t, l.Lock(ctx, "ben", at(3), at(9)))
	})
	t.Run("it lapses", func(t *testing.T) {
		l, _ := open(t)
		ok(t, l.Lock(ctx, "anna", at(0), at(10)))
		held(t, l.Lock(ctx, "ben", at(10).Add(-1), at(50)), "anna", 10)
		ok(t, l.Lock(ctx, "ben", at(10), at(20)))
		held(t, l.Lock(ctx, "anna", at(11), at(30)), "ben", 20)
		ok(t, l.Unlock(ctx, "anna")) // she has lost it, so this is nothing
		held(t, l.Lock(ctx, "cleo", at(12), at(30)), "ben", 20)
	})
	t.Run("of many at once one gets it", func(t *testing.T) {
		l, _ := open(t)
		var got atomic.Int32
		var g sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			g.Go(func() {
				errs[n] = l.Lock(ctx, fmt.Sprint("holder ", n), at(0), at(10))
				if errs[n] == nil {
					got.Add(1)
				}
			})
		}
		g.Wait()
		if got.Load() != 1 {
			t.Errorf("%d have the lock: %v", got.Load(), errs)
		}
		for _, err := range errs {
			var locked *provision.Locked
			if err != nil && !errors.As(err, &locked) {
				t.Error(err)
			}
		}
	})
	t.Run("it stays over a restart", func(t *testing.T) {
		l, reopen := open(t)
		if reopen == nil {
			t.Skip("these locks are not kept")
		}
		ok(t, l.Lock(ctx, "anna", at(0), at(10)))
		l = reopen()
		held(t, l.Lock(ctx, "ben", at(1), at(2)), "anna", 10)
	})
}
