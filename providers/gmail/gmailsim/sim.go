// Package gmailsim is the Gmail API over mailboxes in memory: a plain http.Handler that behaves as Google
// documents and as the field has found it to behave, with the clock, the faults and the chances injected.
//
// It serves tests, benchmarks and the demo. Its wire structs are its own, so that the client library and the
// simulator cannot be wrong together. People's moves (a mail arrives, somebody labels a thread, a delegate
// answers) are Go methods; everything they do shows in history and raises pushes, as does everything a client
// does.
//
// All methods may be called at once from many goroutines. Fields are set before the first call.
package gmailsim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// Quota says what happens to a mailbox above its units per minute.
type Quota int

// What a request above the quota gets. Google answers either way (quota guide, "Resolve errors").
const (
	QuotaCount     Quota = iota // nothing: units are only counted
	QuotaForbidden              // 403 userRateLimitExceeded
	QuotaTooMany                // 429 rateLimitExceeded
)

// DefaultUnitsPerMinute is the quota of one user of one project since May 2026.
const DefaultUnitsPerMinute = 6000

// DefaultMaxConcurrent is where the field has met "Too many concurrent requests for user"; Google gives no figure.
const DefaultMaxConcurrent = 10

// Sim is one Google, with as many mailboxes as are added. Make it with New.
type Sim struct {
	// Now is the clock of everything; nil is time.Now.
	Now func() time.Time
	// Dial is the latency and the faults; nil is none.
	Dial *fault.Dial
	// Subject tells whom a request acts for; nil reads "Authorization: Bearer sim:<address>".
	Subject func(*http.Request) (mailbox string, ok bool)
	// Rand drives loss, duplication and reordering of pushes; nil is a fixed seed.
	Rand *rand.Rand

	// LabelsAtRecordTime makes history show the labels a message had at the time of the record. By default it
	// shows the current ones (release notes of 2015-06-22).
	LabelsAtRecordTime bool
	// MaxConcurrent is the number of requests one mailbox takes at once; 0 is DefaultMaxConcurrent, below 0 is
	// no limit.
	MaxConcurrent int
	// Quota and UnitsPerMinute (0 is DefaultUnitsPerMinute) say what happens above the quota.
	Quota          Quota
	UnitsPerMinute int
	// SearchDelay is how long the search does not find a message that has come in, which a list without a query shows.
	SearchDelay time.Duration
	// MaxDelegates is how many delegates a mailbox may have; 0 is 25.
	MaxDelegates int
	// DelegateDelay is how long the lists show delegates as they were before a change. Google says up to a minute.
	DelegateDelay time.Duration
	// DelegationOff is the administrator's switch "Mail delegation", which is off in a new organisation.
	DelegationOff bool
	// IsAccount tells whether an address is the primary one of an account of the organisation, as a delegate's has to be; nil: all
	// of the mailbox's own domain are. Groups and aliases are none. It is called under the mailbox's lock.
	IsAccount func(address string) bool
	// OwnsAddress tells whether an address is the mailbox's own (an alias), so that it can be sent from without being
	// confirmed by mail; nil: all of the mailbox's own domain are. It is called under the mailbox's lock.
	OwnsAddress func(mailbox, address string) bool
	// OnDelegates, if set, is told after each change of the delegates who they are now, sorted, outside of all locks.
	OnDelegates func(mailbox string, delegates []string)
	// InlineLimit is the size in bytes above which a text body comes as an attachment id; 0 is never.
	InlineLimit int
	// Push says where and how notifications are delivered.
	Push Push
	// OnSend, if set, is told of every mail a client or a person sends, outside of all locks.
	OnSend func(mailbox string, recipients []string, raw []byte)

	mu        sync.RWMutex
	mailboxes map[string]*mailbox
	added     int // mailboxes, ever

	count  counters
	pushes pushQueue
}

// New returns a simulator without mailboxes.
func New() *Sim {
	return &Sim{mailboxes: map[string]*mailbox{}}
}

// AddMailbox adds an empty mailbox; adding it again does nothing.
func (s *Sim) AddMailbox(address string) { s.AddMailboxAt(address, time.Time{}) }

// AddMailboxAt adds an empty mailbox whose mail service begins at that time, as that of a new account does some minutes
// after it is made. Adding one again does nothing.
func (s *Sim) AddMailboxAt(address string, ready time.Time) {
	address = strings.ToLower(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mailboxes[address] == nil {
		s.mailboxes[address] = newMailbox(address, s.added)
		s.mailboxes[address].ready = ready
		s.added++
	}
}

// RemoveMailbox takes a mailbox away with its mail, as deleting the account does. The account stays in the lists of whose
// delegate it was.
func (s *Sim) RemoveMailbox(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mailboxes, strings.ToLower(address))
}

// Mailboxes lists the addresses, sorted.
func (s *Sim) Mailboxes() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]string, 0, len(s.mailboxes))
	for a := range s.mailboxes {
		list = append(list, a)
	}
	sort.Strings(list)
	return list
}

func (s *Sim) mailbox(address string) *mailbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mailboxes[strings.ToLower(address)]
}

func (s *Sim) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// edit runs one change of a mailbox under its lock and passes on what the change sent.
func (s *Sim) edit(address string, change func(*txn) error) error {
	mb := s.mailbox(address)
	if mb == nil {
		return fmt.Errorf("gmailsim: no mailbox %s", address)
	}
	t := &txn{sim: s, mailbox: mb, now: s.now()}
	err := t.run(change)
	if err != nil {
		return fmt.Errorf("gmailsim: %s: %w", mb.address, err)
	}
	return nil
}

// txn is one change or read of a mailbox, under its lock.
type txn struct {
	sim *Sim
	*mailbox
	now       time.Time
	sent      []sentMail
	delegated bool // the delegates have changed
}

type sentMail struct {
	recipients []string
	raw        []byte
}

func (t *txn) run(change func(*txn) error) error {
	var delegates []string
	err := func() error {
		t.mailbox.mu.Lock()
		defer t.mailbox.mu.Unlock()
		defer func() {
			if t.delegated {
				delegates = t.delegates()
			}
		}()
		return change(t)
	}()
	if t.delegated && t.sim.OnDelegates != nil {
		t.sim.OnDelegates(t.address, delegates)
	}
	if t.sim.OnSend != nil {
		for _, m := range t.sent {
			t.sim.OnSend(t.address, m.recipients, m.raw)
		}
	}
	return err
}
