package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
)

// colors are Outlook's, each at the place of its preset ("outlookCategory resource type").
var colors = [...]string{
	"red", "orange", "brown", "yellow", "green", "teal", "olive", "blue", "purple", "cranberry", "steel", "dark-steel",
	"gray", "dark-gray", "black", "dark-red", "dark-orange", "dark-brown", "dark-yellow", "dark-green", "dark-teal",
	"dark-olive", "dark-blue", "dark-purple", "dark-cranberry",
}

// preset is Graph's name of a color; the empty color is none.
func preset(color string) (models.CategoryColor, error) {
	if color == "" || color == "none" {
		return models.NONE_CATEGORYCOLOR, nil
	}
	i := slices.Index(colors[:], color)
	if i < 0 {
		return 0, fmt.Errorf("no color of Outlook is named %q: use %s or none", color, strings.Join(colors[:], ", "))
	}
	return models.PRESET0_CATEGORYCOLOR + models.CategoryColor(i), nil
}

var errCategories = errors.New("the category list kept changing while it was brought in line")

// Prepare makes the mailbox's category list hold the styles' markers in their colors. A name that is there in other
// letter case is taken over, since Outlook takes both for one; a name cannot be changed once it is there. A style
// without a color leaves the color of an existing category alone. Nothing is ever deleted. It may be repeated, and
// makes one request when all is as it should be.
func (m *Mailbox) Prepare(ctx context.Context, styles []inbox.Style) error {
	if err := m.bringInLine(ctx, styles); err != nil {
		return m.client.explain("prepare the categories of "+m.address, m.address, mailboxSettings, err)
	}
	return nil
}

// bringInLine is Prepare with the error as it came.
func (m *Mailbox) bringInLine(ctx context.Context, styles []inbox.Style) error {
	for range 3 {
		if done, err := m.prepare(ctx, styles); done || err != nil {
			return err
		}
	}
	return errCategories
}

// prepare reads the list and sends what is to be done about it. It is not done when another program was quicker with
// a name, so that the list has to be read again.
func (m *Mailbox) prepare(ctx context.Context, styles []inbox.Style) (done bool, err error) {
	lists, err := m.client.categoryLists(ctx, []string{m.address})
	if err != nil {
		return false, err
	}
	if lists[0].err != nil {
		return false, lists[0].err
	}
	changes, err := m.categoryChanges(ctx, lists[0].items, styles)
	if err != nil {
		return false, err
	}
	done = true
	for some := range slices.Chunk(changes, batchSize) {
		answers, err := m.round(ctx, some)
		if err != nil {
			return false, err
		}
		var failed error
		for i := range answers {
			refusal := answers[i].refusal()
			switch {
			case answers[i].status == 0:
				failed = m.client.graver(failed, errNoAnswer)
			case refusal == nil:
			case refusal.status == http.StatusConflict, refusal.status == http.StatusNotFound && !refusal.noMailbox():
				done = false
			default:
				failed = m.client.graver(failed, refusal)
			}
		}
		if failed != nil {
			return false, failed
		}
	}
	return done, nil
}

// categoryList is the whole list of one mailbox, or why it could not be read.
type categoryList struct {
	items []wireItem
	err   error
}

// categoryLists reads the lists of the mailboxes, twenty a round trip, and gives them in the order of the addresses. An
// error is about a round as a whole.
func (c *Client) categoryLists(ctx context.Context, addresses []string) ([]categoryList, error) {
	type part struct {
		of      int // its place in addresses
		request *abstractions.RequestInformation
	}
	out := make([]categoryList, len(addresses))
	var todo []part
	for i, address := range addresses {
		request, err := c.users(address).Outlook().MasterCategories().ToGetRequestInformation(ctx, nil)
		if err != nil {
			return nil, err
		}
		todo = append(todo, part{i, request})
	}
	for len(todo) > 0 {
		some := todo[:min(batchSize, len(todo))]
		todo = todo[len(some):]
		var names []string
		var requests []*abstractions.RequestInformation
		for _, p := range some {
			names, requests = append(names, addresses[p.of]), append(requests, p.request)
		}
		answers, err := c.round(ctx, names, requests)
		if err != nil {
			return nil, err
		}
		for i := range answers {
			list, body := &out[some[i].of], &answers[i].body
			if answers[i].status == 0 {
				list.err = errNoAnswer
				continue
			}
			if refusal := answers[i].refusal(); refusal != nil {
				list.err = refusal
				continue
			}
			list.items = append(list.items, body.Value...)
			if body.NextLink == "" {
				continue
			}
			next, err := c.link(body.NextLink, "users")
			if err != nil {
				list.err = err
				continue
			}
			request, err := users.NewItemOutlookMasterCategoriesRequestBuilder(c.base.String()+next, c.adapter).
				ToGetRequestInformation(ctx, nil)
			if err != nil {
				return nil, err
			}
			todo = append(todo, part{some[i].of, request})
		}
	}
	return out, nil
}

// categoryChanges are the requests that make have what styles ask for.
func (m *Mailbox) categoryChanges(ctx context.Context, have []wireItem, styles []inbox.Style) ([]*abstractions.RequestInformation, error) {
	list := m.client.users(m.address).Outlook().MasterCategories()
	var out []*abstractions.RequestInformation
	named := map[string]bool{}
	for _, s := range styles {
		name, folded := string(s.Marker), strings.ToLower(string(s.Marker))
		if named[folded] {
			continue
		}
		named[folded] = true
		color, err := preset(s.Color)
		if err != nil {
			return nil, fmt.Errorf("category %q: %w", name, err)
		}
		i := slices.IndexFunc(have, func(c wireItem) bool { return strings.EqualFold(c.DisplayName, name) })
		category := models.NewOutlookCategory()
		category.SetColor(&color)
		var request *abstractions.RequestInformation
		switch {
		case i < 0:
			category.SetDisplayName(&name)
			request, err = list.ToPostRequestInformation(ctx, category, nil)
		case s.Color == "" || strings.EqualFold(have[i].Color, color.String()):
			continue
		default:
			request, err = list.ByOutlookCategoryId(have[i].ID).ToPatchRequestInformation(ctx, category, nil)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, request)
	}
	return out, nil
}
