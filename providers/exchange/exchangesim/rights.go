package exchangesim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// allMailboxes answers for all mailboxes where one was not found, if the tenant does that.
func (s *Sim) allMailboxes(no *refusal, get func(params) ([]row, []string, *refusal)) ([]row, []string, *refusal) {
	if !s.MissingIsAll || no.status != 404 {
		return nil, nil, no
	}
	var out []row
	for _, r := range s.recipients {
		if strings.HasSuffix(r.kind, "Mailbox") && r.shows(s.now()) {
			rows, _, no := get(params{"Identity": r.guid})
			if no != nil {
				return nil, nil, no
			}
			out = append(out, rows...)
		}
	}
	return out, nil, nil
}

func (s *Sim) getPermission(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return s.allMailboxes(no, s.getPermission)
	}
	line := func(user string, inherited, deny bool, rights ...string) row {
		return row{"Identity": m.name, "User": user, "AccessRights": rights, "IsInherited": inherited, "Deny": deny, "InheritanceType": "All"}
	}
	out := []row{
		line(`NT AUTHORITY\SELF`, false, false, "FullAccess", "ReadPermission"),
		line(`PR0P264A001\Domain Admins`, true, true, "FullAccess"),
		line(`PR0P264A001\Organization Management`, true, false, "FullAccess", "DeleteItem", "ReadPermission", "ChangePermission", "ChangeOwner"),
	}
	access := m.access.at(s.now())
	for _, guid := range sortedKeys(access) {
		e := access[guid]
		if e.deny {
			out = append(out, line(s.shown(guid), false, true, "FullAccess"))
		}
		var rights []string
		if e.full {
			rights = append(rights, "FullAccess")
		}
		if e.read {
			rights = append(rights, "ReadPermission")
		}
		if len(rights) > 0 {
			out = append(out, line(s.shown(guid), false, false, rights...))
		}
	}
	return out, nil, nil
}

// trustee is who a right is given to or taken from; somebody who is gone can still be named by the security identifier.
func (s *Sim) trustee(who string) (*recipient, *refusal) {
	for _, r := range s.recipients {
		if r.sid == who {
			return r, nil
		}
	}
	list := s.find(who)
	if len(list) == 1 {
		return list[0], nil
	}
	return nil, refuse(400, "Microsoft.Exchange.Configuration.Tasks.SecurityPrincipalNotFoundException", "User or group \"%s\" wasn't found. Please make sure you've typed it correctly.", who)
}

func (s *Sim) addPermission(p params) ([]row, []string, *refusal) {
	m, who, no := s.mailboxAnd(p, "User")
	if no != nil {
		return nil, nil, no
	}
	e := m.access.now()[who.guid]
	next := e
	for _, right := range p.list("AccessRights") {
		switch right {
		case "FullAccess":
			if !next.full {
				next.full, next.mapped = true, !p.has("AutoMapping") || p.flag("AutoMapping")
			}
		case "ReadPermission":
			next.read = true
		default:
			return nil, nil, invalid("The right %q is not simulated.", right)
		}
	}
	if next == e {
		return nil, []string{fmt.Sprintf("The appropriate access control entry is already present on the object \"%s\" for account \"%s\".", m.name, s.shown(who.guid))}, nil
	}
	s.setAccess(m, who.guid, func(now *entry) { *now = next })
	return []row{{"Identity": m.name, "User": s.shown(who.guid), "AccessRights": p.list("AccessRights"), "IsInherited": false, "Deny": false}}, nil, nil
}

func (s *Sim) mailboxAnd(p params, who string) (m, r *recipient, no *refusal) {
	if m, no = s.mailbox(p.text("Identity")); no != nil {
		return nil, nil, no
	}
	if p.text(who) == "" {
		return nil, nil, refuse(400, "System.Management.Automation.ParameterBindingException", "Cannot process command because of one or more missing mandatory parameters: %s.", who)
	}
	r, no = s.trustee(p.text(who))
	return m, r, no
}

func (s *Sim) removePermission(p params) ([]row, []string, *refusal) {
	m, who, no := s.mailboxAnd(p, "User")
	if no != nil {
		return nil, nil, no
	}
	e := m.access.now()[who.guid]
	next := e
	for _, right := range p.list("AccessRights") {
		switch right {
		case "FullAccess":
			next.full, next.mapped = false, false
		case "ReadPermission":
			next.read = false
		}
	}
	if next == e {
		return nil, []string{fmt.Sprintf("Can't remove the access control entry on the object \"%s\" for account \"%s\" because the ACE isn't present.", m.name, s.shown(who.guid))}, nil
	}
	s.setAccess(m, who.guid, func(now *entry) { *now = next })
	return nil, nil, nil
}

func (s *Sim) getTrustees(p params) ([]row, []string, *refusal) {
	m, no := s.one(p.text("Identity"))
	if no != nil {
		return s.allMailboxes(no, s.getTrustees)
	}
	line := func(who string) row {
		return row{"Identity": m.name, "Trustee": who, "AccessControlType": "Allow", "AccessRights": []string{"SendAs"}, "IsInherited": false, "InheritanceType": "None"}
	}
	out := []row{line(`NT AUTHORITY\SELF`)}
	for _, guid := range sortedKeys(m.sendAs.at(s.now())) {
		out = append(out, line(s.shown(guid)))
	}
	return out, nil, nil
}

func (s *Sim) setTrustee(p params, has bool) ([]row, []string, *refusal) {
	m, who, no := s.mailboxAnd(p, "Trustee")
	if no != nil {
		return nil, nil, no
	}
	if rights := p.list("AccessRights"); len(rights) != 1 || rights[0] != "SendAs" {
		return nil, nil, invalid("Cannot bind parameter 'AccessRights'.")
	}
	now := m.sendAs.now()
	if now[who.guid] == has {
		if !has {
			return nil, nil, refuse(400, "Microsoft.Exchange.Management.RecipientTasks.AceDoesntExistException", "The ACE doesn't exist on the object \"%s\".", m.name)
		}
		return nil, []string{fmt.Sprintf("The appropriate access control entry is already present on the object \"%s\" for account \"%s\".", m.name, s.shown(who.guid))}, nil
	}
	next := maps.Clone(now)
	if has {
		next[who.guid] = true
	} else {
		delete(next, who.guid)
	}
	m.sendAs.set(next, s.now().Add(s.Delays.Permission))
	s.accessChanged(m)
	return nil, nil, nil
}
