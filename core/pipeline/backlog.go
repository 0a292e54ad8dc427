package pipeline

import (
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// Mail that was there before Postroom is told by its date: it is older than the cut-over, unless the provider says that it has
// come in since. Where the backlog is to be
// ignored it is neither listed nor kept, and whoever moves or marks it later makes no news of it; a new mail in an old
// thread begins a conversation. A mail that is wrongly taken for old would be lost so, and the clock of this machine may be
// ahead of the provider's. So what is a little older than the cut-over is kept all the same, as a closed conversation.

// ClockAhead is how far this machine's clock may be ahead: mail that much older than the cut-over is not ignored. Further
// ahead no provider gives it a token; an assertion's time may be five minutes off at Microsoft and ten at Google.
const ClockAhead = 10 * time.Minute

// from is where to read on.
func (r *run) from() inbox.Cursor {
	if r.progress.Cursor == "" && r.policy.Backlog.Mode == decide.BacklogIgnore {
		return r.mailbox.Since(r.progress.CutOver.Add(-ClockAhead))
	}
	return r.progress.Cursor
}

// ignored reports whether a message that is not known is to stay so.
func (r *run) ignored(o inbox.Observation) bool {
	return r.policy.Backlog.Mode == decide.BacklogIgnore && !o.New && o.Message != nil && o.Message.At.Before(r.progress.CutOver.Add(-ClockAhead))
}
