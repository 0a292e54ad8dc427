package provision

import "context"

// Estate is all the administrations together. Its methods are never called at once.
type Estate struct {
	Admins []Admin
}

// Read gives what is true of each mailbox in want, in that order, and after them the mailboxes beyond want that carry the
// mark of the app's reach. Only limits it to those aspects; nil: all that some administration handles. What is wished and
// nobody handles is in Unread. It fails where one administration could read nothing.
func (e *Estate) Read(ctx context.Context, want []Mailbox, only []Aspect) ([]Mailbox, error) {
	panic("being written")
}

// Plan reads what there is (with o.Only: of those mailboxes alone) and gives what has to be done. A nil o.Manual is asked of the
// administrations.
func (e *Estate) Plan(ctx context.Context, want []Mailbox, o Options) (Plan, error) {
	panic("being written")
}

// Do brings a step about through the administration that handles its aspect.
func (e *Estate) Do(ctx context.Context, s Step) error { panic("being written") }

// Manual is how a person brings the step about, where no API can; else empty.
func (e *Estate) Manual(s Step) string { panic("being written") }
