package boot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

// shelf keeps the versions of a document, as S3 and SSM do.
type shelf struct {
	mu       sync.Mutex
	versions []string // contents, the newest last; version n is versions[n-1]
	deleted  map[int]bool
	err      error // of Latest
	asked    int   // how often Latest was
}

func (s *shelf) put(content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = append(s.versions, content)
}

func (s *shelf) Latest(_ context.Context, have string) (string, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return "", nil, s.err
	}
	if len(s.versions) == 0 {
		return "", nil, &pipeline.Permanent{What: "there is no such object", Fix: "put the file there"}
	}
	n := len(s.versions)
	if version := fmt.Sprint("v", n); version == have {
		return version, nil, nil
	}
	return fmt.Sprint("v", n), []byte(s.versions[n-1]), nil
}

func (s *shelf) At(_ context.Context, version string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	if _, err := fmt.Sscanf(version, "v%d", &n); err != nil || n > len(s.versions) || s.deleted[n] {
		return nil, &pipeline.Permanent{What: "there is no version " + version, Fix: "put the file again"}
	}
	return []byte(s.versions[n-1]), nil
}

// recordBox keeps records by compare-and-swap.
type recordBox struct {
	mu      sync.Mutex
	values  map[string][]byte
	version map[string]int64
	err     error
	before  func() // runs once before the next save
	reading func() // runs once before the manifest's record is read next
}

func (r *recordBox) Record(_ context.Context, name string) ([]byte, int64, error) {
	if f := r.reading; f != nil && name == "manifest" {
		r.reading = nil
		f()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[name], r.version[name], r.err
}

func (r *recordBox) SaveRecord(_ context.Context, name string, value []byte, version int64) error {
	if f := r.before; f != nil {
		r.before = nil
		f()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	if r.version[name] != version {
		return fmt.Errorf("record %s: %w", name, pipeline.ErrConflict)
	}
	if r.values == nil {
		r.values, r.version = map[string][]byte{}, map[string]int64{}
	}
	r.values[name], r.version[name] = value, version+1
	return nil
}

// withMailbox is twoMailboxes with one more.
func withMailbox(id string) string {
	return twoMailboxes + "  " + id + ": {provider: m365, name: More, agents: [one], leads: [one]}\n"
}

// misspelt is twoMailboxes with an error in line 8.
var misspelt = strings.Replace(twoMailboxes, "least-loaded", "leest-loaded", 1)

// place is where the error of misspelt is.
var place = fmt.Sprintf("line 8, column %d", 1+strings.Index(strings.Split(misspelt, "\n")[7], "leest-loaded"))

// library is a document with its records and the processes that read it.
type library struct {
	*testing.T
	shelf   shelf
	records recordBox
	now     time.Time
	log     *journal
	refuse  error // of Clients
}

func newLibrary(t *testing.T) *library {
	return &library{T: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), log: &journal{}}
}

// process is a new process of a function.
func (l *library) process() *boot.Manifests {
	return &boot.Manifests{
		Document: &l.shelf, Records: &l.records, Name: "s3://bucket/postroom.yaml", Now: func() time.Time { return l.now }, Log: l.log.logger(),
		Clients: func(m *manifest.Manifest) (boot.Clients, error) {
			if l.refuse != nil {
				return boot.Clients{}, l.refuse
			}
			return boot.Simulators{GraphURL: "http://127.0.0.1:1", GmailURL: "http://127.0.0.1:1"}.Clients(m, boot.SimulationOptions{})
		},
	}
}

// current fails the test unless the process goes by that version.
func (l *library) current(m *boot.Manifests, version string) boot.Edition {
	l.Helper()
	e, err := m.Current(context.Background())
	if err != nil {
		l.Fatalf("no manifest: %v", err)
	}
	if e.Version != version {
		l.Fatalf("it goes by %s, want %s", e.Version, version)
	}
	return e
}

func (l *library) recorded() string {
	value, _, _ := l.records.Record(context.Background(), "manifest")
	return string(value)
}

func TestManifestIsTakenUp(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(twoMailboxes)
	m := l.process()
	l.current(m, "v1")
	if !strings.Contains(l.recorded(), `"version":"v1"`) || !strings.Contains(l.recorded(), `"at":"2026-03-02T08:00:00Z"`) {
		t.Errorf("recorded as good: %s", l.recorded())
	}
	asked := l.shelf.asked
	l.shelf.put(withMailbox("more@contoso.com"))
	l.now = l.now.Add(time.Minute - 1)
	if l.current(m, "v1"); l.shelf.asked != asked {
		t.Error("within a minute it was asked for again")
	}
	l.now = l.now.Add(1)
	e := l.current(m, "v2")
	if !e.Mailboxes.Has("more@contoso.com") || !e.Checked.Equal(l.now) || !strings.Contains(l.recorded(), `"version":"v2"`) {
		t.Errorf("mailboxes %v, checked %v, recorded %s", e.Mailboxes.IDs(), e.Checked, l.recorded())
	}
	before := l.recorded()
	l.now = l.now.Add(time.Hour)
	if e := l.current(m, "v2"); !e.Checked.Equal(l.now) || l.recorded() != before {
		t.Error("nothing has changed, but it was recorded again or not checked")
	}
}

func TestBadManifestIsRefusedAndTheLastGoodOneGoesOn(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"in memory": false, "recorded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.shelf.put(twoMailboxes)
			m := l.process()
			l.current(m, "v1")
			l.shelf.put(misspelt)
			if restart {
				m = l.process()
			}
			for range 3 {
				l.now = l.now.Add(time.Minute)
				if e := l.current(m, "v1"); len(e.Mailboxes.IDs()) != 2 {
					t.Errorf("mailboxes %v", e.Mailboxes.IDs())
				}
				if n := m.Refused(); n != 1 {
					t.Errorf("in this minute it was refused %d times", n)
				}
			}
			if lines := l.log.lines("level=ERROR"); len(lines) != 1 {
				t.Errorf("want one line in the log:\n%s", lines)
			}
			if lines := l.log.lines("level=ERROR", "s3://bucket/postroom.yaml", "v2", place, "leest-loaded", "least-loaded", "goes_on=v1"); len(lines) != 1 {
				t.Errorf("the line does not say what is wrong where: %s", l.log.lines("level=ERROR"))
			}
			if !strings.Contains(l.recorded(), `"version":"v1"`) {
				t.Errorf("recorded as good: %s", l.recorded())
			}
			l.shelf.put(withMailbox("more@contoso.com"))
			l.now = l.now.Add(time.Minute)
			if l.current(m, "v3"); m.Refused() != 0 || !strings.Contains(l.recorded(), `"version":"v3"`) {
				t.Errorf("it is good again; recorded %s", l.recorded())
			}
		})
	}
}

