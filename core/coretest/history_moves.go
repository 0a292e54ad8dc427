package coretest

import (
	"fmt"
	"slices"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"pgregory.net/rapid"
)

var customers = []inbox.Address{"ann@customer.example", "bo@customer.example", "cy@other.example"}

// touched forgets what people said last of a letter's conversation, because something else has happened to it since. A
// customer's mails with one subject may be one conversation, so they count as one here.
func (h *history) touched(of letter) {
	for _, l := range h.letters {
		if l.chain == of.chain || l.From == of.From && bare(l.Subject) == bare(of.Subject) {
			delete(h.claims, l.chain)
			h.old = slices.DeleteFunc(h.old, func(o letter) bool { return o.id == l.id })
		}
	}
}

func (h *history) write(l Letter, chain string) letter {
	h.n++
	l.RFCID = fmt.Sprintf("<%d.history@customer.example>", h.n)
	l.At = h.office.Now()
	if chain == "" {
		chain = l.RFCID
	}
	written := letter{Letter: l, chain: chain}
	written.id = h.office.Receive(l)
	h.letters = append(h.letters, written)
	h.touched(written)
	return written
}

func (h *history) fresh() Letter {
	return Letter{
		From: rapid.SampledFrom(customers).Draw(h.t, "from"),
		// Few subjects, so that strangers often choose the same one.
		Subject:   rapid.SampledFrom([]string{"Invoice", "Parcel", "Hello"}).Draw(h.t, "subject"),
		Automated: rapid.IntRange(0, 9).Draw(h.t, "automated") == 0,
	}
}

func (h *history) receive() { h.write(h.fresh(), "") }

func (h *history) receiveOld() {
	l := h.fresh()
	l.Read = rapid.Bool().Draw(h.t, "read")
	before := slices.Clone(h.old)
	w := h.write(l, "")
	h.old = append(before, w) // another old mail touches nobody's
}

// answerOld may answer the last old mail, half an hour later.
func (h *history) answerOld() {
	if rapid.IntRange(0, 3).Draw(h.t, "answered") > 0 {
		return
	}
	h.office.Advance(30 * time.Minute)
	l := &h.old[len(h.old)-1]
	if h.office.Answer(l.id, "") {
		l.answered = h.office.Now()
	}
}

func (h *history) reply() {
	to, ok := h.pick()
	if !ok {
		return
	}
	h.write(Letter{
		From: to.From, Subject: "Re: " + bare(to.Subject), InReplyTo: to.RFCID,
		Automated: rapid.IntRange(0, 4).Draw(h.t, "automated") == 0,
	}, to.chain)
}

func bare(subject string) string {
	if len(subject) > 4 && subject[:4] == "Re: " {
		return subject[4:]
	}
	return subject
}

func (h *history) answer() {
	if l, ok := h.pick(); ok {
		by := rapid.SampledFrom([]inbox.Address{"", "one@staff.example", "two@staff.example"}).Draw(h.t, "by")
		h.office.Answer(l.id, by)
		h.touched(l)
	}
}

func (h *history) draft() {
	if l, ok := h.pick(); ok && h.office.Draft != nil {
		h.office.Draft(l.id) // it may be sent at once
		h.touched(l)
	}
}

// mark puts on or takes off a marker of ours, and remembers a claim that must be honoured.
func (h *history) mark() {
	l, ok := h.pick()
	if !ok {
		return
	}
	m := rapid.SampledFrom([]inbox.Marker{"@One", "@Two", "@Lead", "Closed", "Waiting", "VIP"}).Draw(h.t, "marker")
	on := rapid.IntRange(0, 3).Draw(h.t, "on") > 0
	state, _ := h.office.State(l.id)
	h.touched(l)
	if !h.office.Mark(l.id, m, on) {
		return
	}
	if h.did[act{l.id, m, on}] = true; !on {
		return
	}
	member, isMember := map[inbox.Marker]inbox.MemberID{"@One": "one", "@Two": "two", "@Lead": "lead"}[m]
	if !isMember || state.Place == inbox.Trash || h.ours(l, m) || h.unclear(l, m) || h.owns(l, member) {
		return
	}
	h.claims[l.chain] = claim{member, m, h.began, h.syncs}
}

