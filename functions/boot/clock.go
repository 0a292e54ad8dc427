package boot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/msgraph"
)

// renewBefore is how long before its end a watch is renewed. Graph's last seven days and Google advises to renew daily, so
// with half of it left there is time for every kind of outage.
const renewBefore = 84 * time.Hour

// retryWatch is how long a watch that could not be renewed is left alone; the provider has usually said why, and an hour's
// worth of tries would not change it.
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
	tried map[inbox.MailboxID]time.Time // when renewing a watch failed last
}

// Tick does what is due. It is called by one goroutine. What fails is logged and due again at the next tick.
func (c *Clock) Tick(ctx context.Context) {
	if c.swept == nil {
		c.swept, c.tried = map[inbox.MailboxID]time.Time{}, map[inbox.MailboxID]time.Time{}
	}
	for _, id := range c.Mailboxes.IDs() {
		if ctx.Err() != nil {
			return
		}
		now := c.Now()
		watched, err := c.watch(ctx, id, now)
		if err != nil {
			c.Log.Warn("no notifications for now, the mailbox is polled", "mailbox", id, "error", err.Error())
		}
		period := c.Poll
		if watched {
			period = c.Sweep
		}
		if last, ok := c.swept[id]; ok && now.Sub(last) < period {
			continue
		}
		if err := c.Hints.Enqueue(ctx, pipeline.Hint{Mailbox: id, Source: "sweep", At: now}); err != nil {
			c.Log.Error("enqueue a sweep", "mailbox", id, "error", err.Error())
			continue
		}
		c.swept[id] = now
	}
}

// watch creates or renews the mailbox's watch if that is due, and reports whether there is one.
func (c *Clock) watch(ctx context.Context, id inbox.MailboxID, now time.Time) (bool, error) {
	b := c.Mailboxes.byID[id]
	graph := b.entry.Provider == manifest.M365
	if c.URL == "" || !graph && c.Topic == "" {
		return false, nil
	}
	have, err := c.Watches.WatchesOf(ctx, id)
	if err != nil {
		return false, err
	}
	due, live := true, false
	for _, w := range have {
		due = due && w.Expires.Sub(now) < renewBefore
		live = live || w.Expires.After(now)
	}
	if !due || c.tried[id].After(now.Add(-retryWatch)) {
		return live, nil
	}
	c.tried[id] = now
	var fresh pipeline.Watch
	switch {
	case !graph:
		fresh, err = b.gmail.Watch(ctx, c.Topic)
	default:
		w := &msgraph.Watcher{
			Client: c.Clients.Graph, Mailbox: id, Now: c.Now, Rand: c.Rand,
			NotificationURL: c.URL + web.GraphPath, LifecycleURL: c.URL + web.GraphLifecyclePath,
		}
		if len(have) > 0 {
			fresh, err = w.Renew(ctx, have[0])
		} else {
			fresh, err = w.Ensure(ctx)
		}
	}
	if err != nil {
		return live, err
	}
	if err := c.Watches.SaveWatch(ctx, fresh); err != nil {
		return live, fmt.Errorf("keep the watch of %s: %w", id, err)
	}
	for _, old := range have {
		if old.ID != fresh.ID {
			if err := c.Watches.DropWatch(ctx, old.ID); err != nil {
				return true, err
			}
		}
	}
	delete(c.tried, id)
	// What happened before the watch stood has raised no notification.
	return true, c.Hints.Enqueue(ctx, pipeline.Hint{Mailbox: id, Source: "watch", At: now})
}
