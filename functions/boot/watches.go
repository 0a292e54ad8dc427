package boot

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/msgraph"
)

// renewBefore is how long before its end a watch is renewed at the latest. Graph's last seven days and Google advises to renew
// daily, so with half of it left there is time for every kind of outage.
const renewBefore = 84 * time.Hour

// keeper has watches made, renewed and ended at the providers and keeps them. When, is for Clock and Tick to say. Its
// methods may be called at once for different mailboxes.
type keeper struct {
	watches    pipeline.Watches
	clients    Clients
	url, topic string
	now        func() time.Time
	rand       io.Reader
}

// standing is what is known of a mailbox's watch.
type standing struct {
	kept  []pipeline.Watch
	last  pipeline.Watch // of those that tell us, else of all, the one that lasts longest; without an id there is none
	moved bool           // it tells somebody else than us
}

// live reports whether notifications come.
func (s standing) live(now time.Time) bool { return !s.moved && s.last.Expires.After(now) }

// target is whom the mailbox's watch is to tell. It is empty when there is nobody to be told.
func (k keeper) target(b *mailbox) string {
	if b.gmail != nil && k.url != "" {
		return k.topic
	}
	return k.url
}

func (k keeper) standing(ctx context.Context, b *mailbox) (s standing, err error) {
	if s.kept, err = k.watches.WatchesOf(ctx, b.entry.Policy.Mailbox); err != nil {
		return s, err
	}
	for _, w := range s.kept {
		moved := w.Target != k.target(b)
		if s.last.ID == "" || s.moved && !moved || s.moved == moved && w.Expires.After(s.last.Expires) {
			s.last, s.moved = w, moved
		}
	}
	return s, nil
}

// obtain has the mailbox's watch last as long as can be had: it renews the one there is, or creates one. Renewing would
// leave one that tells somebody else as it is, so that one is ended before. Nothing is kept yet.
func (k keeper) obtain(ctx context.Context, b *mailbox, s standing) (w pipeline.Watch, err error) {
	graph := k.graph(b.entry.Policy.Mailbox)
	switch {
	case b.gmail != nil:
		if s.moved {
			if err := b.gmail.Stop(ctx); err != nil {
				return w, err
			}
		}
		w, err = b.gmail.Watch(ctx, k.topic)
	case s.moved:
		if err := graph.Delete(ctx, s.last.ID); err != nil {
			return w, err
		}
		w, err = graph.Ensure(ctx)
	case s.last.ID == "":
		w, err = graph.Ensure(ctx)
	default:
		w, err = graph.Renew(ctx, s.last)
	}
	w.Target = k.target(b)
	return w, err
}

// keep saves a watch that was obtained and forgets the others that were kept when it was asked for. One that another
// run has saved meanwhile stays, because it may be the one that the provider still has.
func (k keeper) keep(ctx context.Context, fresh pipeline.Watch, s standing) error {
	if err := k.watches.SaveWatch(ctx, fresh); err != nil {
		return fmt.Errorf("keep the watch of %s: %w", fresh.Mailbox, err)
	}
	for _, old := range s.kept {
		if old.ID != fresh.ID {
			if err := k.watches.DropWatch(ctx, old.ID); err != nil {
				return fmt.Errorf("forget an old watch of %s: %w", fresh.Mailbox, err)
			}
		}
	}
	return nil
}

func (k keeper) graph(id inbox.MailboxID) *msgraph.Watcher {
	return &msgraph.Watcher{
		Client: k.clients.Graph, Mailbox: id, Now: k.now, Rand: k.rand,
		NotificationURL: k.url + web.GraphPath, LifecycleURL: k.url + web.GraphLifecyclePath,
	}
}
