// Package clock is a clock that stands still until it is moved: the time of a test, of simulated tenants and of the demo's
// story. What waits by it waits no time at all.
package clock

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Clock may be used from several goroutines at once. The zero value stands at the zero time.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

// At is a clock that stands at t.
func At(t time.Time) *Clock { return &Clock{now: t} }

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set puts the clock to t, forward or back, with whatever monotonic reading t has.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// Advance lets the clock go on by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// AdvanceTo lets the clock go on to t, and does nothing when it is past that: it never goes back.
func (c *Clock) AdvanceTo(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
}

// Wait returns at once with the clock gone on by d, and writes d down for Waits. Its error is that of ctx; the clock has
// gone on even so.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return ctx.Err()
}

// Waits are the durations of all calls of Wait so far, in their order.
func (c *Clock) Waits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.waits)
}
