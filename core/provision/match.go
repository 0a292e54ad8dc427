package provision

import (
	"fmt"
	"slices"
	"strings"
)

// match pairs the plan's steps with those of the fresh one, and fails with ErrStale where the fresh one goes beyond it or
// does not call for what it has.
func (a *application) match(fresh *Plan) error {
	now := make(map[string]*Step, len(fresh.Steps))
	for i := range fresh.Steps {
		now[fresh.Steps[i].ID] = &fresh.Steps[i]
	}
	heldNow := map[string]string{}
	for i := range fresh.Held {
		heldNow[fresh.Held[i].Step.ID] = fresh.Held[i].Why
	}
	blind := blindSpots(fresh.Unread)
	made := a.plan.births()
	var differ []string
	say := func(s *Step, what string) { differ = append(differ, s.sentence()+": "+what) }

	a.ended = make([]Ended, len(a.plan.Steps))
	ends := make(map[string]*Ended, len(a.ended))
	found := map[site]finding{}
	var hidden []int // steps to be done though the fresh plan has them not
	for i := range a.plan.Steps {
		s := &a.plan.Steps[i]
		e := &a.ended[i]
		*e = Ended{Step: *s, Outcome: Untried}
		ends[s.ID] = e
		n, wanted := now[s.ID]
		why, held := heldNow[s.ID]
		other := a.continued(s, now, made)
		switch {
		case other != nil:
			ends[other.ID] = e
		case wanted && s.After != n.After, wanted && s.Before != n.Before && !made.covers(s):
			say(s, fmt.Sprintf("now it would be from %s to %s", n.value(n.Before), n.value(n.After)))
		case wanted && s.Manual != n.Manual:
			say(s, "what a person has to do is different now")
		case wanted && s.Verb == Create && !equalValues(s.With, n.With):
			say(s, "it would be created otherwise now")
		case wanted:
		case held && why == whyTakes && made.covers(s) && a.furnishes(s):
			// What is replaced the provider has given a new mailbox by itself, such as a licence.
			hidden = append(hidden, i)
		case held && made.covers(s):
			e.Says = why
		case held:
			say(s, why)
		case blind.covers(s) && made.covers(s) && a.furnishes(s):
			hidden = append(hidden, i)
		case blind.covers(s), s.Fact.Aspect == Reach && blind[site{s.Provider, ""}][Reach]:
			e.Says = "what there is cannot be read now"
		case a.settled(s, found):
			e.Outcome = WasSo
		default:
			say(s, "it is not called for any more")
		}
	}
	before := blindSpots(a.plan.Unread)
	heldThen := map[string]bool{}
	for i := range a.plan.Held {
		heldThen[a.plan.Held[i].Step.ID] = true
	}
	for i := range fresh.Steps {
		s := fresh.Steps[i]
		e := ends[s.ID]
		if e == nil && !heldThen[s.ID] && !before.covers(&s) && !made.covers(&s) {
			say(&s, "it would be done now, and the plan does not have it")
		}
		r, _, _ := find(s.Provider, s.Fact.Aspect)
		t := &task{Step: s, row: r, phase: s.phase(r), end: e}
		if e == nil {
			t.state = ended
		} else {
			a.total++
		}
		a.tasks = append(a.tasks, t)
	}
	for _, i := range hidden {
		s := &a.plan.Steps[i]
		r, _, _ := find(s.Provider, s.Fact.Aspect)
		a.tasks = append(a.tasks, &task{Step: *s, row: r, phase: s.phase(r), end: &a.ended[i]})
		a.total++
	}
	if len(hidden) > 0 { // others may build on them
		slices.SortStableFunc(a.tasks, func(s, t *task) int { return order(s.draft(), t.draft()) })
	}
	if len(differ) == 0 {
		return nil
	}
	const most = 5
	more := ""
	if len(differ) > most {
		more = fmt.Sprintf("; and %d more", len(differ)-most)
		differ = differ[:most]
	}
	return fmt.Errorf("provision: %w: %s%s", ErrStale, strings.Join(differ, "; "), more)
}

