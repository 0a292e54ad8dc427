package decide

import (
	"fmt"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

// Verb is what a person asks for.
type Verb string

// The verbs.
const (
	Assign  Verb = "assign" // to Member
	Release Verb = "release"
	Close   Verb = "close"
	Reopen  Verb = "reopen"
	AddTag  Verb = "tag"
	DropTag Verb = "untag"
)

// Command is what a person asks for through the panel, the API, the CLI or a mail command.
type Command struct {
	Verb   Verb
	By     inbox.Actor
	Member inbox.MemberID
	Tag    string
}

// Do decides a command. A command that asks for what is already so gives no events. It fails, and decides nothing,
// for a member, tag or verb that the policy does not have.
func Do(c inbox.Conversation, cmd Command, p *Policy, s Situation) (Decision, error) {
	t := begin(c, p, s)
	e := inbox.Event{By: cmd.By, Why: []string{"asked for by command"}}
	switch cmd.Verb {
	case Assign:
		if !p.HasMember(cmd.Member) {
			return Decision{}, fmt.Errorf("%s has no member %q", p.Mailbox, cmd.Member)
		}
		if c.Owner != cmd.Member || c.Overflow {
			e.Kind, e.Member, e.From = inbox.EventAssigned, cmd.Member, c.Owner
			t.emit(e)
			t.handled(cmd.Member)
		}
	case Release:
		if c.Owner != "" {
			t.release(e)
		}
	case Close:
		if c.Status != inbox.Closed || c.Imported {
			t.close(e)
		}
	case Reopen:
		if c.Status != inbox.Open {
			t.reopen(e)
		}
	case AddTag, DropTag:
		if !p.hasTag(cmd.Tag) {
			return Decision{}, fmt.Errorf("%s has no tag %q", p.Mailbox, cmd.Tag)
		}
		if on := contains(c.Tags, cmd.Tag); on != (cmd.Verb == AddTag) {
			e.Kind, e.Tag = inbox.EventUntagged, cmd.Tag
			if cmd.Verb == AddTag {
				e.Kind = inbox.EventTagged
			}
			t.emit(e)
		}
	default:
		return Decision{}, fmt.Errorf("no such command: %q", cmd.Verb)
	}
	return t.done(), nil
}

// Drain offers a conversation that a lead holds for want of room to the team again. No events: there is still no room.
func Drain(c inbox.Conversation, p *Policy, s Situation) Decision {
	t := begin(c, p, s)
	if !c.Overflow || c.Status != inbox.Open {
		return t.done()
	}
	need := assign.Need{Skill: c.Skill}
	if p.Assign.Strategy == assign.Manual {
		need.Strategy = assign.LeastLoaded // a rule has had it given out in spite of that
	}
	choice := assign.Pick(p.Assign, s.Team, need, s.Now)
	if choice.Escalated || choice.Member == "" {
		return t.done()
	}
	t.last = choice.Member
	t.emit(inbox.Event{
		Kind: inbox.EventAssigned, By: inbox.ByPostroom, Member: choice.Member, From: c.Owner, Skill: c.Skill,
		Why: append([]string{"there is room again"}, choice.Why...),
	})
	return t.done()
}

// Orphan takes open work from an owner whom the manifest does not name any more, and gives it out like any. No events: its
// owner is there, or it is nobody's work now.
func Orphan(c inbox.Conversation, p *Policy, s Situation) Decision {
	t := begin(c, p, s)
	if c.Status == inbox.Open && c.Owner != "" && !p.HasMember(c.Owner) {
		why := fmt.Sprintf("%s is no member of this mailbox any more", c.Owner)
		t.release(inbox.Event{By: inbox.ByPostroom, Why: []string{why}})
	}
	return t.done()
}

// Refused notes that the provider refused for good to carry out an action.
func Refused(c inbox.Conversation, message inbox.MessageID, why string, p *Policy, s Situation) Decision {
	t := begin(c, p, s)
	t.emit(inbox.Event{Kind: inbox.EventRefused, By: inbox.ByPostroom, Message: message, Why: []string{why}})
	return t.done()
}

// HasMember reports whether the manifest names the member in this mailbox.
func (p *Policy) HasMember(id inbox.MemberID) bool {
	for _, m := range p.Members {
		if m.ID == id {
			return true
		}
	}
	return false
}

func (p *Policy) hasTag(name string) bool {
	for _, t := range p.Tags {
		if t.Name == name {
			return true
		}
	}
	return false
}
