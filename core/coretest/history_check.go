package coretest

import (
	"fmt"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

// check holds the calm office to the promises.
func (h *history) check() {
	h.everyMessageOnce()
	h.markersAsDecided()
	h.peoplesMarkersKept()
	h.peopleDidIt()
	h.machinesChangeNothing()
	h.booksAgree()
	h.nothingOutOfSight()
	h.backlogAsAsked()
	h.strangersApart()
}

// everyMessageOnce: every message that is there is in exactly one conversation, and joined it once. What was binned before
// it was ever seen is no mail to the team.
func (h *history) everyMessageOnce() {
	member := map[inbox.MessageID]inbox.ConversationID{}
	joined := map[inbox.MessageID]int{}
	for _, c := range h.conversations() {
		list, err := h.store.Messages(h.ctx, h.office.Mailbox, c.ID, "", 10_000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, k := range list {
			if other, twice := member[k.ID]; twice {
				h.t.Fatalf("message %s is in conversations %s and %s", k.ID, other, c.ID)
			}
			member[k.ID] = c.ID
		}
		events, err := h.store.Timeline(h.ctx, h.office.Mailbox, c.ID, 0, 100_000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range events {
			if e.Mail != nil {
				joined[e.Message]++
			}
		}
	}
	for _, id := range h.office.All() {
		state, _ := h.office.State(id)
		if _, ok := member[id]; !ok && state.Place != inbox.Trash && state.Place != inbox.Junk && !h.ignored(id) {
			h.t.Fatalf("message %s in %s is lost: in no conversation", id, state.Place)
		}
	}
	for id, n := range joined {
		if n != 1 {
			h.t.Fatalf("message %s joined %d times", id, n)
		}
		if member[id] == "" {
			h.t.Fatalf("message %s joined a conversation but is in none", id)
		}
	}
}

// markersAsDecided: every received message carries what its conversation shows and nothing else of ours; sent mail none.
func (h *history) markersAsDecided() {
	for _, id := range h.office.All() {
		k, ok := h.known(id)
		state, _ := h.office.State(id)
		if !ok || state.Place == inbox.Trash || state.Place == inbox.Junk {
			continue
		}
		c := h.conversation(k.Conversation)
		var want []inbox.Marker
		if k.Direction == inbox.In {
			want = h.policy.Shown(c)
		}
		add, remove := h.policy.Difference(state.Markers, want)
		if c.Imported {
			add, remove = nil, nil // old mail that nobody has touched keeps what it came with
		}
		if len(add)+len(remove) > 0 {
			h.t.Fatalf("message %s (%s) carries %v, its conversation %s (%s, %q) shows %v\n%s", id, k.Direction, state.Markers, c.ID, c.Status, c.Owner, want, h.timeline(c.ID))
		}
	}
}

func (h *history) peoplesMarkersKept() {
	for id, on := range h.others {
		if state, ok := h.office.State(id); ok && inbox.HasMarker(state.Markers, private) != on {
			h.t.Fatalf("message %s carries %v; a person's %q should be on it: %v", id, state.Markers, private, on)
		}
	}
}

// peopleDidIt: what the timeline says that somebody did to a marker, somebody did. What we wrote ourselves is nobody's
// move, however late we see it.
func (h *history) peopleDidIt() {
	of := map[inbox.MemberID]inbox.Marker{}
	for _, m := range h.policy.Members {
		of[m.ID] = m.Marker
	}
	for _, c := range h.conversations() {
		events, err := h.store.Timeline(h.ctx, h.office.Mailbox, c.ID, 0, 100_000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range events {
			if e.By != inbox.ByTeam || e.Message == "" || e.Mail != nil {
				continue
			}
			said := act{message: e.Message}
			switch e.Kind {
			case inbox.EventAssigned:
				said.marker, said.on = of[e.Member], true
			case inbox.EventReleased:
				said.marker = of[e.From]
			case inbox.EventTagged, inbox.EventUntagged:
				said.marker, said.on = h.policy.Tags[0].Marker, e.Kind == inbox.EventTagged
			default:
				continue // moving does it too
			}
			if !h.did[said] {
				h.t.Fatalf("event %d of conversation %s says that somebody changed %q on %s, and nobody did\n%s", e.Seq, c.ID, said.marker, e.Message, h.timeline(c.ID))
			}
		}
	}
}

// machinesChangeNothing: nothing but what a person does to it follows from automated mail that joins a conversation.
func (h *history) machinesChangeNothing() {
	for _, c := range h.conversations() {
		events, err := h.store.Timeline(h.ctx, h.office.Mailbox, c.ID, 0, 100_000)
		if err != nil {
			h.t.Fatal(err)
		}
		automated := map[inbox.MessageID]bool{}
		for i, e := range events {
			if e.Mail != nil {
				automated[e.Message] = i > 0 && e.Mail.Automated != ""
				continue
			}
			switch e.Kind {
			case inbox.EventReopened, inbox.EventClosed, inbox.EventWaiting, inbox.EventAssigned, inbox.EventEscalated, inbox.EventReleased:
				if automated[e.Message] && e.By != inbox.ByTeam {
					h.t.Fatalf("event %d of conversation %s follows from automated mail %s\n%s", e.Seq, c.ID, e.Message, h.timeline(c.ID))
				}
			}
		}
	}
}

// booksAgree: what is counted is what is there, and nothing is left to do.
func (h *history) booksAgree() {
	var team assign.Team
	team.Open = map[inbox.MemberID]int{}
	for _, c := range h.conversations() {
		events, err := h.store.Timeline(h.ctx, h.office.Mailbox, c.ID, 0, 100_000)
		if err != nil {
			h.t.Fatal(err)
		}
		for i, e := range events {
			if e.Seq != int64(i+1) {
				h.t.Fatalf("conversation %s has a gap: event %d has seq %d", c.ID, i, e.Seq)
			}
		}
		if replayed := inbox.Replay(c.ID, c.Mailbox, events); fmt.Sprint(replayed) != fmt.Sprint(c) {
			h.t.Fatalf("conversation %s is\n%+v\nits timeline makes\n%+v", c.ID, c, replayed)
		}
		if c.Status == inbox.Open {
			if c.Owner == "" && h.policy.Assign.Strategy != assign.Manual {
				h.t.Fatalf("conversation %s is open and nobody has it\n%s", c.ID, h.timeline(c.ID))
			}
			if c.Owner != "" {
				team.Open[c.Owner]++
			}
			if c.Overflow {
				team.Overflow++
			}
		}
		if limit := h.policy.Assign.Cap; c.Overflow && limit > 0 && assign.Room(h.policy.Assign, h.team(), h.office.Now()) {
			h.t.Fatalf("conversation %s waits for room although there is some", c.ID)
		}
	}
	counted := h.team()
	if counted.Last = ""; fmt.Sprint(counted) != fmt.Sprint(team) {
		h.t.Fatalf("the team is counted as %+v, but has %+v", counted, team)
	}
	if actions, err := h.store.Pending(h.ctx, h.office.Mailbox, 0); err != nil || len(actions) > 0 {
		h.t.Fatalf("still to be done when all is calm: %+v %v", actions, err)
	}
}

// nothingOutOfSight: a conversation knows how many of its mails lie in the inbox, also when they left it while the provider
// had lost its place; so none stays open whose mail is all gone.
func (h *history) nothingOutOfSight() {
	for _, c := range h.conversations() {
		list, err := h.store.Messages(h.ctx, h.office.Mailbox, c.ID, "", 10_000)
		if err != nil {
			h.t.Fatal(err)
		}
		there := 0
		for _, k := range list {
			if state, ok := h.office.State(k.ID); ok && k.Direction == inbox.In && state.Place == inbox.Inbox {
				there++
			}
		}
		if there != c.InInbox {
			h.t.Fatalf("conversation %s counts %d mails in the inbox, there are %d\n%s", c.ID, c.InInbox, there, h.timeline(c.ID))
		}
	}
}

func (h *history) team() assign.Team {
	team, err := h.store.Team(h.ctx, h.office.Mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	return team
}

// strangersApart: mails of different customers that do not answer one another are in different conversations, and the
// mails of one chain are in one, though providers join equal subjects.
func (h *history) strangersApart() {
	conversation := map[string]inbox.ConversationID{}
	from := map[inbox.ConversationID]inbox.Address{}
	for _, l := range h.letters {
		k, ok := h.known(l.id)
		if !ok {
			continue
		}
		if other, seen := from[k.Conversation]; seen && other != l.From {
			h.t.Fatalf("conversation %s has mail of %s and of %s, who have nothing to do with one another", k.Conversation, other, l.From)
		}
		from[k.Conversation] = l.From
		if first, seen := conversation[l.chain]; seen && first != k.Conversation {
			h.t.Fatalf("the mails of one chain are in conversations %s and %s", first, k.Conversation)
		}
		conversation[l.chain] = k.Conversation
	}
}
