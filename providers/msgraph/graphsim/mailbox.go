package graphsim

import (
	"sort"
	"strings"
	"sync"
	"time"
)

// mailbox is one mailbox's state. Everything below mu is guarded by it; methods
// named in lower case expect it to be held.
type mailbox struct {
	sim     *Sim
	number  int
	id      string
	address string
	name    string
	visible time.Time // Graph does not show it before

	mu       sync.Mutex
	refused  bool
	seq      uint64 // counts changes; orders the change logs of all folders
	items    uint64 // counts messages and moves; the source of message ids
	folders  map[string]*folder
	order    []*folder // as created
	known    map[string]*folder
	byID     map[string]*message // immutable and volatile ids
	byConv   map[string][]*message
	byRFCID  map[string][]*message
	topics   map[string]string // normalised subject → conversation
	convs    uint64
	sorted   []*message // all, newest first; nil when stale
	category []*category
	settings map[string]any
}

type folder struct {
	id, name, wellKnown string
	parent              string
	messages            map[*message]struct{}
	unread              int
	sorted              []*message // newest first; nil when stale

	log     []logEntry
	removed map[*message]uint64 // messages that left, by the entry that says so
	epoch   int                 // tokens of an older epoch are expired
}

// wellKnownFolders are the folders every mailbox has, with the names Outlook
// shows in English.
var wellKnownFolders = []struct{ wellKnown, name string }{
	{"inbox", "Inbox"},
	{"drafts", "Drafts"},
	{"sentitems", "Sent Items"},
	{"deleteditems", "Deleted Items"},
	{"junkemail", "Junk Email"},
	{"outbox", "Outbox"},
	{"archive", "Archive"},
}

func newMailbox(s *Sim, m Mailbox, number int) *mailbox {
	mb := &mailbox{
		sim: s, number: number, id: guid(familyUser, uint64(number)), address: m.Address, name: m.Name, visible: m.Visible,
		seq:     1, // 0 means "nothing seen" in delta tokens
		folders: map[string]*folder{}, known: map[string]*folder{},
		byID: map[string]*message{}, byConv: map[string][]*message{}, byRFCID: map[string][]*message{},
		topics:   map[string]string{},
		settings: defaultSettings(m.Purpose),
	}
	root := mb.addFolder("Top of Information Store", "msgfolderroot", "")
	for _, f := range wellKnownFolders {
		if f.wellKnown == "archive" && m.NoArchive {
			continue
		}
		mb.addFolder(f.name, f.wellKnown, root.id)
	}
	mb.settings["archiveFolder"] = ""
	if f := mb.known["archive"]; f != nil {
		mb.settings["archiveFolder"] = f.id
	}
	return mb
}

func (mb *mailbox) addFolder(name, wellKnown, parent string) *folder {
	f := &folder{
		id: opaque(folderPrefix, mb.number, uint64(len(mb.order)+1)), name: name, wellKnown: wellKnown, parent: parent,
		messages: map[*message]struct{}{}, removed: map[*message]uint64{},
	}
	mb.folders[f.id] = f
	mb.order = append(mb.order, f)
	if wellKnown != "" {
		mb.known[wellKnown] = f
	}
	return f
}

// folder finds a folder by id or well-known name; nil when there is none. Ids
// are case-sensitive, well-known names are not.
func (mb *mailbox) folder(idOrName string) *folder {
	if f := mb.folders[idOrName]; f != nil {
		return f
	}
	return mb.known[strings.ToLower(idOrName)]
}

