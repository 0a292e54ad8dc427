// Package graphsim simulates the mail part of Microsoft Graph v1.0 in memory:
// users, folders, messages, delta queries, $batch, categories, mailbox
// settings and change notifications, spoken over HTTP.
//
// A [Sim] is a plain [http.Handler]. It has wire structs of its own, so that a
// client and its simulator cannot be wrong together, and package contract
// checks what it speaks against the official metadata. Time, chance, faults and
// outgoing calls are injected, so the same simulator serves tests, benchmarks
// and the demo.
//
// What people do in Outlook is done with the methods of Sim (Receive, Answer,
// SetCategories, Move, …). They take effect at once and cause the same change
// log entries and notifications as requests do.
//
// What it does not simulate answers 501 with code NotSimulated rather than
// something made up. Behaviour that no document settles has a switch, named in
// its comment.
package graphsim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// Sim is one tenant. The zero value has no mailboxes and is ready. Exported
// fields are set before the first request; all methods may be called at once
// from many goroutines.
type Sim struct {
	// Now is the tenant's clock; nil is [time.Now].
	Now func() time.Time
	// Dial adds latency and faults; nil adds none.
	Dial *fault.Dial
	// Client makes the calls to notification URLs: the validation of new
	// subscriptions and Deliver. Without it no subscription can be created.
	Client *http.Client
	// Rand shuffles the answers of a $batch and drives NotificationFaults; nil
	// keeps everything in order.
	Rand *rand.Rand

	// Token, if set, is the bearer token every request must carry; otherwise 401.
	Token string
	// Reach, if set, says which mailboxes the app may reach now, as the scope of its Exchange roles and the time that a
	// change of it takes have it; any other answers 403 ErrorAccessDenied. It is called with the address in lower case,
	// for every request, by several goroutines at once, and while none of the simulator's locks is held.
	Reach func(address string) bool
	// RefuseUnknown answers 403 also for what is not there, or not yet, as long as Reach does not say that it is reached.
	// Which of the two refusals comes first no document says; see docs/tenant-checks.md.
	RefuseUnknown bool
	// NoSettings is an app that may read and write mail and nothing else: the settings and the category list of every
	// mailbox answer 403.
	NoSettings bool
	// PlainHTTP lets subscriptions name http URLs, for a hook on this machine.
	// Graph itself demands https.
	PlainHTTP bool
	// NoConcurrencyLimit turns off the refusal of more than four requests at once
	// for one mailbox.
	NoConcurrencyLimit bool
	// IfMatchIgnored makes updates of messages ignore If-Match. No document says
	// which of the two Graph does; see docs/tenant-checks.md.
	IfMatchIgnored bool
	// DuplicateCategoryStatus answers the creation of a category whose name
	// exists; 0 is 409. The documents only say that names are unique.
	DuplicateCategoryStatus int
	// CategoryPage is how many categories a page of the list has; 0: all are on one, as far as is known of Graph.
	CategoryPage int

	// DeltaExpiredStatus answers a delta token that ExpireDelta made stale; 0 is
	// 410 with a Location. Any other 4xx comes without one.
	DeltaExpiredStatus int
	// DeltaLag hides changes younger than this from delta, as Exchange does when
	// its processing is behind the notifications it has already sent.
	DeltaLag time.Duration
	// DeltaSparse sends of an updated message only the properties that changed.
	DeltaSparse bool
	// DeltaNoHeaders leaves internetMessageHeaders out of delta although it was selected; whether Graph always sends it
	// is not documented.
	DeltaNoHeaders bool
	// DeltaRepeats sends the last item of a page again on the next one.
	DeltaRepeats bool
	// DeltaEmptyPages makes every page that is followed by another one be
	// preceded by an empty page with a nextLink.
	DeltaEmptyPages bool

	// NotificationFaults loses, doubles and reorders notifications in Deliver.
	NotificationFaults NotificationFaults
	// OnNotification, if set, takes the bodies that Deliver would otherwise POST.
	OnNotification func(url string, body []byte) error

	mu        sync.RWMutex
	mailboxes map[string]*mailbox // by lower-case address and by id
	count     int

	stats statistics
	hooks subscriptions
	rand  sync.Mutex // serialises Rand
}

// Mailbox describes a mailbox to add.
type Mailbox struct {
	Address string
	Name    string // display name; "" takes the local part of the address
	// Purpose is mailboxSettings' userPurpose; "" is "shared".
	Purpose string
	// NoArchive leaves out the archive folder, as in a mailbox where no one has
	// archived yet: it then answers 404.
	NoArchive bool
	// Visible is when Graph begins to show the mailbox: before, it answers 404 MailboxNotEnabledForRESTAPI, as for a
	// mailbox that Exchange has just made. Zero: at once. What people do works before, too.
	Visible time.Time
}

// AddMailbox adds an empty mailbox. It fails when the address is taken.
func (s *Sim) AddMailbox(m Mailbox) error {
	local, _, ok := strings.Cut(m.Address, "@")
	if !ok {
		return fmt.Errorf("graphsim: add mailbox: %q is no address", m.Address)
	}
	if m.Name == "" {
		m.Name = local
	}
	if m.Purpose == "" {
		m.Purpose = "shared"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mailboxes == nil {
		s.mailboxes = map[string]*mailbox{}
	}
	key := strings.ToLower(m.Address)
	if s.mailboxes[key] != nil {
		return fmt.Errorf("graphsim: add mailbox: %s exists already", m.Address)
	}
	s.count++
	mb := newMailbox(s, m, s.count)
	s.mailboxes[key] = mb
	s.mailboxes[mb.id] = mb
	return nil
}

// RemoveMailbox takes a mailbox out of the tenant with all that is in it. Its subscriptions end, without a word.
func (s *Sim) RemoveMailbox(address string) error {
	mb, err := s.mailbox(address)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.mailboxes, strings.ToLower(mb.address))
	delete(s.mailboxes, mb.id)
	s.mu.Unlock()
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.list = slices.DeleteFunc(s.hooks.list, func(sub *subscription) bool { return sub.mailbox == mb })
	return nil
}

// RefuseMailbox puts a mailbox outside the app's scope: every request for it is
// answered 403 ErrorAccessDenied from now on. People's methods still work.
func (s *Sim) RefuseMailbox(address string) error {
	mb, err := s.mailbox(address)
	if err != nil {
		return err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	mb.refused = true
	return nil
}

// find looks a mailbox up by id or address; nil when the tenant has none.
func (s *Sim) find(idOrAddress string) *mailbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mailboxes[strings.ToLower(idOrAddress)]
}

func (s *Sim) mailbox(idOrAddress string) (*mailbox, error) {
	if mb := s.find(idOrAddress); mb != nil {
		return mb, nil
	}
	return nil, fmt.Errorf("graphsim: no mailbox %s in this tenant", idOrAddress)
}

func (s *Sim) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

// chance draws true with probability p; never without Rand.
func (s *Sim) chance(p float64) bool {
	if p <= 0 || s.Rand == nil {
		return false
	}
	s.rand.Lock()
	defer s.rand.Unlock()
	return s.Rand.Float64() < p
}

func (s *Sim) shuffle(n int, swap func(i, j int)) {
	if s.Rand == nil {
		return
	}
	s.rand.Lock()
	defer s.rand.Unlock()
	s.Rand.Shuffle(n, swap)
}
