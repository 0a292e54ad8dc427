package assign_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func members(n int) []assign.Member {
	var out []assign.Member
	for i := range n {
		id := fmt.Sprintf("m%d", i)
		out = append(out, assign.Member{ID: inbox.MemberID(id), Name: id})
	}
	return out
}

func TestRoundRobinGoesInTurnAndSkips(t *testing.T) {
	t.Parallel()
	cfg := assign.Config{Strategy: assign.RoundRobin, Agents: members(3), Cap: 4}
	cfg.Agents[1].Away = []assign.Span{{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
	var team assign.Team
	var got []inbox.MemberID
	for range 9 {
		c := assign.Pick(cfg, team, assign.Need{}, now)
		got = append(got, c.Member)
		team = team.With(assign.Shift{Open: map[inbox.MemberID]int{c.Member: 1}, Last: c.Member})
	}
	if want := "[m0 m2 m0 m2 m0 m2 m0 m2 m0]"; fmt.Sprint(got) != want {
		t.Errorf("in turn: %v, want %v (m1 is away; past the caps of 4 the first lead or agent takes over)", got, want)
	}
}

func TestMemberCapBeatsMailboxCap(t *testing.T) {
	t.Parallel()
	cfg := assign.Config{Strategy: assign.LeastLoaded, Agents: members(2), Cap: 10}
	cfg.Agents[0].Cap = 1
	team := assign.Team{Open: map[inbox.MemberID]int{"m0": 1, "m1": 9}}
	if c := assign.Pick(cfg, team, assign.Need{}, now); c.Member != "m1" || c.Escalated {
		t.Errorf("picked %+v, want m1: m0 is at its own cap", c)
	}
}

func TestAwayEndsAtItsEnd(t *testing.T) {
	t.Parallel()
	m := assign.Member{Away: []assign.Span{{From: now, Until: now.Add(time.Hour)}}}
	for at, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := assign.Away(m, now.Add(at)); got != want {
			t.Errorf("away %v after the start: %v", at, got)
		}
	}
}

// TestStickyHasTheSkill: who handled the customer before takes what a rule wants done by somebody who can.
func TestStickyHasTheSkill(t *testing.T) {
	t.Parallel()
	cfg := assign.Config{Strategy: assign.LeastLoaded, Sticky: 240 * time.Hour, Agents: members(2)}
	cfg.Agents[1].Skills = []string{"Billing"}
	for _, tt := range []struct{ handled, want inbox.MemberID }{{"m0", "m1"}, {"m1", "m1"}} {
		need := assign.Need{Skill: "billing", Handled: assign.Handled{Member: tt.handled, At: now.Add(-time.Hour)}}
		team := assign.Team{Open: map[inbox.MemberID]int{"m1": 5}}
		if c := assign.Pick(cfg, team, need, now); c.Member != tt.want {
			t.Errorf("%s handled the customer before: picked %+v, want %s", tt.handled, c, tt.want)
		}
	}
}

// TestEscalationPassesOverWhoGaveItUp: the lead who has just given it up gets it again only when there is no other.
func TestEscalationPassesOverWhoGaveItUp(t *testing.T) {
	t.Parallel()
	cfg := assign.Config{Strategy: assign.LeastLoaded, Cap: 1, Agents: members(1), Leads: []assign.Member{{ID: "lead1", Name: "lead1"}, {ID: "lead2", Name: "lead2"}}}
	team := assign.Team{Open: map[inbox.MemberID]int{"m0": 1, "lead2": 4}}
	if c := assign.Pick(cfg, team, assign.Need{Without: "lead1"}, now); c.Member != "lead2" {
		t.Errorf("picked %+v, want lead2: lead1 has just given it up", c)
	}
	cfg.Leads = cfg.Leads[:1]
	if c := assign.Pick(cfg, team, assign.Need{Without: "lead1"}, now); c.Member != "lead1" {
		t.Errorf("picked %+v, want lead1: there is no other lead", c)
	}
}

// TestNeverLimbo is the promise: unless assignment is manual somebody always has it, within caps and presence if anybody can.
func TestNeverLimbo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := assign.Config{
			Strategy: rapid.SampledFrom([]assign.Strategy{assign.RoundRobin, assign.LeastLoaded}).Draw(t, "strategy"),
			Cap:      rapid.IntRange(0, 3).Draw(t, "cap"),
			Sticky:   time.Duration(rapid.IntRange(0, 1).Draw(t, "sticky")) * 240 * time.Hour,
			Agents:   members(rapid.IntRange(1, 4).Draw(t, "agents")),
		}
		team := assign.Team{Open: map[inbox.MemberID]int{}}
		pick := rapid.SampledFrom([]string{"", "m0", "m1", "m3", "stranger"})
		for i := range cfg.Agents {
			if rapid.Bool().Draw(t, "away") {
				cfg.Agents[i].Away = []assign.Span{{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
			}
			if rapid.Bool().Draw(t, "skilled") {
				cfg.Agents[i].Skills = []string{"Billing"}
			}
			team.Open[cfg.Agents[i].ID] = rapid.IntRange(0, 4).Draw(t, "open")
		}
		if rapid.Bool().Draw(t, "lead") {
			cfg.Leads = []assign.Member{{ID: "lead", Name: "lead"}}
		}
		team.Last = inbox.MemberID(pick.Draw(t, "last"))
		need := assign.Need{
			Skill:  rapid.SampledFrom([]string{"", "billing", "juggling"}).Draw(t, "skill"),
			Member: inbox.MemberID(pick.Draw(t, "member")), Former: inbox.MemberID(pick.Draw(t, "former")),
			Without: inbox.MemberID(pick.Draw(t, "without")),
			Handled: assign.Handled{Member: inbox.MemberID(pick.Draw(t, "handled")), At: now.Add(-time.Hour)},
		}
		c := assign.Pick(cfg, team, need, now)
		if c.Member == "" || len(c.Why) == 0 {
			t.Fatalf("limbo: %+v", c)
		}
		m, ok := cfg.Member(c.Member)
		if !ok {
			t.Fatalf("given to %q, who is not of the team", c.Member)
		}
		if c.Escalated {
			if assign.Room(cfg, team, now) && need.Skill == "" && need.Without == "" {
				t.Fatalf("escalated although there is room: %+v", c)
			}
			return
		}
		if assign.Away(m, now) || c.Member == need.Without {
			t.Fatalf("given to %s, who is away or just gave it up: %+v", c.Member, c)
		}
		if limit := cfg.Cap; limit > 0 && team.Open[m.ID] >= limit && c.Member != need.Former {
			t.Fatalf("over the cap: %+v", c)
		}
	})
}

// TestShiftsAddUp holds that loads do not depend on how shifts are grouped.
func TestShiftsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shift := rapid.Custom(func(t *rapid.T) assign.Shift {
			return assign.Shift{
				Open:     rapid.MapOf(rapid.SampledFrom([]inbox.MemberID{"a", "b", "c"}), rapid.IntRange(-2, 2)).Draw(t, "open"),
				Last:     rapid.SampledFrom([]inbox.MemberID{"", "a", "b"}).Draw(t, "last"),
				Overflow: rapid.IntRange(-1, 1).Draw(t, "overflow"),
			}
		})
		list := rapid.SliceOfN(shift, 0, 6).Draw(t, "shifts")
		var one assign.Team
		var sum assign.Shift
		for _, s := range list {
			one, sum = one.With(s), sum.Add(s)
		}
		if two := (assign.Team{}).With(sum); fmt.Sprint(one) != fmt.Sprint(two) {
			t.Fatalf("one by one %v, together %v", one, two)
		}
	})
}
