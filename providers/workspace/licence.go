package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/licensing/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// workspaceProduct is the product whose SKUs are the editions of Google Workspace ("Product and SKU IDs").
const workspaceProduct = "Google-Apps"

// licencePage is the largest page of a list of assignments.
const licencePage = 1000

// product and SKU of a licence as facts have it: "Google-Apps/1010020027".
func parseLicence(value string) (product, sku string, err error) {
	product, sku, ok := strings.Cut(value, "/")
	if !ok || product == "" || sku == "" || strings.Contains(sku, "/") {
		return "", "", &trouble{fmt.Sprintf("workspace: %q is no licence", value), nil, "write product/sku, such as Google-Apps/1010020028 for Business Standard"}
	}
	return product, sku, nil
}

var licenceFact = provision.Fact{Aspect: provision.Licence}

// licences reads them by product. Without a word about any licence, as when a mailbox is imported, the editions of Google
// Workspace are looked at; a mailbox of which other things are wished is left alone.
func (r *reading) licences(ctx context.Context) error {
	if !r.asked(provision.Licence) {
		return nil
	}
	wished := map[string]map[inbox.Address]string{} // by product: the SKU of each, or ""
	add := func(product string, address inbox.Address, sku string) {
		if wished[product] == nil {
			wished[product] = map[inbox.Address]string{}
		}
		wished[product][address] = sku
	}
	r.each(func(want, have *provision.Mailbox) {
		value, ok := want.Facts[licenceFact]
		switch product, sku, err := parseLicence(value); {
		case have.Unread[provision.Licence] != "":
		case r.asked(provision.Existence) && !have.Exists():
			// Who is not there has none, and need not be asked for at one a second.
		case ok && value != "" && err != nil:
			r.unread(have, err, provision.Licence)
		case ok && err == nil:
			add(product, inbox.Address(want.Address), sku)
		case len(want.Facts) == 0:
			add(workspaceProduct, inbox.Address(want.Address), "")
		}
	})
	for product, skus := range wished {
		found, err := r.admin.licences(ctx, product, skus)
		if ctx.Err() != nil {
			return err
		}
		r.each(func(want, have *provision.Mailbox) {
			address := inbox.Address(want.Address)
			if _, ok := skus[address]; !ok {
				return
			}
			if err != nil {
				r.unread(have, err, provision.Licence)
			} else if sku := found[address]; sku != "" {
				have.Facts[licenceFact] = product + "/" + sku
			}
		})
	}
	return nil
}

// licences gives which SKU of the product each address has. Pages of all assignments are read as long as fewer were read
// than addresses are missing; then each that is missing is asked for with the SKU it shall have. Who does not have that one
// is looked for on the remaining pages, for another SKU would be replaced by it, and the plan has to say so.
func (a *Admin) licences(ctx context.Context, product string, skus map[inbox.Address]string) (map[inbox.Address]string, error) {
	found := map[inbox.Address]string{}
	missing := map[inbox.Address]bool{}
	searched := false // whether one has no SKU to be asked for with
	for address, sku := range skus {
		missing[address] = true
		searched = searched || sku == ""
	}
	list := assignments{admin: a, product: product, take: func(who inbox.Address, sku string) {
		if missing[who] {
			found[who] = sku
			delete(missing, who)
		}
	}}
	for pages := 0; !list.done && len(missing) > 0 && (searched || len(missing) > max(1, pages)); pages++ {
		if err := list.next(ctx); err != nil {
			return nil, err
		}
	}
	if list.done {
		return found, nil
	}
	for _, address := range slices.Sorted(maps.Keys(missing)) {
		var got *licensing.LicenseAssignment
		err := a.read(ctx, "read the licence of "+string(address), func() (err error) {
			got, err = a.way.licences.LicenseAssignments.Get(product, skus[address], string(address)).Context(ctx).Do()
			return err
		})
		var f *google.Answer
		switch {
		case errors.As(err, &f) && (f.Code == http.StatusNotFound || unknownUser(f)):
		case err != nil:
			return nil, err
		default:
			found[address] = got.SkuId
			delete(missing, address)
		}
	}
	for !list.done && len(missing) > 0 {
		if err := list.next(ctx); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// assignments are those of a product, page by page.
type assignments struct {
	admin   *Admin
	product string
	take    func(who inbox.Address, sku string)
	token   string
	done    bool // there are no more
}

func (l *assignments) next(ctx context.Context) error {
	customer, err := l.admin.customerID(ctx)
	if err != nil {
		return err
	}
	var page *licensing.LicenseAssignmentList
	err = l.admin.read(ctx, "list the licences of "+l.product, func() (err error) {
		call := l.admin.way.licences.LicenseAssignments.ListForProduct(l.product, customer).MaxResults(licencePage).Context(ctx)
		if l.token != "" {
			call.PageToken(l.token)
		}
		page, err = call.Do()
		return err
	})
	if err != nil {
		return err
	}
	for _, item := range page.Items {
		l.take(inbox.NewAddress(item.UserId), item.SkuId)
	}
	if page.NextPageToken == l.token && l.token != "" {
		return fmt.Errorf("workspace: list the licences of %s: Google gives the same page again", l.product)
	}
	l.token, l.done = page.NextPageToken, page.NextPageToken == ""
	return nil
}

// customerID is the organisation's own id; the licensing API is not said to know "my_customer".
func (a *Admin) customerID(ctx context.Context) (string, error) {
	a.mu.Lock()
	id := a.customer
	a.mu.Unlock()
	if id != "" {
		return id, nil
	}
	err := a.read(ctx, "find the organisation's id", func() error {
		page, err := a.way.users.Users.List().Customer(a.organisation()).MaxResults(1).Context(ctx).Do()
		if err == nil && len(page.Users) > 0 {
			id = page.Users[0].CustomerId
		}
		return err
	})
	if err == nil && id == "" {
		err = errors.New("workspace: the directory shows no account, so that the organisation's id is unknown")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.customer = id
	return id, err
}
