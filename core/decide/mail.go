package decide

import (
	"fmt"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/automail"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// Change decides what follows from one change of one message in the conversation c, which is the zero conversation
// with its id for the first message.
func Change(c inbox.Conversation, ch inbox.Change, p *Policy, s Situation) Decision {
	t := begin(c, p, s)
	switch ch.Kind {
	case inbox.Arrived:
		t.arrived(ch)
	case inbox.SentOut:
		t.sent(ch)
	case inbox.Marked:
		t.marked(ch)
	case inbox.Moved:
		t.moved(ch)
	case inbox.Deleted:
		t.deleted(ch)
	}
	return t.done()
}

func (t *turn) mail(ch inbox.Change, automated string) *inbox.Mail {
	m := ch.Message
	mail := &inbox.Mail{
		Thread: m.Thread, Direction: m.Direction, From: m.From, Subject: m.Subject, At: m.At, Place: ch.State.Place,
		Automated: automated, Imported: ch.Imported, Refs: m.Refs(), People: m.Outsiders(t.policy.Inside),
	}
	if m.Direction == inbox.Out {
		for _, to := range m.To {
			if mail.To.Address == "" || t.policy.Inside(mail.To.Address) {
				mail.To = to
			}
		}
	}
	return mail
}

func (t *turn) arrived(ch inbox.Change) {
	m := ch.Message
	automated := automail.Reason(m)
	first := t.c.Status == ""
	var why []string
	if m.Unreadable != "" {
		why = append(why, "the provider cannot give its content: "+m.Unreadable)
	}
	if automated != "" {
		why = append(why, "automated: "+automated)
	}
	if ch.Imported {
		why = append(why, t.policy.Backlog.reason())
	} else {
		why = append(why, t.match(m)...)
	}
	t.emit(inbox.Event{At: m.At, Kind: inbox.EventReceived, By: inbox.ByCustomer, Message: m.ID, Mail: t.mail(ch, automated), Why: why})

	t.claimed = t.policy.names(ch.Added)
	switch {
	case ch.Imported:
		if first || automated == "" { // what a machine adds to a conversation asks for no answer
			t.imported(ch)
		}
	case automated != "" && !first:
		t.ruled(m) // it may be tagged and given a priority, nothing more
	case t.policy.CloseBy != "" && ch.State.Place == t.policy.CloseBy && t.c.InInbox == 0:
		t.ruled(m)
		if t.c.Status != inbox.Closed {
			t.emit(inbox.Event{Kind: inbox.EventClosed, By: inbox.ByTeam, Why: []string{"it was archived before Postroom saw it"}})
		}
	case first:
		t.opened(m, nil)
	case m.At.Before(t.c.LastOut):
		t.ruled(m) // it crossed with an answer that is newer: the customer's turn stays
	default:
		t.answeredByCustomer(m)
	}
	t.claimed = false
	for _, marker := range ch.Added { // somebody marked it before we saw it
		if !ch.Imported || t.speaks(m, marker) {
			t.putOn(m.ID, marker)
		}
	}
}

// speaks reports whether a marker that a mail from before Postroom came with says something of the conversation. It does of
// what the backlog makes work. What it says of the status was said of that mail and what was older, whichever of them is
// seen first.
func (t *turn) speaks(m inbox.Message, marker inbox.Marker) bool {
	if t.c.Imported || !t.policy.Backlog.triages() {
		return false
	}
	return t.policy.meaning(marker).status == "" || !m.At.Before(t.c.LastIn)
}

// imported takes in a mail that was there before Postroom. It is work only if the backlog says so.
func (t *turn) imported(ch inbox.Change) {
	m, backlog := ch.Message, t.policy.Backlog
	switch {
	case ch.State.Place != inbox.Inbox || m.At.Before(t.c.LastOut) || !backlog.wants(m):
		return
	case !t.c.Imported && t.c.Status == inbox.Closed && !m.At.Before(t.c.LastIn):
		t.answeredByCustomer(m) // an older mail carried the marker that closed it
		return
	case !t.c.Imported:
		return
	}
	t.emit(inbox.Event{Kind: inbox.EventReopened, By: inbox.ByPostroom, Message: m.ID, Why: []string{"in the inbox when Postroom first looked; " + backlog.words()}})
	t.opened(m, nil)
}

// opened applies the rules to the mail that opens the conversation and finds it an owner.
func (t *turn) opened(m inbox.Message, why []string) {
	need, reasons := t.ruled(m)
	if t.c.Owner != "" {
		return
	}
	need.Handled = t.sit.Handled
	t.assign(need, append(why, reasons...))
}

// answeredByCustomer gives the conversation back to the team, to its last owner if they are there.
func (t *turn) answeredByCustomer(m inbox.Message) {
	need, why := t.ruled(m)
	was := t.c.Status
	if was != inbox.Open || t.c.Imported {
		reason := "the customer answered"
		if was == inbox.Closed {
			reason = "the customer wrote again"
		}
		t.emit(inbox.Event{Kind: inbox.EventReopened, By: inbox.ByCustomer, Message: m.ID, Why: []string{reason}})
	}
	former := t.c.Owner
	if former == "" {
		former = t.c.Former
	}
	if t.present(t.c.Owner) {
		return
	}
	if t.policy.Assign.Strategy == assign.Manual && t.c.Owner != "" {
		return
	}
	need.Former, need.Handled = former, t.sit.Handled
	if t.present(former) {
		need.Member = "" // the last owner comes before whom a rule names
	}
	t.assign(need, why)
}

// present reports whether m is of the team and not away.
func (t *turn) present(m inbox.MemberID) bool {
	member, ok := t.policy.Assign.Member(m)
	return ok && !assign.Away(member, t.sit.Now)
}

// match tries the rules once on the arriving mail and says which of them could not be tried.
func (t *turn) match(m inbox.Message) (troubles []string) {
	if t.matched {
		return nil
	}
	hits, failed := t.policy.Rules.Try(m)
	for _, f := range failed {
		troubles = append(troubles, f.String())
	}
	t.hits, t.matched = hits, true
	return troubles
}

// ruled applies what the rules ask of the conversation itself and gives what they ask of its owner.
func (t *turn) ruled(m inbox.Message) (assign.Need, []string) {
	var need assign.Need
	var why []string
	why = append(why, t.match(m)...)
	for _, hit := range t.hits {
		reasons := because(hit)
		for _, tag := range hit.Then.Tags {
			if !contains(t.c.Tags, tag) {
				t.emit(inbox.Event{Kind: inbox.EventTagged, By: inbox.ByPostroom, Message: m.ID, Tag: tag, Why: reasons})
			}
		}
		if p := hit.Then.Priority; p != "" && p != t.c.Priority {
			t.emit(inbox.Event{Kind: inbox.EventPrioritised, By: inbox.ByPostroom, Message: m.ID, Priority: p, Why: reasons})
		}
		// The first rule that speaks of the owner has said it.
		if need == (assign.Need{}) && (hit.Then.Skill != "" || hit.Then.Member != "" || hit.Then.Strategy != "") {
			need = assign.Need{Skill: hit.Then.Skill, Member: hit.Then.Member, Strategy: assign.Strategy(hit.Then.Strategy)}
			why = reasons
		}
	}
	return need, why
}

func because(hit rules.Hit) []string {
	why := []string{fmt.Sprintf("rule %q", hit.Rule)}
	return append(why, hit.Why...)
}

func (t *turn) sent(ch inbox.Change) {
	m := ch.Message
	automated := automail.Reason(m)
	first := t.c.Status == ""
	author, known, why := t.author(ch)
	by := inbox.ByTeam
	if author != "" {
		by = inbox.ByMember(author)
	}
	kind := inbox.EventAnswered
	switch {
	case automated != "":
		kind, by, why = inbox.EventSent, inbox.ByPostroom, []string{"automated: " + automated}
	case first:
		kind, why = inbox.EventSent, append(why, "the mailbox wrote first")
	case m.At.Before(t.c.LastIn.Truncate(time.Second)):
		kind, why = inbox.EventSent, append(why, "older than the customer's last mail")
	}
	if ch.Imported {
		why = append(why, t.policy.Backlog.reason())
	}
	t.emit(inbox.Event{At: m.At, Kind: kind, By: by, Message: m.ID, Member: author, Mail: t.mail(ch, automated), Why: why})
	switch {
	case automated != "" || kind == inbox.EventSent && !first:
		return
	case ch.Imported:
		if kind == inbox.EventAnswered && t.c.Status == inbox.Open {
			// Had the answer been seen first, the mail would not have become work.
			t.emit(inbox.Event{Kind: inbox.EventClosed, By: by, Message: m.ID, Why: []string{"answered before Postroom"}})
		}
		return
	}
	// An answer that is seen late does not undo what somebody has said of the owner since.
	if known && author != t.c.Owner && !m.At.Before(t.c.Taken.Truncate(time.Second)) {
		t.emit(inbox.Event{Kind: inbox.EventAssigned, By: by, Member: author, From: t.c.Owner, Why: []string{"whoever answers has it"}})
	}
	if t.c.Status == inbox.Open || t.c.Imported {
		t.emit(inbox.Event{Kind: inbox.EventWaiting, By: by, Message: m.ID, Why: []string{"answered: it is the customer's turn"}})
	}
	t.handled(author)
}

// author says who of the team wrote a mail, and whether the mail itself tells. Before Postroom nobody owned anything.
func (t *turn) author(ch inbox.Change) (member inbox.MemberID, known bool, why []string) {
	m := ch.Message
	for _, p := range []inbox.Person{m.Sender, m.From} {
		for _, member := range t.policy.Members {
			if p.Address != "" && p.Address == member.Address {
				return member.ID, true, []string{"sent by " + member.Name}
			}
		}
	}
	if t.c.Owner != "" && !ch.Imported {
		return t.c.Owner, false, []string{"the mail does not tell who sent it; taken to be its owner"}
	}
	return "", false, []string{"the mail does not tell who sent it: unknown"}
}
