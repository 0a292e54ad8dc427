package provision

import (
	"slices"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Plan is all that has to be done so that the mailboxes become what the manifest says, in the order in which it is to be
// done. It is plain data: json.Marshal writes it and ReadPlan reads it back.
type Plan struct {
	Format      int               `json:"format"`
	Manifest    Source            `json:"manifest"`
	Made        time.Time         `json:"made"`
	AllowRemove bool              `json:"allowRemove,omitempty"`
	Only        []inbox.MailboxID `json:"only,omitempty"`
	Steps       []Step            `json:"steps"`
	Held        []Held            `json:"held,omitempty"`
	Unread      []Unread          `json:"unread,omitempty"`
	// Unseen are wished facts that the provider never shows; Why tells a person how to bring them about and to look.
	Unseen []Unread `json:"unseen,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// Source is the manifest that a plan follows.
type Source struct {
	Name   string `json:"name,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of the file, in hexadecimal
}

// Held is a step that is not done, and why.
type Held struct {
	Step Step   `json:"step"`
	Why  string `json:"why"`
}

// Unread is an aspect that could not be read, or with a subject a single fact of it, so nothing is planned for it.
type Unread struct {
	Mailbox  inbox.MailboxID `json:"mailbox,omitempty"`
	Provider inbox.Provider  `json:"provider"`
	Aspect   Aspect          `json:"aspect"`
	Subject  string          `json:"subject,omitempty"`
	Why      string          `json:"why"`
}

// Options say what a plan may hold.
type Options struct {
	Manifest Source
	Made     time.Time
	// AllowRemove lets the plan take away access, addresses and data. Without it such steps are held back, and with them
	// what would build on them.
	AllowRemove bool
	// Only limits the plan to these mailboxes; the tenant is the empty one. Empty: all.
	Only []inbox.MailboxID
	// Manual is how a person brings a step about that no API can; empty for one that an API can. Nil: an API can do all.
	Manual func(Step) string
}

// planFormat is the Format of the plans that this version makes and reads.
const planFormat = 1

// Empty reports whether there is nothing to be done, held back or left unread. What no provider ever shows does not count.
func (p *Plan) Empty() bool { return len(p.Steps) == 0 && len(p.Held) == 0 && len(p.Unread) == 0 }

// Taking counts the steps that take away access, an address or data. Whoever applies a plan out of a file asks once more
// whether that is allowed when it is not 0.
func (p *Plan) Taking() int {
	n := 0
	for i := range p.Steps {
		if p.Steps[i].Takes {
			n++
		}
	}
	return n
}

// site is a mailbox among those of all providers, for the tenants of two providers have the same empty address.
type site struct {
	provider inbox.Provider
	mailbox  inbox.MailboxID
}

func (m *Mailbox) site() site { return site{m.Provider, m.Address} }
func (s *Step) site() site    { return site{s.Provider, s.Mailbox} }

// Make is the difference of what shall be and what is. It is pure: it changes neither argument, and the same arguments
// give the same plan in the same order. A mailbox of want that have lacks is taken for unread.
func Make(want, have []Mailbox, o Options) Plan {
	p := Plan{Format: planFormat, Manifest: o.Manifest, Made: o.Made.UTC(), AllowRemove: o.AllowRemove, Steps: []Step{}}
	p.Only = slices.Clone(o.Only)
	slices.Sort(p.Only)
	p.Only = slices.Compact(p.Only)
	m := maker{plan: &p, found: make(map[site]*Mailbox, len(have)), wished: make(map[site]bool, len(want)), marks: map[inbox.Provider]bool{}, closed: map[site]bool{}}
	for i := range have {
		m.found[have[i].site()] = &have[i]
	}
	for i := range want {
		m.wished[want[i].site()] = true
		if want[i].Address == "" {
			m.marks[want[i].Provider] = true
		}
	}
	for i := range want {
		m.compare(&want[i])
	}
	for i := range have {
		if !m.wished[have[i].site()] {
			m.unmark(&have[i])
		}
	}
	m.pairMoves()
	for _, d := range m.steps {
		d.Step.fill(d.row)
		d.phase = d.Step.phase(d.row)
	}
	slices.SortStableFunc(m.steps, order)
	m.steps = slices.CompactFunc(m.steps, func(a, b *draft) bool { return a.ID == b.ID })
	m.sift(o)
	m.caution()
	m.cost()
	m.sortRemarks()
	return p
}
