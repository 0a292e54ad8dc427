package coretest

import (
	"slices"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// backlogAsAsked: mail from before Postroom is what the policy makes of it. What it makes nothing of carries no marker of ours
// and is nobody's work; what it makes work is open, and somebody has it; what it ignores is not kept at all, and carries no
// marker of ours that nobody has put on it.
func (h *history) backlogAsAsked() {
	for _, l := range h.letters {
		if !h.tooOld(l.At) {
			continue
		}
		if _, ok := h.known(l.id); ok {
			h.t.Fatalf("mail %s of %s was to be ignored, and is kept", l.id, l.At)
		}
		state, _ := h.office.State(l.id)
		for _, m := range state.Markers {
			if h.policy.Own(m) && !h.did[act{l.id, m, true}] {
				h.t.Fatalf("mail %s of %s was to be ignored, and carries %q", l.id, l.At, m)
			}
		}
	}
	for _, l := range h.old {
		k, ok := h.known(l.id)
		state, there := h.office.State(l.id)
		if !ok || !there {
			continue
		}
		c := h.conversation(k.Conversation)
		work, unclear, alone := h.asked(c.ID)
		switch {
		case !alone || unclear:
		case !work && h.answered(c.ID): // it may have been work for as long as the answer had not been seen
			if c.Status != inbox.Closed {
				h.t.Fatalf("backlog %s: old mail %s was answered and is %s\n%s", h.policy.Backlog, l.id, c.Status, h.timeline(c.ID))
			}
		case work && (c.Status != inbox.Open || c.Owner == "" && h.policy.Assign.Strategy != assign.Manual):
			h.t.Fatalf("backlog %s: old mail %s should be work: %+v\n%s", h.policy.Backlog, l.id, c, h.timeline(c.ID))
		case !work && (c.Status != inbox.Closed || c.Owner != "" || !c.Imported || slices.ContainsFunc(state.Markers, h.policy.Own)):
			h.t.Fatalf("backlog %s: old mail %s was worked on: %+v carries %v\n%s", h.policy.Backlog, l.id, c, state.Markers, h.timeline(c.ID))
		}
	}
}

// asked reports whether the backlog makes a conversation work, which is unclear where all that it wants is automated: such a
// mail is work only as the first that is seen. alone: it is all old mail that nobody has touched.
func (h *history) asked(id inbox.ConversationID) (work, unclear, alone bool) {
	alone = true
	for _, l := range h.letters {
		if k, ok := h.known(l.id); !ok || k.Conversation != id {
			continue
		}
		if !slices.ContainsFunc(h.old, func(o letter) bool { return o.id == l.id }) {
			return false, false, false
		}
		wanted := false
		switch h.policy.Backlog.Mode {
		case decide.BacklogTriageAll:
			wanted = true
		case decide.BacklogTriageUnread:
			wanted = !l.Read
		case decide.BacklogTriageSince:
			wanted = !l.At.Before(h.policy.Backlog.Since)
		}
		wanted = wanted && !h.answeredSince(id, l.At)
		work = work || wanted && !l.Automated
		unclear = unclear || wanted && l.Automated
	}
	return work, unclear && !work, alone
}

// answered reports whether a conversation had been answered before Postroom.
func (h *history) answered(id inbox.ConversationID) bool { return h.answeredSince(id, time.Time{}) }

func (h *history) answeredSince(id inbox.ConversationID, at time.Time) bool {
	return slices.ContainsFunc(h.old, func(o letter) bool {
		k, ok := h.known(o.id)
		return ok && k.Conversation == id && o.answered.After(at)
	})
}

// tooOld reports whether mail of that date is to be ignored.
func (h *history) tooOld(at time.Time) bool {
	if h.policy.Backlog.Mode != decide.BacklogIgnore {
		return false
	}
	progress, err := h.store.Mailbox(h.ctx, h.office.Mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	return at.Before(progress.CutOver.Add(-pipeline.ClockAhead))
}

// ignored is tooOld for any message that is there.
func (h *history) ignored(id inbox.MessageID) bool {
	if h.policy.Backlog.Mode != decide.BacklogIgnore {
		return false
	}
	found, err := h.office.Provider.Fetch(h.ctx, []inbox.MessageID{id})
	if err != nil || len(found) != 1 || found[0].Message == nil {
		h.t.Fatalf("fetch %s: %v %v", id, found, err)
	}
	return h.tooOld(found[0].Message.At)
}
