package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// maxAliases is how many an account may have ("Limits and quotas" of the Directory API).
const maxAliases = 30

func (a *Admin) addAlias(ctx context.Context, s provision.Step) error {
	alias := inbox.NewAddress(s.Fact.Subject)
	what := fmt.Sprintf("give %s the alias %s", s.Mailbox, alias)
	id, err := a.id(ctx, s.Mailbox)
	if err != nil {
		return a.explainHeld(what, err)
	}
	_, err = a.way.users.Users.Aliases.Insert(id, &directory.Alias{Alias: string(alias)}).Context(ctx).Do()
	switch {
	case google.HasCode(err, http.StatusConflict):
		return a.aliasTaken(ctx, what, s.Mailbox, alias)
	case google.HasCode(err, http.StatusBadRequest, http.StatusForbidden, http.StatusPreconditionFailed):
		// Google does not say which error a full list gives.
		if acc, found := a.lookup(ctx, inbox.Address(s.Mailbox)); found == nil && acc != nil && len(acc.aliases) >= maxAliases {
			return &trouble{"workspace: " + what, fmt.Errorf("it has %d aliases, and Google allows no more", len(acc.aliases)), "remove one, or make the address that of a group with the account as its member"}
		}
	}
	return a.settling(what, s.Mailbox, err)
}

// aliasTaken: the address is somebody's already, which is as it should be when it is the account's own.
func (a *Admin) aliasTaken(ctx context.Context, what string, mailbox inbox.MailboxID, alias inbox.Address) error {
	acc, err := a.lookup(ctx, alias)
	var h *held
	switch {
	case errors.As(err, &h) && h.by == inbox.Address(mailbox):
		return nil
	case err != nil:
		return a.explainHeld(what, err)
	case acc == nil:
		return a.whoHas(ctx, what, alias)
	}
	return &trouble{"workspace: " + what, fmt.Errorf("%s is an account of its own", alias), "rename or delete that account first, or leave the alias out"}
}

func (a *Admin) removeAlias(ctx context.Context, s provision.Step) error {
	alias := inbox.NewAddress(s.Fact.Subject)
	what := fmt.Sprintf("take the alias %s from %s", alias, s.Mailbox)
	acc, err := a.lookup(ctx, inbox.Address(s.Mailbox))
	if err != nil {
		return a.explainHeld(what, err)
	}
	if acc == nil {
		return nil
	}
	err = a.way.users.Users.Aliases.Delete(acc.id, string(alias)).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound, http.StatusBadRequest) && !slices.Contains(acc.aliases, alias) {
		return nil
	}
	return a.settling(what, s.Mailbox, err)
}

// explainHeld says the fix where an address turned out to be somebody's alias.
func (a *Admin) explainHeld(what string, err error) error {
	var h *held
	if errors.As(err, &h) {
		return h.trouble("workspace: " + what)
	}
	return err
}

// whoHas explains that an address is taken, though no account has it.
func (a *Admin) whoHas(ctx context.Context, what string, address inbox.Address) error {
	g, err := a.group(ctx, address)
	switch {
	case err == nil && g != nil:
		return &trouble{"workspace: " + what, fmt.Errorf("%s is a group's address", address), "delete or rename the group first (Admin console: Directory > Groups), or name another address"}
	case errors.As(err, new(*held)):
		return &trouble{"workspace: " + what, fmt.Errorf("%s: it is a group", err), "take the alias away from the group first, or name another address"}
	}
	// Without the scope for groups nothing is known of them, and that is no reason to fail here.
	return &provision.NotYet{Err: &trouble{"workspace: " + what, fmt.Errorf("the address %s is taken, says Google, which shows nobody who has it", address),
		"it may have been created or deleted just now, or be somebody's own Google account; see the Admin console under Account > Account settings > Conflicting accounts management"}}
}
