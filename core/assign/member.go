package assign

import (
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Member finds an agent or lead by id.
func (cfg Config) Member(id inbox.MemberID) (Member, bool) {
	for _, list := range [][]Member{cfg.Agents, cfg.Leads} {
		for _, m := range list {
			if m.ID == id {
				return m, true
			}
		}
	}
	return Member{}, false
}

// can reports whether the member of that id is of the team and has the skill; every member has the empty one.
func (cfg Config) can(id inbox.MemberID, skill string) bool {
	m, ok := cfg.Member(id)
	return ok && (skill == "" || len(withSkill([]Member{m}, skill)) > 0)
}

// Away reports whether m is not to be given anything now.
func Away(m Member, now time.Time) bool {
	return slices.ContainsFunc(m.Away, func(s Span) bool { return !now.Before(s.From) && now.Before(s.Until) })
}

func (cfg Config) full(m Member, team Team) bool {
	limit := m.Cap
	if limit == 0 {
		limit = cfg.Cap
	}
	return limit > 0 && team.Open[m.ID] >= limit
}

func (cfg Config) free(able []Member, team Team, without inbox.MemberID, now time.Time) []Member {
	var out []Member
	for _, m := range able {
		if m.ID != without && !Away(m, now) && !cfg.full(m, team) {
			out = append(out, m)
		}
	}
	return out
}

func withSkill(list []Member, skill string) []Member {
	var out []Member
	for _, m := range list {
		if slices.ContainsFunc(m.Skills, func(s string) bool { return strings.EqualFold(s, skill) }) {
			out = append(out, m)
		}
	}
	return out
}

// next is the first of free that follows last in the order of all.
func next(free, all []Member, last inbox.MemberID) Member {
	start := slices.IndexFunc(all, func(m Member) bool { return m.ID == last }) + 1
	for i := range all {
		id := all[(start+i)%len(all)].ID
		if j := slices.IndexFunc(free, func(m Member) bool { return m.ID == id }); j >= 0 {
			return free[j]
		}
	}
	return free[0]
}

// leastLoaded has the fewest open conversations; a tie goes to whose turn it is, so that an idle team shares evenly.
func leastLoaded(free, all []Member, team Team) Member {
	least := team.Open[free[0].ID]
	for _, m := range free {
		least = min(least, team.Open[m.ID])
	}
	tied := slices.DeleteFunc(slices.Clone(free), func(m Member) bool { return team.Open[m.ID] != least })
	return next(tied, all, team.Last)
}
