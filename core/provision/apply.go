package provision

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run applies plans. All fields but Tell and Patience are required.
type Run struct {
	Estate  *Estate
	Journal Journal
	Locks   Locks
	// Holder names this run in the lock. No two runs may have the same, so it has to be random in part.
	Holder string
	By     string // who applies, for the timeline
	Now    func() time.Time
	// Wait returns after d, or with the context's error as soon as that ends.
	Wait func(ctx context.Context, d time.Duration) error
	// Patience is how long a step is waited for that the provider cannot do yet or does not show yet; 0: DefaultPatience.
	Patience time.Duration
	Tell     func(Progress) // nil: nobody is told
}

// DefaultPatience is how long a provider is waited for when nothing else is said.
const DefaultPatience = 10 * time.Minute

// lockFor is how long the lock is taken for each time. It is taken anew when half of it has passed, so a run that dies keeps
// others waiting for so long at most.
const lockFor = 10 * time.Minute

// lockToRead is for how long in addition it is taken while mailboxes are read, for each: nothing can be done in between.
const lockToRead = 5 * time.Second

// Apply does what is left of the plan, which was made for want. See the package comment for what it promises.
// It fails with *Locked while another run is at work, with ErrStale (wrapped, with what differs) when the plan is not what
// would be planned now, with ErrLapsed when it could not keep its lock, and with the context's error when it was stopped; the
// report tells what was done until then.
// A step that fails is no error of Apply: the report tells.
func (r *Run) Apply(ctx context.Context, want []Mailbox, p Plan) (Report, error) {
	if r.Holder == "" {
		return Report{}, errors.New("provision: the run has no holder's name, so it could share its lock with another")
	}
	if err := p.validate(); err != nil {
		return Report{}, fmt.Errorf("provision: the plan cannot be applied: %w; make a new one", err)
	}
	a := &application{Run: r, plan: &p, key: p.key(), over: map[site]string{}, shut: map[int]string{}}
	if a.patience = r.Patience; a.patience <= 0 {
		a.patience = DefaultPatience
	}
	a.choose(want)
	if err := a.hold(ctx); err != nil {
		return Report{}, err
	}
	// The lock is given back also when the context has ended. Should that fail, it ends by itself.
	defer func() { _ = r.Locks.Unlock(context.WithoutCancel(ctx), r.Holder) }()

	err := a.prepare(ctx)
	for ph := removing; ph <= equipping && err == nil; ph++ {
		err = a.work(ctx, ph)
	}
	if err == nil {
		err = a.conclude(ctx)
	}
	return a.report(ctx, err)
}

// application is one plan being applied.
type application struct {
	*Run
	plan     *Plan
	key      string
	patience time.Duration
	all      []Mailbox       // that the manifest has
	want     []Mailbox       // those that the plan is about
	have     []Mailbox       // as read last as a whole
	until    time.Time       // the lock is ours
	turns    map[string]turn // by the steps' IDs

	ended     []Ended // as the plan's steps
	tasks     []*task // what is left to be done, in its order
	providers map[key][]*task
	over      map[site]string // mailboxes in which a step has failed, and which
	shut      map[int]string  // administrations that let nothing more through, and why
	left      *Plan
	// Of the steps that were left to be done when the apply began.
	done, total int
}

// state of a task.
type state int

const (
	waiting state = iota
	did           // and not read back yet
	ended
)

// task is a step to be done.
type task struct {
	Step
	row      *row
	phase    phase
	end      *Ended // nil: a step that the plan does not have, so it stays undone
	state    state
	begun    bool      // the journal has it
	due      time.Time // not before
	deadline time.Time // for the provider to be able to
	tries    int
	failure  error // of Do, where the effect may have happened all the same
}

// choose keeps of want what the plan is about. What a mailbox that this plan created was to get at its creation is wished of
// it until the plan is through, for the run that created it may not have come that far.
func (a *application) choose(want []Mailbox) {
	made := map[site]bool{}
	for i := range a.plan.Steps {
		if s := &a.plan.Steps[i]; s.Verb == Create {
			made[s.site()] = true
		}
	}
	at := map[site]int{}
	a.all = want
	m := maker{plan: a.plan}
	for i := range want {
		if m.chosen(want[i].Address) {
			at[want[i].site()] = len(a.want)
			a.want = append(a.want, want[i])
		}
	}
	for i := range a.plan.Steps {
		s := &a.plan.Steps[i]
		j, ok := at[s.site()]
		if !ok || !made[s.site()] {
			continue
		}
		w := &a.want[j]
		if v, ok := foldFacts(w.AtCreation)[Fact{s.Fact.Aspect, fold(s.Fact.Subject)}]; ok && v.value == s.After && w.Facts[s.Fact] == "" {
			*w = w.Clone()
			w.Facts[s.Fact] = s.After
		}
	}
}

// prepare reads what there is, holds the plan against what would be planned now, and lists what is left to be done.
func (a *application) prepare(ctx context.Context) error {
	if err := a.readAll(ctx); err != nil {
		return err
	}
	fresh := Make(a.want, a.have, a.options())
	if err := a.remember(ctx); err != nil {
		return err
	}
	if err := a.match(&fresh); err != nil {
		return err
	}
	a.providers = map[key][]*task{}
	for _, t := range a.tasks {
		for _, k := range t.provides(t.row) {
			a.providers[k] = append(a.providers[k], t)
		}
	}
	return a.recordFound(ctx)
}

func (a *application) options() Options {
	return Options{Manifest: a.plan.Manifest, Made: a.plan.Made, AllowRemove: a.plan.AllowRemove, Only: a.plan.Only, Manual: a.Estate.Manual}
}
