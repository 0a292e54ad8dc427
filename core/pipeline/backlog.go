package pipeline

import (
	"context"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// Mail that was there before Postroom is told by its date: it is older than the cut-over. Where the backlog is to be ignored
// it is not kept, and whoever moves or marks it later makes no news of it; a new mail in an old thread begins
// a conversation. A mail that is wrongly taken for old would be lost so, and the clock of this machine may be ahead of the
// provider's. So what is a little older than the cut-over is kept all the same, as a closed conversation; and once all that
// was there has been listed, it is new.

// ClockAhead is how far this machine's clock may be ahead: mail that much older than the cut-over is not ignored. Further
// ahead no provider gives it a token; an assertion's time may be five minutes off at Microsoft and ten at Google.
const ClockAhead = 10 * time.Minute

// looked keeps what the first look decides, before the first page is read: mail that comes in during a long first listing
// counts as new. Whole seconds, as providers date mail.
func (r *run) looked(ctx context.Context) error {
	r.progress.CutOver, r.progress.Backlog = r.now.Truncate(time.Second), r.policy.Backlog
	if r.progress.Backlog.Mode == "" {
		r.progress.Backlog.Mode = decide.BacklogRegister
	}
	return r.save(ctx)
}

// hold makes the policy that of the first look, as far as old mail is concerned.
func (r *run) hold() {
	if first := r.progress.Backlog; first.Mode != "" && first != r.policy.Backlog {
		policy := *r.policy
		policy.Backlog = first
		r.policy = &policy
	}
}

// ignores reports whether there is mail in the mailbox that is not kept because it is old.
func (r *run) ignores() bool { return r.policy.Backlog.Mode == decide.BacklogIgnore }

// from is where to read on.
func (r *run) from() inbox.Cursor {
	if r.progress.Cursor == "" && r.ignores() {
		return r.mailbox.Since(r.doubtful())
	}
	return r.progress.Cursor
}

// doubtful is from when on the date of a mail does not tell whether it was there before Postroom.
func (r *run) doubtful() time.Time { return r.progress.CutOver.Add(-ClockAhead) }

// ignored reports whether a message that is not known is to stay so. What the provider says has come in is kept, however old
// its date is: it may come out of quarantine, or be brought by a migration.
func (r *run) ignored(o inbox.Observation) bool {
	return r.ignores() && !o.New && o.Message != nil && o.Message.At.Before(r.doubtful())
}

// imported reports whether a message that is not known was there before Postroom.
func (r *run) imported(o inbox.Observation) bool {
	if o.New || r.progress.Listed {
		return o.Message.At.Before(r.doubtful())
	}
	return o.Message.At.Before(r.progress.CutOver)
}