func (t *task) draft() *draft {
	_, place, _ := find(t.Provider, t.Fact.Aspect)
	d := newDraft(t.Step, t.row, place)
	d.phase = t.phase
	return d
}

// continued is the step of the fresh plan that does the same as s by another verb; nil where there is none. Either an earlier
// run of this plan died in the middle of s, for some values are only changed by being taken away and given anew; or s was to
// add what a mailbox that this plan has made turned out to have in another way from the start.
func (a *application) continued(s *Step, now map[string]*Step, made spots) *Step {
	other := *s
	switch {
	case s.Verb == Set:
		other.Verb = Add
	case s.Verb == Add && made.covers(s):
		other.Verb = Set
	default:
		return nil
	}
	n := now[stepID(&other)]
	if n == nil || n.After != s.After || n.Takes {
		return nil
	}
	if s.Verb == Set && !a.turns[s.ID].under() {
		return nil
	}
	return n
}

// furnishes reports whether the step gives a mailbox that this plan has made what is wished of it. What is there is the plan's
// own then, or the provider's, so the step is done also where nobody can look yet, such as an hour long before the app is let to
// the mailbox. What people may do is never given without having been read.
func (a *application) furnishes(s *Step) bool {
	r, _, ok := find(s.Provider, s.Fact.Aspect)
	if !ok || r.access || s.Verb != Add && s.Verb != Set || s.Manual != a.Estate.Manual(*s) {
		return false
	}
	here := func(m Mailbox) bool { return m.site() == s.site() }
	i, j := slices.IndexFunc(a.have, here), slices.IndexFunc(a.want, here)
	if i < 0 || j < 0 || !a.have[i].Exists() {
		return false
	}
	wish, ok := a.want[j].Facts[s.Fact]
	return ok && wish == s.After
}

// spots are aspects of mailboxes, or with an empty aspect whole mailboxes.
type spots map[site]map[Aspect]bool

func (s spots) add(at site, aspect Aspect) {
	if s[at] == nil {
		s[at] = map[Aspect]bool{}
	}
	s[at][aspect] = true
}

func (s spots) covers(step *Step) bool {
	aspects := s[step.site()]
	return aspects[step.Fact.Aspect] || aspects[""]
}

// blindSpots is where nothing could be read.
func blindSpots(list []Unread) spots {
	out := spots{}
	for _, u := range list {
		if u.Aspect == Existence {
			out.add(site{u.Provider, u.Mailbox}, "")
		}
		out.add(site{u.Provider, u.Mailbox}, u.Aspect)
	}
	return out
}

// births is what the plan makes anew. What the provider gives a new mailbox or group by itself is in nobody's plan.
func (p *Plan) births() spots {
	out := spots{}
	for i := range p.Steps {
		switch s := &p.Steps[i]; {
		case s.Verb != Create:
		case s.Fact.Aspect == Existence:
			out.add(s.site(), "")
		default:
			out.add(s.site(), GroupMember)
			out.add(s.site(), GroupSetting)
			out.add(s.site(), Sender)
		}
	}
	return out
}

func equalValues(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// settled reports whether the step's fact is as the step makes it, by what was read last as a whole.
func (a *application) settled(s *Step, cache map[site]finding) bool {
	for i := range a.have {
		if m := &a.have[i]; m.site() == s.site() {
			return settled(s, m, cache)
		}
	}
	return s.Verb == Remove // of a mark beyond the manifest: what carries none is not listed
}

// settled reports whether the step's fact is in m as the step makes it.
func settled(s *Step, m *Mailbox, cache map[site]finding) bool {
	if _, blind := m.Unread[s.Fact.Aspect]; blind {
		return false
	}
	at := s.site()
	if cache[at] == nil {
		cache[at] = foldFacts(m.Facts)
	}
	f := Fact{s.Fact.Aspect, fold(s.Fact.Subject)}
	if _, dark := unseen(m, f); dark {
		return true
	}
	is, there := cache[at][f]
	if s.Verb == Remove || s.Verb == Delete {
		return !there
	}
	if !there {
		return s.Verb == Set && s.After == ""
	}
	r, _, ok := find(s.Provider, s.Fact.Aspect)
	return ok && r.same(s.After, is.value)
}
