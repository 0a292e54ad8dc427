package boot

import (
	"maps"

	"github.com/postroom/postroom/core/inbox"
)

// Together is the mailboxes of several manifests as one, for tests with more than a manifest may hold.
func Together(list ...*Mailboxes) *Mailboxes {
	all := &Mailboxes{byID: map[inbox.MailboxID]*mailbox{}}
	for _, m := range list {
		all.order = append(all.order, m.order...)
		maps.Copy(all.byID, m.byID)
	}
	return all
}
