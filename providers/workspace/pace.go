package workspace

import (
	"context"
	"sync"
	"time"
)

// pace keeps requests apart in time.
type pace struct {
	every time.Duration
	now   func() time.Time
	wait  func(context.Context, time.Duration) error

	mu   sync.Mutex
	free time.Time // when the next may be sent
}

// turn waits for the next request's time.
func (p *pace) turn(ctx context.Context) (func(), error) {
	p.mu.Lock()
	now := p.now()
	at := p.free
	if at.Before(now) {
		at = now
	}
	p.free = at.Add(p.every)
	p.mu.Unlock()
	if d := at.Sub(now); d > 0 {
		if err := p.wait(ctx, d); err != nil {
			return nil, err
		}
	}
	return func() {}, nil
}
