package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// account is what the directory has of one account, as far as it matters here.
type account struct {
	id       string
	primary  inbox.Address
	name     string
	orgUnit  string
	aliases  []inbox.Address // that can be taken away
	fixed    []inbox.Address // those of a domain alias, which come and go with it
	shown    bool            // in the global address list
	ready    bool            // its mailbox is there
	locked   bool            // suspended
	why      string          // it is suspended, where Google says so
	archived bool
	changes  bool // its password has to be changed at the next sign-in
	admin    bool
	ours     bool // it carries our mark
}

// markType is the custom type of the external id that the accounts made here carry. An insert whose answer was lost is
// told by it from an account that somebody else has made meanwhile.
const markType = "postroom"

func (a *Admin) toAccount(u *directory.User) *account {
	acc := &account{
		id: u.Id, primary: inbox.NewAddress(u.PrimaryEmail), name: join(u.Name), orgUnit: u.OrgUnitPath,
		shown: u.IncludeInGlobalAddressList, ready: u.IsMailboxSetup, locked: u.Suspended, why: google.Clip(u.SuspensionReason, 80),
		archived: u.Archived, changes: u.ChangePasswordAtNextLogin, admin: u.IsAdmin || u.IsDelegatedAdmin,
	}
	for _, alias := range u.NonEditableAliases {
		acc.fixed = append(acc.fixed, inbox.NewAddress(alias))
	}
	for _, alias := range u.Aliases {
		if address := inbox.NewAddress(alias); !slices.Contains(acc.fixed, address) {
			acc.aliases = append(acc.aliases, address)
		}
	}
	list, _ := u.ExternalIds.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		if t, _ := m["customType"].(string); t == markType {
			acc.ours = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.customer == "" {
		a.customer = u.CustomerId
	}
	return acc
}

// held says that an address belongs to somebody whose primary address is another.
type held struct {
	address, by inbox.Address
}

func (h *held) Error() string { return fmt.Sprintf("%s is an alias of %s", h.address, h.by) }

func (h *held) trouble(what string) error {
	return &trouble{what, h, fmt.Sprintf("take the alias away from %s first (Admin console: Directory > Users > %s > User information > Alternate email addresses), or name another address", h.by, h.by)}
}

// lookup finds the account with this primary address: nil where there is none, *held where the address is an alias.
func (a *Admin) lookup(ctx context.Context, address inbox.Address) (*account, error) {
	u, err := readOne(ctx, a, "read the account "+string(address), a.way.users.Users.Get(string(address)).Context(ctx).Do)
	if u == nil {
		return nil, err
	}
	acc := a.toAccount(u)
	if acc.primary != address {
		return nil, &held{address: address, by: acc.primary}
	}
	return acc, nil
}

// id is the account's, by which alone it is changed.
func (a *Admin) id(ctx context.Context, mailbox inbox.MailboxID) (string, error) {
	address := inbox.Address(mailbox)
	if id := a.known(address); id != "" {
		return id, nil
	}
	acc, err := a.lookup(ctx, address)
	if err != nil {
		return "", err
	}
	if acc == nil {
		return "", &provision.NotYet{Err: fmt.Errorf("workspace: the account %s is not there, or not yet", mailbox)}
	}
	a.know(acc)
	return acc.id, nil
}

func (a *Admin) known(address inbox.Address) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ids[address]
}

func (a *Admin) know(acc *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids[acc.primary] = acc.id
}

func (a *Admin) forget(address inbox.Address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.ids, address)
}

// facts of the account, in the words of want where those mean the same.
func (acc *account) facts(m *provision.Mailbox, want *provision.Mailbox, asked func(provision.Aspect) bool) {
	set := func(aspect provision.Aspect, subject, value string) {
		if asked(aspect) {
			m.Facts[provision.Fact{Aspect: aspect, Subject: subject}] = value
		}
	}
	set(provision.Existence, "", existing)
	name := acc.name
	if wished, ok := want.Facts[provision.Fact{Aspect: provision.Name}]; ok && sameName(wished, name) {
		name = wished
	}
	set(provision.Name, "", name)
	unit := acc.orgUnit
	if wished, ok := want.Facts[provision.Fact{Aspect: provision.OrgUnit}]; ok && strings.EqualFold(wished, unit) {
		unit = wished
	}
	set(provision.OrgUnit, "", unit)
	list := hidden
	if acc.shown {
		list = shown
	}
	set(provision.AddressList, "", list)
	for _, alias := range acc.aliases {
		set(provision.Alias, string(alias), "")
	}
	for _, alias := range acc.fixed {
		if _, ok := want.Facts[provision.Fact{Aspect: provision.Alias, Subject: string(alias)}]; ok {
			set(provision.Alias, string(alias), "")
		}
	}
}

// Values of facts.
const (
	existing = "account" // of Existence
	shown    = "shown"   // of AddressList
	hidden   = "hidden"
)
