package exchangesim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one object of an answer.
type row = map[string]any

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Sim) mailboxRow(m *recipient) row {
	t := s.now()
	p := m.props.at(t)
	behalf := []string{}
	for _, guid := range p.behalf {
		for _, r := range s.recipients {
			if r.guid == guid && r.shows(t) {
				behalf = append(behalf, r.name)
			}
		}
	}
	out := row{
		"Guid": m.guid, "ExternalDirectoryObjectId": m.object, "Identity": m.name, "Name": m.name, "Alias": m.alias,
		"PrimarySmtpAddress": p.primary, "UserPrincipalName": m.upn, "DisplayName": p.display, "RecipientTypeDetails": m.kind,
		"AccountDisabled": p.disabled, "HiddenFromAddressListsEnabled": p.hidden, "MessageCopyForSentAsEnabled": p.copyAs,
		"MessageCopyForSendOnBehalfEnabled": p.copyBehalf, "EmailAddresses": p.proxies, "GrantSendOnBehalfTo": behalf,
		"GrantSendOnBehalfTo@data.type": "#Collection(String)", "ExtensionCustomAttribute5": p.extension5,
		"IssueWarningQuota": sized(p.warn), "ProhibitSendQuota": sized(p.noSend), "ProhibitSendReceiveQuota": sized(p.noReceive),
		"SKUAssigned": nil,
	}
	if m.licensed {
		out["SKUAssigned"] = true
	}
	for i := 1; i <= 15; i++ {
		out[fmt.Sprintf("CustomAttribute%d", i)] = p.custom[i]
	}
	return out
}

func (s *Sim) getMailbox(p params) ([]row, []string, *refusal) {
	t := s.now()
	match := func(*recipient) bool { return true }
	if p.has("Filter") {
		property, value, no := filter(p.text("Filter"))
		if no != nil {
			return nil, nil, no
		}
		switch n := custom(property); {
		case n > 0:
			match = func(m *recipient) bool { return strings.EqualFold(m.props.at(t).custom[n], value) }
		// Either searches all addresses ("Filterable properties for the Filter parameter", PrimarySmtpAddress).
		case strings.EqualFold(property, "EmailAddresses"), strings.EqualFold(property, "PrimarySmtpAddress"):
			match = func(m *recipient) bool { return m.owns(m.props.at(t), value) }
		default:
			return nil, nil, invalid("%s is not a recognized filterable property.", property)
		}
	}
	var out []row
	for _, m := range s.recipients {
		switch {
		case !strings.HasSuffix(m.kind, "Mailbox") || !match(m):
		case p.flag("SoftDeletedMailbox"):
			if m.deleted {
				out = append(out, s.mailboxRow(m))
			}
		// An enumeration's value may be the beginning of a name; one that is none finds nothing.
		case !m.shows(t) || p.has("RecipientTypeDetails") && !strings.HasPrefix(strings.ToLower(m.kind), strings.ToLower(p.text("RecipientTypeDetails"))):
		case p.has("Identity") && !m.called(p.text("Identity"), m.props.at(t)):
		default:
			out = append(out, s.mailboxRow(m))
		}
	}
	if p.has("Identity") && len(out) == 0 {
		if s.MissingIsAll {
			return s.getMailbox(params{})
		}
		return nil, nil, notFound(p.text("Identity"))
	}
	if !strings.EqualFold(p.text("ResultSize"), "Unlimited") && len(out) > 1000 {
		return out[:1000], []string{"There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter."}, nil
	}
	return out, nil, nil
}

func (s *Sim) newMailbox(p params) ([]row, []string, *refusal) {
	if !p.flag("Shared") {
		return nil, nil, refuse(400, "System.Management.Automation.ParameterBindingException", "Only shared mailboxes are simulated.")
	}
	name, address, alias := p.text("Name"), p.text("PrimarySmtpAddress"), p.text("Alias")
	if name == "" || len(name) > 64 {
		return nil, nil, invalid("Name must be of 1 to 64 characters.")
	}
	if alias == "" {
		alias = strings.ReplaceAll(name, " ", "")
	}
	if strings.ContainsAny(alias, " @\"(),:;<>[\\]") || strings.HasPrefix(alias, ".") || strings.HasSuffix(alias, ".") || strings.Contains(alias, "..") {
		return nil, nil, invalid("The value \"%s\" of Alias isn't valid.", alias)
	}
	if !strings.Contains(address, "@") {
		return nil, nil, invalid("\"%s\" isn't a valid SMTP address.", address)
	}
	if s.named(name) != nil {
		return nil, nil, refuse(400, "Microsoft.Exchange.Provisioning.NameNotAvailableException", "The name \"%s\" is already being used. Please try another name.", name)
	}
	for _, a := range []string{address, alias + "@" + initial} {
		if no := s.proxyTaken(nil, a); no != nil {
			return nil, nil, no
		}
	}
	display := p.text("DisplayName")
	if display == "" {
		display = name
	}
	visible := s.now().Add(s.Delays.Recipient)
	m := s.create("SharedMailbox", name, display, address, visible)
	m.alias = alias
	if s.OnMailbox != nil {
		s.OnMailbox(strings.ToLower(address), display, visible)
	}
	return []row{s.mailboxRow(m)}, nil, nil
}

// proxyTaken refuses an address that another recipient has, whether it shows yet or not.
func (s *Sim) proxyTaken(but *recipient, address string) *refusal {
	if r := s.holder(address); r != nil && r != but {
		return refuse(400, "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException",
			"The proxy address \"SMTP:%s\" is already being used by the proxy addresses or LegacyExchangeDN of \"%s\". Please choose another proxy address.", address, r.name)
	}
	return nil
}

func (s *Sim) removeMailbox(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		if p.flag("PermanentlyDelete") {
			for i, r := range s.recipients {
				if r.deleted && r.guid == p.text("Identity") {
					s.recipients = slices.Delete(s.recipients, i, i+1)
					return nil, nil, nil
				}
			}
		}
		return nil, nil, no
	}
	s.drop(m, s.now().Add(s.Delays.Recipient))
	if s.OnDelete != nil {
		s.OnDelete(strings.ToLower(m.props.now().primary))
	}
	s.accessChanged(m)
	return nil, nil, nil
}

func (s *Sim) drop(m *recipient, shownUntil time.Time) {
	m.deleted, m.shownUntil = true, shownUntil
	s.measureReach()
}

func (s *Sim) getRecipient(p params) ([]row, []string, *refusal) {
	t := s.now()
	var out []row
	for _, r := range s.find(p.text("Identity")) {
		pr := r.props.at(t)
		out = append(out, row{"Guid": r.guid, "Identity": r.name, "Name": r.name, "PrimarySmtpAddress": pr.primary, "EmailAddresses": pr.proxies,
			"DisplayName": pr.display, "RecipientTypeDetails": r.kind, "WindowsLiveID": r.upn})
	}
	if len(out) == 0 {
		if s.MissingIsAll && p.text("Identity") != "*" {
			return s.getRecipient(params{"Identity": "*"})
		}
		return nil, nil, notFound(p.text("Identity"))
	}
	return out, nil, nil
}

func (s *Sim) getStatistics(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return nil, nil, no
	}
	return []row{{"DisplayName": m.props.at(s.now()).display, "TotalItemSize": sized(m.size), "ItemCount": m.size / 50_000}}, nil, nil
}
