package msgraph_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*graphsim.Sim)
		// inner: refusals hit single requests of a batch.
		inner bool
	}{
		{"plain", func(*graphsim.Sim) {}, false},
		{"sparse and repeated items, empty pages", func(s *graphsim.Sim) {
			s.DeltaSparse, s.DeltaRepeats, s.DeltaEmptyPages = true, true, true
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			coretest.Provider(t, func(t *testing.T) coretest.World { return world(t, c.change, c.inner) })
		})
	}
}

var folderOf = map[inbox.Place]string{inbox.Inbox: "inbox", inbox.Archive: "archive"}

func world(t *testing.T, change func(*graphsim.Sim), inner bool) coretest.World {
	tn := newTenant(t, change)
	act := func(err error) {
		t.Helper()
		tn.tick()
		must(t, err)
	}
	return coretest.World{
		Provider: tn.mailbox(func(o *msgraph.MailboxOptions) {
			o.PageSize = 10
			o.Own = func(m inbox.Marker) bool { return inbox.HasMarker(coretest.Ours(), m) }
		}),
		Address: support,
		Now:     func() time.Time { return tn.now },
		Advance: func(d time.Duration) { tn.now = tn.now.Add(d) },
		Receive: func(raw []byte) inbox.MessageID {
			id, err := tn.Receive(support, raw)
			if errors.Is(err, mail.ErrNoMail) {
				// Exchange would deliver even this, with an empty body.
				id, err = tn.Receive(support, append([]byte("X-Empty: 1\r\n"), raw...))
			}
			act(err)
			return inbox.MessageID(id)
		},
		Answer: func(to inbox.MessageID, member inbox.Address) inbox.MessageID {
			id, err := tn.Answer(support, string(to), string(member), "An answer.")
			act(err)
			return inbox.MessageID(id)
		},
		Draft: func(to inbox.MessageID) inbox.MessageID {
			id, err := tn.SaveDraft(support, string(to), "A draft.")
			act(err)
			return inbox.MessageID(id)
		},
		Mark: func(id inbox.MessageID, marker inbox.Marker, on bool) {
			if on {
				act(tn.AddCategory(support, string(id), string(marker)))
			} else {
				act(tn.RemoveCategory(support, string(id), string(marker)))
			}
		},
		Move:   func(id inbox.MessageID, place inbox.Place) { act(tn.Move(support, string(id), folderOf[place])) },
		Delete: func(id inbox.MessageID) { act(tn.Erase(support, string(id))) },
		Read: func(id inbox.MessageID) (inbox.State, bool) {
			m, err := tn.Message(support, string(id))
			if err != nil {
				return inbox.State{}, false
			}
			s := inbox.State{Place: inbox.Elsewhere, Markers: markers(m.Categories...)}
			slices.Sort(s.Markers)
			for place, folder := range folderOf {
				if folder == m.Folder {
					s.Place = place
				}
			}
			return s, true
		},
		ExpireCursor: func() {
			for _, f := range []string{"inbox", "archive", "sentitems", "drafts"} {
				act(tn.ExpireDelta(support, f))
			}
		},
		Throttle: func(times int) {
			tn.Dial.Clear()
			rule := fault.Rule{Kind: fault.Throttle, Times: times, RetryAfter: 5 * time.Second}
			if inner && times == 1 {
				rule.Kind = fault.InnerThrottle
			}
			if times > 0 {
				tn.Dial.Add(rule)
			}
		},
		LoseNextWrite: func() { tn.Dial.Add(fault.Rule{Kind: fault.Lost, Path: "/$batch", Times: 1}) },
		Guarded:       true,
	}
}