// folderNamed also accepts a display name, for people's methods.
func (mb *mailbox) folderNamed(name string) *folder {
	if f := mb.folder(name); f != nil {
		return f
	}
	for _, f := range mb.order {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

// insert puts a new message into a folder and tells everyone.
func (mb *mailbox) insert(m *message, f *folder) {
	now := mb.sim.now()
	mb.items++
	m.immutable = opaque(immutablePrefix, mb.number, mb.items)
	m.volatile = opaque(volatilePrefix, mb.number, mb.items)
	m.created, m.modified = now, now
	mb.byID[m.immutable], mb.byID[m.volatile] = m, m
	mb.byConv[m.conversation] = append(mb.byConv[m.conversation], m)
	if m.rfcID != "" {
		mb.byRFCID[m.rfcID] = append(mb.byRFCID[m.rfcID], m)
	}
	mb.sorted = nil
	mb.enter(m, f)
	mb.notify("created", m, f, m.immutable, m.volatile)
}

func (mb *mailbox) enter(m *message, f *folder) {
	mb.seq++
	m.folder = f
	for i := range m.changed {
		m.changed[i] = mb.seq
	}
	m.entered, m.entry = mb.seq, mb.seq
	m.change++
	f.messages[m] = struct{}{}
	delete(f.removed, m)
	if !m.read {
		f.unread++
	}
	f.sorted = nil
	f.append(logEntry{seq: mb.seq, at: mb.sim.now().UnixNano(), m: m})
}

func (mb *mailbox) leave(m *message) {
	mb.seq++
	f := m.folder
	delete(f.messages, m)
	if !m.read {
		f.unread--
	}
	f.sorted = nil
	f.removed[m] = mb.seq
	f.append(logEntry{seq: mb.seq, at: mb.sim.now().UnixNano(), m: m, left: m.volatile})
}

// touch records that properties of a message have changed, after the change.
func (mb *mailbox) touch(m *message, props ...property) {
	mb.seq++
	for _, p := range props {
		m.changed[p] = mb.seq
	}
	m.entry = mb.seq
	m.change++
	m.modified = mb.sim.now()
	m.folder.append(logEntry{seq: mb.seq, at: m.modified.UnixNano(), m: m})
	mb.notify("updated", m, m.folder, m.immutable, m.volatile)
}

func (mb *mailbox) setRead(m *message, read bool) {
	if m.read == read {
		return
	}
	m.read = read
	if read {
		m.folder.unread--
	} else {
		m.folder.unread++
	}
}

// move takes a message to another folder. The immutable id stays; the volatile
// one changes and the old one stops working.
func (mb *mailbox) move(m *message, to *folder) {
	from, oldVolatile := m.folder, m.volatile
	mb.leave(m)
	delete(mb.byID, oldVolatile)
	mb.items++
	m.volatile = opaque(volatilePrefix, mb.number, mb.items)
	mb.byID[m.volatile] = m
	m.modified = mb.sim.now()
	mb.enter(m, to)
	mb.notify("deleted", m, from, m.immutable, oldVolatile)
	mb.notify("created", m, to, m.immutable, m.volatile)
}

// erase removes a message for ever. What the change log still needs of it, the
// ids, stays; the content does not.
func (mb *mailbox) erase(m *message) {
	mb.leave(m)
	delete(mb.byID, m.immutable)
	delete(mb.byID, m.volatile)
	mb.byConv[m.conversation] = without(mb.byConv[m.conversation], m)
	mb.byRFCID[m.rfcID] = without(mb.byRFCID[m.rfcID], m)
	mb.sorted = nil
	mb.notify("deleted", m, m.folder, m.immutable, m.volatile)
	m.raw, m.text, m.html, m.headers, m.attachments = nil, "", "", nil, nil
}

// discard is what DELETE and the Delete key do: into Deleted Items, and away for
// good from there.
func (mb *mailbox) discard(m *message) {
	if bin := mb.known["deleteditems"]; m.folder != bin {
		mb.move(m, bin)
		return
	}
	mb.erase(m)
}

func without(list []*message, m *message) []*message {
	out := list[:0:0]
	for _, x := range list {
		if x != m {
			out = append(out, x)
		}
	}
	return out
}

func (mb *mailbox) all() []*message {
	if mb.sorted == nil {
		mb.sorted = make([]*message, 0, len(mb.byID)/2)
		for _, f := range mb.order {
			for m := range f.messages {
				mb.sorted = append(mb.sorted, m)
			}
		}
		newestFirst(mb.sorted)
	}
	return mb.sorted
}

func (f *folder) all() []*message {
	if f.sorted == nil {
		f.sorted = make([]*message, 0, len(f.messages))
		for m := range f.messages {
			f.sorted = append(f.sorted, m)
		}
		newestFirst(f.sorted)
	}
	return f.sorted
}

// newestFirst sorts by the time received, the default order of a message list. The
// id breaks ties, so that an order made from a map is always the same.
func newestFirst(list []*message) {
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.order() != b.order() {
			return a.order() > b.order()
		}
		return a.immutable < b.immutable
	})
}

// order is the message's place in a list by time.
func (m *message) order() int64 {
	if m.received.IsZero() {
		return m.created.UnixNano()
	}
	return m.received.UnixNano()
}

// timestamp writes a time as Graph does: UTC, whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
