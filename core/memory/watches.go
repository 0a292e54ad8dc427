package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Watches is a pipeline.Watches. Its zero value is empty and ready; Fail is set before the first call and is asked
// with the name of the method.
type Watches struct {
	Fail func(op string) (before, after error)

	mu   sync.Mutex
	byID map[string]pipeline.Watch
	of   map[inbox.MailboxID][]string // ids, sorted
}

var _ pipeline.Watches = (*Watches)(nil)

// Watch implements pipeline.Watches.
func (w *Watches) Watch(ctx context.Context, id string) (found pipeline.Watch, ok bool, err error) {
	err = w.call(ctx, "Watch", func() error {
		found, ok = w.byID[id]
		return nil
	})
	if err != nil {
		return pipeline.Watch{}, false, err
	}
	return found, ok, nil
}

// SaveWatch implements pipeline.Watches.
func (w *Watches) SaveWatch(ctx context.Context, watch pipeline.Watch) error {
	return w.call(ctx, "SaveWatch", func() error {
		if watch.ID == "" || watch.Mailbox == "" {
			return misuse("a watch %q of mailbox %q", watch.ID, watch.Mailbox)
		}
		w.drop(watch.ID)
		if w.byID == nil {
			w.byID, w.of = map[string]pipeline.Watch{}, map[inbox.MailboxID][]string{}
		}
		w.byID[watch.ID] = watch
		ids := append(w.of[watch.Mailbox], watch.ID)
		slices.Sort(ids)
		w.of[watch.Mailbox] = ids
		return nil
	})
}

// DropWatch implements pipeline.Watches.
func (w *Watches) DropWatch(ctx context.Context, id string) error {
	return w.call(ctx, "DropWatch", func() error {
		w.drop(id)
		return nil
	})
}

// WatchesOf implements pipeline.Watches. They come in the order of their ids.
func (w *Watches) WatchesOf(ctx context.Context, mailbox inbox.MailboxID) (out []pipeline.Watch, err error) {
	err = w.call(ctx, "WatchesOf", func() error {
		for _, id := range w.of[mailbox] {
			out = append(out, w.byID[id])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (w *Watches) drop(id string) {
	was, ok := w.byID[id]
	if !ok {
		return
	}
	delete(w.byID, id)
	w.of[was.Mailbox] = slices.DeleteFunc(w.of[was.Mailbox], func(x string) bool { return x == id })
}

func (w *Watches) call(ctx context.Context, op string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before, after := ask(w.Fail, op)
	if before != nil {
		return before
	}
	w.mu.Lock()
	err := do()
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return after
}
