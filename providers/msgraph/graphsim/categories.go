package graphsim

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// category is an entry of the mailbox's master list. Its id is a GUID.
type category struct {
	Context     string `json:"@odata.context,omitempty"`
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Color       string `json:"color"`
}

// colour checks a category colour: none, or preset0 to preset24.
func colour(name string) bool {
	if name == "none" {
		return true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, "preset"))
	return err == nil && strings.HasPrefix(name, "preset") && n >= 0 && n <= 24 && name == "preset"+strconv.Itoa(n)
}

// handleCategories routes users/{u}/outlook/masterCategories.
func (mb *mailbox) handleCategories(r *request) response {
	s := mb.sim
	if r.segment(4) == "" {
		switch r.method {
		case http.MethodGet:
			return mb.listCategories(r)
		case http.MethodPost:
			return mb.createCategory(r)
		}
		return s.wrongMethod()
	}
	i := slices.IndexFunc(mb.category, func(c *category) bool { return strings.EqualFold(c.ID, r.segments[4]) })
	if i < 0 {
		return s.notFound()
	}
	c := mb.category[i]
	switch r.method {
	case http.MethodGet:
	case http.MethodDelete:
		// Messages keep the name; they only lose its colour.
		mb.category = slices.Delete(mb.category, i, i+1)
		return empty(http.StatusNoContent)
	case http.MethodPatch:
		var body struct {
			DisplayName *string `json:"displayName"`
			Color       *string `json:"color"`
		}
		if err := r.decode(&body); err != nil {
			return s.badRequest(err.Error())
		}
		if body.DisplayName != nil && *body.DisplayName != c.DisplayName {
			return s.fail(http.StatusBadRequest, "ErrorInvalidRequest", "The displayName of a category cannot be changed.")
		}
		if body.Color != nil {
			if !colour(*body.Color) {
				return s.invalidMember("color")
			}
			c.Color = *body.Color
		}
	default:
		return s.wrongMethod()
	}
	out := *c
	out.Context = r.origin + "/$metadata#users('" + mb.id + "')/outlook/masterCategories/$entity"
	return ok(mustJSON(out))
}

func (mb *mailbox) listCategories(r *request) response {
	skip, err := strconv.Atoi(cmp.Or(r.option("skip"), "0"))
	if err != nil || skip < 0 {
		return mb.sim.badRequest("Invalid value of $skip.")
	}
	out := map[string]any{"@odata.context": r.origin + "/$metadata#users('" + mb.id + "')/outlook/masterCategories"}
	list := append([]*category{}, mb.category[min(skip, len(mb.category)):]...)
	if page := mb.sim.CategoryPage; page > 0 && len(list) > page {
		list = list[:page]
		out["@odata.nextLink"] = r.origin + "/users/" + mb.id + "/outlook/masterCategories?$skip=" + strconv.Itoa(skip+page)
	}
	out["value"] = list
	return ok(mustJSON(out))
}

func (mb *mailbox) createCategory(r *request) response {
	s := mb.sim
	var body struct {
		DisplayName string  `json:"displayName"`
		Color       *string `json:"color"`
	}
	if err := r.decode(&body); err != nil {
		return s.badRequest(err.Error())
	}
	if strings.TrimSpace(body.DisplayName) == "" {
		return s.badRequest("displayName is required.")
	}
	c := &category{DisplayName: body.DisplayName, Color: "none"}
	if body.Color != nil {
		c.Color = *body.Color
	}
	if !colour(c.Color) {
		return s.invalidMember("color")
	}
	for _, other := range mb.category {
		if strings.EqualFold(other.DisplayName, c.DisplayName) {
			status := s.DuplicateCategoryStatus
			if status == 0 {
				status = http.StatusConflict
			}
			return s.fail(status, "CategoryNameDuplicate", "A category with the same name exists already.")
		}
	}
	mb.items++
	c.ID = guid(familyCategory, uint64(mb.number)<<24|mb.items)
	mb.category = append(mb.category, c)
	out := *c
	out.Context = r.origin + "/$metadata#users('" + mb.id + "')/outlook/masterCategories/$entity"
	return created(mustJSON(out))
}
