package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

type principal struct{ app, object, display string }

type scope struct {
	name, property, value string
}

type assignment struct{ name, role, object, scope string }

// applicationRoles are those of RBAC for Applications that can be assigned here.
var applicationRoles = []string{
	"Application Mail.Read", "Application Mail.ReadWrite", "Application Mail.Send", "Application MailboxSettings.Read",
	"Application MailboxSettings.ReadWrite", "Application Mail Full Access", "Application Exchange Full Access",
}

func (s *Sim) principal(id string) *principal {
	for _, p := range s.principals {
		if id != "" && (strings.EqualFold(p.app, id) || strings.EqualFold(p.object, id) || strings.EqualFold(p.display, id)) {
			return p
		}
	}
	return nil
}

func (s *Sim) scope(name string) *scope {
	for _, sc := range s.scopes {
		if strings.EqualFold(sc.name, name) {
			return sc
		}
	}
	return nil
}

func exists(what, name string) *refusal {
	return refuse(400, "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAlreadyExistsException", "The %s \"%s\" already exists.", what, name)
}

func (s *Sim) getPrincipals(p params) ([]row, []string, *refusal) {
	var out []row
	only := s.principal(p.text("Identity"))
	if only == nil && p.has("Identity") && !s.MissingIsAll {
		return nil, nil, notFound(p.text("Identity"))
	}
	for _, x := range s.principals {
		if only != nil && only != x {
			continue
		}
		out = append(out, row{"AppId": x.app, "ObjectId": x.object, "DisplayName": x.display})
	}
	return out, nil, nil
}

func (s *Sim) newPrincipal(p params) ([]row, []string, *refusal) {
	app, object := p.text("AppId"), p.text("ObjectId")
	if s.principal(app) != nil || s.principal(object) != nil {
		return nil, nil, exists("service principal", app)
	}
	s.principals = append(s.principals, &principal{app, object, p.text("DisplayName")})
	return nil, nil, nil
}

func (s *Sim) removePrincipal(p params) ([]row, []string, *refusal) {
	x := s.principal(p.text("Identity"))
	if x == nil {
		return nil, nil, notFound(p.text("Identity"))
	}
	s.principals = slices.DeleteFunc(s.principals, func(y *principal) bool { return y == x })
	s.roles = slices.DeleteFunc(s.roles, func(y *assignment) bool { return y.object == x.object })
	s.measureReach()
	return nil, nil, nil
}

func (s *Sim) getScope(p params) ([]row, []string, *refusal) {
	only := s.scope(p.text("Identity"))
	if only == nil && !s.MissingIsAll {
		return nil, nil, notFound(p.text("Identity"))
	}
	var out []row
	for _, sc := range s.scopes {
		if only == nil || only == sc {
			// The filter comes back as it was understood.
			out = append(out, row{"Name": sc.name, "ScopeRestrictionType": "RecipientScope",
				"RecipientFilter": fmt.Sprintf("((%s -eq '%s'))", sc.property, strings.ReplaceAll(sc.value, "'", "''"))})
		}
	}
	return out, nil, nil
}

func (s *Sim) setScope(p params, isNew bool) ([]row, []string, *refusal) {
	name := p.text("Identity")
	if isNew {
		name = p.text("Name")
	}
	sc := s.scope(name)
	switch {
	case isNew && sc != nil:
		return nil, nil, exists("management scope", name)
	case !isNew && sc == nil:
		return nil, nil, notFound(name)
	}
	property, value, no := filter(p.text("RecipientRestrictionFilter"))
	if no != nil {
		return nil, nil, no
	}
	if custom(property) == 0 {
		return nil, nil, invalid("%s is not a recognized filterable property.", property)
	}
	if isNew {
		sc = &scope{name: name}
		s.scopes = append(s.scopes, sc)
	}
	sc.property, sc.value = fmt.Sprintf("CustomAttribute%d", custom(property)), value
	s.measureReach()
	return nil, nil, nil
}

func (s *Sim) removeScope(p params) ([]row, []string, *refusal) {
	sc := s.scope(p.text("Identity"))
	if sc == nil {
		return nil, nil, notFound(p.text("Identity"))
	}
	if slices.ContainsFunc(s.roles, func(a *assignment) bool { return strings.EqualFold(a.scope, sc.name) }) {
		return nil, nil, refuse(400, "Microsoft.Exchange.Configuration.Tasks.ManagementScopeInUseException", "The management scope \"%s\" is used by role assignments.", sc.name)
	}
	s.scopes = slices.DeleteFunc(s.scopes, func(x *scope) bool { return x == sc })
	return nil, nil, nil
}

