package exchange

import (
	"context"
	"errors"
	"strings"

	"github.com/postroom/postroom/core/provision"
)

// doPrincipal makes the app known to Exchange.
func (a *Admin) doPrincipal(ctx context.Context, s provision.Step) error {
	if s.Verb == provision.Remove || s.Verb == provision.Delete {
		return a.do(ctx, Command{Name: "Remove-ServicePrincipal", Parameters: map[string]any{"Identity": s.Before}, Already: gone})
	}
	if s.Before != "" {
		if err := a.do(ctx, Command{Name: "Remove-ServicePrincipal", Parameters: map[string]any{"Identity": s.Before}, Already: gone}); err != nil {
			return err
		}
	}
	return a.do(ctx, Command{Name: "New-ServicePrincipal",
		Parameters: map[string]any{"AppId": s.Fact.Subject, "ObjectId": s.After, "DisplayName": "Postroom"}, Already: there})
}

// doScope makes or changes the scope of the app.
func (a *Admin) doScope(ctx context.Context, s provision.Step) error {
	identity, filter := s.Fact.Subject, s.After
	set := Command{Name: "Set-ManagementScope", Parameters: map[string]any{"Identity": identity, "RecipientRestrictionFilter": filter}}
	switch {
	case s.Verb == provision.Remove || s.Verb == provision.Delete:
		return a.do(ctx, Command{Name: "Remove-ManagementScope", Parameters: map[string]any{"Identity": identity}, Already: gone})
	case s.Before != "":
		return a.do(ctx, set)
	}
	found := Sight{getScope(identity), "Name", identity}
	err := a.do(ctx, Command{Name: "New-ManagementScope", Parameters: map[string]any{"Name": identity, "RecipientRestrictionFilter": filter}, Unless: &found})
	var f *Failure
	if errors.As(err, &f) && f.has(there...) {
		return a.do(ctx, set)
	}
	return err
}

// doRole assigns a role of the app for one scope alone, or takes it away.
func (a *Admin) doRole(ctx context.Context, s provision.Step) error {
	app := a.app
	if app == "" {
		return errors.New("whose role it is was not read before")
	}
	results, err := a.shell.Run(ctx, getPrincipals(), getAssignments(app))
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil && !isMissing(r.Err) {
			return r.Err
		}
	}
	rows := results[1].Rows
	if !knows(results[0].Rows, app) {
		rows = nil // what is listed is other apps'
	}
	if several(rows, "RoleAssigneeName") {
		return errAnyones
	}
	have := false
	for _, as := range assignments(rows) {
		if !strings.EqualFold(as.role, s.Fact.Subject) {
			continue
		}
		if s.Verb != provision.Remove && strings.EqualFold(as.scope, s.After) {
			have = true
			continue
		}
		if err := a.do(ctx, Command{Name: "Remove-ManagementRoleAssignment", Parameters: map[string]any{"Identity": as.name}, Already: gone}); err != nil {
			return err
		}
	}
	if have || s.Verb == provision.Remove {
		return nil
	}
	return a.do(ctx, Command{Name: "New-ManagementRoleAssignment",
		Parameters: map[string]any{"App": app, "Role": s.Fact.Subject, "CustomResourceScope": s.After}, Already: there})
}
