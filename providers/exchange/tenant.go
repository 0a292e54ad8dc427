package exchange

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

var tenantAspects = []provision.Aspect{provision.AppPrincipal, provision.AppScope, provision.AppRole}

func subjects(m *provision.Mailbox, aspect provision.Aspect) []string {
	var out []string
	for f := range m.Facts {
		if f.Aspect == aspect {
			out = append(out, f.Subject)
		}
	}
	slices.Sort(out)
	return out
}

// object is the app's object id, by which roles are assigned.
func object(m *provision.Mailbox) string {
	for _, app := range subjects(m, provision.AppPrincipal) {
		return m.Facts[provision.Fact{Aspect: provision.AppPrincipal, Subject: app}]
	}
	return ""
}

func getPrincipals() Command {
	return Command{Name: "Get-ServicePrincipal", Parameters: map[string]any{}, Select: []string{"AppId", "ObjectId", "DisplayName"}}
}

func getScope(name string) Command {
	return Command{Name: "Get-ManagementScope", Parameters: map[string]any{"Identity": name}, Select: []string{"Name", "RecipientFilter"}}
}

func getAssignments(object string) Command {
	return Command{Name: "Get-ManagementRoleAssignment", Parameters: map[string]any{"RoleAssignee": object}}
}

// getMarked lists the mailboxes that carry the mark.
func (a *Admin) getMarked(value string) Command {
	c := a.getMailbox("")
	c.Parameters = map[string]any{"ResultSize": "Unlimited", "Filter": equals(a.mark, value)}
	return c
}

func (a *Admin) tenantQuestions(q ask, tenant *provision.Mailbox) []Command {
	if tenant == nil || !q.any(tenantAspects) && !q.has(provision.Reach) {
		return nil
	}
	var out []Command
	if q.has(provision.AppPrincipal) || q.has(provision.AppRole) {
		out = append(out, getPrincipals())
	}
	for _, name := range subjects(tenant, provision.AppScope) {
		if q.has(provision.AppScope) {
			out = append(out, getScope(name))
		}
		if q.has(provision.Reach) {
			out = append(out, a.getMarked(name))
		}
	}
	if id := object(tenant); id != "" && q.has(provision.AppRole) {
		out = append(out, getAssignments(id))
	}
	return out
}

// readTenant reads how far the app reaches, and gives the mailboxes that carry its mark and were not asked for.
func (a *Admin) readTenant(ctx context.Context, q ask, want, have *provision.Mailbox) ([]provision.Mailbox, error) {
	commands := a.tenantQuestions(q, want)
	if len(commands) == 0 {
		return nil, nil
	}
	results, err := a.shell.Run(ctx, commands...)
	if err != nil {
		return nil, err
	}
	var more []provision.Mailbox
	known := false
	for i, c := range commands {
		res := results[i]
		switch c.Name {
		case "Get-ServicePrincipal":
			if res.Err != nil {
				have.Unread[provision.AppPrincipal], have.Unread[provision.AppRole] = closed(res.Err), closed(res.Err)
			}
			known = knows(res.Rows, object(want))
			for _, row := range res.Rows {
				app := strings.ToLower(row.text("AppId"))
				if f := (provision.Fact{Aspect: provision.AppPrincipal, Subject: app}); slices.Contains(subjects(want, provision.AppPrincipal), app) {
					have.Facts[f] = same(row.text("ObjectId"), want.Facts[f])
				}
			}
		case "Get-ManagementScope":
			if res.Err != nil && !isMissing(res.Err) {
				have.Unread[provision.AppScope] = closed(res.Err)
			}
			name := c.Parameters["Identity"].(string)
			for _, row := range res.Rows {
				if !strings.EqualFold(row.text("Name"), name) {
					continue
				}
				f := provision.Fact{Aspect: provision.AppScope, Subject: name}
				have.Facts[f] = row.text("RecipientFilter")
				if wish := want.Facts[f]; plainFilter(wish) == plainFilter(have.Facts[f]) {
					have.Facts[f] = wish
				}
			}
		case "Get-ManagementRoleAssignment":
			if res.Err != nil && !isMissing(res.Err) {
				have.Unread[provision.AppRole] = closed(res.Err)
				continue
			}
			if !known {
				continue // the roles may be everybody's
			}
			if several(res.Rows, "RoleAssigneeName") {
				have.Unread[provision.AppRole] = errAnyones.Error()
				continue
			}
			for _, as := range assignments(res.Rows) {
				f := provision.Fact{Aspect: provision.AppRole, Subject: as.role}
				if other, ok := have.Facts[f]; ok && other != as.scope {
					// A right for everybody beside one that is bounded is one for everybody.
					have.Facts[f] = strings.Trim(other+", "+as.scope, ", ")
					if other == "" || as.scope == "" {
						have.Facts[f] = ""
					}
					continue
				}
				have.Facts[f] = as.scope
			}
		case "Get-Mailbox":
			if res.Err != nil {
				have.Unread[provision.Reach] = res.Err.Error()
			}
			for _, row := range res.Rows {
				address := inbox.MailboxID(strings.ToLower(row.text("PrimarySmtpAddress")))
				declared := slices.ContainsFunc(q.want, func(m provision.Mailbox) bool { return m.Address == address })
				// To a filter, letters are the same in both cases.
				marked := slices.ContainsFunc(subjects(want, provision.AppScope), func(scope string) bool { return strings.EqualFold(scope, row.text(a.mark)) })
				if declared || !marked {
					continue
				}
				more = append(more, a.marked(address, row))
			}
		}
	}
	return more, nil
}

