package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// resourceState is a request of CloudFormation's on its way. Once the answer is sent only that is left of it.
type resourceState struct {
	Event *resourceEvent `json:"event,omitempty"`
	Tries int            `json:"tries,omitempty"`
	Last  string         `json:"last,omitempty"` // why it was tried again
	// Plan is what is being done, until it is. The next invocation goes on with the same one, which knows what is new.
	Plan   *provision.Plan `json:"plan,omitempty"`
	Answer []byte          `json:"answer,omitempty"` // as it was or is to be sent
	Sent   time.Time       `json:"sent,omitzero"`
	// Claimed: it is kept that the resource owns the mailbox. When that is gone later, the resource is.
	Claimed bool `json:"claimed,omitempty"`
}

// resourceTask is the same for each delivery of a request: Lambda's repetitions and CloudFormation's own have its RequestId.
func resourceTask(e *resourceEvent) string {
	return digest([]byte(e.owner() + " " + e.RequestId))[:32]
}

// errTaken says that another invocation is at the same request, because it was delivered twice.
var errTaken = errors.New("another invocation is at it")

// refusal is a failure that trying again does not end: the resource fails with it.
type refusal struct{ error }

// broken is a step that the provider refused, after all the patience there is for it.
type broken struct{ error }

// resourceTries is how often what may pass is tried before the resource fails with it, and brokenTries a step that is refused.
const (
	resourceTries = 5
	brokenTries   = 2
)

// resource answers one request for a Custom::PostroomMailbox, once, however often it is delivered and however many invocations
// it takes. Its only error is one that another delivery may end.
func (p *Provisioner) resource(ctx context.Context, id string, e *resourceEvent) error {
	t, there, err := p.loadTask(ctx, id)
	if err != nil {
		return err
	}
	if !there {
		if e == nil {
			return fmt.Errorf("there is no task %.80q", id)
		}
		t = &task{ID: id, Do: doResource, Began: p.Now(), Resource: &resourceState{Event: e}}
		if err := p.saveTask(ctx, t); err != nil {
			return err
		}
	}
	s := t.Resource
	switch {
	case s == nil || s.Event == nil && s.Answer == nil:
		return fmt.Errorf("task %s is no request of CloudFormation", id)
	case !s.Sent.IsZero():
		p.Log.InfoContext(ctx, "answered already", "task", id)
		return nil
	case s.Answer == nil:
		done, err := p.settle(ctx, t)
		if err != nil || !done {
			return err
		}
	}
	if err := p.Answer(ctx, s.Event.ResponseURL, s.Answer); err != nil {
		return err // the answer is kept, and another delivery sends it
	}
	s.Event, s.Last, s.Sent, t.Ended = nil, "", p.Now(), p.Now()
	return p.saveTask(ctx, t)
}

// settle brings about what a request asks for and decides the answer. It is false when the next invocation goes on.
func (p *Provisioner) settle(ctx context.Context, t *task) (bool, error) {
	e := t.Resource.Event
	rest := e.patience() - p.Now().Sub(t.Began)
	work, stop := p.within(ctx)
	defer stop()
	work, end := context.WithTimeout(work, rest)
	defer end()
	physical, data, err := p.bring(work, t, e)
	if errors.Is(err, errTaken) {
		return false, err // a later delivery finds the answer sent, or goes on
	}
	if errors.Is(err, errLater) {
		if p.Now().Sub(t.Began) < e.patience() {
			return false, p.handOn(ctx, t)
		}
		t.Resource.Plan = nil
		err = errors.New("it is not done within the hour, or the ServiceTimeout, that CloudFormation waits; deploy again to go on where it stopped")
		if last := t.Resource.Last; last != "" {
			err = fmt.Errorf("%w; what held it up: %s", err, last)
		}
	}
	if t.Resource.Answer, err = e.answer(physical, err, data); err != nil {
		return false, err
	}
	err = p.saveTask(ctx, t)
	if errors.Is(err, pipeline.ErrConflict) {
		return false, fmt.Errorf("another invocation has answered or is going to: %w", err)
	}
	return err == nil, err
}

// bring does what a request asks for. It gives the resource's physical id, with an error too.
func (p *Provisioner) bring(ctx context.Context, t *task, e *resourceEvent) (physical string, data map[string]any, err error) {
	physical = e.PhysicalResourceId
	if e.RequestType == "Delete" {
		return physical, nil, p.tried(ctx, t, func() error { return p.undeclare(ctx, t, e) })
	}
	props, err := readProperties(e.ResourceProperties)
	if err != nil {
		if physical == "" {
			physical = noMailbox
		}
		return physical, nil, err
	}
	if physical == "" {
		physical = string(props.address)
	}
	err = p.tried(ctx, t, func() (err error) {
		data, err = p.declare(ctx, t, e, props)
		return err
	})
	if err != nil {
		return physical, nil, err
	}
	return string(props.address), data, nil
}

// tried does something again that fails, with longer and longer pauses, unless it never goes well or the invocation ends.
func (p *Provisioner) tried(ctx context.Context, t *task, do func() error) error {
	for {
		err := do()
		var permanent *pipeline.Permanent
		var refused *provision.Refused
		var never refusal
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errLater
		case errors.Is(err, errLater), errors.Is(err, errTaken), errors.As(err, &permanent), errors.As(err, &refused), errors.As(err, &never):
			return err
		}
		t.Resource.Last = reasonText(err)
		var step broken
		t.Resource.Tries++
		if t.Resource.Tries >= resourceTries || errors.As(err, &step) && t.Resource.Tries >= brokenTries {
			return err
		}
		p.Log.WarnContext(ctx, "resource: tried again", "task", t.ID, "tries", t.Resource.Tries, "error", oneLine(err))
		if p.Wait(ctx, 5*time.Second<<t.Resource.Tries) != nil {
			return errLater
		}
	}
}
