package decide

import (
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

// marked takes what somebody did to our markers on one message as said of the whole conversation.
func (t *turn) marked(ch inbox.Change) {
	t.out.Remark = true
	for _, m := range ch.Added {
		t.putOn(ch.ID(), m)
	}
	for _, m := range ch.Removed {
		// What the additions have already settled is no second act: changing @Anna to @Bo is one hand-over.
		t.takenOff(ch.ID(), m)
	}
}

func (t *turn) putOn(id inbox.MessageID, m inbox.Marker) {
	meaning := t.policy.meaning(m)
	why := []string{fmt.Sprintf("%q was put on in the mail client", meaning.marker)}
	e := inbox.Event{By: inbox.ByTeam, Message: id, Why: why}
	switch {
	case meaning.member != "" && meaning.member != t.c.Owner:
		e.Kind, e.Member, e.From = inbox.EventAssigned, meaning.member, t.c.Owner
		t.emit(e)
		t.handled(meaning.member)
	case meaning.member != "" && t.c.Overflow:
		e.Kind, e.Member, e.From = inbox.EventAssigned, meaning.member, t.c.Owner
		t.emit(e)
	case meaning.status == inbox.Closed && (t.c.Status != inbox.Closed || t.c.Imported):
		t.close(e)
	case meaning.status == inbox.Waiting && t.c.Status != inbox.Waiting:
		e.Kind = inbox.EventWaiting
		t.emit(e)
	case meaning.tag != "" && !contains(t.c.Tags, meaning.tag):
		e.Kind, e.Tag = inbox.EventTagged, meaning.tag
		t.emit(e)
	}
}

func (t *turn) takenOff(id inbox.MessageID, m inbox.Marker) {
	meaning := t.policy.meaning(m)
	why := []string{fmt.Sprintf("%q was taken off in the mail client", meaning.marker)}
	e := inbox.Event{By: inbox.ByTeam, Message: id, Why: why}
	switch {
	case meaning.member != "" && meaning.member == t.c.Owner:
		t.release(e)
	case meaning.status != "" && meaning.status == t.c.Status && !t.c.Imported:
		t.reopen(e)
	case meaning.tag != "" && contains(t.c.Tags, meaning.tag):
		e.Kind, e.Tag = inbox.EventUntagged, meaning.tag
		t.emit(e)
	}
}

// release lets go of the conversation. While it is open, the next one gets it, but not the one who gave it up.
func (t *turn) release(e inbox.Event) {
	was := t.c.Owner
	e.Kind, e.From = inbox.EventReleased, was
	t.emit(e)
	if t.c.Status == inbox.Open {
		t.assign(assign.Need{Skill: t.c.Skill, Without: was}, nil)
	}
}

func (t *turn) close(e inbox.Event) {
	e.Kind = inbox.EventClosed
	t.emit(e)
	t.handled(t.c.Owner)
}

func (t *turn) reopen(e inbox.Event) {
	e.Kind = inbox.EventReopened
	t.emit(e)
	if t.c.Owner == "" {
		t.assign(assign.Need{Former: t.c.Former, Skill: t.c.Skill}, nil)
	}
}

// moved follows a received message to another place. Archiving the last one in the inbox closes the conversation;
// putting one back into the inbox opens it.
func (t *turn) moved(ch inbox.Change) {
	if ch.Known.Direction != inbox.In {
		return
	}
	to, was := ch.State.Place, ch.Known.State.Place
	t.emit(inbox.Event{Kind: inbox.EventMoved, By: inbox.ByTeam, Message: ch.ID(), Place: to, Was: was})
	e := inbox.Event{By: inbox.ByTeam, Message: ch.ID()}
	t.out.Remark = !ch.Known.Marked() // what lay in the bin has missed what was decided meanwhile
	switch {
	case to == inbox.Inbox:
		if t.c.Status == inbox.Closed {
			e.Why = []string{"the mail was put back into the inbox"}
			t.reopen(e)
		}
	case t.c.InInbox > 0 || t.c.Status == inbox.Closed:
	case to == t.policy.CloseBy:
		e.Why = []string{"the last mail in the inbox was archived"}
		t.close(e)
	case to == inbox.Trash || to == inbox.Junk:
		e.Why = []string{fmt.Sprintf("the last mail in the inbox was moved to the %s", to)}
		t.close(e)
	}
}

func (t *turn) deleted(ch inbox.Change) {
	if ch.Known.Direction != inbox.In {
		return
	}
	was := ch.Known.State.Place
	t.emit(inbox.Event{Kind: inbox.EventDeleted, By: inbox.ByTeam, Message: ch.ID(), Was: was})
	switch {
	case t.c.Status == inbox.Closed:
	case t.c.Received == 0:
		t.close(inbox.Event{By: inbox.ByTeam, Why: []string{"all its mail was deleted"}})
	case was == inbox.Inbox && t.c.InInbox == 0:
		t.close(inbox.Event{By: inbox.ByTeam, Message: ch.ID(), Why: []string{"the last mail in the inbox was deleted"}})
	}
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
