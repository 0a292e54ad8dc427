package boot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

// Document is where a deployment's manifest is kept, with its earlier versions.
type Document interface {
	// Latest gives the newest version, and its content unless that is the version the caller has.
	Latest(ctx context.Context, have string) (version string, content []byte, err error)
	// At gives the content of a version.
	At(ctx context.Context, version string) ([]byte, error)
}

// Edition is one version of the manifest with its mailboxes wired.
type Edition struct {
	Version   string // of the document, and of the mailboxes that are declared beside it
	Manifest  *manifest.Manifest
	Mailboxes *Mailboxes
	Clients   Clients
	// Checked is when it was last known to be the newest version, or the last good one.
	Checked time.Time

	document string // its version
	sum      string // SHA-256 of its content
	unfit    int    // declared mailboxes that are left out
}

// Manifests gives the edition that a function goes by. A newest version that cannot be used is refused with one line in
// the log, and the last good one goes on: the one in memory or, in a new process, the one that a process recorded when it
// was good. Its methods may be called at once.
type Manifests struct {
	Document Document
	Records  Records
	Name     string // what errors and the log call the manifest: where it is kept
	// Clients makes the ways to the tenants that a manifest needs; it sends nothing. [Credentials.Clients] is one.
	Clients func(*manifest.Manifest) (Clients, error)
	Now     func() time.Time
	Log     *slog.Logger

	mu       sync.Mutex
	edition  *Edition
	looked   time.Time // when Document was last asked with success
	document string    // the newest version of Document, and
	content  []byte    // its content
	declared declarations
	seen     string // the newest version that has been judged, with the declarations
	refusal  error  // of seen; nil: it is the edition
	recorded bool   // the edition is
	refused  int    // looks at a refused version since Refused
}

// lookEvery is how often a process asks for the newest version at most. Asking costs a request and no content.
const lookEvery = time.Minute

// manifestRecord is the record that names the last good version.
const manifestRecord = "manifest"

// Current gives the edition to go by. Without any good version it fails with *pipeline.Permanent, whose text says
// what is wrong where in the manifest; other errors are worth trying again.
func (m *Manifests) Current(ctx context.Context) (Edition, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	if m.looked.IsZero() || now.Sub(m.looked) >= lookEvery {
		if err := m.look(ctx, now); err != nil {
			return Edition{}, err
		}
	}
	if m.edition == nil {
		return Edition{}, m.refusal
	}
	return *m.edition, nil
}

// Refused tells how often, since it was last asked, the newest version was looked at and could not be used, or not with all that
// is declared beside it.
func (m *Manifests) Refused() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.refused
	m.refused = 0
	return n
}

// Earlier gives the manifest of an earlier version, without what was declared beside it.
func (m *Manifests) Earlier(ctx context.Context, version string) (*manifest.Manifest, error) {
	content, err := m.Document.At(ctx, documentOf(version))
	if err != nil {
		return nil, err
	}
	return manifest.Parse(m.Name, content)
}

// With gives the newest manifest with these declarations beside it, its SHA-256 and the declarations that do not go with it and
// are left out. Unlike [Manifests.Current] it fails when the manifest cannot be used, or with own beside it, and asks for the
// newest version each time. Nobody goes by what it gives but the caller.
func (m *Manifests) With(ctx context.Context, list []Declaration, own ...Declaration) (*manifest.Manifest, string, []Unfit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	version, content, err := m.Document.Latest(ctx, m.document)
	if err != nil {
		return nil, "", nil, err
	}
	if version == m.document {
		content = m.content
	}
	parsed, left, err := parseFitting(m.Name, content, list, own)
	if err != nil {
		return nil, "", nil, faulty(version, err)
	}
	return parsed, digest(content), left, nil
}

// look asks for the newest version and judges it. It fails when there is no edition and none can be had.
func (m *Manifests) look(ctx context.Context, now time.Time) error {
	declared := m.declarations(ctx)
	document, content, err := m.Document.Latest(ctx, m.document)
	if err != nil {
		return m.without(ctx, now, err)
	}
	if document != m.document || m.document == "" {
		m.document, m.content = document, content
	}
	m.looked = now
	version := declared.name(document)
	if version == m.seen && m.seen != "" {
		if m.refusal != nil || m.edition != nil && m.edition.unfit > 0 {
			m.refused++
		}
		if m.edition != nil {
			m.edition.Checked = now
			m.record(ctx)
		}
		return nil
	}
	fresh, err := m.read(ctx, document, m.content, declared)
	if err != nil {
		return m.refuse(ctx, now, version, err)
	}
	fresh.Checked = now
	m.edition, m.seen, m.refusal, m.recorded = fresh, version, nil, false
	if fresh.unfit > 0 {
		m.refused++
	}
	m.Log.InfoContext(ctx, "manifest taken up", "manifest", m.Name, "version", version, "mailboxes", len(fresh.Mailboxes.IDs()))
	m.record(ctx)
	return nil
}

// declarations are the newest; while they cannot be read, those that were read last go on, in a new process none.
func (m *Manifests) declarations(ctx context.Context) declarations {
	fresh, err := loadDeclarations(ctx, m.Records)
	if err != nil {
		m.Log.WarnContext(ctx, "the declared mailboxes cannot be looked up, those that are known go on", "known", len(m.declared.list), "error", err.Error())
		return m.declared
	}
	m.declared = fresh
	return fresh
}

