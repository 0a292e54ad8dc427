package gmail_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

func TestProvider(t *testing.T) {
	for _, reading := range []struct {
		name     string
		atRecord bool
	}{{"labels of now", false}, {"labels of then", true}} {
		t.Run(reading.name, func(t *testing.T) {
			coretest.Provider(t, func(t *testing.T) coretest.World {
				d := newDesk(t, func(o *gmail.Options) {
					o.Own = func(m inbox.Marker) bool { return inbox.HasMarker(coretest.Ours(), m) }
				})
				d.sim.LabelsAtRecordTime = reading.atRecord
				d.smallPages()
				return d.world()
			})
		})
	}
}

// smallPages lets Google give at most ten of anything, whatever is asked for.
func (d *desk) smallPages() {
	next := d.wire.Handler
	d.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Has("maxResults") {
			q.Set("maxResults", "10")
			r.URL.RawQuery = q.Encode()
		}
		next.ServeHTTP(w, r)
	})
}

func (d *desk) world() coretest.World {
	var styles []inbox.Style
	for _, m := range coretest.Ours() {
		styles = append(styles, inbox.Style{Marker: m, Color: "green"})
	}
	d.ok(d.mailbox.Prepare(d.Context(), styles))
	return coretest.World{
		Provider: d.mailbox,
		Address:  box,
		Receive:  func(raw []byte) inbox.MessageID { return inbox.MessageID(must(d.sim.Receive(box, raw))(d)) },
		Answer: func(to inbox.MessageID, member inbox.Address) inbox.MessageID {
			return inbox.MessageID(must(d.sim.Answer(box, string(to), string(member), "On its way."))(d))
		},
		Draft: func(to inbox.MessageID) inbox.MessageID {
			draft := must(d.sim.SaveDraft(box, string(to), "On its"))(d)
			for _, m := range must(d.sim.Messages(box))(d) {
				if m.DraftID == draft {
					return inbox.MessageID(m.ID)
				}
			}
			d.Fatal("the draft is nowhere")
			return ""
		},
		Mark: func(id inbox.MessageID, m inbox.Marker, on bool) { d.setLabel(id, string(m), on) },
		Move: func(id inbox.MessageID, p inbox.Place) { d.setLabel(id, "INBOX", p == inbox.Inbox) },
		Delete: func(id inbox.MessageID) {
			d.ok(d.sim.Delete(box, string(id)))
		},
		Read:         d.read,
		Now:          d.clock.Now,
		Advance:      d.clock.Advance,
		ExpireCursor: func() { d.ok(d.sim.ExpireHistory(box)) },
		Throttle: func(times int) {
			d.dial.Clear()
			if times > 0 {
				d.dial.Add(fault.Rule{Kind: fault.ThrottleBare, Times: times})
			}
		},
		LoseNextWrite: func() {
			d.dial.Add(fault.Rule{Kind: fault.Lost, Method: http.MethodPost, Path: "odify", Times: 1})
		},
	}
}

func (d *desk) setLabel(id inbox.MessageID, name string, on bool) {
	d.Helper()
	if on {
		d.ok(d.sim.AddLabel(box, string(id), name))
	} else {
		d.ok(d.sim.RemoveLabel(box, string(id), name))
	}
}

// read is what the simulator holds, told in Postroom's words without the adapter.
func (d *desk) read(id inbox.MessageID) (inbox.State, bool) {
	d.Helper()
	m, err := d.sim.Message(box, string(id))
	if err != nil {
		return inbox.State{}, false
	}
	s := inbox.State{Place: inbox.Archive}
	for _, l := range m.Labels {
		switch l {
		case "INBOX":
			s.Place = inbox.Inbox
		case "SENT":
			s.Place = inbox.Sent
		case "DRAFT":
			s.Place = inbox.Drafts
		case "UNREAD":
		default:
			s.Markers = append(s.Markers, inbox.Marker(l))
		}
	}
	slices.Sort(s.Markers)
	return s, true
}
