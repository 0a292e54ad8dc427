package provision

import (
	"context"
	"fmt"
	"time"
)

// verify reads back what was done in the phase until the provider shows it or patience is at its end.
func (a *application) verify(ctx context.Context, ph phase) error {
	var open []*task
	for _, t := range a.tasks {
		if t.phase == ph && t.state == did {
			open = append(open, t)
		}
	}
	began := a.Now()
	for looks := 1; len(open) > 0; looks++ {
		have, err := a.look(ctx, open)
		if err != nil {
			return err
		}
		var shown []*task
		rest := open[:0:0]
		var soonest time.Time
		cache := map[site]finding{}
		for _, t := range open {
			m := have[t.site()]
			limit := began.Add(min(a.patience, max(t.Delay, minShow)))
			switch {
			case m != nil && settled(&t.Step, m, cache):
				shown = append(shown, t)
			case !a.Now().Before(limit):
				a.end(t, Late, "the provider has taken it and does not show it yet; it may take "+span(max(t.Delay, minShow)))
			default:
				rest = append(rest, t)
				if soonest.IsZero() || limit.Before(soonest) {
					soonest = limit
				}
			}
		}
		for _, t := range shown {
			a.end(t, Shown, "")
		}
		if err := a.recordAll(ctx, shown, Done, ""); err != nil {
			return err
		}
		if open = rest; len(open) > 0 {
			d := min(pause(looks), soonest.Sub(a.Now()))
			if err := a.waitUntil(ctx, d, soonest, open[0], fmt.Sprintf("the provider does not show it yet (%d of this kind)", len(open))); err != nil {
				return err
			}
		}
	}
	return nil
}

// look reads what the tasks have changed. What cannot be read now is not there; a later look may see it.
func (a *application) look(ctx context.Context, tasks []*task) (map[site]*Mailbox, error) {
	wanted := make(map[site]*Mailbox, len(a.want))
	for i := range a.want {
		wanted[a.want[i].site()] = &a.want[i]
	}
	var about []Mailbox
	var aspects []Aspect
	asked, named := map[site]bool{}, map[Aspect]bool{}
	for _, t := range tasks {
		if at := t.site(); !asked[at] {
			asked[at] = true
			if w := wanted[at]; w != nil {
				about = append(about, *w)
			} else {
				about = append(about, Mailbox{Address: t.Mailbox, Provider: t.Provider})
			}
		}
		if !named[t.Fact.Aspect] {
			named[t.Fact.Aspect] = true
			aspects = append(aspects, t.Fact.Aspect)
		}
	}
	if err := a.holdFor(ctx, lockFor+time.Duration(len(about))*lockToRead); err != nil {
		return nil, err
	}
	have, err := a.Estate.Read(ctx, about, aspects)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	out := make(map[site]*Mailbox, len(have))
	if err == nil {
		for i := range have {
			out[have[i].site()] = &have[i]
		}
	}
	return out, nil
}
