package boot

import (
	"context"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

// wish is what the newest manifest, with what is declared beside it, wants of the tenants that this deployment administers.
type wish struct {
	manifest *manifest.Manifest
	source   provision.Source
	want     []provision.Mailbox
	estate   *provision.Estate
	left     int     // mailboxes at providers that this deployment does not administer
	unfit    []Unfit // declared mailboxes that are not in it
}

func (p *Provisioner) wish(ctx context.Context) (w wish, err error) {
	declared, err := loadDeclarations(ctx, p.Records)
	if err != nil {
		return w, err
	}
	return p.wishWith(ctx, declared.worked())
}

// wishWith is the wish with other declarations. It fails when own do not go with the manifest and with those.
func (p *Provisioner) wishWith(ctx context.Context, list []Declaration, own ...Declaration) (w wish, err error) {
	m, sum, unfit, err := p.Manifests.With(ctx, list, own...)
	if err != nil {
		return w, err
	}
	for _, d := range unfit {
		if p.Administers(d.provider()) {
			d.log(ctx, p.Log)
			w.unfit = append(w.unfit, d)
		}
	}
	w.manifest, w.source = m, provision.Source{Name: p.Manifests.Name, SHA256: sum}
	for _, mb := range m.Desired() {
		if p.Administers(mb.Provider) {
			w.want = append(w.want, mb)
		} else if mb.Address != "" {
			w.left++
		}
	}
	if w.estate, err = p.Estate(m, w.want); err != nil {
		return w, fmt.Errorf("the administrations of the tenants: %w", err)
	}
	return w, nil
}

// addresses are those of the wanted mailboxes; the tenants are the empty one, which comes first.
func (w wish) addresses() (list []inbox.MailboxID) {
	for _, mb := range w.want {
		if !slices.Contains(list, mb.Address) {
			list = append(list, mb.Address)
		}
	}
	return list
}

// plan reads the tenants and says what would be done.
func (p *Provisioner) plan(ctx context.Context, w wish, allowRemove bool, only []inbox.MailboxID) (provision.Plan, error) {
	plan, err := w.estate.Plan(ctx, w.want, provision.Options{Manifest: w.source, Made: p.Now(), AllowRemove: allowRemove, Only: only})
	if err != nil {
		return plan, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}
