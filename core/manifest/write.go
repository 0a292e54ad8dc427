package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/templates"
)

// WriteOptions say of the organisation what its mailboxes do not show.
type WriteOptions struct {
	Organisation string   // its name. Empty: made from the first domain
	Domains      []string // its mail domains. Nil: those of the mailboxes
	Timezone     string   // IANA name. Empty: the most frequent one of the mailboxes, else UTC
	M365         M365Tenant
	Google       GoogleTenant
	// Tell gets what whoever called should read of what was written: what the next plan will have to do all the same. It
	// stands in comments too. Nil: nobody.
	Tell func(note string)
}

// Write is a manifest of mailboxes that exist, as they were found: the next plan has nothing to do, but for what Tell gets.
// People with just the rights of a role become members in it, others stand under access. A tenant among the found is passed
// over. It fails where a mailbox is not there, is of a kind that no manifest has, or could not be read whole.
func Write(found []provision.Mailbox, o WriteOptions) ([]byte, error) {
	w, err := newWriter(found)
	if err != nil {
		return nil, err
	}
	w.unit = "  "
	w.options = o
	w.claim()
	out, err := w.settle("postroom.yaml", w.whole)
	if err == nil {
		w.tell()
	}
	return out, err
}

// writer writes the mailboxes found into a manifest.
type writer struct {
	strings.Builder
	found   []provision.Mailbox
	options WriteOptions
	unit    string // of indentation below members and mailboxes
	people  []writtenMember
	byMail  map[inbox.Address]int  // of people
	keys    map[string]bool        // taken by members, lower case
	taken   map[inbox.Address]bool // addresses that are a mailbox's
	aliasOf map[inbox.Address]inbox.MailboxID
	notes   map[inbox.MailboxID][]string // what a plan would have to do
	bare    map[inbox.MailboxID]bool     // lacks markers that a plan would make
	firsts  map[string]bool              // first names of the members there were before
	marked  marking
}

// marking says which new members get a marker of their own.
type marking int

const (
	nobody    marking = iota
	namesakes         // of members that there were before
	everybody
)

type writtenMember struct {
	key, name, email string
	known            bool // in the manifest already
}

func newWriter(found []provision.Mailbox) (*writer, error) {
	w := &writer{byMail: map[inbox.Address]int{}, keys: map[string]bool{}, taken: map[inbox.Address]bool{}, aliasOf: map[inbox.Address]inbox.MailboxID{}}
	for _, m := range found {
		if m.Address == "" {
			continue
		}
		kind := m.Facts[provision.Fact{Aspect: provision.Existence}]
		switch {
		case m.Unread[provision.Existence] != "":
			return nil, fmt.Errorf("the mailbox %s could not be read: %s", m.Address, m.Unread[provision.Existence])
		case !m.Exists():
			return nil, fmt.Errorf("there is no mailbox %s", m.Address)
		case !validAddress(string(m.Address)) || string(m.Address) != strings.ToLower(string(m.Address)):
			return nil, fmt.Errorf("a manifest cannot have the address %q", m.Address)
		case m.Provider == M365 && kind != "shared":
			return nil, fmt.Errorf("the mailbox %s is %q, not a shared mailbox: convert it in the Exchange admin centre, or with Set-Mailbox -Type Shared", m.Address, kind)
		case m.Provider == Gmail && kind != "account", m.Provider != M365 && m.Provider != Gmail:
			return nil, fmt.Errorf("the mailbox %s is %q at %q, which no manifest has", m.Address, kind, m.Provider)
		case w.taken[inbox.Address(m.Address)]:
			return nil, fmt.Errorf("the mailbox %s is here a second time", m.Address)
		}
		for _, aspect := range []provision.Aspect{provision.Alias, provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf} {
			if why := m.Unread[aspect]; why != "" {
				return nil, fmt.Errorf("%s of the mailbox %s could not be read, and a manifest without it would take it away: %s", aspect, m.Address, why)
			}
		}
		w.taken[inbox.Address(m.Address)] = true
		w.found = append(w.found, m)
	}
	if len(w.found) == 0 {
		return nil, errors.New("there is no mailbox to write down")
	}
	return w, nil
}

// claim gives each alias to the first mailbox that has it.
func (w *writer) claim() {
	for _, m := range w.found {
		n := 0
		for _, s := range subjects(m, provision.Alias) {
			a := addressOf(s)
			if _, other := w.aliasOf[a]; !other && validAddress(s) && !w.taken[a] && n < maxAliases {
				w.aliasOf[a] = m.Address
				n++
			}
		}
	}
}

// settle writes, reads what it has written, and writes again: without the markers where a plan would make them, and with
// what it would still have to do in comments.
func (w *writer) settle(name string, write func() []byte) ([]byte, error) {
	w.notes, w.bare = nil, map[inbox.MailboxID]bool{}
	plan, err := w.plan(name, write())
	if err != nil {
		return nil, err
	}
	for _, s := range plan.Steps {
		if s.Fact.Aspect == provision.Marker {
			w.bare[s.Mailbox] = true
		}
	}
	if len(w.bare) > 0 {
		if plan, err = w.plan(name, write()); err != nil {
			return nil, err
		}
	}
	w.notes = map[inbox.MailboxID][]string{}
	for _, s := range plan.Steps {
		w.notes[s.Mailbox] = append(w.notes[s.Mailbox], s.What)
	}
	for _, u := range plan.Unread {
		w.notes[u.Mailbox] = append(w.notes[u.Mailbox], fmt.Sprintf("%s could not be read: %s", u.Aspect, u.Why))
	}
	return write(), nil
}

