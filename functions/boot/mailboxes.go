// Package boot puts the parts of Postroom together: from a manifest and the ways to reach the tenants to mailboxes that
// can be worked, the loop that works them, and the clock that keeps hints and watches coming. Every entry point,
// the command line as well as the functions, is wired here, so that they cannot drift apart.
package boot

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
)

// Clients are the ways to the tenants. One that the manifest does not need may be nil.
type Clients struct {
	Graph *msgraph.Client
	Gmail *gmail.Client
}

// vendors says which ways a manifest needs: whether it has mailboxes at Microsoft 365, and which ones it has at Google, in
// its order.
func vendors(m *manifest.Manifest) (graph bool, google []inbox.MailboxID) {
	for _, mb := range m.Mailboxes() {
		if mb.Provider == manifest.Gmail {
			google = append(google, mb.Policy.Mailbox)
		} else {
			graph = true
		}
	}
	return graph, google
}

// Mailboxes are the manifest's mailboxes with the way to reach each. Its methods may be called at once.
type Mailboxes struct {
	order []inbox.MailboxID
	byID  map[inbox.MailboxID]*mailbox
}

// mailbox is one of them. Prepare and the watches are asked of the adapter, which differs by vendor.
type mailbox struct {
	entry   manifest.Mailbox
	work    pipeline.Mailbox
	prepare func(context.Context, []inbox.Style) error
	gmail   *gmail.Mailbox // nil for Microsoft 365

	mu       sync.Mutex
	prepared bool
}

// Open wires every mailbox of the manifest. It sends nothing. It fails when a mailbox needs a client that is not there.
func Open(m *manifest.Manifest, c Clients) (*Mailboxes, error) {
	out := &Mailboxes{byID: map[inbox.MailboxID]*mailbox{}}
	for _, entry := range m.Mailboxes() {
		b, err := open(entry, c)
		if err != nil {
			return nil, fmt.Errorf("mailbox %s: %w", entry.Policy.Mailbox, err)
		}
		out.order = append(out.order, entry.Policy.Mailbox)
		out.byID[entry.Policy.Mailbox] = b
	}
	return out, nil
}

func open(entry manifest.Mailbox, c Clients) (*mailbox, error) {
	policy := entry.Policy
	b := &mailbox{entry: entry, work: pipeline.Mailbox{Policy: &policy}}
	switch entry.Provider {
	case manifest.M365:
		if c.Graph == nil {
			return nil, errors.New("it is at Microsoft 365, but no tenant is configured: set the POSTROOM_GRAPH_ variables")
		}
		g, err := c.Graph.Mailbox(msgraph.MailboxOptions{
			Address: policy.Mailbox, Aliases: policy.Addresses, Needs: policy.Rules.Needs(), Folders: entry.Folders, Own: policy.Own,
		})
		if err != nil {
			return nil, err
		}
		b.work.Provider, b.prepare = g, g.Prepare
	case manifest.Gmail:
		if c.Gmail == nil {
			return nil, errors.New("it is at Google, but no service account is configured: set POSTROOM_GOOGLE_KEY")
		}
		g, err := c.Gmail.Mailbox(gmail.Options{
			Address: policy.Mailbox, Front: entry.Front, Needs: policy.Rules.Needs(), Header: policy.Rules.Fields(), Own: policy.Own,
		})
		if err != nil {
			return nil, err
		}
		b.work.Provider, b.prepare, b.gmail = g, g.Prepare, g
	default:
		return nil, fmt.Errorf("no provider is called %q", entry.Provider)
	}
	return b, nil
}

// Get gives what the pipeline needs of a mailbox. What is not in the manifest is not there.
func (m *Mailboxes) Get(id inbox.MailboxID) (pipeline.Mailbox, bool) {
	b, ok := m.byID[id]
	if !ok {
		return pipeline.Mailbox{}, false
	}
	return b.work, true
}

// Has reports whether the manifest has the mailbox.
func (m *Mailboxes) Has(id inbox.MailboxID) bool { return m.byID[id] != nil }

// Ours is Has as the Gmail hook asks it; it never fails.
func (m *Mailboxes) Ours(_ context.Context, id inbox.MailboxID) (bool, error) { return m.Has(id), nil }

// IDs lists the mailboxes in the order of the manifest.
func (m *Mailboxes) IDs() []inbox.MailboxID { return m.order }

// Entry is the manifest's of a mailbox.
func (m *Mailboxes) Entry(id inbox.MailboxID) (manifest.Mailbox, bool) {
	b, ok := m.byID[id]
	if !ok {
		return manifest.Mailbox{}, false
	}
	return b.entry, true
}

// Prepare makes sure, once in the life of this value, that the mailbox has every marker of its policy in its colour.
// It may be repeated; after a failure the next call tries again.
func (m *Mailboxes) Prepare(ctx context.Context, id inbox.MailboxID) error {
	b := m.byID[id]
	if b == nil {
		return nil // the sync that follows says so
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.prepared {
		return nil
	}
	if err := b.prepare(ctx, b.entry.Styles); err != nil {
		return err // it names the mailbox
	}
	b.prepared = true
	return nil
}
