// Package office puts people into a mailbox of core/memory, for the random histories of core/coretest. It stands above both,
// and is for tests of any store.
package office

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"pgregory.net/rapid"
)

// In puts people into the mailbox of a provider in memory, which is empty and has no other user. How much the provider tells
// is the caller's choice; its address, page size, chance and faults are set here. What it finds misused fails the test.
func In(t *rapid.T, p *memory.Provider) coretest.Office {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	p.Address = "support@contoso.com"
	p.PageSize = rapid.IntRange(1, 8).Draw(t, "page size")
	p.Rand = rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
	p.OnMisuse = func(err error) { t.Errorf("misuse: %v", err) }
	policy := coretest.HistoryPolicy("support@contoso.com", "", 0)
	p.Ours = policy.Own
	armed := map[string]error{}
	var after bool
	p.Fail = func(op string) (error, error) {
		err := armed[op]
		if err == nil {
			return nil, nil
		}
		delete(armed, op)
		if after {
			return nil, err
		}
		return err, nil
	}
	reset := errors.New("connection reset")
	disturbances := []func(){
		func() { armed["Changes"] = &pipeline.Throttled{After: time.Second, What: "changes"} },
		func() { armed["Fetch"] = reset },
		func() { armed["Mark"], after = &pipeline.Throttled{After: time.Second, What: "mark"}, false },
		func() { armed["Mark"], after = reset, true },
		func() { armed["Mark.write"], after = reset, false },
		func() { armed["Mark.write"], after = reset, true },
	}
	threads := map[string]inbox.ThreadID{}
	return coretest.Office{
		Mailbox: "support@contoso.com", Provider: p,
		Now:     func() time.Time { return now },
		Advance: func(d time.Duration) { now = now.Add(d) },
		Receive: func(l coretest.Letter) inbox.MessageID {
			m := inbox.Message{
				RFCID: l.RFCID, InReplyTo: l.InReplyTo, From: inbox.Person{Address: l.From}, Subject: l.Subject, At: l.At,
				To: []inbox.Person{{Address: "support@contoso.com"}}, ThreadIsHint: p.Guarded, Unread: !l.Read, Direction: inbox.In,
			}
			if l.InReplyTo != "" {
				m.References = []string{l.InReplyTo}
			}
			if l.Automated {
				m.Header = []inbox.Field{{Name: "Auto-Submitted", Value: "auto-replied"}}
			}
			if p.Guarded {
				// As Exchange does: equal subjects are one thread.
				if m.Thread = threads[l.InReplyTo]; m.Thread == "" {
					m.Thread = inbox.ThreadID("subject " + l.Subject)
				}
				threads[l.RFCID] = m.Thread
			}
			return p.Put(m, inbox.Inbox)
		},
		Answer: func(id inbox.MessageID, by inbox.Address) bool {
			_, ok := p.Answer(id, inbox.Person{Address: by}, now)
			return ok
		},
		Draft: func(id inbox.MessageID) bool {
			d, ok := p.SaveDraft(id, now)
			if ok && now.Second()%2 == 0 {
				p.SendDraft(d, inbox.Person{}, now)
			}
			return ok
		},
		Mark: func(id inbox.MessageID, m inbox.Marker, on bool) bool {
			if on {
				return p.PutMarker(id, m)
			}
			return p.TakeMarker(id, m)
		},
		Move: p.Move, Delete: p.Delete, State: p.State,
		All: func() (ids []inbox.MessageID) {
			for _, m := range p.Messages() {
				if m.Direction != inbox.Draft {
					ids = append(ids, m.ID)
				}
			}
			return ids
		},
		Disturbances: []string{"throttled reading", "fetch reset", "throttled marking", "marking lost", "a write refused", "a write lost"},
		Disturb:      func(n int) { disturbances[n]() },
		Calm:         func() { clear(armed) },
		Expire:       p.Expire,
	}
}
