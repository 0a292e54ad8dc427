package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/postroom/postroom/core/inbox"
)

// Estate is all the administrations together. Its methods are never called at once.
type Estate struct {
	Admins []Admin
}

// Read gives what is true of each mailbox in want, in that order, and after them the mailboxes beyond want that carry the
// mark of the app's reach. Only limits it to those aspects; nil: all that some administration handles. What is wished and
// nobody handles is in Unread. It fails where one administration could read nothing, with that one's error wrapped.
func (e *Estate) Read(ctx context.Context, want []Mailbox, only []Aspect) ([]Mailbox, error) {
	r := reading{at: make(map[site]int, len(want)), asked: len(want)}
	for i := range want {
		w := &want[i]
		r.at[w.site()] = i
		r.all = append(r.all, Mailbox{Address: w.Address, Provider: w.Provider, Facts: map[Fact]string{}})
	}
	handled := map[inbox.Provider]map[Aspect]bool{inbox.M365: {}, inbox.Gmail: {}}
	for _, admin := range e.Admins {
		var theirs []Mailbox
		mine := map[inbox.Provider]map[Aspect]bool{}
		var aspects []Aspect
		for _, provider := range []inbox.Provider{inbox.M365, inbox.Gmail} {
			set := map[Aspect]bool{}
			for aspect := range places[provider] {
				if !admin.Handles(provider, aspect) {
					continue
				}
				if handled[provider][aspect] {
					return nil, fmt.Errorf("provision: two administrations handle %s of %s", aspect, provider)
				}
				handled[provider][aspect] = true
				if only == nil || slices.Contains(only, aspect) {
					set[aspect] = true
					aspects = append(aspects, aspect)
				}
			}
			if mine[provider] = set; len(set) == 0 {
				continue
			}
			for i := range want {
				if want[i].Provider == provider {
					theirs = append(theirs, want[i])
				}
			}
		}
		if len(theirs) == 0 {
			continue
		}
		limit := only
		if limit != nil {
			slices.Sort(aspects)
			limit = slices.Compact(aspects)
		}
		got, err := admin.Read(ctx, theirs, limit)
		if err != nil {
			return nil, fmt.Errorf("provision: read what there is: %w", err)
		}
		if err := r.merge(theirs, got, mine); err != nil {
			return nil, err
		}
	}
	for i := range want {
		for f := range want[i].Facts {
			_, _, known := find(want[i].Provider, f.Aspect)
			if known && !handled[want[i].Provider][f.Aspect] && (only == nil || slices.Contains(only, f.Aspect)) {
				r.all[i].blind(f.Aspect, "no administration that handles it is set up")
			}
		}
	}
	slices.SortFunc(r.all[r.asked:], func(a, b Mailbox) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Provider, b.Provider))
	})
	return r.all, nil
}

// reading is what several administrations say of the same mailboxes.
type reading struct {
	all   []Mailbox
	asked int
	at    map[site]int
}

func (r *reading) merge(asked, got []Mailbox, mine map[inbox.Provider]map[Aspect]bool) error {
	if len(got) < len(asked) {
		return fmt.Errorf("provision: asked about %d mailboxes, an administration told of %d", len(asked), len(got))
	}
	for i := range got {
		g := &got[i]
		if i < len(asked) && g.site() != asked[i].site() {
			return fmt.Errorf("provision: asked about %s, an administration told of %s", where(asked[i].Provider, asked[i].Address), where(g.Provider, g.Address))
		}
		j, ok := r.at[g.site()]
		if !ok {
			j = len(r.all)
			r.at[g.site()] = j
			r.all = append(r.all, Mailbox{Address: g.Address, Provider: g.Provider, Facts: map[Fact]string{}})
		}
		m := &r.all[j]
		for f, v := range g.Facts {
			if mine[g.Provider][f.Aspect] {
				m.Facts[f] = v
			}
		}
		for aspect, why := range g.Unread {
			if mine[g.Provider][aspect] {
				m.blind(aspect, why)
			}
		}
		for f, why := range g.Unseen {
			if mine[g.Provider][f.Aspect] {
				if m.Unseen == nil {
					m.Unseen = map[Fact]string{}
				}
				m.Unseen[f] = why
			}
		}
		if len(g.Names) > 0 {
			if m.Names == nil {
				m.Names = map[inbox.Address]string{}
			}
			maps.Copy(m.Names, g.Names)
		}
	}
	return nil
}

func (m *Mailbox) blind(aspect Aspect, why string) {
	if m.Unread == nil {
		m.Unread = map[Aspect]string{}
	}
	m.Unread[aspect] = why
}

// Plan reads what there is and gives what has to be done. With o.Only it reads of those mailboxes alone, so it does not see
// an alias that another mailbox still has; the provider then refuses it. A nil o.Manual is asked of the administrations.
func (e *Estate) Plan(ctx context.Context, want []Mailbox, o Options) (Plan, error) {
	if o.Manual == nil {
		o.Manual = e.Manual
	}
	all := want
	if len(o.Only) > 0 {
		for _, mailbox := range o.Only {
			if !slices.ContainsFunc(want, func(w Mailbox) bool { return w.Address == mailbox }) {
				return Plan{}, fmt.Errorf("provision: %s is not a mailbox of the manifest", where("", mailbox))
			}
		}
		some := make([]Mailbox, 0, len(o.Only))
		for i := range want {
			if slices.Contains(o.Only, want[i].Address) {
				some = append(some, want[i])
			}
		}
		want = some
	}
	have, err := e.Read(ctx, want, nil)
	if err != nil {
		return Plan{}, err
	}
	return Make(want, strangers(have, len(want), all), o), nil
}

// strangers is a reading of so many wished mailboxes without those beyond them that the manifest has, for they are only not
// asked about.
func strangers(have []Mailbox, wished int, all []Mailbox) []Mailbox {
	declared := make(map[site]bool, len(all))
	for i := range all {
		declared[all[i].site()] = true
	}
	rest := slices.DeleteFunc(slices.Clone(have[wished:]), func(m Mailbox) bool { return declared[m.site()] })
	return append(have[:wished:wished], rest...)
}

var errNobody = errors.New("no administration that handles it is set up")

// admin is the one that handles the step's aspect, by its place among Admins; -1: none.
func (e *Estate) admin(s *Step) int {
	return slices.IndexFunc(e.Admins, func(a Admin) bool { return a.Handles(s.Provider, s.Fact.Aspect) })
}

// Do brings a step about through the administration that handles its aspect. It fails as Admin.Do does.
func (e *Estate) Do(ctx context.Context, s Step) error {
	i := e.admin(&s)
	if i < 0 {
		return &Refused{errNobody}
	}
	return e.Admins[i].Do(ctx, s)
}

// Manual is how a person brings the step about, where no API can; else empty.
func (e *Estate) Manual(s Step) string {
	if i := e.admin(&s); i >= 0 {
		return e.Admins[i].Manual(s)
	}
	return ""
}
