// Package decide is the heart of Postroom: a pure function from a conversation, what happened to it, the policy, the
// team's work and the time to events, with the reasons in words. It reads no clock and keeps nothing; the same
// arguments always give the same decision.
//
// A conversation moves like this:
//
//	            a customer writes                       answered
//	(nothing) ───────────────────▶ open ────────────────────────────────▶ waiting
//	                               │  ▲                                     │ │
//	                 marker or     │  │ a customer answers, or the marker   │ │
//	                 archive       │  │ is taken off, or the mail is put    │ │
//	                               ▼  │ back into the inbox                 │ │
//	                             closed ◀───────────────────────────────────┘ └──▶ open (a customer answers)
//
// People win: what somebody does to a marker in Outlook or Gmail is taken as said, whatever the policy would have done.
// Automated mail (see package automail) joins its conversation and changes nothing else.
package decide

import (
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// Situation is what a decision may know besides the conversation.
type Situation struct {
	Team    assign.Team
	Handled assign.Handled // who last handled the customer of the arriving mail; zero if nobody or not asked
	Now     time.Time
}

// Decision is what has become true.
type Decision struct {
	Conversation inbox.Conversation // after Events
	Events       []inbox.Event
	Shift        assign.Shift
	// Handled tells who has now handled which customer, for the sticky assignment; empty unless the policy has it.
	Handled map[inbox.Address]assign.Handled
	// Remark: this message's markers must be looked at again although the conversation's are the same.
	Remark bool
}

// turn is one decision in the making.
type turn struct {
	policy  *Policy
	sit     Situation
	before  inbox.Conversation
	c       inbox.Conversation
	events  []inbox.Event
	last    inbox.MemberID
	claimed bool // a person's marker already names the owner
	hits    []rules.Hit
	matched bool // hits are of the arriving mail
	out     Decision
}

func begin(c inbox.Conversation, p *Policy, s Situation) *turn {
	return &turn{policy: p, sit: s, before: c, c: c}
}

// emit makes e true.
func (t *turn) emit(e inbox.Event) {
	e.Seq = t.c.Seq + 1
	if e.At.IsZero() {
		e.At = t.sit.Now
	}
	t.c = t.c.With(e)
	t.events = append(t.events, e)
}

func (t *turn) done() Decision {
	t.out.Conversation, t.out.Events = t.c, t.events
	t.out.Shift = shift(t.before, t.c)
	t.out.Shift.Last = t.last
	return t.out
}

// shift is the difference in the team's work. Only open conversations are work: waiting and closed ones cost nobody
// anything until the customer writes.
func shift(before, after inbox.Conversation) assign.Shift {
	var s assign.Shift
	add := func(c inbox.Conversation, n int) {
		if c.Status != inbox.Open {
			return
		}
		if c.Owner != "" {
			s = s.Add(assign.Shift{Open: map[inbox.MemberID]int{c.Owner: n}})
		}
		if c.Overflow {
			s.Overflow += n
		}
	}
	if before.Status == after.Status && before.Owner == after.Owner && before.Overflow == after.Overflow {
		return s
	}
	add(before, -1)
	add(after, 1)
	return s
}

// team is the team's work as it is after the events so far.
func (t *turn) team() assign.Team { return t.sit.Team.With(shift(t.before, t.c)) }

// assign gives the conversation to whoever is next. Manual assignment leaves it to the team.
func (t *turn) assign(need assign.Need, why []string) {
	if t.claimed {
		return
	}
	choice := assign.Pick(t.policy.Assign, t.team(), need, t.sit.Now)
	if choice.Member == "" || choice.Member == t.c.Owner && choice.Escalated == t.c.Overflow {
		return
	}
	kind := inbox.EventAssigned
	if choice.Escalated {
		kind = inbox.EventEscalated
	}
	if choice.InTurn {
		t.last = choice.Member
	}
	t.emit(inbox.Event{
		Kind: kind, By: inbox.ByPostroom, Member: choice.Member, From: t.c.Owner, Skill: need.Skill,
		Why: append(append([]string(nil), why...), choice.Why...),
	})
}

// handled notes that the member dealt with the conversation's customer.
func (t *turn) handled(m inbox.MemberID) {
	if t.policy.Assign.Sticky == 0 || m == "" || t.c.Customer.Address == "" {
		return
	}
	t.out.Handled = map[inbox.Address]assign.Handled{t.c.Customer.Address: {Member: m, At: t.sit.Now}}
}
