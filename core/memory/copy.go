package memory

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func copyConversation(c inbox.Conversation) inbox.Conversation {
	c.Tags, c.Refs, c.People = slices.Clone(c.Tags), slices.Clone(c.Refs), slices.Clone(c.People)
	return c
}

func copyEvent(e inbox.Event) inbox.Event {
	e.Why = slices.Clone(e.Why)
	if e.Mail != nil {
		m := *e.Mail
		m.Refs, m.People = slices.Clone(m.Refs), slices.Clone(m.People)
		e.Mail = &m
	}
	return e
}

func copyState(s inbox.State) inbox.State {
	s.Markers = slices.Clone(s.Markers)
	return s
}

func copyKnown(k inbox.Known) inbox.Known {
	k.State = copyState(k.State)
	return k
}

func copyAction(a pipeline.Action) pipeline.Action {
	a.Markers, a.Messages = slices.Clone(a.Markers), slices.Clone(a.Messages)
	return a
}

func copyTeam(t assign.Team) assign.Team {
	t.Open = maps.Clone(t.Open)
	return t
}

func copyMessage(m inbox.Message) inbox.Message {
	m.References, m.To, m.Cc = slices.Clone(m.References), slices.Clone(m.To), slices.Clone(m.Cc)
	m.Header, m.Attachments = slices.Clone(m.Header), slices.Clone(m.Attachments)
	return m
}

// same reports whether a and b are the same conversation. Times are compared as instants, and an empty list is none.
func same(a, b inbox.Conversation) bool {
	return reflect.DeepEqual(plain(a), plain(b))
}

func plain(c inbox.Conversation) inbox.Conversation {
	fields := reflect.ValueOf(&c).Elem()
	for i := range fields.NumField() {
		switch f := fields.Field(i); f.Kind() {
		case reflect.Slice:
			if f.Len() == 0 {
				f.SetZero()
			}
		case reflect.Struct:
			if t, ok := f.Addr().Interface().(*time.Time); ok {
				*t = t.UTC().Round(0)
			}
		}
	}
	return c
}
