package memory_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, dial := range map[string]func(p *memory.Provider){
		"plain":   func(p *memory.Provider) {},
		"guarded": func(p *memory.Provider) { p.Guarded = true },
		"ours named": func(p *memory.Provider) {
			p.Guarded, p.Ours = true, func(m inbox.Marker) bool { return inbox.HasMarker(coretest.Ours(), m) }
		},
		"thin as Graph": func(p *memory.Provider) { p.Guarded, p.Changed = true, memory.StateOnly },
		"thin as Gmail": func(p *memory.Provider) {
			p.Listing, p.Changed, p.Threadwise, p.NewIDOnSend = memory.NameOnly, memory.StateOnly, true, true
		},
		"every step":     func(p *memory.Provider) { p.Steps = true },
		"repeating":      func(p *memory.Provider) { p.Repeat, p.Changed = 0.7, memory.NameOnly },
		"without stamps": func(p *memory.Provider) { p.NoStamps, p.Repeat = true, 0.3 },
		"pages of one":   func(p *memory.Provider) { p.PageSize, p.Steps, p.Repeat = 1, true, 0.5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			coretest.Provider(t, func(t *testing.T) coretest.World { return newWorld(t, dial) })
		})
	}
}

func newWorld(t *testing.T, dial func(p *memory.Provider)) coretest.World {
	p := &memory.Provider{
		Address: "support@contoso.com", PageSize: 10, Rand: rand.New(rand.NewPCG(1, 2)),
		OnMisuse: func(err error) { t.Error(err) },
	}
	dial(p)
	throttled, lost := 0, false
	p.Fail = func(op string) (before, after error) {
		switch {
		case throttled > 0:
			throttled--
			return &pipeline.Throttled{After: time.Second, What: op}, nil
		case op == "Mark.write" && lost:
			lost = false
			return nil, errors.New("connection reset")
		}
		return nil, nil
	}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	done := func(ok bool) {
		t.Helper()
		if !ok {
			t.Fatal("the move changes nothing")
		}
	}
	return coretest.World{
		Provider: p, Address: p.Address, Guarded: p.Guarded,
		Now:     func() time.Time { return now },
		Advance: func(d time.Duration) { now = now.Add(d) },
		Receive: func(raw []byte) inbox.MessageID { return p.Receive(parse(t, raw, now)) },
		Answer: func(to inbox.MessageID, member inbox.Address) inbox.MessageID {
			id, ok := p.Answer(to, inbox.Person{Address: member}, now)
			done(ok)
			return id
		},
		Draft: func(to inbox.MessageID) inbox.MessageID {
			id, ok := p.SaveDraft(to, now)
			done(ok)
			return id
		},
		Mark: func(id inbox.MessageID, marker inbox.Marker, on bool) {
			if on {
				done(p.PutMarker(id, marker))
			} else {
				done(p.TakeMarker(id, marker))
			}
		},
		Move:          func(id inbox.MessageID, place inbox.Place) { done(p.Move(id, place)) },
		Delete:        func(id inbox.MessageID) { done(p.Delete(id)) },
		Read:          p.State,
		ExpireCursor:  p.Expire,
		Throttle:      func(times int) { throttled = times },
		LoseNextWrite: func() { lost = true },
	}
}

// parse makes a message of a mail, as an adapter would.
func parse(t *testing.T, raw []byte, now time.Time) inbox.Message {
	t.Helper()
	m, err := mail.ParseBytes(raw)
	if err != nil && !errors.Is(err, mail.ErrNoMail) {
		t.Fatal(err)
	}
	out := inbox.Message{
		RFCID: m.MessageID, InReplyTo: m.InReplyTo, References: m.References, Subject: m.Subject, Body: m.Text, At: now,
	}
	for _, a := range m.From {
		out.From = inbox.Person{Name: a.Name, Address: inbox.NewAddress(a.Address)}
	}
	for _, a := range m.To {
		out.To = append(out.To, inbox.Person{Name: a.Name, Address: inbox.NewAddress(a.Address)})
	}
	return out
}
