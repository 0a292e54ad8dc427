package boot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// Planned is the answer to "plan".
type Planned struct {
	// Digest names what would be done; "apply" does exactly that, or nothing.
	Digest string `json:"digest"`
	Steps  int    `json:"steps"`
	Takes  int    `json:"takes"` // steps that take away access, an address or data
	Held   int    `json:"held"`
	Unread int    `json:"unread"`
	// Plan is left out when it is larger than an answer may be; ask for some mailboxes with "only" then.
	Plan  *provision.Plan `json:"plan,omitempty"`
	Stale bool            `json:"stale,omitempty"` // apply was asked for another plan than this one, and did nothing
}

// Applied is the answer to "apply" and "status".
type Applied struct {
	Task     string            `json:"task"`
	Ended    bool              `json:"ended"` // else it is under way in a further invocation; ask for its status
	Complete bool              `json:"complete"`
	Counts   map[string]int    `json:"counts,omitempty"` // how many steps ended how
	Report   *provision.Report `json:"report,omitempty"` // left out when it is larger than an answer may be
	Failed   string            `json:"failed,omitempty"` // why there is no report
}

// applyState is an apply that was asked for.
type applyState struct {
	Request request         `json:"request"`
	By      string          `json:"by"`
	Plan    *provision.Plan `json:"plan,omitempty"` // until it has ended
	Applied *Applied        `json:"applied,omitempty"`
}

// maxAnswer is how much of a plan or a report goes into an answer; Lambda takes 6 MB.
const maxAnswer = 5 << 20

// planned answers what would be done now. It changes nothing.
func (p *Provisioner) planned(ctx context.Context, r request) (Planned, error) {
	work, stop := p.within(ctx)
	defer stop()
	_, plan, err := p.planFor(work, r)
	if err != nil {
		return Planned{}, err
	}
	return answerPlan(plan)
}

func (p *Provisioner) planFor(ctx context.Context, r request) (w wish, plan provision.Plan, err error) {
	if w, err = p.wish(ctx); err != nil {
		return w, plan, err
	}
	plan, err = p.plan(ctx, w, r.AllowRemove, r.Only)
	for _, d := range w.unfit {
		if len(r.Only) == 0 || slices.Contains(r.Only, d.Address) {
			plan.Unread = append(plan.Unread, d.unread())
		}
	}
	return w, plan, err
}

func answerPlan(plan provision.Plan) (Planned, error) {
	digest, err := planDigest(plan)
	if err != nil {
		return Planned{}, err
	}
	out := Planned{Digest: digest, Steps: len(plan.Steps), Takes: plan.Taking(), Held: len(plan.Held), Unread: len(plan.Unread)}
	if b, err := json.Marshal(plan); err == nil && len(b) <= maxAnswer {
		out.Plan = &plan
	}
	return out, nil
}

// planDigest names what a plan does: the same steps after the same manifest have the same digest, whenever they are planned.
func planDigest(plan provision.Plan) (string, error) {
	b, err := json.Marshal(provision.Plan{Format: plan.Format, Manifest: plan.Manifest, AllowRemove: plan.AllowRemove, Only: plan.Only, Steps: plan.Steps})
	if err != nil {
		return "", err
	}
	return digest(b), nil
}

// apply does the plan that was shown, or nothing. An event that is delivered again goes on with what the first one began.
func (p *Provisioner) apply(ctx context.Context, id string, r request) (any, error) {
	t, there, err := p.loadTask(ctx, id)
	if err != nil {
		return nil, err
	}
	if there {
		return p.applyOn(ctx, t)
	}
	work, stop := p.within(ctx)
	defer stop()
	_, plan, err := p.planFor(work, r)
	if err != nil {
		return nil, err
	}
	if digest, err := planDigest(plan); err != nil || digest != r.Plan {
		out, err2 := answerPlan(plan)
		out.Stale = true
		p.Log.WarnContext(ctx, "apply refused: what would be done is not what was shown", "asked", r.Plan, "digest", digest)
		return out, errors.Join(err, err2)
	}
	t = &task{ID: id, Do: doApply, Began: p.Now(), Apply: &applyState{Request: r, By: r.whose(requestID(ctx)), Plan: &plan}}
	if err := p.saveTask(ctx, t); err != nil {
		return nil, err
	}
	return p.applyOn(ctx, t)
}

// applyOn does what is left of a task's plan.
func (p *Provisioner) applyOn(ctx context.Context, t *task) (any, error) {
	if t.Apply == nil || t.Apply.Plan == nil {
		return p.status(ctx, t.ID)
	}
	work, stop := p.within(ctx)
	defer stop()
	w, err := p.wish(work)
	if err != nil {
		return nil, err
	}
	report, err := p.applyPlan(work, w, *t.Apply.Plan, t.Apply.By)
	switch {
	case errors.Is(err, errLater) && t.Legs < maxLegs:
		return Applied{Task: t.ID, Counts: counts(report)}, p.handOn(ctx, t)
	case errors.Is(err, errLater):
		err = endless(t)
	case err != nil && !errors.Is(err, provision.ErrStale):
		return nil, err // Lambda tries again, where nobody waits for the answer
	}
	out := Applied{Task: t.ID, Ended: true, Complete: err == nil && report.Complete(), Counts: counts(report)}
	if err != nil {
		out.Failed = oneLine(err)
	} else if b, err := json.Marshal(report); err == nil && len(b) <= maxAnswer {
		out.Report = &report
	}
	t.Apply.Plan, t.Apply.Applied, t.Ended = nil, &out, p.Now()
	err = p.saveTask(ctx, t)
	if tooLarge := (*pipeline.Permanent)(nil); errors.As(err, &tooLarge) {
		t.Apply.Applied = &Applied{Task: t.ID, Ended: true, Complete: out.Complete, Counts: out.Counts}
		err = p.saveTask(ctx, t)
	}
	if errors.Is(err, pipeline.ErrConflict) { // the event was delivered twice, and the other invocation was faster
		return p.status(ctx, t.ID)
	}
	p.Log.InfoContext(ctx, "applied on request", "task", t.ID, "complete", out.Complete, "failed", out.Failed)
	return out, err
}

// applyPlan applies a plan, once others are done with theirs. It fails with errLater when the invocation ends before.
func (p *Provisioner) applyPlan(work context.Context, w wish, plan provision.Plan, by string) (provision.Report, error) {
	holder := "provision " + rand.Text() // its own, for the same event may be at work twice at once
	for {
		report, err := p.run(w.estate, holder, by).Apply(work, w.want, plan)
		var busy *provision.Locked
		switch {
		case errors.As(err, &busy):
			if err := p.locked(work, err); err != nil {
				return report, err
			}
			continue
		case work.Err() != nil && (err != nil || report.Stopped != ""):
			return report, errLater
		}
		return report, err
	}
}

func counts(r provision.Report) map[string]int {
	out := map[string]int{}
	for _, e := range r.Ended {
		out[string(e.Outcome)]++
	}
	return out
}

// status answers how far an apply has come.
func (p *Provisioner) status(ctx context.Context, id string) (Applied, error) {
	t, there, err := p.loadTask(ctx, id)
	if err != nil {
		return Applied{}, err
	}
	if !there || t.Apply == nil {
		return Applied{}, fmt.Errorf("there is no apply %.80q", id)
	}
	if t.Apply.Applied == nil {
		return Applied{Task: id}, nil
	}
	return *t.Apply.Applied, nil
}
