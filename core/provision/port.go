package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Admin is a provider's administration, or one part of it. Calls for one tenant are never made at once.
type Admin interface {
	// Handles reports whether this administration reads and changes the aspect of the provider's mailboxes. No two of a
	// tenant handle the same.
	Handles(provider inbox.Provider, aspect Aspect) bool

	// Read gives what is true now of each mailbox in want, in that order, as far as it handles the aspects and only names
	// them (nil: all). want's facts say what is looked for where that cannot be listed, such as the group in front of an
	// account. A mailbox that is not there comes back without facts but those of its groups, which is no error. Mailboxes
	// beyond want may follow: those that carry the mark of the app's reach, when the tenant itself is in want. An aspect
	// of a mailbox that cannot be read now goes to Unread with the reason; an error means that nothing could be read.
	// Reading changes nothing and may be repeated.
	Read(ctx context.Context, want []Mailbox, only []Aspect) ([]Mailbox, error)

	// Do brings one step about. It may be repeated: what is as it should be already is no error. It need not wait until
	// the provider shows it. It fails with *NotYet where only time can help, with *ByHand where no API can do it, and with
	// *Refused where no further step of this administration would be let through either.
	Do(ctx context.Context, s Step) error

	// Manual is how a person brings the step about, an exact instruction, when no API can do it; empty when one can.
	Manual(s Step) string
}

// NotYet: the provider cannot do it now, and may be able to later: throttled, or what it builds on has not got around yet.
type NotYet struct {
	After time.Duration // not before this time has passed, where the provider says so; else 0
	Err   error
}

func (e *NotYet) Error() string { return e.Err.Error() }
func (e *NotYet) Unwrap() error { return e.Err }

// ByHand: no API can do it here; a person has to.
type ByHand struct {
	Instruction string
	Err         error // why the API refused
}

func (e *ByHand) Error() string { return fmt.Sprintf("%v; by hand: %s", e.Err, e.Instruction) }
func (e *ByHand) Unwrap() error { return e.Err }

// Refused: the administration as a whole is closed to us, such as for want of a role. The error says the fix.
type Refused struct{ Err error }

func (e *Refused) Error() string { return e.Err.Error() }
func (e *Refused) Unwrap() error { return e.Err }

// Journal keeps who changed what at the providers, for the timeline of each mailbox. Writes are durable when they return.
type Journal interface {
	// Record adds entries. One whose Key and Stage the mailbox has already changes nothing, so it may be repeated.
	Record(ctx context.Context, entries []Entry) error
	// Entries lists those of a mailbox, oldest first, at most limit after the entry with the given cursor ("" for the
	// first), and the cursor to go on with ("" at the end). The tenant's own are those of the empty address.
	Entries(ctx context.Context, mailbox inbox.MailboxID, cursor string, limit int) ([]Entry, string, error)
}

// Stage is how far a step had got when its entry was written.
type Stage string

// The stages. Begun is written before anything is done, so no change goes without an entry.
const (
	Begun   Stage = "begun"
	Done    Stage = "done"   // and read back
	Failed  Stage = "failed" // Says tells why
	Drifted Stage = "drift"  // found different from the manifest; nothing was done
)

// Entry is one change at a provider, or the finding of one, as the timeline has it.
type Entry struct {
	Key     string          `json:"key"` // of the plan and the step in it
	Mailbox inbox.MailboxID `json:"mailbox,omitempty"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"` // who applied, as far as the machine knows
	Stage   Stage           `json:"stage"`
	Verb    Verb            `json:"verb"`
	Fact    Fact            `json:"fact"`
	Before  string          `json:"before,omitempty"`
	After   string          `json:"after,omitempty"`
	What    string          `json:"what,omitempty"` // the step in words; empty in entries of before there were any
	Why     string          `json:"why"`
	Says    string          `json:"says,omitempty"`
}

// Locks let one apply run at a time.
type Locks interface {
	// Lock takes the lock, or takes it again for its holder, until the time given. It fails with *Locked while another
	// holder has it and its time has not passed at now.
	Lock(ctx context.Context, holder string, now, until time.Time) error
	// Unlock gives it back; that of another holder stays.
	Unlock(ctx context.Context, holder string) error
}

// Locked: somebody else is applying.
type Locked struct {
	Holder string
	Until  time.Time
}

func (e *Locked) Error() string {
	return fmt.Sprintf("%s is applying a plan; wait for it to end, at the latest at %s", e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// ErrStale: the plan is not what would be planned now, so nothing was done.
var ErrStale = errors.New("the plan is stale: make a new one")

// ErrLapsed ends a run that could not keep its lock, as when its machine was asleep: another may have come and gone meanwhile,
// so what was read before may not be true any more. The same plan may be applied again.
var ErrLapsed = errors.New("provision: the lock has run out meanwhile, so another may have been at work")
