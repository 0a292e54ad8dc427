package local_test

import (
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
)

// settled holds what is stored and what is on the mail against the promises: every mail that came in is in exactly one
// conversation and joined it once, what is stored is what the timelines make, every received mail carries what its
// conversation shows and nothing else of ours, and nothing is left to do.
func (s *site) settled(mail map[inbox.MailboxID][]inbox.MessageID) {
	s.Helper()
	for _, mb := range s.boxes {
		id := mb.Policy.Mailbox
		where, direction := s.joined(id)
		for _, m := range mail[id] {
			c, ok := where[m]
			if !ok {
				s.Errorf("mail %s of %s is in no conversation", m, id)
				continue
			}
			s.carries(mb, m, c, direction[m])
		}
		if actions, err := s.table.Pending(s.Context(), id, 0); err != nil || len(actions) > 0 {
			s.Errorf("%s: still to be done: %+v %v", id, actions, err)
		}
	}
	if n := s.waiting(deadLetters); n > 0 {
		s.Errorf("%d messages are in the dead-letter queue", n)
	}
}

// joined gives the conversation of each message of a mailbox, and holds the conversations to their timelines.
func (s *site) joined(id inbox.MailboxID) (where map[inbox.MessageID]inbox.Conversation, direction map[inbox.MessageID]inbox.Direction) {
	s.Helper()
	where, direction = map[inbox.MessageID]inbox.Conversation{}, map[inbox.MessageID]inbox.Direction{}
	arrivals := map[inbox.MessageID]int{}
	conversations, err := s.table.List(s.Context(), id, "", 100_000)
	s.must(err)
	for _, c := range conversations {
		events, err := s.table.Timeline(s.Context(), id, c.ID, 0, 100_000)
		s.must(err)
		for i, e := range events {
			if e.Seq != int64(i+1) {
				s.Errorf("conversation %s of %s has a gap: event %d has seq %d", c.ID, id, i, e.Seq)
			}
			if e.Mail != nil {
				arrivals[e.Message]++
			}
		}
		if replayed := inbox.Replay(c.ID, c.Mailbox, events); fmt.Sprint(replayed) != fmt.Sprint(c) {
			s.Errorf("conversation %s of %s is\n%+v\nits timeline makes\n%+v", c.ID, id, c, replayed)
		}
		messages, err := s.table.Messages(s.Context(), id, c.ID, "", 100_000)
		s.must(err)
		for _, k := range messages {
			if other, twice := where[k.ID]; twice {
				s.Errorf("message %s of %s is in conversations %s and %s", k.ID, id, other.ID, c.ID)
			}
			where[k.ID], direction[k.ID] = c, k.Direction
		}
	}
	for m, n := range arrivals {
		if n != 1 {
			s.Errorf("message %s of %s joined %d times", m, id, n)
		}
	}
	return where, direction
}

// carries holds a mail's markers against what its conversation shows.
func (s *site) carries(mb manifest.Mailbox, m inbox.MessageID, c inbox.Conversation, d inbox.Direction) {
	s.Helper()
	markers, there := s.markers(mb.Policy.Mailbox, m)
	if !there || c.Imported {
		return // deleted by somebody, or from before Postroom
	}
	var want []inbox.Marker
	if d == inbox.In {
		want = mb.Policy.Shown(c)
	}
	if add, remove := mb.Policy.Difference(markers, want); len(add)+len(remove) > 0 {
		s.Errorf("mail %s of %s carries %v, its conversation (%s, %q) shows %v", m, mb.Policy.Mailbox, markers, c.Status, c.Owner, want)
	}
}

// marked reports whether a mail carries exactly one member's marker.
func (s *site) marked(id inbox.MailboxID, m inbox.MessageID) bool {
	list, there := s.markers(id, m)
	list = slices.DeleteFunc(list, func(x inbox.Marker) bool { return x[0] != '@' })
	return there && len(list) == 1
}
