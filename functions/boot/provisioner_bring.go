package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// only is the wish for one mailbox.
func (w wish) only(address inbox.MailboxID) wish {
	w.want = slices.DeleteFunc(slices.Clone(w.want), func(m provision.Mailbox) bool { return m.Address != address })
	return w
}

func (p *Provisioner) exists(ctx context.Context, w wish) (bool, error) {
	have, err := w.estate.Read(ctx, w.want, []provision.Aspect{provision.Existence})
	if err != nil {
		return false, fmt.Errorf("look whether %s is there: %w", w.want[0].Address, err)
	}
	for _, m := range have {
		if m.Address == w.want[0].Address {
			if why, ok := m.Unread[provision.Existence]; ok {
				return false, fmt.Errorf("look whether %s is there: %s", m.Address, why)
			}
			return m.Exists(), nil
		}
	}
	return false, fmt.Errorf("nobody knows whether %s is there", w.want[0].Address)
}

// bringAbout plans and applies until there is nothing more to do at the mailbox, and gives what is held back or left to people.
func (p *Provisioner) bringAbout(ctx context.Context, t *task, e *resourceEvent, w wish, allowRemove bool) (provision.Plan, error) {
	plan, err := p.resourcePlan(ctx, t, w, allowRemove)
	if err != nil || len(plan.Steps) == 0 {
		return plan, err
	}
	report, err := p.applyPlan(ctx, w, plan, "CloudFormation, stack "+e.stack()+", resource "+e.LogicalResourceId)
	if errors.Is(err, errLater) {
		return plan, err
	}
	t.Resource.Plan = nil
	if err != nil {
		return plan, err // with ErrStale it is planned anew
	}
	for _, s := range report.Ended {
		// The first sync makes the markers too, once the app reaches the mailbox, which may take longer than the stack waits.
		if s.Outcome == provision.Broke || s.Outcome == provision.Early && s.Step.Fact.Aspect != provision.Marker {
			return plan, broken{fmt.Errorf("%s: %s", s.Step.What, s.Says)}
		}
	}
	if report.Left == nil {
		return plan, fmt.Errorf("stopped: %s", report.Stopped)
	}
	return *report.Left, nil
}

// resourcePlan is the plan that a task is at, or a new one.
func (p *Provisioner) resourcePlan(ctx context.Context, t *task, w wish, allowRemove bool) (provision.Plan, error) {
	if t.Resource.Plan != nil {
		return *t.Resource.Plan, nil
	}
	plan, err := p.plan(ctx, w, allowRemove, []inbox.MailboxID{w.want[0].Address})
	if err != nil {
		return plan, err
	}
	for _, u := range plan.Unread {
		return plan, fmt.Errorf("%s of %s cannot be read: %s", u.Aspect, u.Mailbox, u.Why)
	}
	if len(plan.Steps) > 0 {
		t.Resource.Plan = &plan
		err = p.saveTask(ctx, t)
	}
	if errors.Is(err, pipeline.ErrConflict) {
		err = errTaken
	}
	return plan, err
}

// byHand tells people what no API can do of a resource's mailbox, and how many steps that is.
func (p *Provisioner) byHand(ctx context.Context, address inbox.MailboxID, left provision.Plan) (n int) {
	var steps []provision.Step
	for _, s := range left.Steps {
		if s.Manual != "" {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return 0
	}
	left.Steps = steps
	subject, text := manualNotice(p.Stack, address, left)
	if err := p.Publish(ctx, subject, text); err != nil {
		p.Log.ErrorContext(ctx, "nobody was told what is to be done by hand", "mailbox", address, "error", oneLine(err))
	}
	return len(steps)
}
