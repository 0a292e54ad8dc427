package exchange

import (
	"context"
	"fmt"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// remove deletes the shared mailbox whose own address it is. An address leads to other mailboxes too, as an alias or because
// somebody has it now, and Remove-Mailbox takes a person's account along; so what is there is looked at, and named by its id.
func (a *Admin) remove(ctx context.Context, m inbox.MailboxID) error {
	rows, err := a.one(ctx, a.getMailbox(string(m)))
	if err != nil && !isMissing(err) {
		return err
	}
	for _, row := range rows {
		if !strings.EqualFold(row.text("PrimarySmtpAddress"), string(m)) {
			continue
		}
		kind, id := row.text("RecipientTypeDetails"), row.text("Guid")
		if kind != "SharedMailbox" || id == "" {
			return fmt.Errorf("%s is no shared mailbox (Exchange calls it %s), so it is not deleted; %s", m, kind, notRetired)
		}
		return a.do(ctx, Command{Name: "Remove-Mailbox", Parameters: map[string]any{"Identity": id}, Anchor: string(m), Already: gone})
	}
	return nil
}

const notRetired = "take it out of retired in the manifest"
