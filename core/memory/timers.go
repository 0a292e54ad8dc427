package memory

import (
	"context"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Timers is a pipeline.Timers. Its zero value is empty and ready; Fail is set before the first call and is asked with
// the name of the method.
type Timers struct {
	Fail func(op string) (before, after error)

	mu     sync.Mutex
	timers map[timerKey]time.Time
}

type timerKey struct {
	mailbox inbox.MailboxID
	name    string
}

var _ pipeline.Timers = (*Timers)(nil)

// SetTimer implements pipeline.Timers.
func (t *Timers) SetTimer(ctx context.Context, timer pipeline.Timer) error {
	return t.call(ctx, "SetTimer", func() error {
		if timer.Mailbox == "" || timer.Name == "" {
			return misuse("a timer %q of mailbox %q", timer.Name, timer.Mailbox)
		}
		if t.timers == nil {
			t.timers = map[timerKey]time.Time{}
		}
		t.timers[timerKey{timer.Mailbox, timer.Name}] = timer.Due.Truncate(time.Millisecond)
		return nil
	})
}

// DropTimer implements pipeline.Timers.
func (t *Timers) DropTimer(ctx context.Context, timer pipeline.Timer) error {
	return t.call(ctx, "DropTimer", func() error {
		key := timerKey{timer.Mailbox, timer.Name}
		if due, ok := t.timers[key]; ok && due.Equal(timer.Due.Truncate(time.Millisecond)) {
			delete(t.timers, key)
		}
		return nil
	})
}

// Timer implements pipeline.Timers.
func (t *Timers) Timer(ctx context.Context, mailbox inbox.MailboxID, name string) (found pipeline.Timer, ok bool, err error) {
	err = t.call(ctx, "Timer", func() error {
		var due time.Time
		due, ok = t.timers[timerKey{mailbox, name}]
		found = pipeline.Timer{Mailbox: mailbox, Name: name, Due: due}
		return nil
	})
	if err != nil || !ok {
		return pipeline.Timer{}, false, err
	}
	return found, true, nil
}

// DueTimers implements pipeline.Timers. The order changes from call to call.
func (t *Timers) DueTimers(ctx context.Context, now time.Time, limit int) (due []pipeline.Timer, err error) {
	err = t.call(ctx, "DueTimers", func() error {
		for key, at := range t.timers {
			if len(due) < limit && !at.After(now) {
				due = append(due, pipeline.Timer{Mailbox: key.mailbox, Name: key.name, Due: at})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

func (t *Timers) call(ctx context.Context, op string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, after := ask(t.Fail, op)
	if before != nil {
		return before
	}
	if err := do(); err != nil {
		return err
	}
	return after
}
