package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// task is work that may take several invocations. It is kept in a record of its own, which is small once the work has ended.
type task struct {
	ID    string    `json:"id"`
	Do    string    `json:"do"`
	Began time.Time `json:"began"`
	Legs  int       `json:"legs,omitempty"` // invocations that have handed on
	Ended time.Time `json:"ended,omitzero"`
	// HandedBy is the request id of the invocation that has handed on last.
	HandedBy string `json:"handedBy,omitempty"`

	Report   *reportState   `json:"report,omitempty"`
	Apply    *applyState    `json:"apply,omitempty"`
	Resource *resourceState `json:"resource,omitempty"`

	version int64
}

// taskPrefix begins the names of the records of tasks.
const taskPrefix = "provision/"

// loadTask is false when there is none of that id.
func (p *Provisioner) loadTask(ctx context.Context, id string) (*task, bool, error) {
	if len(id) > 100 {
		return nil, false, nil
	}
	t := &task{}
	version, err := loadRecord(ctx, p.Records, taskPrefix+id, t)
	if err != nil {
		return nil, false, fmt.Errorf("task %s: %w", id, err)
	}
	t.version = version
	return t, version > 0, nil
}

// saveTask stores a task that nobody has stored meanwhile; else it fails with pipeline.ErrConflict.
func (p *Provisioner) saveTask(ctx context.Context, t *task) error {
	if err := saveRecord(ctx, p.Records, taskPrefix+t.ID, t, t.version); err != nil {
		return fmt.Errorf("keep task %s: %w", t.ID, err)
	}
	t.version++
	return nil
}

// handOn keeps a task and has another invocation take it up. Who calls it has nothing more to do with the task. When somebody
// else has kept it meanwhile that one goes on with it.
func (p *Provisioner) handOn(ctx context.Context, t *task) error {
	if t.Legs++; t.Legs > maxLegs {
		return endless(t)
	}
	t.HandedBy = requestID(ctx)
	err := p.saveTask(ctx, t)
	if errors.Is(err, pipeline.ErrConflict) {
		p.Log.WarnContext(ctx, "another invocation goes on with it", "task", t.ID)
		return nil
	}
	if err != nil {
		return err
	}
	return p.again(ctx, t)
}

func endless(t *task) error {
	return fmt.Errorf("task %s is not at its end after %d invocations", t.ID, maxLegs)
}

// again has the next invocation take up a task that has been kept for it. When that fails, the event that was to hand on is to be
// delivered again.
func (p *Provisioner) again(ctx context.Context, t *task) error {
	event, err := json.Marshal(map[string]any{"do": doContinue, "task": t.ID, "leg": t.Legs})
	if err != nil {
		return err
	}
	if err := p.Again(ctx, event); err != nil {
		return fmt.Errorf("hand task %s on: %w", t.ID, err)
	}
	p.Log.InfoContext(ctx, "to be continued by the next invocation", "task", t.ID, "leg", t.Legs)
	return nil
}

// locked waits while another run is at work. It fails with errLater when the invocation ends before the other's work.
func (p *Provisioner) locked(ctx context.Context, err error) error {
	var busy *provision.Locked
	if !errors.As(err, &busy) {
		return err
	}
	if p.Wait(ctx, lockedPause) != nil {
		return errLater
	}
	return nil
}

// run is how this invocation applies plans.
func (p *Provisioner) run(estate *provision.Estate, holder, by string) *provision.Run {
	return &provision.Run{
		Estate: estate, Journal: p.Journal, Locks: p.Locks, Holder: holder, By: by, Now: p.Now, Wait: p.Wait, Patience: p.Patience,
	}
}
