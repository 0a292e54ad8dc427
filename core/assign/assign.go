// Package assign decides who takes a conversation that nobody has. It is pure: the same configuration, team and need
// always give the same choice, with the reason in words.
//
// A choice always names somebody, save under the manual strategy: where everybody who could take it is absent or at the
// cap it names a lead and says so (an escalation), and the conversation is offered again when capacity returns.
package assign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Strategy is how the next owner is chosen.
type Strategy string

// The strategies.
const (
	Manual      Strategy = "manual"       // people take their work themselves
	RoundRobin  Strategy = "round-robin"  // in turn, in the order of the manifest
	LeastLoaded Strategy = "least-loaded" // who has the fewest open conversations; on a tie, whose turn it is
)

// Span is a time from From (included) to Until (excluded).
type Span struct{ From, Until time.Time }

// Member is a person as far as assignment is concerned.
type Member struct {
	ID     inbox.MemberID
	Name   string
	Skills []string
	Cap    int    // most open conversations at once; 0 takes the mailbox's
	Away   []Span // when not to be given anything
}

// Config is the assignment policy of one mailbox.
type Config struct {
	Strategy Strategy
	Cap      int           // most open conversations a member; 0 is no cap
	Sticky   time.Duration // a customer who was handled this recently goes to the same member; 0 is off
	Agents   []Member      // in the order of the manifest
	Leads    []Member      // take what nobody else can
}

// Team is the work a mailbox's members have now. The zero value is an idle team.
type Team struct {
	Open     map[inbox.MemberID]int `json:"open,omitempty"` // open conversations a member
	Last     inbox.MemberID         `json:"last,omitempty"` // who was given one last, in turn
	Overflow int                    `json:"overflow,omitempty"`
}

// Shift is what one decision changes in a Team. Shifts add up: applying several in any order gives the same loads.
type Shift struct {
	Open     map[inbox.MemberID]int `json:"open,omitempty"`
	Last     inbox.MemberID         `json:"last,omitempty"` // replaces Team.Last unless empty
	Overflow int                    `json:"overflow,omitempty"`
}

// With is the team after s.
func (t Team) With(s Shift) Team {
	out := Team{Open: make(map[inbox.MemberID]int, len(t.Open)+1), Last: t.Last, Overflow: t.Overflow + s.Overflow}
	for m, n := range t.Open {
		out.Open[m] = n
	}
	for m, n := range s.Open {
		if out.Open[m] += n; out.Open[m] == 0 {
			delete(out.Open, m)
		}
	}
	if s.Last != "" {
		out.Last = s.Last
	}
	return out
}

// Add is both shifts as one; the later's Last wins.
func (s Shift) Add(later Shift) Shift {
	return Shift(Team(s).With(later))
}

// Zero reports whether s changes nothing.
func (s Shift) Zero() bool { return len(s.Open) == 0 && s.Last == "" && s.Overflow == 0 }

// Handled says who last handled a customer.
type Handled struct {
	Member inbox.MemberID `json:"member"`
	At     time.Time      `json:"at"`
}

// Need is what one conversation asks of its next owner.
type Need struct {
	Skill    string         // only members with it, letter case ignored; empty: anybody
	Member   inbox.MemberID // this member if possible, because a rule says so
	Former   inbox.MemberID // who had it before; preferred when it reopens
	Handled  Handled        // who last handled this customer, for Sticky; passed over without the skill
	Without  inbox.MemberID // not this one, who just gave it up, unless there is no other lead to escalate to
	Strategy Strategy       // instead of the mailbox's, unless empty
}

// Choice is who takes it and why. Member is empty only under the manual strategy.
type Choice struct {
	Member    inbox.MemberID
	Escalated bool // a lead takes it because nobody had room
	InTurn    bool // the strategy chose, so the turn moves on
	Why       []string
}

