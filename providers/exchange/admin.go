package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Admin is the administration of shared mailboxes by Exchange: every aspect of Microsoft 365 but the categories, which are
// Graph's. It is made by New and used by one goroutine at a time.
type Admin struct {
	shell Shell
	mark  string // the property that carries the mark of the app's reach

	app      string                           // object id of the app whose reach is managed; as last wished
	licensed map[inbox.MailboxID]bool         // as last read
	other    map[inbox.MailboxID][]otherRight // as last read
	known    map[string]person                // whom Exchange means by a name, in lower case; since the last reading of everything
}

var _ provision.Admin = (*Admin)(nil)

// otherRight is a right at a mailbox that a manifest cannot name, and who has it, as Exchange writes it.
type otherRight struct{ who, right string }

// DefaultMark is the property of a mailbox that says by its value that the app may reach it.
const DefaultMark = "CustomAttribute15"

// New makes an Admin that works through the shell. mark is one of CustomAttribute1 to CustomAttribute15; empty: DefaultMark.
func New(shell Shell, mark string) (*Admin, error) {
	if mark == "" {
		mark = DefaultMark
	}
	n, ok := strings.CutPrefix(mark, "CustomAttribute")
	if !ok || !slices.Contains([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}, n) {
		return nil, fmt.Errorf("exchange: the mark %q cannot be used: choose one of CustomAttribute1 to CustomAttribute15", mark)
	}
	return &Admin{shell: shell, mark: mark, licensed: map[inbox.MailboxID]bool{}, known: map[string]person{}, other: map[inbox.MailboxID][]otherRight{}}, nil
}

// aspects are those Exchange has a say in, the tenant's first.
var aspects = []provision.Aspect{
	provision.AppPrincipal, provision.AppScope, provision.AppRole,
	provision.Existence, provision.SignIn, provision.Reach, provision.Name, provision.Language, provision.TimeZone,
	provision.FolderNames, provision.Quota, provision.AddressList, provision.AutoReply, provision.SentCopies,
	provision.Alias, provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf, provision.Licence,
}

// Handles implements provision.Admin.
func (a *Admin) Handles(provider inbox.Provider, aspect provision.Aspect) bool {
	return provider == inbox.M365 && slices.Contains(aspects, aspect)
}

// one runs one command and gives its rows; a refusal of it is the error.
func (a *Admin) one(ctx context.Context, c Command) ([]Row, error) {
	got, err := a.shell.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	return got[0].Rows, got[0].Err
}

// isMissing reports whether the error says that what a command asks for is not there. Other things that Exchange does not find, a
// server for example, say nothing of it.
func isMissing(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.has("ManagementObjectNotFoundException", "couldn't be found", "couldn't find object")
}
