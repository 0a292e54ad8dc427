package workspace

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"google.golang.org/api/groupssettings/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// identity are the keys of Groups Settings that say which group it is; they are changed through the directory.
var identity = map[string]bool{"kind": true, "email": true, "name": true}

// settingKeys has the field of groupssettings.Groups of each key that can be set. All are texts, also what is true or
// false: the API knows no other booleans.
var settingKeys = func() map[string]int {
	keys := map[string]int{}
	for i, f := range reflect.VisibleFields(reflect.TypeFor[groupssettings.Groups]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.String && key != "" && key != "-" && !identity[key] {
			keys[key] = i
		}
	}
	return keys
}()

// settings gives the values of a group, by key; nil where it is not there.
func (a *Admin) settings(ctx context.Context, group inbox.Address) (map[string]string, error) {
	g, err := readOne(ctx, a, "read the settings of "+string(group), a.way.settings.Groups.Get(string(group)).Context(ctx).Do)
	if g == nil {
		return nil, err
	}
	if is := inbox.NewAddress(g.Email); is != "" && is != group {
		return nil, &held{address: group, by: is}
	}
	values := map[string]string{}
	of := reflect.ValueOf(g).Elem()
	for key, field := range settingKeys {
		if value := of.Field(field).String(); value != "" {
			values[key] = value
		}
	}
	return values, nil
}

// setSetting sets one key of the front group of the step's mailbox.
func (a *Admin) setSetting(ctx context.Context, s provision.Step) error {
	group := a.front(s)
	if group == "" {
		return fmt.Errorf("workspace: set %s of %s: it has no front group", s.Fact.Subject, s.Mailbox)
	}
	what := fmt.Sprintf("set %s of the group %s", s.Fact.Subject, group)
	field, ok := settingKeys[s.Fact.Subject]
	if !ok {
		return fmt.Errorf("workspace: %s: Groups Settings has no such text", what)
	}
	var change groupssettings.Groups
	reflect.ValueOf(&change).Elem().Field(field).SetString(s.After)
	change.ForceSendFields = []string{reflect.TypeFor[groupssettings.Groups]().Field(field).Name}
	_, err := a.way.settings.Groups.Patch(string(group), &change).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) {
		return &provision.NotYet{Err: fmt.Errorf("workspace: %s: the group is not there, or not yet", what)}
	}
	return a.refusedIfForbidden(a.explain(what, err))
}

// front is the group in front of the step's mailbox: the step's own word, or what was wished when it was last read.
func (a *Admin) front(s provision.Step) inbox.Address {
	wished := provision.Mailbox{Address: s.Mailbox, Facts: map[provision.Fact]string{}}
	for _, v := range s.With {
		wished.Facts[v.Fact] = v.Value
	}
	if group := frontOf(&wished); group != "" {
		return group
	}
	return a.fronts[s.Mailbox]
}
