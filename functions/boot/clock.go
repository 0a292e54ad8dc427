package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/msgraph"
)

// renewBefore is how long before its end a watch is renewed. Graph's last seven days and Google advises to renew daily, so
// with half of it left there is time for every kind of outage.
const renewBefore = 84 * time.Hour

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
	if c.URL == "" || b.gmail != nil && c.Topic == "" {
		return false, nil
	}
	have, err := c.Watches.WatchesOf(ctx, id)
	if err != nil {
		return false, err
	}
	var last pipeline.Watch // the one that lasts longest
	for _, w := range have {
		if w.Expires.After(last.Expires) {
			last = w
		}
	}
	target := c.URL
	if b.gmail != nil {
		target = c.Topic
	}
	moved := last.ID != "" && last.Target != target
	live := last.Expires.After(now) && !moved
	if !moved && last.Expires.Sub(now) >= renewBefore || now.Before(c.rest[id]) || !try {
		return live, nil
	}
	if moved {
		err = c.end(ctx, b, last)
		last = pipeline.Watch{}
	}
	var fresh pipeline.Watch
	if err == nil {
		fresh, err = c.renew(ctx, b, last)
		fresh.Target = target
	}
	now = c.Now() // it may have taken its time
	c.rest[id] = now.Add(retryWatch)
	if err != nil {
		var throttled *pipeline.Throttled
		if errors.As(err, &throttled) {
			c.rest[id] = now.Add(max(throttled.After, retryWatch))
		}
		return live, err
	}
	if err := c.Watches.SaveWatch(ctx, fresh); err != nil {
		return live, fmt.Errorf("keep the watch of %s: %w", id, err)
	}
	// What happened before the watch stood has raised no notification, so a sweep is due.
	delete(c.swept, id)
	delete(c.rest, id)
	for _, old := range have {
		if old.ID != fresh.ID {
			if err := c.Watches.DropWatch(ctx, old.ID); err != nil {
				return true, fmt.Errorf("forget an old watch of %s: %w", id, err)
			}
		}
	}
	return true, nil
}

// renew puts off the end of a watch at the provider; one without an id is created.
func (c *Clock) renew(ctx context.Context, b *mailbox, old pipeline.Watch) (pipeline.Watch, error) {
	if b.gmail != nil {
		return b.gmail.Watch(ctx, c.Topic)
	}
	w := c.watcher(b)
	if old.ID == "" {
		return w.Ensure(ctx)
	}
	return w.Renew(ctx, old)
}

// end stops a watch that tells somebody else than us; renewing would leave it as it is.
func (c *Clock) end(ctx context.Context, b *mailbox, old pipeline.Watch) error {
	if b.gmail != nil {
		return b.gmail.Stop(ctx)
	}
	return c.watcher(b).Delete(ctx, old.ID)
}

func (c *Clock) watcher(b *mailbox) *msgraph.Watcher {
	return &msgraph.Watcher{
		Client: c.Clients.Graph, Mailbox: b.entry.Policy.Mailbox, Now: c.Now, Rand: c.Rand,
		NotificationURL: c.URL + web.GraphPath, LifecycleURL: c.URL + web.GraphLifecyclePath,
	}
}
