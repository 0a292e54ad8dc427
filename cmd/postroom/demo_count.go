package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/web"
)

// demoFigures is what the demo did. Its JSON form is what --json prints.
type demoFigures struct {
	Messages      int `json:"messages"`  // what the mailboxes hold, received and sent
	Delivered     int `json:"delivered"` // mails that came in from outside, those before the first sync among them
	Sent          int `json:"sent"`      // mails that the team sent
	Conversations int `json:"conversations"`
	Lost          int `json:"lost"`       // messages of a mailbox that are in no conversation
	Doubled       int `json:"doubled"`    // messages that are in conversations more than once
	Unmarked      int `json:"unmarked"`   // received messages whose markers are not those of their conversation
	Assigned      int `json:"assigned"`   // conversations that have an owner, whatever their status
	Unassigned    int `json:"unassigned"` // open conversations without one
	Overflow      int `json:"overflow"`   // open conversations that a lead holds for want of room
	Open          int `json:"open"`
	Waiting       int `json:"waiting"`
	Closed        int `json:"closed"`
	Answered      int `json:"answered"`
	Reopened      int `json:"reopened"`
	Escalated     int `json:"escalated"`
	Automated     int `json:"automated"` // mails that a machine sent
	Imported      int `json:"imported"`  // mails that were there before the first sync
	Skipped       int `json:"skipped"`   // files, or mails of an mbox, that were not delivered

	SkippedFiles []skippedFile           `json:"skippedFiles"`
	Providers    map[string]demoProvider `json:"providers"`
	Hooks        map[string]web.Counts   `json:"hooks"`
	Latency      demoLatency             `json:"latencyMs"`
	Mailboxes    []demoMailbox           `json:"mailboxes"`

	faults []string // a line for each of the first messages that are lost or doubled
}

type skippedFile struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// demoProvider is what a vendor was asked for, by its own counting.
type demoProvider struct {
	Requests   int `json:"requests"` // as the vendor's limits count; a Graph $batch of 20 is 20
	RoundTrips int `json:"roundTrips"`
	QuotaUnits int `json:"quotaUnits,omitempty"` // Gmail's
}

// demoLatency is of real time on this machine, from a mail's arrival to all its markers being set.
type demoLatency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

type demoMailbox struct {
	Address       inbox.MailboxID   `json:"address"`
	Provider      manifest.Provider `json:"provider"`
	Name          string            `json:"name"`
	Received      int               `json:"received"`
	Sent          int               `json:"sent"`
	Conversations int               `json:"conversations"`
	Lost          int               `json:"lost"`
	Doubled       int               `json:"doubled"`
	Unassigned    int               `json:"unassigned"`
	Overflow      int               `json:"overflow"`
	Members       []demoMember      `json:"members"`
	Nobody        demoMember        `json:"nobody"` // conversations without an owner
}

type demoMember struct {
	ID      inbox.MemberID `json:"id,omitempty"`
	Name    string         `json:"name,omitempty"`
	Open    int            `json:"open"`
	Waiting int            `json:"waiting"`
	Closed  int            `json:"closed"`
}

func (m *demoMember) count(s inbox.Status) {
	switch s {
	case inbox.Open:
		m.Open++
	case inbox.Waiting:
		m.Waiting++
	case inbox.Closed:
		m.Closed++
	}
}

// held is a message as the simulated vendor holds it.
type held struct {
	id      inbox.MessageID
	sent    bool
	markers []inbox.Marker
}

// holds lists every message of a mailbox as its vendor has it. Drafts are no mail yet.
func (w *demoWorld) holds(b *demoBox) (out []held, err error) {
	if b.provider == manifest.M365 {
		list, err := w.sim.Graph.Messages(string(b.id))
		for _, m := range list {
			if !m.Draft {
				out = append(out, held{inbox.MessageID(m.ID), m.Folder == "sentitems", markersOf(m.Categories)})
			}
		}
		return out, err
	}
	list, err := w.sim.Gmail.Messages(string(b.id))
	for _, m := range list {
		if m.DraftID == "" {
			out = append(out, held{inbox.MessageID(m.ID), slices.Contains(m.Labels, "SENT"), markersOf(m.Labels)})
		}
	}
	return out, err
}

func markersOf(names []string) []inbox.Marker {
	out := make([]inbox.Marker, len(names))
	for i, n := range names {
		out[i] = inbox.Marker(n)
	}
	return out
}

// maxFaults bounds how many lost or doubled messages are named.
const maxFaults = 5

