package gmailsim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/core/mail"
)

// mailbox is one account. Everything in it is guarded by mu.
type mailbox struct {
	address string
	ready   time.Time // when its mail service begins
	mu      sync.Mutex

	salt    uint64
	created uint64 // ids given out
	byID    map[string]*message
	order   []*message // by date, oldest first, once sorted
	sorted  bool
	threads map[string]*thread
	byRFCID map[string]*thread

	labels     map[string]*label
	labelOrder []*label
	labelCount int

	drafts     map[string]*draft
	draftOrder []*draft
	draftCount int

	historyID    uint64
	historyFloor uint64 // start ids below this are expired
	history      []record

	settings settings
	watch    watch
}

// message is one stored mail. labels is never changed in place, so that records and answers may share it.
type message struct {
	id, rfcID, subject, from string
	snippet                  string
	thread                   *thread
	labels                   []string
	historyID                uint64
	date                     int64 // internal date, milliseconds
	seq                      uint64
	raw                      []byte
	draft                    *draft
}

type thread struct {
	id, subject string
	messages    []*message // in order of arrival
}

type draft struct {
	id      string
	message *message
}

var arrived = []string{labelInbox, labelUnread}

func newMailbox(address string, n int) *mailbox {
	h := fnv.New64a()
	h.Write([]byte(address))
	mb := &mailbox{
		address: address, salt: h.Sum64() % 1_000_000,
		byID: map[string]*message{}, threads: map[string]*thread{}, byRFCID: map[string]*thread{},
		labels: map[string]*label{}, drafts: map[string]*draft{},
		historyID: 1000 + uint64(n)*1000,
	}
	mb.historyFloor = mb.historyID
	mb.settings = newSettings(address)
	for _, id := range systemLabels {
		mb.putLabel(&label{id: id, name: id, system: true})
	}
	return mb
}

// newID gives ids that look like Google's and that no other mailbox has.
func (mb *mailbox) newID() string {
	mb.created++
	return fmt.Sprintf("%016x", 0x19a0000000000000+mb.created*1_000_003+mb.salt<<36)
}

// deliver stores what arrives: the rules of threads say where it belongs.
func (t *txn) deliver(raw []byte, labels []string, at time.Time) *message {
	return t.add(raw, labels, at, func(m mail.Mail, subject string) *thread { return t.threadFor(m, subject) })
}

// compose stores what is written here: in that thread, or with nil in one of its own, as a client has to name the
// thread to stay in it.
func (t *txn) compose(raw []byte, label []string, into *thread) *message {
	return t.add(raw, label, t.now, func(mail.Mail, string) *thread { return into })
}

func (t *txn) add(raw []byte, labels []string, at time.Time, choose func(m mail.Mail, subject string) *thread) *message {
	m, err := mail.ParseBytes(raw)
	if err != nil {
		m = mail.Mail{}
	}
	subject := baseSubject(m.Subject)
	msg := &message{
		id: t.newID(), rfcID: m.MessageID, subject: m.Subject, snippet: snippet(m), labels: labels,
		date: max(0, at.UnixMilli()), seq: t.created, raw: raw,
	}
	if len(m.From) > 0 {
		msg.from = m.From[0].Address
	}
	into := choose(m, subject)
	if into == nil {
		into = &thread{id: msg.id, subject: subject}
		t.threads[into.id] = into
	}
	msg.thread = into
	into.messages = append(into.messages, msg)
	if msg.rfcID != "" && t.byRFCID[msg.rfcID] == nil {
		t.byRFCID[msg.rfcID] = into
	}
	t.byID[msg.id] = msg
	t.sorted = len(t.order) == 0 || t.sorted && older(t.order[len(t.order)-1], msg) < 0
	t.order = append(t.order, msg)
	t.record(msg, addedMessage, nil)
	return msg
}

// threadFor finds the thread a mail belongs to: it answers a mail of the thread, and the subject is the same
// ("Create drafts and send mail", threads guide).
func (mb *mailbox) threadFor(m mail.Mail, subject string) *thread {
	refs := m.References
	if m.InReplyTo != "" {
		refs = append(refs[:len(refs):len(refs)], m.InReplyTo)
	}
	for _, id := range slices.Backward(refs) {
		if th := mb.byRFCID[id]; th != nil && th.subject == subject {
			return th
		}
	}
	return nil
}

// remove deletes a message for good.
func (t *txn) remove(msg *message) {
	t.record(msg, deletedMessage, nil)
	delete(t.byID, msg.id)
	th := msg.thread
	th.messages = slices.DeleteFunc(th.messages, func(m *message) bool { return m == msg })
	if len(th.messages) == 0 {
		delete(t.threads, th.id)
	}
	if msg.rfcID != "" && t.byRFCID[msg.rfcID] == th && !slices.ContainsFunc(th.messages, func(m *message) bool { return m.rfcID == msg.rfcID }) {
		delete(t.byRFCID, msg.rfcID)
	}
	order := t.inOrder()
	if i, ok := slices.BinarySearchFunc(order, msg, older); ok {
		t.order = slices.Delete(order, i, i+1)
	}
	msg.raw = nil
}

// relabel adds and removes labels, and records what really changed.
func (t *txn) relabel(msg *message, add, remove []string) {
	var added, removed []string
	for _, l := range add {
		if !slices.Contains(msg.labels, l) && !slices.Contains(added, l) {
			added = append(added, l)
		}
	}
	for _, l := range remove {
		if slices.Contains(msg.labels, l) && !slices.Contains(removed, l) {
			removed = append(removed, l)
		}
	}
	if len(added) > 0 {
		msg.labels = append(msg.labels[:len(msg.labels):len(msg.labels)], added...)
		t.record(msg, addedLabels, added)
	}
	if len(removed) > 0 {
		kept := make([]string, 0, len(msg.labels))
		for _, l := range msg.labels {
			if !slices.Contains(removed, l) {
				kept = append(kept, l)
			}
		}
		msg.labels = kept
		t.record(msg, removedLabels, removed)
	}
}

// inOrder returns all messages, oldest first. Sorting waits until somebody looks, so that loading old mail in any
// order stays cheap.
func (mb *mailbox) inOrder() []*message {
	if !mb.sorted {
		slices.SortFunc(mb.order, older)
		mb.sorted = true
	}
	return mb.order
}

func older(a, b *message) int {
	if c := cmp.Compare(a.date, b.date); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

func (m *message) has(labelID string) bool { return slices.Contains(m.labels, labelID) }

func snippet(m mail.Mail) string {
	const longest = 200
	text := m.Plain()
	if len(text) > 4*longest {
		text = strings.ToValidUTF8(text[:4*longest], "")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "")
	}
	return snippetEscaper.Replace(text)
}

var snippetEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

var answerPrefixes = []string{"re:", "fwd:", "fw:", "aw:", "sv:", "vs:", "wg:", "antw:", "tr:", "rif:", "رد:"}

// baseSubject is a subject without answer prefixes, case and spacing, for comparing.
func baseSubject(s string) string {
	s = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	for again := true; again; {
		again = false
		for _, p := range answerPrefixes {
			if rest, ok := strings.CutPrefix(s, p); ok {
				s, again = strings.TrimSpace(rest), true
			}
		}
	}
	return s
}

// gap is the step to the next history id: ids grow, but are not contiguous.
func gap(id uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], id)
	h := fnv.New32a()
	h.Write(b[:])
	return 1 + uint64(h.Sum32()%29)
}
