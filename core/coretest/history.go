package coretest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"pgregory.net/rapid"
)

// Letter is a mail that a customer writes in a history.
type Letter struct {
	RFCID     string // with angle brackets
	InReplyTo string // as RFCID, empty for a first mail
	From      inbox.Address
	Subject   string
	Automated bool      // it carries Auto-Submitted: auto-replied
	At        time.Time // never before that of an earlier letter
	Read      bool      // somebody has read it (only for mail from before Postroom)
}

// Office is one mailbox with people in it, and the world around it, as a history needs it. People's moves are false when
// there was nothing to do; the functions may be nil where the provider has no such thing.
type Office struct {
	Mailbox  inbox.MailboxID
	Provider pipeline.Provider
	// Now is the office's clock; Advance lets it go on.
	Now     func() time.Time
	Advance func(time.Duration)

	Receive func(Letter) inbox.MessageID
	// Answer sends an answer to a message from the mailbox; by is the member whom the provider names, or empty.
	Answer func(id inbox.MessageID, by inbox.Address) bool
	Draft  func(id inbox.MessageID) bool
	Mark   func(id inbox.MessageID, m inbox.Marker, on bool) bool
	Move   func(id inbox.MessageID, to inbox.Place) bool
	Delete func(id inbox.MessageID) bool
	// State reads what is on a message; false when it is gone.
	State func(id inbox.MessageID) (inbox.State, bool)
	// All lists every message that exists, drafts left out.
	All func() []inbox.MessageID

	// Disturb arms the nth of Disturbances for the next requests; Calm ends all of them.
	Disturb      func(n int)
	Disturbances []string
	Calm         func()
	Expire       func() // the provider forgets every cursor
}

// history is one run of random events in an office.
type history struct {
	t      *rapid.T
	office Office
	store  pipeline.Store
	policy *decide.Policy
	ctx    context.Context

	letters []letter
	claims  map[string]claim // by the first letter of the chain: what a person said last
	others  map[inbox.MessageID]bool
	did     map[act]bool // what people did to markers of ours
	old     []letter     // mail from before Postroom, not touched since
	syncs   int
	began   time.Time // when the last sync did; its decisions carry that time
	n       int
}

type letter struct {
	Letter
	id       inbox.MessageID
	chain    string
	answered time.Time // when it was, if it was before Postroom
}

// act is that a person put a marker on a message, or took it off.
type act struct {
	message inbox.MessageID
	marker  inbox.Marker
	on      bool
}

type claim struct {
	member inbox.MemberID
	marker inbox.Marker
	at     time.Time // from when on what Postroom did may be the same move
	syncs  int       // how many syncs had begun when it was made
}

// private is a marker of a person's own, which Postroom must never touch.
const private = inbox.Marker("Private")

// HistoryPolicy is the policy that histories are worked by, for the mailbox of that address.
func HistoryPolicy(mailbox inbox.MailboxID, strategy assign.Strategy, limit int) *decide.Policy {
	one := assign.Member{ID: "one", Name: "Agent One"}
	two := assign.Member{ID: "two", Name: "Agent Two"}
	lead := assign.Member{ID: "lead", Name: "Lead Three"}
	return &decide.Policy{
		Mailbox: mailbox, Addresses: []inbox.Address{inbox.Address(mailbox)}, Domains: []string{inbox.Address(mailbox).Domain()},
		Members: []decide.Member{
			{ID: "one", Name: "Agent One", Address: "one@staff.example", Marker: "@One"},
			{ID: "two", Name: "Agent Two", Address: "two@staff.example", Marker: "@Two"},
			{ID: "lead", Name: "Lead Three", Address: "lead@staff.example", Marker: "@Lead"},
		},
		Assign:  assign.Config{Strategy: strategy, Cap: limit, Sticky: 24 * time.Hour, Agents: []assign.Member{one, two}, Leads: []assign.Member{lead}},
		Tags:    []decide.Tag{{Name: "VIP", Marker: "VIP"}},
		Markers: decide.Markers{Waiting: "Waiting", Closed: "Closed"}, CloseBy: inbox.Archive, Backlog: decide.Backlog{Mode: decide.BacklogTriageUnread},
	}
}

// History draws a random history in an office and holds the spine to its promises: mail, people's moves, disturbances of
// the provider, hints that are lost or doubled (a sync that does not happen, or happens twice), processes killed around
// any call, commands and people's moves between any two calls, and cursors that expire. When all has calmed down,
// every message must be in exactly one conversation, markers must be as decided, no person's marker may be lost, and
// nothing may have been done twice.
func History(t *rapid.T, office Office, store pipeline.Store) {
	h := &history{
		t: t, office: office, store: store, ctx: context.Background(),
		claims: map[string]claim{}, others: map[inbox.MessageID]bool{}, did: map[act]bool{},
		policy: HistoryPolicy(office.Mailbox,
			rapid.SampledFrom([]assign.Strategy{assign.LeastLoaded, assign.RoundRobin, assign.Manual}).Draw(t, "strategy"),
			rapid.IntRange(0, 2).Draw(t, "cap")),
	}
	h.policy.Backlog.Mode = rapid.SampledFrom([]decide.BacklogMode{
		decide.BacklogTriageUnread, decide.BacklogIgnore, decide.BacklogRegister, decide.BacklogTriageSince, decide.BacklogTriageAll,
	}).Draw(t, "backlog")
	old := rapid.IntRange(0, 4).Draw(t, "old mail")
	since := rapid.IntRange(0, old).Draw(t, "since")
	for i := range old {
		h.office.Advance(time.Hour)
		if i == since && h.policy.Backlog.Mode == decide.BacklogTriageSince {
			h.policy.Backlog.Since = h.office.Now()
		}
		h.receiveOld()
		h.answerOld()
	}
	if since == old && h.policy.Backlog.Mode == decide.BacklogTriageSince {
		h.policy.Backlog.Since = h.office.Now().Add(time.Minute)
	}
	h.office.Advance(time.Hour)
	for range rapid.IntRange(1, 30).Draw(t, "steps") {
		h.office.Advance(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
		if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
			h.sync(h.accident())
		} else {
			h.happen()
		}
	}
	h.calm()
	h.check()
}