func (s *Sim) getAssignments(p params) ([]row, []string, *refusal) {
	x := s.principal(p.text("RoleAssignee"))
	if x == nil && !s.MissingIsAll {
		return nil, nil, notFound(p.text("RoleAssignee"))
	}
	var out []row
	for _, a := range s.roles {
		if x == nil || a.object == x.object {
			out = append(out, row{"Name": a.name, "Role": a.role, "RoleAssigneeName": a.object, "RoleAssigneeType": "ServicePrincipal", "CustomResourceScope": orNil(a.scope)})
		}
	}
	return out, nil, nil
}

func (s *Sim) newAssignment(p params) ([]row, []string, *refusal) {
	x := s.principal(p.text("App"))
	at := slices.IndexFunc(applicationRoles, func(r string) bool { return strings.EqualFold(r, p.text("Role")) })
	within := p.text("CustomResourceScope")
	switch {
	case x == nil:
		return nil, nil, notFound(p.text("App"))
	case at < 0:
		return nil, nil, notFound(p.text("Role"))
	case within != "" && s.scope(within) == nil:
		return nil, nil, notFound(within)
	}
	role := applicationRoles[at]
	same := 0
	for _, a := range s.roles {
		if a.object == x.object && a.role == role {
			if strings.EqualFold(a.scope, within) {
				return nil, nil, exists("management role assignment", a.name)
			}
			same++
		}
	}
	name := role + "-" + x.object
	if same > 0 {
		name = fmt.Sprintf("%s-%d", name, same)
	}
	s.roles = append(s.roles, &assignment{name, role, x.object, within})
	s.measureReach()
	return nil, nil, nil
}

func (s *Sim) removeAssignment(p params) ([]row, []string, *refusal) {
	before := len(s.roles)
	s.roles = slices.DeleteFunc(s.roles, func(a *assignment) bool { return strings.EqualFold(a.name, p.text("Identity")) })
	if len(s.roles) == before {
		return nil, nil, notFound(p.text("Identity"))
	}
	s.measureReach()
	return nil, nil, nil
}

// covers reports whether an assignment takes the mailbox in, by what is true now.
func (s *Sim) covers(a *assignment, m *recipient) bool {
	if a.scope == "" {
		return true
	}
	sc := s.scope(a.scope)
	return sc != nil && strings.EqualFold(m.props.now().custom[custom(sc.property)], sc.value)
}

func (s *Sim) testPrincipal(p params) ([]row, []string, *refusal) {
	x := s.principal(p.text("Identity"))
	if x == nil {
		return nil, nil, notFound(p.text("Identity"))
	}
	var m *recipient
	if p.has("Resource") {
		var no *refusal
		if m, no = s.mailbox(p.text("Resource")); no != nil {
			return nil, nil, no
		}
	}
	var out []row
	for _, a := range s.roles {
		if a.object != x.object {
			continue
		}
		line := row{"RoleName": a.role, "GrantedPermissions": strings.TrimPrefix(a.role, "Application "), "AllowedResourceScope": a.scope, "ScopeType": "CustomRecipientScope", "InScope": "Not Run"}
		if a.scope == "" {
			line["ScopeType"], line["AllowedResourceScope"] = "Organization", "Organization"
		}
		if m != nil {
			line["InScope"] = s.covers(a, m)
		}
		out = append(out, line)
	}
	return out, nil, nil
}

// measureReach notes which mailboxes the roles reach from now on.
func (s *Sim) measureReach() {
	for _, m := range s.recipients {
		if !strings.HasSuffix(m.kind, "Mailbox") {
			continue
		}
		in := !m.deleted && slices.ContainsFunc(s.roles, func(a *assignment) bool {
			return strings.HasPrefix(a.role, "Application Mail") && !strings.HasPrefix(a.role, "Application MailboxSettings") && s.covers(a, m)
		})
		if in != m.reach.now() {
			m.reach.set(in, s.now().Add(s.Delays.Scope))
		}
	}
}

// Reaches reports whether an app reaches the mail of the mailbox by its roles in Exchange, as its servers have it now.
func (s *Sim) Reaches(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.recipients {
		if m.owns(m.props.now(), address) && m.reach.at(s.now()) {
			return true
		}
	}
	return false
}
