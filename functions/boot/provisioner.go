package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

// Provisioner is the function provision: it looks for drift on a schedule and changes nothing, plans and applies when it is
// asked to, and brings about the mailboxes that CloudFormation resources declare. What takes longer than one invocation may
// last goes on in the next: its state is in a record, and the function invokes itself.
//
// An event may be delivered several times, also at once; what it asks for is done once. All changes at the tenants are made
// under the lock of provisioning, so that any number of events may be under way.
type Provisioner struct {
	Manifests *Manifests
	// Estate makes the administrations that what a manifest wants needs; it sends nothing.
	Estate func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error)
	// Administers reports whether the deployment has an identity that administers the provider's mailboxes.
	Administers func(inbox.Provider) bool

	Records Records
	Journal provision.Journal
	Locks   provision.Locks

	Publish func(ctx context.Context, subject, text string) error    // tells people
	Again   func(ctx context.Context, event []byte) error            // invokes this function with the event, and does not wait for it
	Answer  func(ctx context.Context, url string, body []byte) error // puts CloudFormation's answer

	Now     func() time.Time
	Wait    func(ctx context.Context, d time.Duration) error // returns the context's error as soon as that ends
	Log     *slog.Logger
	Metrics *Metrics
	Stack   string
	// Patience is how long a step waits for the provider; 0: provision.DefaultPatience.
	Patience time.Duration
}

const (
	// provisionMargin is how long before the end of its invocation the function stops, keeps what it has come to and hands on.
	provisionMargin = 10 * time.Second
	// lockedPause is how long to wait before the lock of provisioning is tried again.
	lockedPause = 10 * time.Second
	// maxLegs is how many invocations one piece of work may take: 24 of a quarter of an hour are six hours.
	maxLegs = 24
)

// errLater says that the invocation is about to end, and the work has not.
var errLater = errors.New("to be continued")

// Handle takes one event; see [provisionEvent] for those there are. It answers what the event asks for.
func (p *Provisioner) Handle(ctx context.Context, event json.RawMessage) (any, error) {
	e, err := readProvisionEvent(event)
	if err != nil {
		return nil, p.failed(ctx, "event refused", err)
	}
	var answer any
	switch e.Do {
	case doReport:
		answer, err = p.reported(ctx, taskID(ctx, event))
	case doPlan:
		answer, err = p.planned(ctx, e.request)
	case doApply:
		answer, err = p.apply(ctx, taskID(ctx, event), e.request)
	case doStatus:
		answer, err = p.status(ctx, e.Task)
	case doContinue:
		answer, err = p.goOn(ctx, e.Task, e.Leg)
	case doResource:
		answer, err = nil, p.resource(ctx, resourceTask(e.resource), e.resource)
	}
	if err != nil {
		return nil, p.failed(ctx, e.Do+" failed", err)
	}
	return answer, nil
}

// failed logs an error and gives it in one line.
func (p *Provisioner) failed(ctx context.Context, what string, err error) error {
	p.Log.ErrorContext(ctx, what, "error", oneLine(err))
	return fmt.Errorf("provision: %s: %s", what, oneLine(err))
}

// within is the invocation without its last moments, which are for keeping what has been come to.
func (p *Provisioner) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-provisionMargin))
	}
	return context.WithCancel(ctx)
}

// goOn takes up a task where the last invocation has left it.
func (p *Provisioner) goOn(ctx context.Context, id string, leg int) (any, error) {
	t, ok, err := p.loadTask(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("there is no task %.80q", id)
	case t.Ended.IsZero() && leg == t.Legs-1 && t.HandedBy != "" && t.HandedBy == requestID(ctx):
		return nil, p.again(ctx, t) // Lambda delivers once more what has kept the task and not come to hand it on
	case leg < t.Legs || !t.Ended.IsZero():
		p.Log.InfoContext(ctx, "taken up already", "task", id, "leg", leg)
		return nil, nil
	}
	switch t.Do {
	case doReport:
		return p.report(ctx, t)
	case doApply:
		return p.applyOn(ctx, t)
	case doResource:
		return nil, p.resource(ctx, id, nil)
	}
	return nil, fmt.Errorf("task %.80q is a %.80q, which is unknown", id, t.Do)
}
