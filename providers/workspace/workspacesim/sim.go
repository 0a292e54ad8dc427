// Package workspacesim is Google Workspace's administration over accounts and groups in memory: the Directory API, the
// Enterprise License Manager API at its one request a second, and the Groups Settings API, whose booleans are texts. It is
// a plain http.Handler that behaves as Google documents and as the field has found it to behave, with the clock, the faults
// and how long things take to get around injected.
//
// It serves tests, benchmarks and the demo. Its wire structs are its own, so that the client library and the simulator
// cannot be wrong together. All methods may be called at once from many goroutines. Fields are set before the first call.
package workspacesim

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// Lag is how long what has been changed takes until it shows.
type Lag struct {
	Account    time.Duration // a new account: 404 to a get, 412 to a change until then
	Listed     time.Duration // a new account in users.list
	Group      time.Duration // a new group: 404 to its members and settings until then
	Members    time.Duration // a membership, in members.list
	Mailbox    time.Duration // the mailbox of an account, from its first licence with Gmail on
	NewLicence time.Duration // a new account at the licensing: 404 until then
}

// Sim is one Google Workspace. Make it with New.
type Sim struct {
	// Now is the clock of everything; nil is time.Now.
	Now func() time.Time
	// Dial is the latency and the faults; nil is none.
	Dial *fault.Dial
	// Lag is how long things take; the zero value is no time at all.
	Lag Lag
	// Domains are those of the organisation; nil takes any.
	Domains []string
	// AutoLicence is given to every new account, as product/sku, where automatic licensing is on; empty: it is off.
	AutoLicence string
	// FreeLicensing lifts the limit of one licensing request a second.
	FreeLicensing bool
	// Forbid reports whether the administrator's role lacks a method, named as in the discovery document, such as
	// directory.users.insert; nil: it has all.
	Forbid func(method string) bool
	// Scopes are those authorised under "Domain-wide delegation"; nil: all.
	Scopes []string
	// OnAccount is told of an account whose mailbox comes to be at ready, outside of all locks; nil: nobody is.
	OnAccount func(address, name string, ready time.Time)
	// OnDelete is told of a deleted account, outside of all locks; nil: nobody is.
	OnDelete func(address string)
	// OnMembers is told of everybody in a group after each change, outside of all locks; nil: nobody is.
	OnMembers func(group string, members []string)

	mu       sync.Mutex
	next     int // for ids
	units    map[string]string
	accounts map[string]*account // by id
	groups   map[string]*group   // by id
	seats    map[string]int      // licences bought, by product/sku; a missing one has no limit
	told     []func()
	licensed time.Time // when the last licensing request came
	count    map[string]int
	tooFast  int
}

// New returns an organisation without accounts.
func New() *Sim {
	return &Sim{
		units: map[string]string{"/": "/"}, accounts: map[string]*account{}, groups: map[string]*group{},
		seats: map[string]int{}, count: map[string]int{},
	}
}

// Customer is the organisation's id.
const Customer = "C01sim234"

func (s *Sim) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// AddOrgUnit adds an organizational unit, and those above it.
func (s *Sim) AddOrgUnit(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := ""
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		at += "/" + part
		s.units[strings.ToLower(at)] = at
	}
}

// AddLicences says how many licences of a product and SKU were bought; a SKU that is not named has no limit.
func (s *Sim) AddLicences(product, sku string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seats[product+"/"+sku] += number
}

// Requests is how many requests have come, by method as in the discovery document.
func (s *Sim) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for m, n := range s.count {
		out[m] = n
	}
	return out
}

// TooFast is how many licensing requests came within a second of another.
func (s *Sim) TooFast() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tooFast
}

var _ http.Handler = (*Sim)(nil)
