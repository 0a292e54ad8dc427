package provision

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// readAll reads what the plan is about, with patience for what only time can help.
func (a *application) readAll(ctx context.Context) error {
	deadline := a.Now().Add(a.patience)
	for tries := 1; ; tries++ {
		if err := a.holdFor(ctx, lockFor+time.Duration(len(a.want))*lockToRead); err != nil {
			return err
		}
		have, err := a.Estate.Read(ctx, a.want, nil)
		if ctx.Err() == nil {
			if err := a.hold(ctx); err != nil {
				return err
			}
		}
		var notYet *NotYet
		if err == nil {
			a.have = strangers(have, len(a.want), a.all)
			return nil
		}
		if !errors.As(err, &notYet) {
			return err
		}
		d := max(notYet.After, pause(tries))
		if !a.Now().Add(d).Before(deadline) {
			return err
		}
		if err := a.waitUntil(ctx, d, deadline, nil, "what there is cannot be read yet: "+clean(err.Error())); err != nil {
			return err
		}
	}
}

// hold keeps the lock ours for one step at least, and not for much longer.
func (a *application) hold(ctx context.Context) error { return a.holdFor(ctx, lockFor) }

// holdFor keeps the lock ours for half of the span at least.
func (a *application) holdFor(ctx context.Context, span time.Duration) error {
	now := a.Now()
	rest := a.until.Sub(now)
	if rest > span/2 && rest <= span {
		return nil
	}
	lapsed := !a.until.IsZero() && rest <= 0
	until := now.Add(span)
	if err := a.Locks.Lock(ctx, a.Holder, now, until); err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if a.until = until; lapsed {
		return ErrLapsed
	}
	return nil
}

func (a *application) wait(ctx context.Context, d time.Duration, t *task, why string) error {
	return a.waitUntil(ctx, d, t.deadline, t, why)
}

// waitUntil lets d pass in pieces, between which the lock is kept; until is when it gives up, for the progress bar.
func (a *application) waitUntil(ctx context.Context, d time.Duration, until time.Time, t *task, why string) error {
	p := Progress{Waiting: why, Since: a.Now(), Until: until}
	if t != nil {
		p.Step = t.Step
	}
	end := p.Since.Add(d)
	for {
		a.tell(p)
		rest := end.Sub(a.Now())
		if rest <= 0 {
			return nil
		}
		if err := a.Wait(ctx, min(rest, lockFor/4)); err != nil {
			return err
		}
		if err := a.hold(ctx); err != nil {
			return err
		}
	}
}

func (a *application) tell(p Progress) {
	if a.Tell == nil {
		return
	}
	p.Done, p.Total = a.done, a.total
	a.Tell(p)
}