func TestFirstManifestIsBad(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(misspelt)
	m := l.process()
	for range 2 {
		_, err := m.Current(context.Background())
		permanent := (*pipeline.Permanent)(nil)
		if !errors.As(err, &permanent) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("got %v", err)
		}
		for _, part := range []string{"s3://bucket/postroom.yaml", place, "leest-loaded", permanent.Fix} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
	if n := m.Refused(); n != 1 || l.shelf.asked != 1 {
		t.Errorf("within a minute it was refused %d times and asked for %d times", n, l.shelf.asked)
	}
	l.shelf.put(twoMailboxes)
	l.now = l.now.Add(time.Minute)
	l.current(m, "v2")
}

func TestLastGoodVersionIsGone(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*library){
		"deleted":            func(l *library) { l.shelf.deleted = map[int]bool{1: true} },
		"another content":    func(l *library) { l.shelf.versions[0] = withMailbox("mallory@contoso.com") },
		"the record is gone": func(l *library) { l.records.values, l.records.version = nil, nil },
		"the record is odd":  func(l *library) { l.records.values["manifest"] = []byte("{") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.shelf.put(twoMailboxes)
			l.current(l.process(), "v1")
			l.shelf.put(misspelt)
			lose(l)
			_, err := l.process().Current(context.Background())
			if permanent := (*pipeline.Permanent)(nil); !errors.As(err, &permanent) || !strings.Contains(err.Error(), place) {
				t.Errorf("got %v", err)
			}
			l.shelf.put(twoMailboxes)
			l.current(l.process(), "v3")
			if !strings.Contains(l.recorded(), `"version":"v3"`) {
				t.Errorf("recorded %s", l.recorded())
			}
		})
	}
}

