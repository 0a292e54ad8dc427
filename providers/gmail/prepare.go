package gmail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Prepare makes the mailbox have a label for each marker, in its colour. A label that is there already, in any letter
// case, is adopted with all the mail it is on. A colour is set where the manifest names one. Nothing is ever
// deleted. It may be repeated, and costs one unit when nothing is to be done and five for each label else. A name
// that Gmail keeps for itself comes back as *pipeline.Permanent, after all the others have been seen to.
func (m *Mailbox) Prepare(ctx context.Context, styles []inbox.Style) error {
	m.account.writes.Lock()
	defer m.account.writes.Unlock()
	m.mu.Lock()
	for _, s := range styles {
		m.styles[strings.ToLower(string(s.Marker))] = s.Color
	}
	m.mu.Unlock()
	t, err := m.readLabels(ctx)
	if err != nil {
		return err
	}
	m.setLabels(t)
	var refused []error
	for _, s := range styles {
		l, err := m.ensureLabel(ctx, string(s.Marker), s.Color)
		var bad *badName
		if errors.As(err, &bad) {
			refused = append(refused, bad)
			continue
		}
		if err != nil {
			return err
		}
		if err := m.paint(ctx, l, s.Color); err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		return &pipeline.Permanent{
			What: fmt.Sprintf("gmail: labels of %s", m.account.address),
			Fix:  "choose another name in the manifest",
			Err:  errors.Join(refused...),
		}
	}
	return nil
}

func (m *Mailbox) paint(ctx context.Context, l label, name string) error {
	want := apiColour(name)
	if want == nil || want.BackgroundColor == l.background {
		return nil
	}
	patched, err := m.account.users.Labels.Patch(m.user(), l.id, &api.Label{Color: want}).Context(ctx).Do()
	if err != nil {
		return m.account.explain(fmt.Sprintf("colour label %q", l.name), err)
	}
	next := fromAPI(patched)
	next.user = true
	t, err := m.labels(ctx)
	if err != nil {
		return err
	}
	m.setLabels(t.with(next))
	return nil
}

// colour is what Prepare was told of a marker.
func (m *Mailbox) colour(marker inbox.Marker) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.styles[strings.ToLower(string(marker))]
}
