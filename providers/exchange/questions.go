package exchange

import (
	"slices"

	"github.com/postroom/postroom/core/provision"
)

var (
	mailboxProperties = []string{
		"Guid", "ExternalDirectoryObjectId", "PrimarySmtpAddress", "UserPrincipalName", "DisplayName", "RecipientTypeDetails", "AccountDisabled",
		"HiddenFromAddressListsEnabled", "MessageCopyForSentAsEnabled", "MessageCopyForSendOnBehalfEnabled", "EmailAddresses",
		"GrantSendOnBehalfTo", "ProhibitSendReceiveQuota", "SKUAssigned", "ExtensionCustomAttribute5",
	}
	recipientProperties = []string{"Guid", "PrimarySmtpAddress", "EmailAddresses", "DisplayName", "RecipientTypeDetails", "WindowsLiveID", "Identity", "Name"}
)

// The aspects by the cmdlet that shows them.
var (
	ofMailbox = []provision.Aspect{
		provision.Existence, provision.SignIn, provision.Reach, provision.Name, provision.Quota, provision.AddressList,
		provision.SentCopies, provision.Alias, provision.SendOnBehalf, provision.Licence,
	}
	ofPermission = []provision.Aspect{provision.Open, provision.Read}
	ofTrustee    = []provision.Aspect{provision.SendAs}
	ofRegion     = []provision.Aspect{provision.Language, provision.TimeZone, provision.FolderNames}
	ofReply      = []provision.Aspect{provision.AutoReply}
)

// ask is what a reading needs: the commands, and which aspects they are for.
type ask struct {
	want []provision.Mailbox
	only []provision.Aspect
}

func (q ask) any(of []provision.Aspect) bool {
	return q.only == nil || slices.ContainsFunc(of, func(a provision.Aspect) bool { return slices.Contains(q.only, a) })
}

func (q ask) has(a provision.Aspect) bool { return q.any([]provision.Aspect{a}) }

// addresses are those of the mailboxes asked for, the tenant left out.
func (q ask) addresses() (list []string, tenant *provision.Mailbox) {
	for i := range q.want {
		if q.want[i].Address == "" {
			tenant = &q.want[i]
			continue
		}
		list = append(list, string(q.want[i].Address))
	}
	return list, tenant
}

func ofAddress(cmdlet, address string, properties []string) Command {
	return Command{Name: cmdlet, Parameters: map[string]any{"Identity": address}, Anchor: address, Select: properties}
}

func (a *Admin) getMailbox(address string) Command {
	return ofAddress("Get-Mailbox", address, append(slices.Clone(mailboxProperties), a.mark))
}

func getPermission(address string) Command {
	return ofAddress("Get-MailboxPermission", address, []string{"Identity", "User", "AccessRights", "IsInherited", "Deny"})
}

// getTrustees asks who may send as one mailbox. All could be had at once, but in rows that name a mailbox by what is not always
// its own alone, and a right that is overlooked is worse than one request for ten mailboxes.
func getTrustees(address string) Command {
	return ofAddress("Get-RecipientPermission", address, []string{"Identity", "Trustee", "AccessRights", "AccessControlType", "IsInherited"})
}

func getRegion(address string) Command {
	c := ofAddress("Get-MailboxRegionalConfiguration", address, nil)
	c.Parameters["VerifyDefaultFolderNameLanguage"] = true
	return c
}

func getReply(address string) Command {
	return ofAddress("Get-MailboxAutoReplyConfiguration", address, []string{"Identity", "AutoReplyState"})
}

// Questions are the commands that Read begins with, and those that Do begins with where it creates a mailbox, for a Script to
// ask. Who the people in the answers are is asked after them.
func (a *Admin) Questions(want []provision.Mailbox, only []provision.Aspect) []Command {
	q := ask{want, only}
	list, tenant := q.addresses()
	out := a.tenantQuestions(q, tenant)
	for _, m := range list {
		out = append(append(out, a.perMailbox(q, m)...), getRecipient(m), getDeleted(m))
	}
	return out
}

// wantsMailbox reports whether the mailbox itself has to be looked at; of FullAccess it knows the auto-mapping.
func (q ask) wantsMailbox() bool { return q.any(ofMailbox) || q.has(provision.Open) }

// perMailbox are the commands that are asked of each mailbox.
func (a *Admin) perMailbox(q ask, address string) []Command {
	var out []Command
	if q.wantsMailbox() {
		out = append(out, a.getMailbox(address))
	}
	if q.any(ofPermission) {
		out = append(out, getPermission(address))
	}
	if q.any(ofTrustee) {
		out = append(out, getTrustees(address))
	}
	if q.any(ofRegion) {
		out = append(out, getRegion(address))
	}
	if q.any(ofReply) {
		out = append(out, getReply(address))
	}
	return out
}
