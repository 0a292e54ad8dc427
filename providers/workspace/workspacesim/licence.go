package workspacesim

import (
	"slices"
	"strings"

	"github.com/postroom/postroom/providers/google/googlesim"
)

// editions are the SKUs of Google Workspace that always exist ("Product and SKU IDs").
var editions = []string{
	"1010020020", "1010020025", "1010020026", "1010020027", "1010020028", "1010020030", "1010020031", "1010020034",
}

type wireAssignment struct {
	Kind        string `json:"kind"`
	Etags       string `json:"etags"`
	SelfLink    string `json:"selfLink"`
	UserID      string `json:"userId"`
	ProductID   string `json:"productId"`
	SkuID       string `json:"skuId"`
	SkuName     string `json:"skuName"`
	ProductName string `json:"productName"`
}

type wireAssignments struct {
	Kind  string           `json:"kind"`
	Etag  string           `json:"etag"`
	Items []wireAssignment `json:"items,omitempty"`
	Next  string           `json:"nextPageToken,omitempty"`
}

func assignment(acc *account, product string) wireAssignment {
	sku := acc.licences[product]
	return wireAssignment{
		Kind: "licensing#licenseAssignment", Etags: `"licence"`, UserID: acc.primary, ProductID: product, SkuID: sku,
		SkuName: sku, ProductName: product,
		SelfLink: "https://licensing.googleapis.com/apps/licensing/v1/product/" + product + "/sku/" + sku + "/user/" + acc.primary,
	}
}

func (c *call) known(product, sku string) bool {
	_, bought := c.seats[product+"/"+sku]
	return bought || product == "Google-Apps" && slices.Contains(editions, sku)
}

// free reports whether one more may be assigned.
func (c *call) free(product, sku string) bool {
	limit, bought := c.seats[product+"/"+sku]
	if !bought {
		return true
	}
	for _, acc := range c.accounts {
		if acc.licences[product] == sku {
			limit--
		}
	}
	return limit > 0
}

// licensee is the account of a path or a body, which goes by its primary address alone.
func (c *call) licensee(address string) *account {
	acc := c.primary(address)
	if acc == nil || c.now().Before(acc.made.Add(c.Lag.NewLicence)) {
		return nil
	}
	return acc
}

func (c *call) listLicences() (any, error) {
	customer := c.r.URL.Query().Get("customerId")
	if customer == "" || customer != Customer && (c.Domains == nil || !slices.Contains(c.Domains, customer)) {
		return nil, bad("Invalid Value: customerId")
	}
	product := c.vars["productId"]
	var list []*account
	for _, acc := range c.sorted() {
		if acc.licences[product] != "" {
			list = append(list, acc)
		}
	}
	page, next, err := pageOf(c, list, 100, 1000)
	if err != nil {
		return nil, err
	}
	out := wireAssignments{Kind: "licensing#licenseAssignmentList", Etag: `"licences"`, Next: next}
	for _, acc := range page {
		out.Items = append(out.Items, assignment(acc, product))
	}
	return out, nil
}

var noLicence = fail(404, "notFound", "User does not have a license for the specified product and SKU")

func (c *call) getLicence() (any, error) {
	acc := c.licensee(c.vars["userId"])
	if acc == nil || acc.licences[c.vars["productId"]] != c.vars["skuId"] {
		return nil, noLicence
	}
	return assignment(acc, c.vars["productId"]), nil
}

func unmet(message string) *googlesim.Failure { return fail(412, "conditionNotMet", message) }

const noSeats = "There aren't enough available licenses for the specified product-SKU pair"

func (c *call) insertLicence() (any, error) {
	var in struct {
		UserID string `json:"userId"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	product, sku := c.vars["productId"], c.vars["skuId"]
	acc := c.licensee(in.UserID)
	switch {
	case !c.known(product, sku):
		return nil, bad("Invalid productId or skuId")
	case acc == nil:
		return nil, bad("Invalid Value: userId")
	case acc.licences[product] == sku:
		return nil, unmet("User already has a license for the specified product and SKU")
	case acc.licences[product] != "":
		return nil, unmet("User already has a license of the product, but with a different SKU. To reassign a new SKU for this product, use the \"update\" operation.")
	case !c.free(product, sku):
		return nil, unmet(noSeats)
	}
	acc.licences[product] = sku
	c.equip(acc, product, c.Lag.Mailbox)
	return assignment(acc, product), nil
}

func (c *call) patchLicence() (any, error) {
	var in struct {
		UserID    string `json:"userId"`
		ProductID string `json:"productId"`
		SkuID     string `json:"skuId"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	product := c.vars["productId"]
	acc := c.licensee(c.vars["userId"])
	switch {
	case acc == nil || acc.licences[product] != c.vars["skuId"]:
		return nil, noLicence
	case in.ProductID != "" && in.ProductID != product:
		return nil, unmet("Reassign operation can't be performed on different products: " + product + ", " + in.ProductID)
	case in.UserID != "" && !strings.EqualFold(in.UserID, acc.primary):
		return nil, unmet("Reassign operation can't be performed on different users: " + acc.primary + ", " + in.UserID)
	case in.SkuID == c.vars["skuId"]:
		return nil, unmet("For reassign operations, the new SKU should be different from the old SKU: " + in.SkuID)
	case !c.known(product, in.SkuID):
		return nil, bad("Invalid productId or skuId")
	case !c.free(product, in.SkuID):
		return nil, unmet(noSeats)
	}
	acc.licences[product] = in.SkuID
	return assignment(acc, product), nil
}

func (c *call) deleteLicence() (any, error) {
	product := c.vars["productId"]
	acc := c.licensee(c.vars["userId"])
	if acc == nil || acc.licences[product] != c.vars["skuId"] {
		return nil, noLicence
	}
	delete(acc.licences, product)
	return struct{}{}, nil
}
