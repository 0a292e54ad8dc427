package exchangesim

import (
	"fmt"
	"slices"
	"strings"
)

// cmdlet is what one cmdlet takes and does. Those that change something also take Confirm.
type cmdlet struct {
	takes []string
	needs []string // of takes, what may not be left out
	run   func(*Sim, params) ([]row, []string, *refusal)
}

func takes(names string) []string { return strings.Fields(names) }

var cmdlets = map[string]cmdlet{
	"Get-Mailbox": {takes("Identity ResultSize RecipientTypeDetails Filter SoftDeletedMailbox"), nil, (*Sim).getMailbox},
	"New-Mailbox": {takes("Shared Name DisplayName PrimarySmtpAddress Alias"), takes("Name"), (*Sim).newMailbox},
	"Set-Mailbox": {slices.Concat(takes(`Identity DisplayName AccountDisabled HiddenFromAddressListsEnabled MessageCopyForSentAsEnabled
		MessageCopyForSendOnBehalfEnabled IssueWarningQuota ProhibitSendQuota ProhibitSendReceiveQuota ExtensionCustomAttribute5
		EmailAddresses GrantSendOnBehalfTo Type`), customAttributes()), takes("Identity"), (*Sim).setMailbox},
	"Remove-Mailbox":                     {takes("Identity PermanentlyDelete"), takes("Identity"), (*Sim).removeMailbox},
	"Get-Recipient":                      {takes("Identity"), takes("Identity"), (*Sim).getRecipient},
	"Get-MailboxStatistics":              {takes("Identity"), takes("Identity"), (*Sim).getStatistics},
	"Get-MailboxPermission":              {takes("Identity"), takes("Identity"), (*Sim).getPermission},
	"Add-MailboxPermission":              {takes("Identity User AccessRights InheritanceType AutoMapping"), takes("Identity User AccessRights"), (*Sim).addPermission},
	"Remove-MailboxPermission":           {takes("Identity User AccessRights InheritanceType"), takes("Identity User AccessRights"), (*Sim).removePermission},
	"Get-RecipientPermission":            {takes("Identity"), takes("Identity"), (*Sim).getTrustees},
	"Add-RecipientPermission":            {takes("Identity Trustee AccessRights"), takes("Identity Trustee AccessRights"), granting(true)},
	"Remove-RecipientPermission":         {takes("Identity Trustee AccessRights"), takes("Identity Trustee AccessRights"), granting(false)},
	"Get-MailboxRegionalConfiguration":   {takes("Identity VerifyDefaultFolderNameLanguage"), takes("Identity"), (*Sim).getRegion},
	"Set-MailboxRegionalConfiguration":   {takes("Identity Language DateFormat TimeFormat TimeZone LocalizeDefaultFolderName"), takes("Identity"), (*Sim).setRegion},
	"Get-MailboxAutoReplyConfiguration":  {takes("Identity"), takes("Identity"), (*Sim).getReply},
	"Set-MailboxAutoReplyConfiguration":  {takes("Identity AutoReplyState"), takes("Identity"), (*Sim).setReply},
	"Get-ServicePrincipal":               {takes("Identity"), nil, (*Sim).getPrincipals},
	"New-ServicePrincipal":               {takes("AppId ObjectId DisplayName"), takes("AppId ObjectId"), (*Sim).newPrincipal},
	"Remove-ServicePrincipal":            {takes("Identity"), takes("Identity"), (*Sim).removePrincipal},
	"Get-ManagementScope":                {takes("Identity"), takes("Identity"), (*Sim).getScope},
	"New-ManagementScope":                {takes("Name RecipientRestrictionFilter"), takes("Name RecipientRestrictionFilter"), scoping(true)},
	"Set-ManagementScope":                {takes("Identity RecipientRestrictionFilter"), takes("Identity"), scoping(false)},
	"Remove-ManagementScope":             {takes("Identity"), takes("Identity"), (*Sim).removeScope},
	"Get-ManagementRoleAssignment":       {takes("RoleAssignee"), takes("RoleAssignee"), (*Sim).getAssignments},
	"New-ManagementRoleAssignment":       {takes("App Role CustomResourceScope"), takes("App Role"), (*Sim).newAssignment},
	"Remove-ManagementRoleAssignment":    {takes("Identity"), takes("Identity"), (*Sim).removeAssignment},
	"Test-ServicePrincipalAuthorization": {takes("Identity Resource"), takes("Identity"), (*Sim).testPrincipal},
}

func granting(has bool) func(*Sim, params) ([]row, []string, *refusal) {
	return func(s *Sim, p params) ([]row, []string, *refusal) { return s.setTrustee(p, has) }
}

func scoping(isNew bool) func(*Sim, params) ([]row, []string, *refusal) {
	return func(s *Sim, p params) ([]row, []string, *refusal) { return s.setScope(p, isNew) }
}

func customAttributes() []string {
	var out []string
	for i := 1; i <= 15; i++ {
		out = append(out, fmt.Sprintf("CustomAttribute%d", i))
	}
	return out
}

