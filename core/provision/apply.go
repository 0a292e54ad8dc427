package provision

import (
	"context"
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

// Apply does what is left of the plan, which was made for want. See the package comment for what it promises.
// It fails with *Locked while another run is at work, with ErrStale (wrapped, with what differs) when the plan is not what
// would be planned now, and with the context's error when it was stopped; the report tells what was done until then.
// A step that fails is no error of Apply: the report tells.
func (r *Run) Apply(ctx context.Context, want []Mailbox, p Plan) (Report, error) {
	panic("being written")
}
