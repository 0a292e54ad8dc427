package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// label is one label of the mailbox. The id never changes; people rename labels.
type label struct {
	id, name   string
	user       bool   // people's or ours; else Gmail's own
	background string // "#rrggbb", "" where it has no colour
}

// labelTable is what labels.list returned. It is never changed, only replaced.
type labelTable struct {
	byID   map[string]label
	byName map[string]label // by lower-case name: Gmail compares names without letter case
}

func (t *labelTable) named(name string) (label, bool) {
	l, ok := t.byName[strings.ToLower(name)]
	return l, ok
}

// with is the table with one more label.
func (t *labelTable) with(l label) *labelTable {
	next := &labelTable{byID: make(map[string]label, len(t.byID)+1), byName: make(map[string]label, len(t.byName)+1)}
	for _, old := range t.byID {
		next.put(old)
	}
	next.put(l)
	return next
}

func (t *labelTable) put(l label) {
	t.byID[l.id] = l
	if l.name != "" {
		t.byName[strings.ToLower(l.name)] = l
	}
}

// markers are the user labels among ids, by name and sorted. An id that the table lacks makes it read the labels
// once more; one that is still unknown has been deleted and marks nothing.
func (m *Mailbox) markers(ctx context.Context, ids []string) ([]inbox.Marker, error) {
	var out []inbox.Marker
	for _, id := range ids {
		if system(id) {
			continue
		}
		l, err := m.labelByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if l.user {
			out = append(out, inbox.Marker(l.name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// system reports whether id is one of Gmail's own labels, without looking: user labels are "Label_…".
func system(id string) bool {
	switch id {
	case labelInbox, labelSent, labelDraft, labelTrash, labelSpam, labelUnread, "STARRED", "IMPORTANT", "CHAT":
		return true
	}
	return strings.HasPrefix(id, "CATEGORY_")
}

func (m *Mailbox) labelByID(ctx context.Context, id string) (label, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table != nil {
		if l, ok := m.table.byID[id]; ok {
			return l, nil
		}
	}
	t, err := m.readLabels(ctx)
	if err != nil {
		return label{}, err
	}
	l, ok := t.byID[id]
	if !ok {
		l = label{id: id}
		t = t.with(l) // so that it is not looked for again with every message
	}
	m.table = t
	return l, nil
}

// labels is the cached table.
func (m *Mailbox) labels(ctx context.Context) (*labelTable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table == nil {
		t, err := m.readLabels(ctx)
		if err != nil {
			return nil, err
		}
		m.table = t
	}
	return m.table, nil
}

func (m *Mailbox) setLabels(t *labelTable) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.table = t
}

func (m *Mailbox) readLabels(ctx context.Context) (*labelTable, error) {
	answer, err := m.account.users.Labels.List(m.user()).Context(ctx).Do()
	if err != nil {
		return nil, m.account.explain("list labels", err)
	}
	t := &labelTable{byID: make(map[string]label, len(answer.Labels)), byName: make(map[string]label, len(answer.Labels))}
	for _, l := range answer.Labels {
		if l != nil {
			t.put(fromAPI(l))
		}
	}
	return t, nil
}

func fromAPI(l *api.Label) label {
	out := label{id: l.Id, name: strings.ToValidUTF8(l.Name, "\uFFFD"), user: l.Type == "user" || l.Type == "" && !system(l.Id)}
	if l.Color != nil {
		out.background = strings.ToLower(l.Color.BackgroundColor)
	}
	return out
}

// badName says that Gmail will never have a label of that name.
type badName struct{ name, why string }

func (e *badName) Error() string { return fmt.Sprintf("no label can be called %q: %s", e.name, e.why) }

// ensureLabel gives the label of that name in any letter case, and creates it and its parents where it is missing.
// It fails with *badName for a name that Gmail refuses. The caller holds account.writes.
func (m *Mailbox) ensureLabel(ctx context.Context, name, colour string) (label, error) {
	t, err := m.labels(ctx)
	if err != nil {
		return label{}, err
	}
	if l, ok := t.named(name); ok {
		if !l.user {
			return label{}, &badName{name, "Gmail has a label of its own by that name"}
		}
		return l, nil
	}
	if why := checkName(name); why != "" {
		return label{}, &badName{name, why}
	}
	// "A/B" is shown inside "A" only if there is an "A".
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if _, err := m.ensureLabel(ctx, name[:i], ""); err != nil {
			return label{}, err
		}
	}
	l, err := m.createLabel(ctx, name, colour)
	if err != nil {
		return label{}, err
	}
	if t, err = m.labels(ctx); err != nil {
		return label{}, err
	}
	m.setLabels(t.with(l))
	return l, nil
}

// maxName is the longest label name Gmail takes, in bytes at worst.
const maxName = 225

func checkName(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("it is longer than %d bytes", maxName)
	case strings.TrimSpace(name) != name || name == "":
		return "it is empty, or begins or ends with a space"
	case slices.Contains(strings.Split(name, "/"), ""):
		return "a part between slashes is empty"
	}
	return ""
}

func (m *Mailbox) createLabel(ctx context.Context, name, colour string) (label, error) {
	created, err := m.account.users.Labels.Create(m.user(), &api.Label{
		Name: name, LabelListVisibility: "labelShow", MessageListVisibility: "show", Color: apiColour(colour),
	}).Context(ctx).Do()
	switch {
	case err == nil:
		l := fromAPI(created)
		l.user = true
		return l, nil
	case google.HasCode(err, http.StatusBadRequest):
		explained := m.account.explain(fmt.Sprintf("create label %q", name), err)
		var permanent *pipeline.Permanent
		var answer *google.Answer
		if errors.As(explained, &permanent) || !errors.As(explained, &answer) {
			return label{}, explained
		}
		return label{}, &badName{name, answer.Message}
	case !google.HasCode(err, http.StatusConflict):
		return label{}, m.account.explain(fmt.Sprintf("create label %q", name), err)
	}
	// It was created meanwhile, by us in a try whose answer was lost or by somebody else.
	t, err := m.readLabels(ctx)
	if err != nil {
		return label{}, err
	}
	if l, ok := t.named(name); ok && l.user {
		return l, nil
	}
	return label{}, &badName{name, "Gmail says it conflicts with another label"}
}