var errAnyones = errors.New("the roles of others are listed beside the app's, so nobody can tell which the app has; look with Get-ManagementRoleAssignment")

// closed says why the app's reach cannot be read, and what to do about it.
func closed(err error) string {
	var f *Failure
	if errors.As(err, &f) && f.unknownCmdlet() {
		return f.Error() + "; give the provisioning app the role group Organization Management, or set the reach up by a script (postroom plan --exchange script) and leave m365.app out of the manifest"
	}
	return err.Error()
}

// marked is a mailbox that was not asked for: that it is there, and in the app's reach.
func (a *Admin) marked(address inbox.MailboxID, row Row) provision.Mailbox {
	m := blank([]provision.Mailbox{{Address: address}})[0]
	r := reading{admin: a, ask: ask{only: []provision.Aspect{provision.Existence, provision.Name, provision.Reach}}}
	r.mailbox(&m, &m, row)
	return m
}

func same(got, wish string) string {
	if strings.EqualFold(got, wish) {
		return wish
	}
	return got
}

// plainFilter takes from a filter what Exchange changes in it when it gives it back: parentheses around all of it and its
// parts, spaces, the case of names, and which quotes are used.
func plainFilter(s string) string {
	var b strings.Builder
	quoted := false
	for _, r := range s {
		switch {
		case r == '\'' || r == '"':
			quoted = !quoted
			b.WriteByte('\'')
		case quoted:
			b.WriteRune(r)
		case r == '(' || r == ')' || r == ' ' || r == '\t':
		default:
			b.WriteString(strings.ToLower(string(r)))
		}
	}
	return b.String()
}

// knows reports whether the app is among the principals. The roles of one that is not may be shown as those of all others.
func knows(principals []Row, object string) bool {
	return slices.ContainsFunc(principals, func(r Row) bool { return object != "" && strings.EqualFold(r.text("ObjectId"), object) })
}

// several reports whether rows that are about one thing are about more, as where it is not there ("Identity" of many Get
// cmdlets, Caution: "a non-existent value … returns all objects").
func several(rows []Row, property string) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return !strings.EqualFold(r.text(property), rows[0].text(property)) })
}

type assignment struct{ name, role, scope string }

func assignments(rows []Row) []assignment {
	var out []assignment
	for _, row := range rows {
		scope := row.text("CustomResourceScope")
		if scope == "" {
			scope = row.text("CustomRecipientWriteScope")
		}
		role := row.text("Role")
		if role == "" {
			continue
		}
		out = append(out, assignment{name: row.text("Name"), role: role, scope: scope})
	}
	slices.SortFunc(out, func(a, b assignment) int {
		return strings.Compare(a.role+"\x00"+a.scope+"\x00"+a.name, b.role+"\x00"+b.scope+"\x00"+b.name)
	})
	return out
}