// plan is what a plan by the manifest would do for the mailboxes found.
func (w *writer) plan(name string, data []byte) (provision.Plan, error) {
	m, err := Parse(name, data)
	if err != nil {
		return provision.Plan{}, fmt.Errorf("what was found makes no manifest:\n%w", err)
	}
	return provision.Make(w.wishes(m), w.found, provision.Options{AllowRemove: true}), nil
}

// wishes are what m wishes of the mailboxes found.
func (w *writer) wishes(m *Manifest) (out []provision.Mailbox) {
	for _, wish := range m.Desired() {
		if slices.ContainsFunc(w.found, func(f provision.Mailbox) bool { return f.Address == wish.Address && f.Provider == wish.Provider }) {
			out = append(out, wish)
		}
	}
	return out
}

func (w *writer) tell() {
	if w.options.Tell == nil {
		return
	}
	for _, m := range w.found {
		for _, n := range w.notes[m.Address] {
			w.options.Tell(fmt.Sprintf("%s: still to be done: %s", m.Address, oneLine(n)))
		}
	}
}

// whole writes a manifest of its own.
func (w *writer) whole() []byte {
	w.Reset()
	o := w.options
	if len(o.Domains) == 0 {
		for _, m := range w.found {
			if d := inbox.Address(m.Address).Domain(); !slices.Contains(o.Domains, d) {
				o.Domains = append(o.Domains, d)
			}
		}
	}
	if strings.TrimSpace(o.Organisation) == "" {
		name, _, _ := strings.Cut(o.Domains[0], ".")
		o.Organisation = capitalised(name)
	}
	if o.Timezone == "" {
		o.Timezone = w.usualZone()
	}
	sections := w.sections()
	fmt.Fprintf(w, "# Written by postroom import. docs/manifest.md has every key.\nversion: 1\n\norganisation:\n  name: %s\n", templates.Scalar(o.Organisation))
	fmt.Fprintf(w, "  # Mail from these domains is a colleague's, not a customer's.\n  domains: %s\n  timezone: %s\n", templates.Flow(o.Domains), templates.Scalar(o.Timezone))
	w.tenants(o)
	if w.WriteString("\n# The people of the team. The key is what the rest of the file and the timeline call them.\n"); len(w.people) == 0 {
		w.WriteString("members: {}\n")
	} else {
		w.WriteString("members:\n")
	}
	for _, one := range w.people {
		w.member(one)
	}
	w.WriteString("\nmailboxes:\n" + strings.Join(sections, "\n"))
	return []byte(w.String())
}

// usualZone is the time zone that most of the mailboxes have.
func (w *writer) usualZone() string {
	best, count := "UTC", map[string]int{}
	for _, m := range w.found {
		zone := m.Facts[provision.Fact{Aspect: provision.TimeZone}]
		if !validZone(zone) {
			continue
		}
		if count[zone]++; count[zone] > count[best] {
			best = zone
		}
	}
	return best
}

// tenants writes what concerns no single mailbox.
func (w *writer) tenants(o WriteOptions) {
	block := func(name string, keys [][2]string) {
		keys = slices.DeleteFunc(keys, func(kv [2]string) bool { return kv[1] == "" })
		if len(keys) == 0 {
			return
		}
		fmt.Fprintf(w, "\n%s:\n", name)
		for _, kv := range keys {
			fmt.Fprintf(w, "  %s: %s\n", kv[0], templates.Scalar(kv[1]))
		}
	}
	t := o.M365
	if t.App == "" {
		t = M365Tenant{Control: t.Control}
	}
	if t.Scope == defaultScope {
		t.Scope = ""
	}
	if t.Mark == defaultMark {
		t.Mark = ""
	}
	block("m365", [][2]string{{"app", t.App}, {"principal", t.Principal}, {"scope", t.Scope}, {"mark", t.Mark}, {"control", string(t.Control)}})
	block("google", [][2]string{{"org-unit", o.Google.OrgUnit}, {"licence", o.Google.Licence}, {"control", string(o.Google.Control)}})
}

// member writes one person who is new.
func (w *writer) member(one writtenMember) {
	if one.known {
		return
	}
	marker := ""
	if first, _, _ := strings.Cut(strings.ToLower(one.name), " "); w.marked == everybody || w.marked == namesakes && w.firsts[first] {
		marker = ", marker: " + templates.Scalar("@"+one.name+" ("+one.key+")")
	}
	fmt.Fprintf(w, "%s%s: {name: %s, email: %s%s}\n", w.unit, templates.Scalar(one.key), templates.Scalar(one.name), templates.Scalar(one.email), marker)
}