// run runs a cmdlet as far as the caller's role has it and its parameters make a parameter set.
func (s *Sim) run(name string, p params) ([]row, []string, *refusal) {
	c, ok := cmdlets[name]
	if !ok || s.Lacks[name] {
		return nil, nil, refuse(400, "System.Management.Automation.CommandNotFoundException",
			"The term '%s' is not recognized as the name of a cmdlet, function, script file, or operable program.", name)
	}
	if s.cmdlets == nil {
		s.cmdlets = map[string]int{}
	}
	s.cmdlets[name]++
	changes := !strings.HasPrefix(name, "Get-") && !strings.HasPrefix(name, "Test-")
	for given := range p {
		if !slices.Contains(c.takes, given) && (given != "Confirm" || !changes) {
			return nil, nil, refuse(400, "System.Management.Automation.AmbiguousParameterSetException", "Parameter set cannot be resolved using the specified named parameters.")
		}
	}
	for _, need := range c.needs {
		if !p.has(need) {
			return nil, nil, refuse(400, "System.Management.Automation.ParameterBindingException", "Cannot process command because of one or more missing mandatory parameters: %s.", need)
		}
	}
	if changes && p["Confirm"] != false {
		return nil, nil, refuse(400, "System.Management.Automation.PSInvalidOperationException", "A command that prompts the user failed because the host program does not support user interaction.")
	}
	return c.run(s, p)
}

// Run runs a cmdlet as an administrator does in PowerShell, whatever the app's role and token are. Hash tables are
// map[string]any with Add and Remove.
func (s *Sim) Run(name string, parameters map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asAdmin(name, parameters)
}

func (s *Sim) asAdmin(name string, parameters map[string]any) error {
	p := params{}
	for k, v := range parameters {
		if table, ok := v.(map[string]any); ok {
			with := map[string]any{"@odata.type": "#Exchange.GenericHashTable"}
			for key, x := range table {
				with[key] = x
			}
			v = with
		}
		p[k] = v
	}
	if !strings.HasPrefix(name, "Get-") && !strings.HasPrefix(name, "Test-") {
		p["Confirm"] = false
	}
	lacks := s.Lacks
	s.Lacks = nil
	defer func() { s.Lacks = lacks }()
	if _, _, no := s.run(name, p); no != nil {
		return fmt.Errorf("exchangesim: %s: %w", name, no)
	}
	return nil
}

// Grant gives somebody FullAccess, ReadPermission, SendAs or SendOnBehalf at a mailbox, to be seen at once.
func (s *Sim) Grant(mailbox, who, right string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delays := s.Delays
	s.Delays = Delays{}
	defer func() { s.Delays = delays }()
	switch right {
	case "SendAs":
		return s.asAdmin("Add-RecipientPermission", map[string]any{"Identity": mailbox, "Trustee": who, "AccessRights": []string{right}})
	case "SendOnBehalf":
		return s.asAdmin("Set-Mailbox", map[string]any{"Identity": mailbox, "GrantSendOnBehalfTo": map[string]any{"Add": []string{who}}})
	}
	return s.asAdmin("Add-MailboxPermission", map[string]any{"Identity": mailbox, "User": who, "AccessRights": []string{right}})
}

// Deny puts an entry at a mailbox that denies somebody FullAccess.
func (s *Sim) Deny(mailbox, who string) error {
	return s.at(mailbox, func(m *recipient) error {
		r, no := s.trustee(who)
		if no != nil {
			return no
		}
		delay := s.Delays
		s.Delays = Delays{}
		s.setAccess(m, r.guid, func(e *entry) { e.deny = true })
		s.Delays = delay
		return nil
	})
}

// Leave takes a person or group out of the tenant. What rights they had stay behind under the security identifier.
func (s *Sim) Leave(address string) error {
	return s.at(address, func(r *recipient) error {
		s.drop(r, s.now())
		return nil
	})
}

// SetSize says how much is in a mailbox, in bytes.
func (s *Sim) SetSize(mailbox string, bytes int64) error {
	return s.at(mailbox, func(m *recipient) error { m.size = bytes; return nil })
}

// License gives a mailbox a licence, with which it may have up to 100 GB.
func (s *Sim) License(mailbox string) error {
	return s.at(mailbox, func(m *recipient) error { m.licensed = true; return nil })
}

// Mapped reports whether FullAccess of somebody at a mailbox was given with auto-mapping, and whether they have it at all.
func (s *Sim) Mapped(mailbox, who string) (mapped, ok bool) {
	_ = s.at(mailbox, func(m *recipient) error {
		if r := s.holder(who); r != nil {
			e := m.access.now()[r.guid]
			mapped, ok = e.mapped, e.full
		}
		return nil
	})
	return mapped, ok
}

func (s *Sim) at(address string, do func(*recipient) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.holder(address)
	if r == nil {
		return fmt.Errorf("exchangesim: nobody has the address %s", address)
	}
	return do(r)
}
