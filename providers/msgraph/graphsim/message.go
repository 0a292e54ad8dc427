package graphsim

import (
	"time"
)

// message is one item of a mailbox, guarded by the mailbox's mutex.
type message struct {
	immutable, volatile string
	folder              *folder
	entered, entry      uint64             // log entries: of its arrival in folder, and its newest
	changed             [properties]uint64 // when each group of properties last changed
	change              uint64             // grows with every change; the changeKey
	conversation        string
	position            int // in its conversation, from 0

	rfcID                 string // Message-ID, with brackets
	inReplyTo, references string // as header values, for composed mail
	subject               string
	from, sender          person
	replyTo, to, cc, bcc  []person
	headers               []header
	text, html            string
	preview               string
	attachments           []attachment
	raw                   []byte // as received; nil for a draft, composed when asked for
	size                  int

	read, draft       bool
	categories        []string
	importance        string
	inference         string
	flag              flag
	extended          []extended
	received, sent    time.Time
	created, modified time.Time
}

// property is a group of a message's properties that change together.
type property int

const (
	propRead property = iota
	propCategories
	propFlag
	propImportance
	propContent // everything else
	properties
)

// person is a name and address of a header field; the zero value is none.
type person struct{ name, addr string }

type header struct{ name, value string }

type attachment struct {
	id                           string
	name, contentType, contentID string
	inline                       bool
	size                         int
	index                        int    // among the parsed attachments of raw
	data                         []byte // for a composed message only
}

// flag is followupFlag; a zero value is not flagged.
type flag struct {
	status                string
	start, due, completed *dateTimeZone
}

type dateTimeZone struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// extended is a single-value extended property, keyed as Graph spells it.
type extended struct{ id, value string }

func (m *message) extendedValue(id string) (string, bool) {
	for _, e := range m.extended {
		if e.id == id {
			return e.value, true
		}
	}
	return "", false
}

func (m *message) setExtended(id, value string) {
	for i := range m.extended {
		if m.extended[i].id == id {
			m.extended[i].value = value
			return
		}
	}
	m.extended = append(m.extended, extended{id, value})
}

func (m *message) id(immutable bool) string {
	if immutable {
		return m.immutable
	}
	return m.volatile
}

func (m *message) etag() string { return `W/"` + changeKey(m.change) + `"` }