// ours reports whether we may have put the marker on as well: then nobody can tell who did.
func (h *history) ours(l letter, m inbox.Marker) bool {
	k, ok := h.known(l.id)
	if !ok {
		// Not seen yet: mail from before Postroom may be nobody's work, whatever is on it; and a write of ours on a
		// whole thread may reach a mail that we have not seen.
		progress, err := h.store.Mailbox(h.ctx, h.office.Mailbox)
		if err != nil {
			h.t.Fatal(err)
		}
		return progress.CutOver.IsZero() || l.At.Before(progress.CutOver) || slices.ContainsFunc(h.letters, func(o letter) bool {
			_, seen := h.known(o.id)
			return seen && o.chain == l.chain
		})
	}
	actions, err := h.store.Pending(h.ctx, h.office.Mailbox, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range actions {
		if a.Conversation == k.Conversation {
			return true
		}
	}
	return inbox.HasMarker(k.State.Markers, m) // we have not seen yet that it was taken off before
}

// owns reports whether the member has the letter's conversation already: then the marker says nothing new.
func (h *history) owns(l letter, m inbox.MemberID) bool {
	return slices.ContainsFunc(h.letters, func(o letter) bool {
		k, ok := h.known(o.id)
		return ok && o.From == l.From && bare(o.Subject) == bare(l.Subject) && h.conversation(k.Conversation).Owner == m
	})
}

// unclear reports whether people have said two things at once: another member's marker, not seen by us yet, is on a
// mail of the same conversation.
func (h *history) unclear(l letter, m inbox.Marker) bool {
	return slices.ContainsFunc(h.letters, func(o letter) bool {
		if o.From != l.From || bare(o.Subject) != bare(l.Subject) {
			return false
		}
		state, _ := h.office.State(o.id)
		k, _ := h.known(o.id)
		return slices.ContainsFunc(state.Markers, func(x inbox.Marker) bool {
			return x[0] == '@' && !(o.id == l.id && x == m) && (o.id == l.id || !inbox.HasMarker(k.State.Markers, x))
		})
	})
}

// private puts a marker of a person's own on, or takes it off.
func (h *history) private() {
	if l, ok := h.pick(); ok {
		on := rapid.Bool().Draw(h.t, "on")
		h.office.Mark(l.id, private, on)
		h.others[l.id] = on
	}
}

func (h *history) move() {
	if l, ok := h.pick(); ok {
		h.office.Move(l.id, rapid.SampledFrom([]inbox.Place{inbox.Archive, inbox.Archive, inbox.Inbox, inbox.Trash}).Draw(h.t, "to"))
		h.touched(l)
	}
}

func (h *history) remove() {
	if l, ok := h.pick(); ok && rapid.IntRange(0, 2).Draw(h.t, "really") == 0 {
		h.office.Delete(l.id)
		h.touched(l)
	}
}

// command asks for something through Postroom, at any moment beside a sync.
func (h *history) command() {
	list := h.conversations()
	if len(list) == 0 {
		return
	}
	c := list[rapid.IntRange(0, len(list)-1).Draw(h.t, "conversation")]
	cmd := decide.Command{By: inbox.ByMember("two"), Member: "two", Tag: "VIP"}
	cmd.Verb = rapid.SampledFrom([]decide.Verb{decide.Assign, decide.Release, decide.Close, decide.Reopen, decide.AddTag, decide.DropTag}).Draw(h.t, "verb")
	for _, l := range h.letters {
		if k, ok := h.known(l.id); ok && k.Conversation == c.ID {
			h.touched(l)
		}
	}
	if _, err := h.pipeline(&Trip{}).Command(h.ctx, h.office.Mailbox, c.ID, cmd); err != nil {
		h.t.Fatalf("command %s: %v", cmd.Verb, err)
	}
}

func (h *history) disturb() {
	if len(h.office.Disturbances) > 0 {
		names := h.office.Disturbances
		h.office.Disturb(slices.Index(names, rapid.SampledFrom(names).Draw(h.t, "disturbance")))
	}
}

func (h *history) expire() {
	if rapid.IntRange(0, 2).Draw(h.t, "really") == 0 {
		h.office.Expire()
	}
}
