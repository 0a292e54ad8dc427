package boot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// retryWatch is how long a watch that could not be had is left alone, or longer where the provider says so. The mailbox is
// polled meanwhile.
const retryWatch = time.Minute

// Clock keeps hints and watches coming: each tick sends a hint for every mailbox whose sweep is due, which heals whatever
// notification was lost, and renews the watches that near their end.
type Clock struct {
	Mailboxes *Mailboxes
	Hints     pipeline.Hints
	Watches   pipeline.Watches
	Clients   Clients
	Now       func() time.Time
	Log       *slog.Logger
	// Poll is how often a mailbox is read of which no notifications come, and Sweep how often one of which they do.
	Poll, Sweep time.Duration
	// URL is where the providers reach us, without a slash at its end; empty means that mailboxes are only swept.
	URL string
	// Topic is the Pub/Sub topic for Gmail; empty means that Gmail mailboxes are only swept.
	Topic string
	// Rand gives the secrets of Graph subscriptions; crypto/rand.Reader.
	Rand io.Reader

	swept map[inbox.MailboxID]time.Time
	rest  map[inbox.MailboxID]time.Time // until then a watch that could not be had is left alone

	mu    sync.Mutex
	again map[inbox.MailboxID]time.Time // when to look once more
}

// lookAgain is how long after a notification that came before its change the change is looked for. Graph's delta can lag
// behind its notifications by processing delays ("Use delta query to track changes"), and Gmail's history was seen to.
const lookAgain = 30 * time.Second

// Early takes note that a mailbox was read because of a notification and nothing had changed there yet, so that it is read
// once more soon. It may be called at once from many goroutines.
func (c *Clock) Early(id inbox.MailboxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again == nil {
		c.again = map[inbox.MailboxID]time.Time{}
	}
	c.again[id] = c.Now().Add(lookAgain)
}

// late reports whether it is time to look once more.
func (c *Clock) late(id inbox.MailboxID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.again[id]
	return ok && !now.Before(at)
}

func (c *Clock) looked(id inbox.MailboxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.again, id)
}

// Tick does what is due. It is called by one goroutine. What fails is logged and due again at the next tick.
func (c *Clock) Tick(ctx context.Context) {
	if c.swept == nil {
		c.swept, c.rest = map[inbox.MailboxID]time.Time{}, map[inbox.MailboxID]time.Time{}
	}
	reachable := true
	for _, id := range c.Mailboxes.IDs() {
		now := c.Now()
		watched, err := c.watch(ctx, id, now, reachable)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			reachable = reachable && answered(err)
			c.Log.Warn("no notifications for now, the mailbox is polled", "mailbox", id, "error", err.Error())
		}
		period := c.Poll
		if watched {
			period = c.Sweep
		}
		if last, ok := c.swept[id]; ok && now.Sub(last) < period && !c.late(id, now) {
			continue
		}
		if err := c.Hints.Enqueue(ctx, pipeline.Hint{Mailbox: id, Source: "sweep", At: now}); err != nil {
			c.Log.Error("enqueue a sweep", "mailbox", id, "error", err.Error())
			continue
		}
		c.swept[id] = now
		c.looked(id)
	}
}

// answered reports whether a failure is a provider's answer. One that did not answer may have been waited for, and the
// sweeps of the other mailboxes must not wait once for each.
func answered(err error) bool {
	var throttled *pipeline.Throttled
	var permanent *pipeline.Permanent
	return errors.As(err, &throttled) || errors.As(err, &permanent)
}

// watch creates or renews the mailbox's watch if that is due and try is set, and reports whether there is one.
func (c *Clock) watch(ctx context.Context, id inbox.MailboxID, now time.Time, try bool) (bool, error) {
	b := c.Mailboxes.byID[id]
	k := keeper{watches: c.Watches, clients: c.Clients, url: c.URL, topic: c.Topic, now: c.Now, rand: c.Rand}
	if k.target(b) == "" {
		return false, nil
	}
	s, err := k.standing(ctx, b)
	if err != nil {
		return false, err
	}
	live := s.live(now)
	if !s.moved && s.last.Expires.Sub(now) >= renewBefore || now.Before(c.rest[id]) || !try {
		return live, nil
	}
	fresh, err := k.obtain(ctx, b, s)
	now = c.Now() // it may have taken its time
	c.rest[id] = now.Add(retryWatch)
	if err != nil {
		var throttled *pipeline.Throttled
		if errors.As(err, &throttled) {
			c.rest[id] = now.Add(max(throttled.After, retryWatch))
		}
		return live, err
	}
	// What happened before the watch stood has raised no notification, so a sweep is due.
	delete(c.swept, id)
	if err := k.keep(ctx, fresh, s); err != nil {
		return live, err
	}
	delete(c.rest, id)
	return true, nil
}
