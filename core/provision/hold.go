package provision

import "slices"

// grants reports whether somebody, or the app, may do more once the step is done.
func (d *draft) grants() bool {
	switch d.Fact.Aspect {
	case AppRole:
		return d.Verb != Remove
	case AppScope:
		return d.Verb == Set
	}
	return d.row.access && d.Verb != Remove && !d.lowers()
}

// Why steps are held back.
const (
	whyTakes  = "it takes something away, which needs --allow-remove"
	whyClosed = "what people or the app may do there could not be read whole, so they might hold more than the manifest says"
)

// sift sorts the steps into those that the plan does and those that it holds back.
func (m *maker) sift(o Options) {
	const outside = "-"
	why := make([]string, len(m.steps)) // empty: to be done; outside: not among o.Only
	// A step that is held back keeps back what needs it, and that in turn what needs that.
	lacking := map[key]int{}
	var queue []int
	for i, d := range m.steps {
		switch {
		case !m.chosen(d.Mailbox):
			why[i] = outside
		case d.Takes && !o.AllowRemove:
			why[i] = whyTakes
		case d.grants() && m.closed[d.site()]:
			why[i] = whyClosed
		default:
			continue
		}
		queue = append(queue, i)
	}
	waiting := map[key][]int{}
	for i := 0; i < len(m.steps) && len(queue) > 0; i++ {
		d := m.steps[i]
		for _, k := range d.needs(d.row) {
			waiting[k] = append(waiting[k], i)
		}
		if d.phase == moving && d.Verb == Remove {
			k := key{keyTaker, d.Provider, "", fold(d.Fact.Subject)}
			waiting[k] = append(waiting[k], i)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		by := m.steps[queue[0]]
		provided := by.provides(by.row)
		if by.phase == moving && by.Verb == Add {
			provided = append(provided, key{keyTaker, by.Provider, "", fold(by.Fact.Subject)})
		}
		for _, k := range provided {
			if _, ok := lacking[k]; ok {
				continue
			}
			lacking[k] = queue[0]
			for _, i := range waiting[k] {
				if why[i] != "" || i == queue[0] {
					continue
				}
				held := "held back"
				if why[queue[0]] == outside {
					held = "not part of this plan"
				}
				why[i] = "it waits for a step that is " + held + ": " + by.sentence()
				queue = append(queue, i)
			}
		}
	}
	for i := range m.steps {
		d := m.steps[i]
		if why[i] == outside {
			continue
		}
		if o.Manual != nil {
			d.Manual = o.Manual(d.Step)
		}
		if why[i] == "" {
			m.plan.Steps = append(m.plan.Steps, d.Step)
		} else {
			m.plan.Held = append(m.plan.Held, Held{Step: d.Step, Why: why[i]})
		}
	}
}

// sentence is the step in words that stand by themselves.
func (s *Step) sentence() string {
	return where(s.Provider, s.Mailbox) + ": " + s.What
}

// caution warns of rights that a person is to give, because no provider shows them, while whoever gets them holds more than
// the manifest says, or nobody knows.
func (m *maker) caution() {
	for i := range m.plan.Unseen {
		u := &m.plan.Unseen[i]
		at := site{u.Provider, u.Mailbox}
		r, _, ok := find(u.Provider, u.Aspect)
		if !ok || !r.access {
			continue
		}
		beyond := key{keyPerson, u.Provider, u.Mailbox, fold(u.Subject)}
		if m.closed[at] || slices.ContainsFunc(m.steps, func(d *draft) bool {
			return slices.Contains(d.provides(d.row), beyond) || d.site() == at && d.Fact.Aspect == GroupSetting && d.Takes
		}) {
			u.Why = "not before a plan has nothing left to take away there: " + u.Why
		}
	}
}
