package provision

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long between two tries, and between two looks at what the provider shows.
const (
	firstPause = 2 * time.Second
	maxPause   = 30 * time.Second
	// minShow is how long a step is looked for at least, however soon the provider is said to show it.
	minShow = time.Minute
)

// work does the steps of one phase and reads them back. Mailboxes do not wait for one another: where the provider cannot
// do one step yet, the steps of the others go on. The two halves of an alias that moves follow each other.
func (a *application) work(ctx context.Context, ph phase) error {
	var lines [][]*task
	at := map[any]int{}
	for _, t := range a.tasks {
		if t.phase != ph || t.state != waiting {
			continue
		}
		var line any = t.site()
		if ph == moving {
			line = fold(t.Fact.Subject)
		}
		i, ok := at[line]
		if !ok {
			i = len(lines)
			at[line] = i
			lines = append(lines, nil)
		}
		lines[i] = append(lines[i], t)
	}
	for open := len(lines); open > 0; {
		var next *task // the one that is due first of those that have to wait
		open = 0
		for i, line := range lines {
			for len(line) > 0 && line[0].state == waiting {
				if t := line[0]; a.Now().Before(t.due) {
					break
				} else if err := a.try(ctx, t); err != nil {
					return err
				}
				if line[0].state == waiting {
					break
				}
				line = line[1:]
			}
			lines[i] = line
			if len(line) > 0 {
				open++
				if next == nil || line[0].due.Before(next.due) {
					next = line[0]
				}
			}
		}
		if open > 0 {
			if d := next.due.Sub(a.Now()); d > 0 {
				if err := a.wait(ctx, d, next, "the provider cannot do it yet: "+clean(next.failure.Error())); err != nil {
					return err
				}
			}
		}
	}
	return a.verify(ctx, ph)
}

// try does one step, unless something stands against it. The error is one that ends the apply.
func (a *application) try(ctx context.Context, t *task) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	admin := a.Estate.admin(&t.Step)
	if why := a.against(t, admin); why != "" {
		a.end(t, Untried, why)
		return nil
	}
	if t.Manual != "" {
		a.end(t, ByPerson, "")
		return nil
	}
	if err := a.hold(ctx); err != nil {
		return err
	}
	if !t.begun {
		if err := a.record(ctx, t.end.Step, Begun, ""); err != nil {
			return err
		}
		t.begun = true
		t.deadline = a.Now().Add(a.patience)
	}
	a.tell(Progress{Step: t.Step})
	t.tries++
	err := a.Estate.Do(ctx, t.Step)
	var notYet *NotYet
	var byHand *ByHand
	var refused *Refused
	switch {
	case err == nil:
		t.state = did
		a.done++
		return nil
	case ctx.Err() != nil:
		t.failure = err
		return ctx.Err()
	case errors.As(err, &byHand):
		t.end.Step.Manual = byHand.Instruction
		a.end(t, ByPerson, clean(byHand.Err.Error()))
		return a.fail(ctx, t, err)
	case errors.As(err, &refused):
		a.shut[admin] = clean(err.Error())
	case errors.As(err, &notYet):
		t.failure = err
		due := a.Now().Add(max(notYet.After, pause(t.tries)))
		if due.Before(t.deadline) {
			t.due = due
			return nil
		}
		t.failure = err
		a.end(t, Early, fmt.Sprintf("not after %s: %s", span(a.patience), clean(err.Error())))
	}
	if t.end.Outcome != Early {
		t.failure = err
		a.end(t, Broke, clean(err.Error()))
	}
	if _, already := a.over[t.site()]; !already {
		a.over[t.site()] = t.What
	}
	return a.fail(ctx, t, err)
}

// against is why the step must not be done now; empty when nothing is.
func (a *application) against(t *task, admin int) string {
	if admin < 0 {
		return errNobody.Error()
	}
	if why, ok := a.shut[admin]; ok {
		return "its administration lets nothing through: " + why
	}
	// Removals do not wait for one another: the less is held beyond the manifest, the better.
	if what, ok := a.over[t.site()]; ok && t.phase != removing {
		return "a step of the mailbox is not done: " + what
	}
	if why := a.waits(t, t); why != "" {
		return why
	}
	if t.phase == moving && t.Verb == Remove {
		return a.taker(t)
	}
	return ""
}

// waits is the step that the task waits for, other than one; empty when there is none.
func (a *application) waits(t, but *task) string {
	for _, k := range t.needs(t.row) {
		for _, p := range a.providers[k] {
			if p == t || p == but || p.state == did || p.end != nil && p.end.Outcome == Shown {
				continue
			}
			return "it waits for another step: " + p.sentence()
		}
	}
	return ""
}

// taker is why the mailbox that an alias goes to would not take it over now, so that mail to it would bounce if it was taken
// from where it is; empty when it would.
func (a *application) taker(t *task) string {
	for _, p := range a.tasks {
		if p.phase != moving || p.Verb != Add || fold(p.Fact.Subject) != fold(t.Fact.Subject) || p.Provider != t.Provider {
			continue
		}
		if what, ok := a.over[p.site()]; ok {
			return "a step of the mailbox that it goes to is not done: " + what
		}
		if p.end == nil {
			return "it would not be taken over by this plan: " + p.sentence()
		}
		return a.waits(p, t)
	}
	return ""
}

// pause is how long to wait after so many tries.
func pause(tries int) time.Duration {
	d := firstPause
	for i := 1; i < tries && d < maxPause; i++ {
		d *= 2
	}
	return min(d, maxPause)
}

// end settles what became of the task.
func (a *application) end(t *task, o Outcome, says string) {
	if t.state != did {
		a.done++
	}
	t.state, t.end.Outcome, t.end.Says = ended, o, says
}
