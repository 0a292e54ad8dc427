package provision

import (
	"cmp"
	"slices"

	"github.com/postroom/postroom/core/inbox"
)

// draft is a step in the making.
type draft struct {
	Step
	row   *row
	place int // of the row in the catalog
	phase phase
	verb  int    // in the order of verbs
	about string // the subject without letter case
}

func newDraft(s Step, r *row, place int) *draft {
	return &draft{Step: s, row: r, place: place, verb: slices.Index(verbs[:], s.Verb), about: fold(s.Fact.Subject)}
}

// maker makes one plan.
type maker struct {
	plan   *Plan
	found  map[site]*Mailbox
	wished map[site]bool
	marks  map[inbox.Provider]bool // the manifest says how far the app reaches, so marks beyond it are taken off
	steps  []*draft
	closed map[site]bool // what people may do there could not be read whole
}

func (m *maker) step(s Step, r *row, place int) {
	m.steps = append(m.steps, newDraft(s, r, place))
}

func (m *maker) unread(at site, f Fact, why string) {
	m.plan.Unread = append(m.plan.Unread, Unread{Mailbox: at.mailbox, Provider: at.provider, Aspect: f.Aspect, Subject: f.Subject, Why: why})
}

// finding is what is true of a mailbox, by folded subject.
type finding map[Fact]found

type found struct{ subject, value string }

func foldFacts(facts map[Fact]string) finding {
	out := make(finding, len(facts))
	for f, v := range facts {
		key := Fact{f.Aspect, fold(f.Subject)}
		// Of two that differ in letter case alone, always the same one counts.
		if old, ok := out[key]; !ok || f.Subject < old.subject {
			out[key] = found{f.Subject, v}
		}
	}
	return out
}

// compare plans what makes the mailbox as w wishes it.
func (m *maker) compare(w *Mailbox) {
	at := w.site()
	h, ok := m.found[at]
	if !ok {
		if m.chosen(w.Address) {
			m.unread(at, Fact{Aspect: Existence}, "the mailbox was not read")
		}
		return
	}
	existence := Fact{Aspect: Existence}
	unknown, blind := h.Unread[Existence]
	if len(w.Facts) == 0 {
		switch r, place, ok := find(w.Provider, Existence); {
		case blind:
			m.unread(at, existence, unknown)
		case ok && h.Exists() && w.Address != "":
			s := Step{Mailbox: w.Address, Provider: w.Provider, Verb: Delete, Fact: existence, Before: h.Facts[existence]}
			for f := range h.Facts {
				if f.Aspect == Alias || f.Aspect == Reach { // they go with it, and others may wait for that
					s.With = append(s.With, Value{Fact: Fact{f.Aspect, fold(f.Subject)}})
				}
			}
			sortValues(s.With)
			m.step(s, r, place)
		}
		return
	}
	_, declared := w.Facts[existence]
	fresh := declared && !blind && !h.Exists()
	if blind && len(h.Facts) == 0 && w.Address != "" {
		m.unread(at, existence, unknown) // and nothing else can be said of it
		return
	}
	have := foldFacts(h.Facts)
	if fresh {
		have = beside(have)
	}
	m.wishes(w, h, have, fresh)
	m.surplus(w, h, have)
	m.remark(w, have)
}

// beside is what can be there without the mailbox: its groups, and whoever is in them already.
func beside(have finding) finding {
	out := finding{}
	for key, is := range have {
		if key.Aspect == Group || key.Aspect == GroupSetting || key.Aspect == GroupMember {
			out[key] = is
		}
	}
	return out
}