func TestDocumentCannotBeHad(t *testing.T) {
	t.Parallel()
	outage := errors.New("document: get s3://bucket/postroom.yaml: dial tcp: timeout")
	l := newLibrary(t)
	l.shelf.put(twoMailboxes)
	l.shelf.err = outage
	m := l.process()
	if _, err := m.Current(context.Background()); !errors.Is(err, outage) {
		t.Fatalf("with nothing good at hand: %v", err)
	}
	l.shelf.err = nil
	e := l.current(m, "v1") // at once, for it may have passed
	l.shelf.err = outage
	l.now = l.now.Add(time.Minute)
	if again := l.current(m, "v1"); !again.Checked.Equal(e.Checked) {
		t.Error("it says that it knows it to be the newest")
	}
	if lines := l.log.lines("level=ERROR", "dial tcp", "goes_on=v1"); len(lines) != 1 {
		t.Errorf("in the log: %s", l.log.lines(""))
	}
	asked := l.shelf.asked
	if l.current(m, "v1"); l.shelf.asked != asked {
		t.Error("it was asked for again at once")
	}
	l.current(l.process(), "v1") // a new process has the recorded one
}

func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(twoMailboxes)
	l.records.err = errors.New("dynamo: no answer")
	m := l.process()
	l.current(m, "v1")
	if lines := l.log.lines("level=WARN", "manifest not recorded", "dynamo: no answer"); len(lines) != 1 {
		t.Errorf("in the log: %s", l.log.lines(""))
	}
	l.records.err = nil
	l.now = l.now.Add(time.Minute)
	l.current(m, "v1")
	if !strings.Contains(l.recorded(), `"version":"v1"`) {
		t.Errorf("recorded %q", l.recorded())
	}
}

// TestLateProcessDoesNotRecordAnOldVersion: between the look of one process and its record, another one records what has
// been put since.
func TestLateProcessDoesNotRecordAnOldVersion(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]func(*recordBox, func()){
		"before it reads the record": func(r *recordBox, f func()) { r.reading = f },
		"before it saves the record": func(r *recordBox, f func()) { r.before = f },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			l.shelf.put(twoMailboxes)
			late, other := l.process(), l.process()
			when(&l.records, func() {
				l.shelf.put(withMailbox("more@contoso.com"))
				l.current(other, "v2")
			})
			l.current(late, "v1")
			recorded := l.recorded()
			if !strings.Contains(recorded, `"version":"v2"`) {
				t.Errorf("recorded %s", recorded)
			}
			if lines := l.log.lines("not recorded"); len(lines) > 0 {
				t.Errorf("losing the race is logged: %s", lines)
			}
			l.now = l.now.Add(time.Minute)
			l.current(late, "v2")
			if l.recorded() != recorded {
				t.Errorf("the same version is recorded again: %s", l.recorded())
			}
		})
	}
}

func TestManifestThatNeedsMoreThanIsConfigured(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(twoMailboxes)
	m := l.process()
	l.current(m, "v1")
	l.shelf.put(withMailbox("more@contoso.com"))
	l.refuse = errors.New("mailbox more@contoso.com: set POSTROOM_GRAPH_CREDENTIAL")
	l.now = l.now.Add(time.Minute)
	l.current(m, "v1")
	if lines := l.log.lines("level=ERROR", "POSTROOM_GRAPH_CREDENTIAL", "goes_on=v1"); len(lines) != 1 || m.Refused() != 1 {
		t.Errorf("in the log: %s", l.log.lines(""))
	}
	l.refuse = nil // no new version is needed for it to be taken up
	l.now = l.now.Add(time.Minute)
	l.current(m, "v2")
	if !strings.Contains(l.recorded(), `"version":"v2"`) {
		t.Errorf("recorded %s", l.recorded())
	}
}

func TestFirstManifestNeedsMoreThanIsConfigured(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(twoMailboxes)
	l.refuse = errors.New("mailbox more@contoso.com: set POSTROOM_GRAPH_CREDENTIAL")
	m := l.process()
	for range 2 {
		if _, err := m.Current(context.Background()); !errors.Is(err, l.refuse) {
			t.Fatalf("got %v", err)
		}
	}
	l.refuse = nil
	l.current(m, "v1")
}

func TestEarlierManifest(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	l.shelf.put(withMailbox("more@contoso.com"))
	l.shelf.put(twoMailboxes)
	earlier, err := l.process().Earlier(context.Background(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	list := earlier.Mailboxes()
	if last := list[len(list)-1].Policy.Mailbox; last != inbox.MailboxID("more@contoso.com") {
		t.Errorf("its last mailbox is %s", last)
	}
	if _, err := l.process().Earlier(context.Background(), "v9"); err == nil {
		t.Error("a version that never was is there")
	}
}