// figures compares what the vendors hold with what is in the store, message by message, and counts all there is.
func (s *demoStory) figures(ctx context.Context, skipped []skippedFile) (demoFigures, error) {
	w := s.world
	f := demoFigures{
		Answered: s.answered, Reopened: s.reopened, Escalated: s.escalated, Automated: s.automated, Imported: s.imported,
		Skipped: len(skipped), SkippedFiles: append([]skippedFile{}, skipped...),
		Hooks: map[string]web.Counts{string(manifest.M365): w.graphHook.Counts(), string(manifest.Gmail): w.gmailHook.Counts()},
	}
	graph, gmail := w.sim.Graph.Stats(), w.sim.Gmail.Stats()
	f.Providers = map[string]demoProvider{
		string(manifest.M365):  {Requests: graph.Requests, RoundTrips: graph.RoundTrips},
		string(manifest.Gmail): {Requests: gmail.Requests, RoundTrips: w.sim.GmailTrips.RoundTrips(), QuotaUnits: gmail.QuotaUnits},
	}
	f.Latency = demoLatency{P50: percentile(w.latency, 50), P95: percentile(w.latency, 95)}
	for _, b := range w.boxes {
		box, err := s.countBox(ctx, b, &f)
		if err != nil {
			return f, fmt.Errorf("count %s: %w", b.id, err)
		}
		f.Delivered += b.delivered
		f.Messages += box.Received + box.Sent
		f.Sent += box.Sent
		f.Conversations += box.Conversations
		f.Lost += box.Lost
		f.Doubled += box.Doubled
		f.Unassigned += box.Unassigned
		f.Overflow += box.Overflow
		f.Mailboxes = append(f.Mailboxes, box)
	}
	return f, nil
}

func (s *demoStory) countBox(ctx context.Context, b *demoBox, f *demoFigures) (demoMailbox, error) {
	out := demoMailbox{Address: b.id, Provider: b.provider, Name: b.name}
	members := map[inbox.MemberID]*demoMember{}
	for _, m := range b.policy.Members {
		out.Members = append(out.Members, demoMember{ID: m.ID, Name: m.Name})
	}
	for i := range out.Members {
		members[out.Members[i].ID] = &out.Members[i]
	}
	listed, joined := map[inbox.MessageID]int{}, map[inbox.MessageID]int{}
	want := map[inbox.MessageID][]inbox.Marker{}
	const page = 500
	for after := inbox.ConversationID(""); ; {
		list, err := s.world.store.List(ctx, b.id, after, page)
		if err != nil {
			return out, err
		}
		for _, c := range list {
			after = c.ID
			out.Conversations++
			s.countConversation(c, &out, members, f)
			messages, err := s.world.store.Messages(ctx, b.id, c.ID, "", 0)
			if err != nil {
				return out, err
			}
			for _, k := range messages {
				listed[k.ID]++
				if k.Marked() {
					want[k.ID] = b.policy.Shown(c)
				}
			}
			events, err := s.world.store.Timeline(ctx, b.id, c.ID, 0, 0)
			if err != nil {
				return out, err
			}
			for _, e := range events {
				if e.Kind == inbox.EventReceived || e.Kind == inbox.EventAnswered || e.Kind == inbox.EventSent {
					joined[e.Message]++
				}
			}
		}
		if len(list) < page {
			break
		}
	}
	messages, err := s.world.holds(b)
	if err != nil {
		return out, err
	}
	for _, m := range messages {
		if m.sent {
			out.Sent++
		} else {
			out.Received++
		}
		fault := ""
		switch {
		case listed[m.id] == 0 || joined[m.id] == 0:
			out.Lost++
			fault = "is in no conversation"
		case listed[m.id] > 1 || joined[m.id] > 1:
			out.Doubled++
			fault = "is in conversations more than once"
		}
		if fault != "" && len(f.faults) < maxFaults {
			f.faults = append(f.faults, fmt.Sprintf("%s: message %s %s", b.id, m.id, fault))
		}
		if add, remove := b.policy.Difference(m.markers, want[m.id]); len(add)+len(remove) > 0 {
			f.Unmarked++
		}
	}
	// A mail that was handed over and that the mailbox does not hold is lost as well.
	if missing := b.delivered - out.Received; missing > 0 {
		out.Lost += missing
		f.faults = append(f.faults, fmt.Sprintf("%s: %d of %d delivered mails are not in the mailbox", b.id, missing, b.delivered))
	}
	return out, nil
}

func (s *demoStory) countConversation(c inbox.Conversation, out *demoMailbox, members map[inbox.MemberID]*demoMember, f *demoFigures) {
	var all demoMember
	all.count(c.Status)
	f.Open, f.Waiting, f.Closed = f.Open+all.Open, f.Waiting+all.Waiting, f.Closed+all.Closed
	if m := members[c.Owner]; m != nil {
		m.count(c.Status)
		f.Assigned++
	} else {
		out.Nobody.count(c.Status)
		out.Unassigned += all.Open
	}
	if c.Overflow && c.Status == inbox.Open {
		out.Overflow++
	}
}

// percentile is the nearest-rank percentile of what was measured, in milliseconds; 0 of nothing.
func percentile(list []time.Duration, p int) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	at := (len(sorted)*p + 99) / 100
	return float64(sorted[max(at, 1)-1].Microseconds()) / 1000
}

// verdict is the error of a demo that lost or doubled something; nil when every message is in one conversation.
func (f demoFigures) verdict() error {
	if f.Lost == 0 && f.Doubled == 0 {
		return nil
	}
	return fmt.Errorf("demo: %d messages lost, %d doubled:\n%s", f.Lost, f.Doubled, strings.Join(f.faults, "\n"))
}