// Pick chooses the next owner. It never fails; see Choice.
func Pick(cfg Config, team Team, need Need, now time.Time) Choice {
	if c, ok := named(cfg, team, need, now); ok {
		return c
	}
	strategy := cfg.Strategy
	if need.Strategy != "" {
		strategy = need.Strategy
	}
	if strategy == Manual && need.Skill == "" {
		return Choice{Why: []string{"assignment is manual: whoever takes it has it"}}
	}
	var why []string
	able := cfg.Agents
	if need.Skill != "" {
		able = withSkill(able, need.Skill)
		if len(able) == 0 {
			why = append(why, fmt.Sprintf("no member has the skill %q, so anybody may take it", need.Skill))
			able = cfg.Agents
		} else {
			why = append(why, fmt.Sprintf("needs the skill %q", need.Skill))
		}
	}
	free := cfg.free(able, team, need.Without, now)
	if len(free) == 0 {
		return cfg.escalate(team, need, able, now, why)
	}
	m := next(free, cfg.Agents, team.Last)
	reason := fmt.Sprintf("round-robin: it is the turn of %s", m.Name)
	if strategy != RoundRobin {
		m = leastLoaded(free, cfg.Agents, team)
		reason = fmt.Sprintf("least-loaded: %s has %d open", m.Name, team.Open[m.ID])
	}
	return Choice{Member: m.ID, InTurn: true, Why: append(why, reason)}
}

// Room reports whether any agent could take one more conversation now.
func Room(cfg Config, team Team, now time.Time) bool {
	return len(cfg.free(cfg.Agents, team, "", now)) > 0
}

// named tries the members the conversation itself points to: a rule's, the former owner, the customer's.
func named(cfg Config, team Team, need Need, now time.Time) (Choice, bool) {
	try := func(id inbox.MemberID, capped bool, why string) (Choice, bool) {
		m, ok := cfg.Member(id)
		if !ok || id == need.Without || Away(m, now) || capped && cfg.full(m, team) {
			return Choice{}, false
		}
		return Choice{Member: id, Why: []string{strings.ReplaceAll(why, "NAME", m.Name)}}, true
	}
	if need.Member != "" {
		if c, ok := try(need.Member, true, "a rule gives it to NAME"); ok {
			return c, true
		}
	}
	// The former owner's cap does not count: the work was theirs already, and the customer knows them.
	if need.Former != "" {
		if c, ok := try(need.Former, false, "NAME had it before"); ok {
			return c, true
		}
	}
	if cfg.Sticky > 0 && cfg.can(need.Handled.Member, need.Skill) && now.Sub(need.Handled.At) <= cfg.Sticky {
		days := int(now.Sub(need.Handled.At).Hours() / 24)
		if c, ok := try(need.Handled.Member, true, fmt.Sprintf("NAME handled this customer %d days ago", days)); ok {
			return c, true
		}
	}
	return Choice{}, false
}

func (cfg Config) escalate(team Team, need Need, able []Member, now time.Time, why []string) Choice {
	why = append(why, cfg.whyNobody(able, team, need.Without, now))
	leads := cfg.Leads
	if len(leads) == 0 {
		leads = cfg.Agents
	}
	if len(leads) == 0 {
		return Choice{Why: append(why, "the mailbox has neither agents nor leads")}
	}
	present := slices.DeleteFunc(slices.Clone(leads), func(m Member) bool { return Away(m, now) })
	if len(present) == 0 {
		present = leads
		why = append(why, "every lead is absent too")
	}
	if others := slices.DeleteFunc(slices.Clone(present), func(m Member) bool { return m.ID == need.Without }); len(others) > 0 {
		present = others
	}
	m := leastLoaded(present, leads, team)
	return Choice{Member: m.ID, Escalated: true, Why: append(why, fmt.Sprintf("escalated to %s until somebody has room", m.Name))}
}

func (cfg Config) whyNobody(able []Member, team Team, without inbox.MemberID, now time.Time) string {
	away, full, gave := 0, 0, 0
	for _, m := range able {
		switch {
		case m.ID == without:
			gave++
		case Away(m, now):
			away++
		case cfg.full(m, team):
			full++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{{full, "at the cap"}, {away, "absent"}, {gave, "just gave it up"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if len(parts) == 0 {
		return "the mailbox has no agents"
	}
	return "nobody has room: " + strings.Join(parts, ", ")
}
