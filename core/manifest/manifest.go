// Package manifest reads postroom.yaml: who the team is, which mailboxes it has, and how mail is worked in each.
//
// Parse is strict. It tells everything that is wrong at once, each with its place in the file and the way to put it right,
// and gives a Manifest only if nothing is. The file may come from anywhere: it is bounded in size and depth, and has
// neither anchors nor tags.
package manifest

import (
	"fmt"
	"reflect"
	"time"
	_ "time/tzdata" // so that a time zone means the same on a machine that has none of its own

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Provider is where a mailbox is.
type Provider = inbox.Provider

// The providers.
const (
	M365  = inbox.M365
	Gmail = inbox.Gmail
)

// Manifest is a manifest in which everything is well. It is never changed, so any number of goroutines may use it.
type Manifest struct {
	Version      int
	Organisation string
	Domains      []string // lower case
	Location     *time.Location
	mailboxes    []Mailbox
	m365         M365Tenant
	google       GoogleTenant
	retired      []provision.Mailbox // those to be deleted
}

// Mailbox is what the manifest says of one mailbox.
type Mailbox struct {
	Policy   decide.Policy
	Provider Provider
	Name     string         // what customers see
	Styles   []inbox.Style  // how each marker of the policy shall look, in the order members, tags, statuses
	Folders  []string       // further folders to watch, by name (Microsoft 365)
	Location *time.Location // of the organisation
	// Readers see the mailbox and answer nothing, so they have no marker.
	Readers []decide.Member
	// Front is the address of the group in front of the account (Google Workspace), "" where there is none. It is among the
	// policy's addresses.
	Front inbox.Address
	wish  provision.Mailbox
}

// Mailboxes are all of them, in the order of the file.
func (m *Manifest) Mailboxes() []Mailbox { return m.mailboxes }

// Bounds of what one file may describe.
const (
	maxDomains   = 1000
	maxMembers   = 5000
	maxMailboxes = 1000
	maxSkills    = 100 // of one member

	maxTags    = 200
	maxFolders = 14 // besides the usual ones, so that one round of all of them is one batch at Graph
	maxAway    = 100
	maxAliases = 300 // Exchange takes as many
	maxAccess  = 500
	maxName    = 200 // runes of a name people see
)

// Parse reads a manifest. name is what errors call the file. A manifest with anything wrong in it gives an *Errors.
func Parse(name string, data []byte) (*Manifest, error) { return ParseWith(name, data, nil) }

// ParseWith reads a manifest together with mailboxes that are declared elsewhere; they come after those of the file, in
// that order. The file may then have no mailboxes of its own.
func ParseWith(name string, data []byte, declared []Declared) (*Manifest, error) {
	p := &problems{file: name}
	root := readYAML(data, p)
	if root == nil {
		return nil, p.err()
	}
	r := newReader(p)
	r.declared = len(declared) > 0
	r.decode(root, reflect.ValueOf(&r.doc).Elem(), field{}, "")
	r.boxes = r.declarations(declared)
	m := r.read()
	if err := p.err(); err != nil {
		return nil, err
	}
	return m, nil
}

func newReader(p *problems) *reader {
	d := &decoder{problems: p, values: make(map[path]spot), names: make(map[path]spot), texts: make(map[path]string), object: make(map[path]bool), led: make(map[spot]path)}
	p.paths = d.pathAt
	return &reader{decoder: d, mailboxAt: make(map[inbox.Address]string), heldBy: make(map[inbox.Address]string),
		people: make(map[string]int), patterns: make(map[string][]string)}
}

// reader turns the document into policies.
type reader struct {
	*decoder
	doc       document
	boxes     []box // of the file, then those declared elsewhere
	out       Manifest
	mailboxAt map[inbox.Address]string // the mailbox that has an address, itself or as an alias
	heldBy    map[inbox.Address]string // the member who has an address
	people    map[string]int           // the members by key
	colors    []string                 // of each member's marker
	absences  [][]assign.Span          // of each member
	patterns  map[string][]string      // the markers of all members by their pattern
}

func (r *reader) read() *Manifest {
	r.out.Version = r.doc.Version
	if n, at := len(r.doc.Organisation.Domains), path("").key("organisation").key("domains"); n > maxDomains {
		r.add(r.name(at), fmt.Sprintf("%d domains are too many", n), fmt.Sprintf("at most %d fit one file", maxDomains))
		return nil
	}
	r.organisation()
	for _, list := range []struct {
		what     string
		n, limit int
	}{{"members", len(r.doc.Members), maxMembers}, {"mailboxes", len(r.boxes), maxMailboxes}, {"retired", len(r.doc.Retired), maxMailboxes}} {
		switch at := path("").key(list.what); {
		case list.n > list.limit:
			r.add(r.name(at), fmt.Sprintf("%d %s are too many", list.n, list.what), fmt.Sprintf("at most %d fit one file", list.limit))
			return nil
		case list.n == 0 && r.has(at) && list.what == "mailboxes":
			r.add(r.name(at), "there are no "+list.what, "")
		}
	}
	r.tenants()
	for _, b := range r.boxes {
		r.claim(b)
	}
	r.members()
	for _, b := range r.boxes {
		r.out.mailboxes = append(r.out.mailboxes, r.mailbox(b.id, b.mailbox, b.at))
	}
	r.beyond()
	return &r.out
}

// has reports whether the file has something at p that could be read, so that one mistake is not told twice.
func (r *reader) has(p path) bool {
	_, ok := r.values[p]
	return ok
}