// wishes plans what w has and the finding lacks, or has otherwise.
func (m *maker) wishes(w, h *Mailbox, have finding, fresh bool) {
	at := w.site()
	unread := map[Aspect]bool{}
	want := foldFacts(w.Facts)
	if fresh || len(w.AtCreation) > 0 {
		for key, v := range foldFacts(w.AtCreation) {
			wish, wished := want[key]
			switch _, there := have[key]; {
			case fresh && !wished && key.Aspect != GroupSetting: // a group may be there before its account
				want[key] = v
			case wished && wish.value == "" && !there:
				want[key] = found{wish.subject, v.value}
			}
		}
	}
	if newGroup(want, have) {
		for key, v := range foldFacts(w.AtCreation) {
			if _, wished := want[key]; key.Aspect == GroupSetting && !wished {
				want[key] = v
			}
		}
	}
	for key, wish := range want {
		r, place, ok := find(w.Provider, key.Aspect)
		if !ok {
			if m.chosen(w.Address) {
				m.plan.Notes = append(m.plan.Notes, where(w.Provider, w.Address)+": the provider has no "+clean(string(key.Aspect))+", so nothing is done about it")
			}
			continue
		}
		// A mailbox that is not there has nothing in it, even where nobody is let to look.
		if why, ok := h.Unread[key.Aspect]; ok && !(fresh && within(w.Provider, key.Aspect)) {
			if !unread[key.Aspect] {
				unread[key.Aspect] = true
				m.unread(at, Fact{Aspect: key.Aspect}, why)
				m.closed[at] = m.closed[at] || r.guards() && !fresh
			}
			continue
		}
		if why, ok := unseen(h, key); ok {
			m.plan.Unseen = append(m.plan.Unseen, Unread{Mailbox: w.Address, Provider: w.Provider, Aspect: key.Aspect, Subject: wish.subject, Why: why})
			continue
		}
		is, there := have[key]
		s := Step{Mailbox: w.Address, Provider: w.Provider, Verb: r.missing, Fact: Fact{key.Aspect, wish.subject}, Before: is.value, After: wish.value}
		switch {
		case there && r.same(wish.value, is.value), !there && r.missing == Set && wish.value == "":
			continue
		case there:
			s.Verb = Set
		case key.Aspect == Existence:
			s.With = atBirth(want)
		}
		if fresh && (key.Aspect == Name || key.Aspect == OrgUnit) {
			continue // the mailbox is created with it
		}
		m.step(s, r, place)
	}
	for aspect, why := range h.Unread {
		// Whole sets are the manifest's even where it wishes nothing of them.
		if r, _, ok := find(w.Provider, aspect); ok && r.kind == whole && !fresh && !unread[aspect] {
			m.unread(at, Fact{Aspect: aspect}, why)
			m.closed[at] = m.closed[at] || r.guards()
		}
	}
}

// within reports whether the aspect is of what is in the mailbox, where Google and Graph let nobody look before it is there.
func within(provider inbox.Provider, aspect Aspect) bool {
	switch aspect {
	case Marker:
		return true
	case Open, Sender, Signature, Language, AutoReply:
		return provider == inbox.Gmail
	}
	return false
}

// newGroup reports whether a group is wished that is not there.
func newGroup(want, have finding) bool {
	for key := range want {
		if _, there := have[key]; key.Aspect == Group && !there {
			return true
		}
	}
	return false
}

// unseen is why nobody can tell whether the fact is true.
func unseen(h *Mailbox, key Fact) (string, bool) {
	if why, ok := h.Unseen[key]; ok {
		return why, true
	}
	for f, why := range h.Unseen {
		if f.Aspect == key.Aspect && fold(f.Subject) == key.Subject {
			return why, true
		}
	}
	return "", false
}

// atBirth are the facts that an administration has to have at hand when it creates the mailbox.
func atBirth(want finding) []Value {
	var out []Value
	for _, aspect := range []Aspect{AddressList, Language, Licence, Name, OrgUnit, TimeZone} {
		f := Fact{Aspect: aspect}
		if v, ok := want[f]; ok {
			out = append(out, Value{Fact: f, Value: v.value})
		}
	}
	return out
}

