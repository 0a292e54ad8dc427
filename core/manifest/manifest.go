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
}

// Mailbox is what the manifest says of one mailbox.
type Mailbox struct {
	Policy   decide.Policy
	Provider Provider
	Name     string         // what customers see
	Styles   []inbox.Style  // how each marker of the policy shall look, in the order members, tags, statuses
	Folders  []string       // further folders to watch, by name (Microsoft 365)
	Location *time.Location // of the organisation
}

// Mailboxes are all of them, in the order of the file.
func (m *Manifest) Mailboxes() []Mailbox { return m.mailboxes }

// Bounds of what one file may describe.
const (
	maxMembers   = 2000
	maxMailboxes = 1000
	maxSkills    = 100 // of one member

	maxTags    = 200
	maxFolders = 14 // besides the usual ones, so that one round of all of them is one batch at Graph
	maxAway    = 100
	maxName    = 200 // runes of a name people see
)

// Parse reads a manifest. name is what errors call the file. A manifest with anything wrong in it gives an *Errors.
func Parse(name string, data []byte) (*Manifest, error) {
	p := &problems{file: name}
	root := readYAML(data, p)
	if root == nil {
		return nil, p.err()
	}
	d := &decoder{problems: p, values: make(map[path]spot), names: make(map[path]spot), texts: make(map[path]string), object: make(map[path]bool)}
	var doc document
	d.decode(root, reflect.ValueOf(&doc).Elem(), field{}, "")
	r := &reader{decoder: d, doc: doc, mailboxAt: make(map[inbox.Address]string), heldBy: make(map[inbox.Address]string),
		people: make(map[string]int), patterns: make(map[string][]string)}
	m := r.read()
	if err := p.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// reader turns the document into policies.
type reader struct {
	*decoder
	doc       document
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
	r.organisation()
	for _, list := range []struct {
		what     string
		n, limit int
	}{{"members", len(r.doc.Members), maxMembers}, {"mailboxes", len(r.doc.Mailboxes), maxMailboxes}} {
		switch at := path("").key(list.what); {
		case list.n > list.limit:
			r.add(r.name(at), fmt.Sprintf("%d %s are too many", list.n, list.what), fmt.Sprintf("at most %d fit one file", list.limit))
			return nil
		case list.n == 0 && r.has(at):
			r.add(r.name(at), "there are no "+list.what, "")
		}
	}
	for _, e := range r.doc.Mailboxes {
		r.claim(e.Key, e.Value)
	}
	r.members()
	for _, e := range r.doc.Mailboxes {
		r.out.mailboxes = append(r.out.mailboxes, r.mailbox(e.Key, e.Value, path("").key("mailboxes").key(e.Key)))
	}
	return &r.out
}

// has reports whether the file has something at p that could be read, so that one mistake is not told twice.
func (r *reader) has(p path) bool {
	_, ok := r.values[p]
	return ok
}
