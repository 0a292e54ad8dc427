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
	for range 3 {
		done, err := m.prepare(ctx, styles)
		if err != nil {
			return m.client.explain("prepare the categories of "+m.address, m.address, mailboxSettings, err)
		}
		if done {
			return nil
		}
	}
	return m.client.explain("prepare the categories of "+m.address, m.address, mailboxSettings, errCategories)
}

// prepare reads the list and sends what is to be done about it. It is not done when another program was quicker with
// a name, so that the list has to be read again.
func (m *Mailbox) prepare(ctx context.Context, styles []inbox.Style) (done bool, err error) {
	have, err := m.categories(ctx)
	if err != nil {
		return false, err
	}
	changes, err := m.categoryChanges(ctx, have, styles)
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

// categories reads the whole list.
func (m *Mailbox) categories(ctx context.Context) ([]wireItem, error) {
	request, err := m.client.users(m.address).Outlook().MasterCategories().ToGetRequestInformation(ctx, nil)
	var out []wireItem
	for err == nil {
		var answers []inner
		if answers, err = m.round(ctx, []*abstractions.RequestInformation{request}); err != nil {
			break
		}
		if refusal := answers[0].refusal(); refusal != nil {
			return nil, refusal
		}
		body := &answers[0].body
		out = append(out, body.Value...)
		if body.NextLink == "" {
			return out, nil
		}
		var next string
		if next, err = m.client.link(body.NextLink, "users"); err != nil {
			break
		}
		request, err = users.NewItemOutlookMasterCategoriesRequestBuilder(m.client.base.String()+next, m.client.adapter).
			ToGetRequestInformation(ctx, nil)
	}
	return nil, err
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
