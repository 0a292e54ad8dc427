package gmail

import (
	"context"
	"fmt"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// readMarkers reads the user labels. One that differs from a wished marker in letter case alone is that marker.
func (s *Settings) readMarkers(ctx context.Context, m *Mailbox, r *reading) error {
	t, err := m.readLabels(ctx)
	if err != nil {
		return err
	}
	wished := map[string]bool{} // by lower-case name
	for f := range r.want.Facts {
		if f.Aspect != provision.Marker {
			continue
		}
		wished[strings.ToLower(f.Subject)] = true
		if l, ok := t.named(f.Subject); ok && l.user {
			r.put(provision.Marker, f.Subject, colourName(l.background))
		}
	}
	for name, l := range t.byName {
		if l.user && !wished[name] {
			r.put(provision.Marker, l.name, colourName(l.background))
		}
	}
	return nil
}

// colourName is "" for no colour and for one that is none of Postroom's.
func colourName(background string) string {
	for name, c := range colours {
		if c.background == background {
			return name
		}
	}
	return ""
}

func (s *Settings) doMarker(ctx context.Context, m *Mailbox, step provision.Step) error {
	if step.Verb == provision.Remove {
		return fmt.Errorf("gmail: labels of %s are only added: taking one away would take it off the mail", m.user())
	}
	return m.Prepare(ctx, []inbox.Style{{Marker: inbox.Marker(step.Fact.Subject), Color: step.After}})
}
