package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

func (s *Sim) setMailbox(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return nil, nil, no
	}
	was := m.props.now()
	next := was.clone()
	for name := range p {
		if no := s.setProperty(m, &next, p, name); no != nil {
			return nil, nil, no
		}
	}
	if next.warn > next.noSend || next.noSend > next.noReceive {
		return nil, nil, invalid("The value of property 'ProhibitSendQuota' must be between IssueWarningQuota and ProhibitSendReceiveQuota.")
	}
	if next.noReceive > 50<<30 && !m.licensed {
		return nil, nil, invalid("The value of property 'ProhibitSendReceiveQuota' exceeds the maximum allowed for mailbox %s.", m.name)
	}
	if fmt.Sprint(was) == fmt.Sprint(next) {
		return nil, []string{fmt.Sprintf("The command completed successfully but no settings of '%s' have been modified.", m.name)}, nil
	}
	s.change(m, func(now *properties) { *now = next })
	if !slices.Equal(was.behalf, next.behalf) {
		s.accessChanged(m)
	}
	return nil, nil, nil
}

func (s *Sim) setProperty(m *recipient, next *properties, p params, name string) (no *refusal) {
	switch name {
	case "DisplayName":
		if next.display = p.text(name); next.display == "" || len(next.display) > 256 {
			return invalid("DisplayName must be of 1 to 256 characters.")
		}
	case "AccountDisabled":
		next.disabled = p.flag(name)
	case "HiddenFromAddressListsEnabled":
		next.hidden = p.flag(name)
	case "MessageCopyForSentAsEnabled":
		next.copyAs = p.flag(name)
	case "MessageCopyForSendOnBehalfEnabled":
		next.copyBehalf = p.flag(name)
	case "IssueWarningQuota":
		next.warn, no = p.bytes(name)
	case "ProhibitSendQuota":
		next.noSend, no = p.bytes(name)
	case "ProhibitSendReceiveQuota":
		next.noReceive, no = p.bytes(name)
	case "ExtensionCustomAttribute5":
		next.extension5, no = p.edit(name, next.extension5, strings.EqualFold)
	case "EmailAddresses":
		return s.setProxies(m, next, p)
	case "GrantSendOnBehalfTo":
		return s.setBehalf(next, p)
	case "Type":
		m.kind = map[string]string{"Shared": "SharedMailbox", "Regular": "UserMailbox"}[p.text(name)]
	default:
		if n := custom(name); n > 0 {
			next.custom[n] = p.text(name)
		}
	}
	return no
}

func (s *Sim) setProxies(m *recipient, next *properties, p params) *refusal {
	// Two proxy addresses are equal whether primary or not.
	list, no := p.edit("EmailAddresses", next.proxies, strings.EqualFold)
	if no != nil {
		return no
	}
	if !slices.ContainsFunc(list, func(x string) bool { return x == "SMTP:"+next.primary }) {
		return invalid("There must be one primary SMTP address; it can't be removed.")
	}
	for _, x := range list {
		if kind, address, _ := strings.Cut(x, ":"); strings.EqualFold(kind, "smtp") {
			if no := s.proxyTaken(m, address); no != nil {
				return no
			}
		}
	}
	next.proxies = list
	return nil
}

func (s *Sim) setBehalf(next *properties, p params) *refusal {
	table, _ := p["GrantSendOnBehalfTo"].(map[string]any)
	translated := map[string]any{"@odata.type": table["@odata.type"]}
	for _, key := range []string{"Add", "Remove"} {
		var guids []any
		for _, who := range params(table).list(key) {
			r, no := s.one(who)
			if no != nil {
				return refuse(400, "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException", "Couldn't find object \"%s\". Please make sure that it was spelled correctly or specify a different object.", who)
			}
			guids = append(guids, r.guid)
		}
		translated[key] = guids
	}
	var no *refusal
	next.behalf, no = params{"GrantSendOnBehalfTo": translated}.edit("GrantSendOnBehalfTo", next.behalf, func(a, b string) bool { return a == b })
	return no
}
