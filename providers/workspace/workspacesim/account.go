package workspacesim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is one account as a test or the demo puts it there, or looks at it.
type Account struct {
	Address   string
	Name      string // given and family name in one
	OrgUnit   string // "/" if empty
	Licences  []string
	Aliases   []string
	Hidden    bool // from the global address list
	Suspended bool
	Archived  bool
	Admin     bool
	// ChangePassword: the password has to be changed at the next sign-in, which keeps delegation from working.
	ChangePassword bool
	// Ready is when its mailbox is there; zero without a licence.
	Ready time.Time
	// DomainAliases come of a domain alias and cannot be taken away.
	DomainAliases []string
}

type account struct {
	id             string
	primary        string
	given, family  string
	unit           string
	aliases        []string
	fixed          []string          // aliases of a domain alias
	licences       map[string]string // the SKU by product
	shown          bool
	suspended      bool
	archived       bool
	admin          bool
	changePassword bool
	external       json.RawMessage
	made           time.Time
	mailbox        time.Time // zero: none
}

func (a *account) name() string { return strings.TrimSpace(a.given + " " + a.family) }

// AddAccount puts an account there, as if it had been there for long.
func (s *Sim) AddAccount(in Account) {
	s.mu.Lock()
	defer s.unlock()
	words := strings.Fields(in.Name)
	acc := &account{
		id: s.id("1"), primary: strings.ToLower(in.Address), unit: in.OrgUnit, shown: !in.Hidden, suspended: in.Suspended,
		archived: in.Archived, admin: in.Admin, changePassword: in.ChangePassword, licences: map[string]string{},
		fixed: in.DomainAliases,
	}
	switch len(words) {
	case 0:
		acc.given, acc.family = acc.primary, "."
	case 1:
		acc.given, acc.family = words[0], "."
	default:
		acc.given, acc.family = strings.Join(words[:len(words)-1], " "), words[len(words)-1]
	}
	if acc.unit == "" {
		acc.unit = "/"
	}
	for _, alias := range in.Aliases {
		acc.aliases = append(acc.aliases, strings.ToLower(alias))
	}
	s.accounts[acc.id] = acc
	for _, licence := range in.Licences {
		if product, sku, ok := strings.Cut(licence, "/"); ok {
			acc.licences[product] = sku
			s.equip(acc, product, 0)
		}
	}
	if !in.Ready.IsZero() {
		acc.mailbox = in.Ready
	}
}

// Account looks at one account by its primary address.
func (s *Sim) Account(address string) (Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.primary(address)
	if acc == nil {
		return Account{}, false
	}
	return acc.view(), true
}

// Accounts looks at all, by address.
func (s *Sim) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Account
	for _, acc := range s.sorted() {
		out = append(out, acc.view())
	}
	return out
}

func (a *account) view() Account {
	out := Account{
		Address: a.primary, Name: a.name(), OrgUnit: a.unit, Aliases: slices.Clone(a.aliases), Hidden: !a.shown,
		Suspended: a.suspended, Archived: a.archived, Admin: a.admin, ChangePassword: a.changePassword, Ready: a.mailbox,
		DomainAliases: a.fixed,
	}
	for product, sku := range a.licences {
		out.Licences = append(out.Licences, product+"/"+sku)
	}
	slices.Sort(out.Licences)
	return out
}

func (s *Sim) id(prefix string) string {
	s.next++
	return fmt.Sprintf("%s%020d", prefix, s.next)
}

// unlock ends a change and tells the hooks of it.
func (s *Sim) unlock() {
	told := s.told
	s.told = nil
	s.mu.Unlock()
	for _, tell := range told {
		tell()
	}
}

// equip sets a mailbox up when the product has one and the account has none yet.
func (s *Sim) equip(acc *account, product string, after time.Duration) {
	if product != "Google-Apps" || !acc.mailbox.IsZero() {
		return
	}
	acc.mailbox = s.now().Add(after)
	if tell := s.OnAccount; tell != nil {
		address, name, ready := acc.primary, acc.name(), acc.mailbox
		s.told = append(s.told, func() { tell(address, name, ready) })
	}
}

func (s *Sim) primary(address string) *account {
	for _, acc := range s.accounts {
		if strings.EqualFold(acc.primary, address) {
			return acc
		}
	}
	return nil
}

// user finds an account by primary address, alias or id.
func (s *Sim) user(key string) *account {
	if acc := s.accounts[key]; acc != nil {
		return acc
	}
	key = strings.ToLower(key)
	for _, acc := range s.accounts {
		if acc.primary == key || slices.Contains(acc.aliases, key) || slices.Contains(acc.fixed, key) {
			return acc
		}
	}
	return nil
}

// taken reports whether an address belongs to any account or group.
func (s *Sim) taken(address string) bool {
	return s.user(address) != nil || s.findGroup(address) != nil
}

// ours reports whether the address is of one of the organisation's domains.
func (s *Sim) ours(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && (s.Domains == nil || slices.Contains(s.Domains, strings.ToLower(address[at+1:])))
}

// sorted are the accounts by primary address.
func (s *Sim) sorted() []*account {
	list := make([]*account, 0, len(s.accounts))
	for _, acc := range s.accounts {
		list = append(list, acc)
	}
	slices.SortFunc(list, func(a, b *account) int { return strings.Compare(a.primary, b.primary) })
	return list
}