// surplus plans to take away what is there of whole sets and not wished.
func (m *maker) surplus(w, h *Mailbox, have finding) {
	if len(have) == 0 {
		return
	}
	want := foldFacts(w.Facts)
	groups := map[string]bool{}
	for key := range want {
		if key.Aspect == GroupMember {
			group, _ := splitMembership(key.Subject)
			groups[group] = true
		} else if _, named := want[Fact{Group, key.Subject}]; named && key.Aspect == Open {
			groups[key.Subject] = true // who is in it opens the mailbox, also when the manifest names nobody
		}
	}
	for key, is := range have {
		r, place, ok := find(w.Provider, key.Aspect)
		if !ok || r.kind != whole {
			continue
		}
		if _, wished := want[key]; wished {
			continue
		}
		if _, blind := h.Unread[key.Aspect]; blind {
			continue
		}
		if _, dark := unseen(h, key); dark {
			continue
		}
		if group, _ := splitMembership(key.Subject); key.Aspect == GroupMember && !groups[group] {
			continue
		}
		if key.Aspect == Reach && !m.marks[w.Provider] {
			continue
		}
		m.step(Step{Mailbox: w.Address, Provider: w.Provider, Verb: Remove, Fact: Fact{key.Aspect, is.subject}, Before: is.value}, r, place)
	}
}

// unmark plans to take the mark of the app's reach off a mailbox that the manifest does not have.
func (m *maker) unmark(h *Mailbox) {
	mark, ok := h.Facts[Fact{Aspect: Reach}]
	if r, place, known := find(h.Provider, Reach); ok && known && m.marks[h.Provider] {
		m.step(Step{Mailbox: h.Address, Provider: h.Provider, Verb: Remove, Fact: Fact{Aspect: Reach}, Before: mark}, r, place)
	}
}

// pairMoves tells the two halves of an alias that goes from one mailbox to another of each other.
func (m *maker) pairMoves() {
	gives := map[string]int{}
	for i := range m.steps {
		if s := m.steps[i]; s.Fact.Aspect == Alias && s.Verb == Remove {
			gives[string(s.Provider)+fold(s.Fact.Subject)] = i
		}
	}
	for i := range m.steps {
		takes := m.steps[i]
		if takes.Fact.Aspect != Alias || takes.Verb != Add {
			continue
		}
		if j, ok := gives[string(takes.Provider)+fold(takes.Fact.Subject)]; ok {
			gives := m.steps[j]
			takes.With = []Value{{Fact: takes.Fact, Value: string(gives.Mailbox)}}
			gives.With = []Value{{Fact: gives.Fact, Value: string(takes.Mailbox)}}
		}
	}
}

// phase is when the step is done.
func (s *Step) phase(r *row) phase {
	switch {
	case s.moves() != "":
		return moving
	case s.Verb == Remove || s.Verb == Delete || s.lowers():
		return removing
	}
	return r.phase
}

// order is that in which steps are done.
func order(a, b *draft) int {
	if c := cmp.Compare(a.phase, b.phase); c != 0 {
		return c
	}
	if a.phase == moving {
		if c := cmp.Or(cmp.Compare(a.about, b.about), cmp.Compare(a.verb, b.verb)); c != 0 {
			return c
		}
	}
	if c := cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.place, b.place)); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.verb, b.verb), cmp.Compare(a.about, b.about), cmp.Compare(a.Fact.Subject, b.Fact.Subject), cmp.Compare(a.After, b.After))
}

// verbs are in an order that lets what takes away go before what gives.
var verbs = [...]Verb{Delete, Remove, Set, Create, Add}

func (m *maker) chosen(mailbox inbox.MailboxID) bool {
	_, ok := slices.BinarySearch(m.plan.Only, mailbox)
	return ok || len(m.plan.Only) == 0
}

func sortValues(list []Value) {
	slices.SortFunc(list, func(a, b Value) int {
		return cmp.Or(cmp.Compare(a.Fact.Aspect, b.Fact.Aspect), cmp.Compare(a.Fact.Subject, b.Fact.Subject))
	})
}