// read parses a version and wires its mailboxes.
func (m *Manifests) read(ctx context.Context, document string, content []byte, declared declarations) (*Edition, error) {
	// Declarations that do not go with it any more are left out with an error in the log: the manifest comes first.
	parsed, left, err := parseFitting(m.Name, content, declared.worked(), nil)
	if err != nil {
		return nil, faulty(document, err)
	}
	for _, d := range left {
		d.log(ctx, m.Log)
	}
	clients, err := m.Clients(parsed)
	if err != nil {
		return nil, fmt.Errorf("the mailboxes of the manifest cannot be reached: %w", err)
	}
	mailboxes, err := Open(parsed, clients)
	if err != nil {
		return nil, err
	}
	return &Edition{
		Version: declared.name(document), Manifest: parsed, Mailboxes: mailboxes, Clients: clients, document: document, sum: digest(content), unfit: len(left),
	}, nil
}

// faulty is what is wrong with a version in one line: the first error with its place and fix, and how many there are.
func faulty(version string, err error) error {
	list := (*manifest.Errors)(nil)
	if !errors.As(err, &list) || len(list.List) == 0 {
		return err
	}
	first := list.List[0]
	more := ""
	if n := len(list.List) - 1 + list.More; n > 0 {
		more = fmt.Sprintf(" (and %d more; \"postroom validate\" shows all)", n)
	}
	if first.Line == 0 { // of a declared mailbox, which is in no file
		return &pipeline.Permanent{What: "a declared mailbox cannot be used", Err: fmt.Errorf("%s: %s%s", first.File, first.Text, more), Fix: first.Fix}
	}
	return &pipeline.Permanent{
		What: "the manifest cannot be used",
		Err:  fmt.Errorf("%s, version %s, line %d, column %d: %s%s", first.File, version, first.Line, first.Column, first.Text, more),
		Fix:  first.Fix,
	}
}

// refuse keeps to the edition in memory or, without one, to the last good version that was recorded.
func (m *Manifests) refuse(ctx context.Context, now time.Time, version string, why error) error {
	m.refused++
	var earlier error
	if m.edition == nil {
		earlier = m.recall(ctx)
	}
	if m.edition == nil {
		m.looked = time.Time{} // so that the next call tries all of it again
		if earlier != nil {
			why = fmt.Errorf("%w; and the last good version cannot be had: %w", why, earlier)
		}
		if permanent := (*pipeline.Permanent)(nil); errors.As(why, &permanent) {
			m.looked, m.refusal = now, why
		}
		return why
	}
	m.edition.Checked = now
	m.refusal = why
	if permanent := (*pipeline.Permanent)(nil); errors.As(why, &permanent) {
		m.seen = version // else what kept it from being used may pass
	}
	m.Log.ErrorContext(ctx, "manifest refused", "manifest", m.Name, "version", version, "goes_on", m.edition.Version, "error", why.Error())
	return nil
}

// without goes on while the document cannot be looked at.
func (m *Manifests) without(ctx context.Context, now time.Time, why error) error {
	if m.edition == nil {
		if err := m.recall(ctx); m.edition == nil {
			if err != nil {
				m.Log.WarnContext(ctx, "the last good manifest cannot be had", "manifest", m.Name, "error", err.Error())
			}
			return why
		}
	}
	m.looked = now
	m.Log.ErrorContext(ctx, "the manifest cannot be looked up, the last good one goes on", "manifest", m.Name, "goes_on", m.edition.Version, "error", why.Error())
	return nil
}

// lastGood is the record of the last version that was good.
type lastGood struct {
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	At      time.Time `json:"at"`
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// recall takes up the version that was recorded as good. It leaves the edition nil, without an error, when none was.
func (m *Manifests) recall(ctx context.Context) error {
	var good lastGood
	if _, err := m.lastGood(ctx, &good); err != nil || good.Version == "" {
		return err
	}
	content, err := m.Document.At(ctx, good.Version)
	if err != nil {
		return err
	}
	if digest(content) != good.SHA256 {
		return fmt.Errorf("version %s has changed since it was recorded", good.Version)
	}
	edition, err := m.read(ctx, good.Version, content, m.declarations(ctx))
	if err != nil {
		return err
	}
	m.edition, m.recorded = edition, true
	return nil
}

func (m *Manifests) lastGood(ctx context.Context, good *lastGood) (int64, error) {
	value, version, err := m.Records.Record(ctx, manifestRecord)
	if err != nil || version == 0 {
		return version, err
	}
	// A record that cannot be read is one to be replaced.
	_ = json.Unmarshal(value, good)
	return version, nil
}

// record keeps the edition's version as the last good one. What fails is tried again at the next look.
func (m *Manifests) record(ctx context.Context) {
	if m.recorded {
		return
	}
	if err := m.save(ctx); err != nil {
		m.Log.WarnContext(ctx, "manifest not recorded as good", "manifest", m.Name, "version", m.edition.Version, "error", err.Error())
		return
	}
	m.recorded = true
}

// save replaces the record only if it was read before the edition was seen to be the newest version once more. So of
// two processes, one of which is late with an older version, the late one loses: the newer record has another
// version by then, or is read and left alone.
func (m *Manifests) save(ctx context.Context) error {
	var good lastGood
	expect, err := m.lastGood(ctx, &good)
	if err != nil || good.Version == m.edition.document {
		return err
	}
	version, _, err := m.Document.Latest(ctx, m.edition.document)
	if err != nil || version != m.edition.document {
		return err // without one, the next look is about the other version
	}
	value, err := json.Marshal(lastGood{Version: version, SHA256: m.edition.sum, At: m.Now().UTC()})
	if err != nil {
		return err
	}
	if err := m.Records.SaveRecord(ctx, manifestRecord, value, expect); !errors.Is(err, pipeline.ErrConflict) {
		return err
	}
	return nil // another process was faster, with this version or a newer one
}
