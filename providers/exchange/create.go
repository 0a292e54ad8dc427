package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// taken are parts of the errors by which New-Mailbox says that an address, a name or an alias has its owner.
var taken = []string{"AlreadyExistsException", "already exists", "already being used", "NameNotAvailable", "ProxyAddressExists", "isn't unique", "must be unique"}

// create makes a shared mailbox. An answer that got lost leaves one behind, which is taken for the one wished when the step is
// done again; anything else that has the address is told, never touched.
func (a *Admin) create(ctx context.Context, s provision.Step) error {
	address := string(s.Mailbox)
	if s.After != "shared" && s.After != "" {
		return fmt.Errorf("a mailbox of kind %q is not made here", s.After)
	}
	// Looked up before, because a mailbox in the bin does not keep a new one from being made, and its mail would be out of reach.
	if done, err := a.owner(ctx, s.Mailbox); done || err != nil {
		return err
	}
	name := with(s, provision.Name)
	if name == "" {
		name, _, _ = strings.Cut(address, "@")
	}
	local, _, _ := strings.Cut(address, "@")
	sum := sha256.Sum256([]byte(address))
	for _, id := range []string{nickname(local), nickname(local) + "-" + hex.EncodeToString(sum[:3])} {
		exists := Sight{Command{Name: "Get-Mailbox", Parameters: map[string]any{"Identity": address, "RecipientTypeDetails": "SharedMailbox"}}, "PrimarySmtpAddress", address}
		_, err := a.one(ctx, Command{Name: "New-Mailbox", Unless: &exists, Select: []string{"Guid", "ExternalDirectoryObjectId", "PrimarySmtpAddress"},
			Parameters: map[string]any{"Shared": true, "Name": id, "Alias": id, "DisplayName": name, "PrimarySmtpAddress": address}})
		var f *Failure
		if !errors.As(err, &f) || !f.has(taken...) {
			return err
		}
		if done, err := a.owner(ctx, s.Mailbox); done || err != nil {
			return err
		}
		// Nobody has the address, so it is the name or the alias that another mailbox has, or Exchange does not show yet who
		// has the address; the second name tells.
	}
	return &provision.NotYet{Err: fmt.Errorf("the address %s is taken, says Exchange, which does not show yet by whom", address)}
}

// nickname is a name and alias of at most 57 characters, which leaves room to tell two apart. ("Alias" of New-Mailbox: letters,
// digits and some signs; points only between others.)
func nickname(local string) string {
	local = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("!#%&*+-/=?^_{}|~.", r):
			return r
		}
		return '-'
	}, local)
	if len(local) > 57 {
		local = local[:57]
	}
	for strings.Contains(local, "..") {
		local = strings.ReplaceAll(local, "..", ".")
	}
	if local = strings.Trim(local, "."); local == "" {
		return "mailbox"
	}
	return local
}

// getDeleted asks for a mailbox in the bin, by all its addresses: Microsoft advises against a filter by the primary one, which
// finds the same ("Filterable properties for the Filter parameter").
func getDeleted(address string) Command {
	return Command{Name: "Get-Mailbox", Select: []string{"Guid", "PrimarySmtpAddress"},
		Parameters: map[string]any{"SoftDeletedMailbox": true, "Filter": equals("EmailAddresses", address)}}
}

// equals is a filter in Exchange's language.
func equals(property, value string) string {
	return property + " -eq '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// owner looks who has the address. done: the shared mailbox that is wished, so there is nothing to do.
func (a *Admin) owner(ctx context.Context, m inbox.MailboxID) (done bool, err error) {
	address := string(m)
	results, err := a.shell.Run(ctx, getRecipient(address), getDeleted(address))
	if err != nil {
		return false, err
	}
	for _, r := range results {
		if r.Err != nil && !isMissing(r.Err) {
			return false, r.Err
		}
	}
	for _, row := range results[0].Rows {
		kind := row.text("RecipientTypeDetails")
		primary := strings.ToLower(row.text("PrimarySmtpAddress"))
		if !means(row, address) {
			continue
		}
		switch {
		case kind == "SharedMailbox" && primary == address:
			return true, nil
		case primary == address:
			return false, fmt.Errorf("%s is there already, and is no shared mailbox (Exchange calls it %s); choose another address in the manifest, or %s", address, kind, release(kind, address))
		default:
			return false, fmt.Errorf("%s is an alias of %s; take it away there, or choose another address in the manifest", address, primary)
		}
	}
	for _, row := range results[1].Rows {
		if !strings.EqualFold(row.text("PrimarySmtpAddress"), address) {
			continue
		}
		guid := row.text("Guid")
		return false, fmt.Errorf("a deleted mailbox had %s, and its mail would be out of reach; restore it (Microsoft 365 admin center, Users > Deleted users > Restore; or in Exchange Online PowerShell: Undo-SoftDeletedMailbox -SoftDeletedObject %s), or delete it for good: Remove-Mailbox -Identity %s -PermanentlyDelete", address, quote(address), quote(guid))
	}
	return false, nil
}

// release is how the address becomes free, or the recipient a shared mailbox.
func release(kind, address string) string {
	switch {
	case kind == "UserMailbox":
		return "make a shared mailbox of it, if everybody who uses it knows: Set-Mailbox -Identity " + quote(address) + " -Type Shared"
	case strings.Contains(kind, "Group"):
		return "give the group another address: Exchange admin center, Recipients > Groups"
	}
	return "remove what has it: Exchange admin center, Recipients"
}
