// Package exchangesim simulates the administration of Exchange Online in memory: the endpoint InvokeCommand with the cmdlets
// that shared mailboxes and the reach of an app need, and its $batch, spoken over HTTP.
//
// A [Sim] is a plain [http.Handler] with wire structs of its own. Time and faults are injected. What an administrator does
// elsewhere is done with its methods (AddMailbox, Grant, …).
//
// The endpoint is documented nowhere. What is simulated is what programs that use it have met, and what Microsoft's pages on the
// cmdlets say; what neither settles has a switch here and a row in docs/tenant-checks.md. A cmdlet that is not simulated fails as
// one that the caller's role does not have.
package exchangesim

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// Delays say for how long what was changed does not show yet, to readers and to other cmdlets.
type Delays struct {
	Recipient  time.Duration // a new mailbox, and a deleted one
	Setting    time.Duration // properties of a mailbox
	Permission time.Duration // FullAccess, ReadPermission and Send As
	Scope      time.Duration // until the app's reach is what scope, roles and marks say; Test-ServicePrincipalAuthorization sees it at once
}

// Sim is one tenant. The zero value is empty and ready. Exported fields are set before the first request; all methods may be
// called at once from many goroutines.
type Sim struct {
	// Now is the tenant's clock; nil is [time.Now].
	Now func() time.Time
	// Dial adds latency and faults; nil adds none. To its rules a request's path ends in the cmdlet, as in
	// /adminapi/beta/TENANT/InvokeCommand/New-Mailbox.
	Dial *fault.Dial
	// Delays are how late changes show.
	Delays Delays

	// Token, if set, is the bearer token every request must carry; otherwise 401.
	Token string
	// NoRole refuses everything with 403, as for an app that has Exchange.ManageAsApp and no role. The body is NUL bytes.
	NoRole bool
	// Lacks are cmdlets that the app's role does not have, such as New-ManagementScope for a recipient administrator.
	Lacks map[string]bool
	// PageSize is how many rows a page has at most; 0 takes what Prefer asks for.
	PageSize int
	// MissingIsAll makes Get cmdlets answer for an identity that is nobody's with all there is, as the pages on many of them
	// warn ("Identity", Caution), in place of an error.
	MissingIsAll bool
	// NamesOnly shows people by their display names where Exchange may show either that or the user principal name.
	NamesOnly bool

	// OnMailbox is told of each mailbox that New-Mailbox makes, and when other services see it.
	OnMailbox func(address, displayName string, visible time.Time)
	// OnDelete is told of each mailbox that Remove-Mailbox takes away.
	OnDelete func(address string)
	// OnAccess is told after each change who has which rights at the mailbox from now on, whether they show yet or not: by
	// primary address, of FullAccess, ReadPermission, SendAs and SendOnBehalf. These three are called while the tenant is
	// held: they must not call back.
	OnAccess func(mailbox string, rights map[string][]string)

	mu         sync.Mutex
	recipients []*recipient
	principals []*principal
	scopes     []*scope
	roles      []*assignment
	count      int
	requests   int
	cmdlets    map[string]int
}

// Recipient is a person, a group or a mailbox to add.
type Recipient struct {
	Address string
	Name    string // display name; "" takes the local part
	// UPN is the user principal name; "" is the address.
	UPN     string
	Aliases []string
}

// AddUser adds a person with a mailbox of their own.
func (s *Sim) AddUser(r Recipient) error { return s.add(r, "UserMailbox") }

// AddGroup adds a mail-enabled security group.
func (s *Sim) AddGroup(r Recipient) error { return s.add(r, "MailUniversalSecurityGroup") }

// AddMailbox adds a shared mailbox that was made by other means, with sign-in allowed as such may have.
func (s *Sim) AddMailbox(r Recipient) error { return s.add(r, "SharedMailbox") }

func (s *Sim) add(r Recipient, kind string) error {
	local, _, ok := strings.Cut(r.Address, "@")
	if !ok {
		return fmt.Errorf("exchangesim: add %s: %q is no address", kind, r.Address)
	}
	if r.Name == "" {
		r.Name = local
	}
	if r.UPN == "" {
		r.UPN = r.Address
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder(r.Address) != nil {
		return fmt.Errorf("exchangesim: add %s: %s is taken", kind, r.Address)
	}
	n := s.create(kind, s.free(local), r.Name, r.Address, time.Time{})
	n.upn = r.UPN
	p := n.props.now()
	for _, a := range r.Aliases {
		p.proxies = append(p.proxies, "smtp:"+strings.ToLower(a))
	}
	n.props.set(p, time.Time{})
	return nil
}

func (s *Sim) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

// Requests is how many HTTP requests have come in so far.
func (s *Sim) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Cmdlets is how often each cmdlet has run, once for each page.
func (s *Sim) Cmdlets() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.cmdlets)
}
