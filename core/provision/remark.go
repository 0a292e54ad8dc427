package provision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// remark notes what no step can say.
func (m *maker) remark(w *Mailbox, have finding) {
	if !m.chosen(w.Address) {
		return
	}
	say := func(text string) { m.plan.Notes = append(m.plan.Notes, where(w.Provider, w.Address)+": "+text) }
	licence := Fact{Aspect: Licence}
	if n, err := strconv.ParseInt(w.Facts[Fact{Aspect: Quota}], 10, 64); err == nil && n > unlicensed &&
		w.Facts[licence] == "" && have[licence].value == "" {
		say("a quota of more than 50 GB needs a licence of Exchange Online Plan 2 for the mailbox: assign one, or write licence in the manifest")
	}
	if w.Provider != inbox.Gmail {
		return
	}
	delegates := 0
	for f := range w.Facts {
		if f.Aspect == Open {
			delegates++
		}
	}
	if delegates > 10 {
		say(strconv.Itoa(delegates) + " delegates: Google documents 25 for its API and some tenants refuse the 11th; delegate-group in the manifest is the way round it")
	}
}

// cost notes what Google will charge for ("Concepts" of the Enterprise License Manager API: new accounts get a licence by
// themselves, and on a flexible plan each assignment is charged).
func (m *maker) cost() {
	accounts, licences := 0, 0
	for i := range m.plan.Steps {
		switch s := &m.plan.Steps[i]; {
		case s.Provider != inbox.Gmail:
		case s.Fact.Aspect == Existence && s.Verb == Create:
			accounts++
		case s.Fact.Aspect == Licence && s.After != "":
			licences++
		}
	}
	if accounts+licences > 0 {
		m.plan.Notes = append(m.plan.Notes, fmt.Sprintf("Google Workspace: %s and %s. Each account needs a licence: on a flexible plan "+
			"Google charges for it from that day on, on an annual plan one that was bought has to be free",
			count(accounts, "new account", "new accounts"), count(licences, "licence to assign", "licences to assign")))
	}
}

func (m *maker) sortRemarks() {
	p := m.plan
	for _, list := range []*[]Unread{&p.Unread, &p.Unseen} {
		*list = slices.DeleteFunc(*list, func(u Unread) bool { return !m.chosen(u.Mailbox) })
		slices.SortFunc(*list, func(a, b Unread) int {
			return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Aspect, b.Aspect), strings.Compare(a.Subject, b.Subject))
		})
	}
	slices.Sort(p.Notes)
	p.Notes = slices.Compact(p.Notes)
}
