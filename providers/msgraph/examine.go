package msgraph

import (
	"context"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Examination are the questions of doctor to a tenant at Graph. It reads no mail: of mailboxes it asks the id of the
// inbox and what they are meant for. It changes nothing and may be repeated.
type Examination struct {
	Client *Client
	// Control is the address of a mailbox that has to refuse the app, since the manifest does not declare it. Empty: none
	// is named.
	Control inbox.Address
	// NotificationURL is where Graph is to send notifications. Empty: it is not known here, and whatever the
	// subscriptions name is right.
	NotificationURL string
}

// Examine looks at the tenant and at those mailboxes of want that are at Microsoft 365 and exist by the wish. A wish for
// the tenant itself says whether the app is scoped by Exchange roles. The findings come in an order that is always the
// same: the app, its control, the mailboxes as in want, subscriptions to others.
func (e *Examination) Examine(ctx context.Context, want []provision.Mailbox) []provision.Finding {
	return nil
}
