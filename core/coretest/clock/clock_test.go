package clock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestMoves(t *testing.T) {
	t.Parallel()
	c := clock.At(noon)
	for _, step := range []struct {
		name string
		move func()
		want time.Duration // after noon
	}{
		{"stands still", func() {}, 0},
		{"advance", func() { c.Advance(time.Minute) }, time.Minute},
		{"advance to", func() { c.AdvanceTo(noon.Add(time.Hour)) }, time.Hour},
		{"never back to", func() { c.AdvanceTo(noon) }, time.Hour},
		{"set back", func() { c.Set(noon) }, 0},
	} {
		step.move()
		if got := c.Now().Sub(noon); got != step.want {
			t.Errorf("%s: %v after noon, want %v", step.name, got, step.want)
		}
	}
	if n := len(c.Waits()); n > 0 {
		t.Errorf("%d waits, and nobody waited", n)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	var c clock.Clock
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Wait(ctx, 2*time.Second); err != nil {
		t.Errorf("got %v", err)
	}
	cancel()
	if err := c.Wait(ctx, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of a context that is over", err)
	}
	if got := c.Now().Sub(time.Time{}); got != 3*time.Second {
		t.Errorf("gone on by %v", got)
	}
	waits := c.Waits()
	if want := []time.Duration{2 * time.Second, time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	waits[0] = 0
	if c.Waits()[0] == 0 {
		t.Error("the list given out is the clock's own")
	}
}

// Run with -race: simulators read the clock while a test moves it.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	c := clock.At(noon)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				c.Advance(time.Second)
				_ = c.Wait(t.Context(), time.Second)
				c.AdvanceTo(c.Now())
			}
		})
	}
	all.Wait()
	if got := c.Now().Sub(noon); got != 1600*time.Second || len(c.Waits()) != 800 {
		t.Errorf("%v after noon and %d waits", got, len(c.Waits()))
	}
}
