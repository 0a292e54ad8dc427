package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/licensing/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// license gives the account this licence, in place of another of the same product, and waits for the mailbox that comes
// with it: what follows works in the mailbox. The licences of everybody else stay as they are.
func (a *Admin) license(ctx context.Context, s provision.Step) error {
	product, sku, err := parseLicence(s.After)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("give %s the licence %s", s.Mailbox, s.After)
	_, err = a.way.licences.LicenseAssignments.Insert(product, sku, &licensing.LicenseAssignmentInsert{UserId: string(s.Mailbox)}).Context(ctx).Do()
	switch {
	case err == nil || says(err, "already has a license for the specified product and SKU"):
	case says(err, "different SKU"):
		if err := a.relicense(ctx, what, s, product, sku); err != nil {
			return err
		}
	default:
		return a.explainLicence(what, err)
	}
	if product != workspaceProduct {
		return nil
	}
	acc, err := a.lookup(ctx, inbox.Address(s.Mailbox))
	if err != nil {
		return err
	}
	if acc == nil || !acc.ready {
		return &provision.NotYet{Err: fmt.Errorf("workspace: the mailbox of %s is being set up, which takes some minutes after the licence", s.Mailbox)}
	}
	return nil
}

// relicense replaces the SKU that the step says the account has, or that a new account of ours got automatically. Another
// that somebody has assigned meanwhile stays, since what comes with it, such as storage or mail kept for Vault, might go.
func (a *Admin) relicense(ctx context.Context, what string, s provision.Step, product, sku string) error {
	old, ok := strings.CutPrefix(s.Before, product+"/")
	if !ok {
		address := inbox.Address(s.Mailbox)
		acc, err := a.lookup(ctx, address)
		if err != nil {
			return a.explainHeld(what, err)
		}
		if acc == nil || !acc.ours {
			return &trouble{"workspace: " + what, errors.New("it has another licence by now"), "make a new plan, which shows the one that would be replaced"}
		}
		now, err := a.licences(ctx, product, map[inbox.Address]string{address: ""})
		if err != nil {
			return err
		}
		if old = now[address]; old == "" {
			return &provision.NotYet{Err: fmt.Errorf("workspace: %s: the licence it has now does not show yet", what)}
		}
	}
	if old == sku {
		return nil
	}
	_, err := a.way.licences.LicenseAssignments.Patch(product, old, string(s.Mailbox),
		&licensing.LicenseAssignment{ProductId: product, SkuId: sku, UserId: string(s.Mailbox)}).Context(ctx).Do()
	return a.explainLicence(what, err)
}

// unlicense takes the licence away.
func (a *Admin) unlicense(ctx context.Context, s provision.Step) error {
	product, sku, err := parseLicence(s.Before)
	if err != nil {
		return err
	}
	_, err = a.way.licences.LicenseAssignments.Delete(product, sku, string(s.Mailbox)).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) {
		return nil
	}
	return a.explainLicence(fmt.Sprintf("take the licence %s from %s", s.Before, s.Mailbox), err)
}

// explainLicence knows the preconditions of the "Developer's Guide" of the licensing API by their texts.
func (a *Admin) explainLicence(what string, err error) error {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		return a.explain(what, err)
	}
	f := google.NewAnswer(e)
	switch {
	case says(err, "enough available licenses"):
		return &trouble{"workspace: " + what, f, "buy another licence in the Admin console under Billing > Subscriptions, or free one under Directory > Users"}
	case says(err, "Auto License"):
		return &provision.ByHand{
			Instruction: "in the Admin console under Billing > License settings switch automatic licensing off for the account's organizational unit, " +
				"or change the licence there by hand: Directory > Users > the account > Licenses",
			Err: fmt.Errorf("workspace: %s: %w", what, f),
		}
	case unknownUser(f):
		return &provision.NotYet{Err: fmt.Errorf("workspace: %s: %w", what, f)}
	}
	return a.refusedIfForbidden(a.explain(what, err))
}

// unknownUser: a new account does not get around to the licensing at once.
func unknownUser(f *google.Answer) bool {
	return slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound}, f.Code) && strings.Contains(strings.ToLower(f.Message), "user")
}

// refusedIfForbidden: what is forbidden here is so for every account, since it concerns no existing object.
func (a *Admin) refusedIfForbidden(err error) error {
	var refused *provision.Refused
	var later *provision.NotYet
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &later) && forbidden(err) {
		return &provision.Refused{Err: err}
	}
	return err
}
