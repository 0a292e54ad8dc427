package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/licensing/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
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
// than addresses are missing; then each that is missing is asked for with the SKU it shall have.
func (a *Admin) licences(ctx context.Context, product string, skus map[inbox.Address]string) (map[inbox.Address]string, error) {
	found := map[inbox.Address]string{}
	missing := map[inbox.Address]bool{}
	searched := false // whether one has no SKU to be asked for with
	for address, sku := range skus {
		missing[address] = true
		searched = searched || sku == ""
	}
	complete, err := a.assignments(ctx, product, func(pages int) bool {
		return len(missing) > 0 && (searched || len(missing) > max(1, pages))
	}, func(who inbox.Address, sku string) {
		if missing[who] {
			found[who] = sku
			delete(missing, who)
		}
	})
	if err != nil || complete {
		return found, err
	}
	for address := range missing {
		var got *licensing.LicenseAssignment
		err := a.read(ctx, "read the licence of "+string(address), func() (err error) {
			got, err = a.way.licences.LicenseAssignments.Get(product, skus[address], string(address)).Context(ctx).Do()
			return err
		})
		switch {
		case hasAnswer(err, http.StatusNotFound):
		case err != nil:
			return nil, err
		default:
			found[address] = got.SkuId
		}
	}
	return found, nil
}

// assignments lists those of a product while on says so of the number of pages read, and reports whether it got to the end.
func (a *Admin) assignments(ctx context.Context, product string, on func(pages int) bool, take func(inbox.Address, string)) (complete bool, err error) {
	token := ""
	for pages := 0; on(pages); pages++ {
		customer, err := a.customerID(ctx)
		if err != nil {
			return false, err
		}
		var page *licensing.LicenseAssignmentList
		err = a.read(ctx, "list the licences of "+product, func() (err error) {
			call := a.way.licences.LicenseAssignments.ListForProduct(product, customer).MaxResults(licencePage).Context(ctx)
			if token != "" {
				call.PageToken(token)
			}
			page, err = call.Do()
			return err
		})
		if err != nil {
			return false, err
		}
		for _, item := range page.Items {
			take(inbox.NewAddress(item.UserId), item.SkuId)
		}
		if page.NextPageToken == "" || page.NextPageToken == token {
			return true, nil
		}
		token = page.NextPageToken
	}
	return false, nil
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