// happen lets one thing happen in the office.
func (h *history) happen() {
	moves := []func(){h.receive, h.receive, h.reply, h.reply, h.answer, h.mark, h.mark, h.move, h.remove, h.draft, h.private, h.command, h.disturb, h.expire}
	moves[rapid.IntRange(0, len(moves)-1).Draw(h.t, "move")]()
}

// accident draws what goes wrong with a sync.
func (h *history) accident() *Trip {
	tr := &Trip{}
	if rapid.IntRange(0, 2).Draw(h.t, "accident") > 0 {
		tr.Call = rapid.IntRange(1, 24).Draw(h.t, "call")
		tr.Kill = Kill(rapid.IntRange(0, 2).Draw(h.t, "kill"))
		if tr.Kill == Survive || rapid.Bool().Draw(h.t, "and act") {
			tr.Act = func() {
				h.office.Advance(time.Second)
				if rapid.Bool().Draw(h.t, "command") {
					h.command() // what a decision is based on changes only so
				} else {
					h.happen()
				}
			}
		}
	}
	return tr
}

func (h *history) pipeline(tr *Trip) *pipeline.Pipeline {
	return &pipeline.Pipeline{
		Store: trippedStore{h.store, tr}, Hints: nowhere{}, Now: h.office.Now,
		Mailboxes: func(id inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: h.policy, Provider: trippedProvider{h.office.Provider, tr}}, id == h.office.Mailbox
		},
	}
}

func (h *history) sync(tr *Trip) bool {
	h.syncs++
	h.began = h.office.Now()
	began := h.syncs
	_, err := h.pipeline(tr).Sync(h.ctx, h.office.Mailbox)
	if err == nil {
		h.honoured(began)
	}
	return err == nil
}

// honoured checks that what people said before a sync began, and nobody has said otherwise since, is so after it.
func (h *history) honoured(began int) {
	for chain, said := range h.claims {
		if said.syncs >= began {
			continue // said while the sync was under way: the next one must have seen it
		}
		delete(h.claims, chain)
		for _, l := range h.letters {
			if l.chain != chain {
				continue
			}
			if k, ok := h.known(l.id); ok && !k.Gone {
				if c := h.conversation(k.Conversation); c.Owner != said.member && !h.coincidence(c.ID, said) {
					h.t.Fatalf("somebody put %q on a mail of conversation %s, but its owner is %q\n%s", said.marker, c.ID, c.Owner, h.timeline(c.ID))
				}
				break
			}
		}
	}
}

// coincidence reports whether Postroom gave the conversation to that very member in the meantime: its marker was on the
// mail already, and nobody can tell the two apart.
func (h *history) coincidence(id inbox.ConversationID, said claim) bool {
	events, err := h.store.Timeline(h.ctx, h.office.Mailbox, id, 0, 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.ContainsFunc(events, func(e inbox.Event) bool {
		return e.By == inbox.ByPostroom && e.Member == said.member && !e.At.Before(said.at)
	})
}

func (h *history) calm() {
	h.office.Calm()
	for range 12 {
		h.office.Advance(time.Minute)
		before := h.seqs()
		if h.sync(&Trip{}) && h.seqs() == before {
			return
		}
	}
	h.office.Advance(time.Minute)
	if _, err := h.pipeline(&Trip{}).Sync(h.ctx, h.office.Mailbox); err != nil {
		h.t.Fatalf("it does not calm down: %v", err)
	}
	h.t.Fatalf("it does not calm down: every sync decides something new")
}

func (h *history) seqs() (sum int64) {
	for _, c := range h.conversations() {
		sum += c.Seq
	}
	return sum
}

// nowhere takes hints that the history deals with itself.
type nowhere struct{}

func (nowhere) Enqueue(context.Context, pipeline.Hint) error { return nil }

func (h *history) known(id inbox.MessageID) (inbox.Known, bool) {
	found, err := h.store.Known(h.ctx, h.office.Mailbox, []inbox.MessageID{id})
	if err != nil {
		h.t.Fatal(err)
	}
	k, ok := found[id]
	return k, ok
}

func (h *history) conversation(id inbox.ConversationID) inbox.Conversation {
	found, err := h.store.Conversations(h.ctx, h.office.Mailbox, []inbox.ConversationID{id})
	if err != nil {
		h.t.Fatal(err)
	}
	return found[id]
}

func (h *history) conversations() []inbox.Conversation {
	list, err := h.store.List(h.ctx, h.office.Mailbox, "", 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *history) timeline(id inbox.ConversationID) string {
	events, err := h.store.Timeline(h.ctx, h.office.Mailbox, id, 0, 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	out := ""
	for _, e := range events {
		out += fmt.Sprintf("  %d %s %s by %s %s member=%s from=%s %v\n", e.Seq, e.At.Format("15:04:05"), e.Kind, e.By, e.Message, e.Member, e.From, e.Why)
	}
	return out
}

// pick draws one of the letters that still exist.
func (h *history) pick() (letter, bool) {
	alive := slices.DeleteFunc(slices.Clone(h.letters), func(l letter) bool {
		_, ok := h.office.State(l.id)
		return !ok
	})
	if len(alive) == 0 {
		return letter{}, false
	}
	return alive[rapid.IntRange(0, len(alive)-1).Draw(h.t, "letter")], true
}
