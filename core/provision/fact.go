// Package provision decides what has to be done so that mailboxes, the people in them and their rights become what the
// manifest says, and does it through the providers' administrations.
//
// What is true of a mailbox, and what shall be, are both written as facts: an aspect (its display name, an alias, the right
// to send as it), what the aspect is of (nothing, an address, a category), and a value. So a plan is the difference of two
// sets of facts, and every provider, whatever its API, only has to read facts and to bring one of them about. What
// provisioning knows of the aspects stands in one table, the catalog: how each is compared, when its steps are done, how long
// a provider may take, how it is undone, and the words for it.
//
// # The plan
//
// Make is pure. It compares each fact as its aspect asks: of settings only those that are wished, of what is the manifest's
// as a whole also what is beyond it, and of what only grows never that. What could not be read is neither compared nor
// changed, and the plan says so. A step that takes away access, an address or data is held back unless that is allowed, and
// so is, with its reason, every step that builds on one that is held back. A person who holds a right in a mailbox that the
// manifest does not give them is given nothing there before it is taken away; the app likewise.
//
// The order is: what is taken away, in all mailboxes; the tenant; new mailboxes and the blocking of their sign-in; aliases
// that go from one mailbox to another, each taken and given back to back; and all the rest, mailbox by mailbox.
//
// # Applying it
//
// Run.Apply promises:
//
//   - It does what the plan shows and nothing else. When what there is now calls for something that the plan does not have,
//     or no longer for what it has, it does nothing and fails with ErrStale.
//   - Each step is in the journal before it is done, and again when the provider shows it or when it has failed. A phase is
//     read back before the next begins, so nobody is given anything on the strength of a removal that does not show.
//   - It may be stopped or may die at any moment. The same plan applied again does what is left, and comes to the same end.
//   - Of two runs one works and the other fails with *Locked.
//   - A step that fails ends its mailbox, and leaves the others alone. An administration that refuses is not asked again.
//   - A step that a person has to do is never dropped, and is looked for at the end like all others.
package provision

import (
	"maps"

	"github.com/postroom/postroom/core/inbox"
)

// Fact names one thing that can be true of a mailbox. Subject is empty where a mailbox has the aspect once; addresses in it
// are in lower case.
type Fact struct {
	Aspect  Aspect `json:"aspect"`
	Subject string `json:"subject,omitempty"`
}

// Mailbox is what is true of one mailbox, or shall be. One with an empty address is the tenant itself: what concerns no
// single mailbox, such as how far the app reaches.
type Mailbox struct {
	Address  inbox.MailboxID
	Provider inbox.Provider
	// Facts with their values. What a wish leaves out of an aspect of kind Setting or Added stays as it is; in an aspect of
	// kind Whole it is not to be there. A mailbox that does not exist has no fact of the aspect Existence, and one that
	// shall not exist has no fact at all.
	Facts map[Fact]string
	// AtCreation has values for what is made anew where Facts has none, or the fact with an empty value: what the manifest
	// leaves open but a new mailbox, category or group cannot do without, such as the organisation's time zone or a color.
	// They are never compared with what is there. Only a wish has them.
	AtCreation map[Fact]string
	// Unread are aspects that could not be read, and why. They are neither compared nor changed.
	Unread map[Aspect]string
	// Unseen are single facts that the provider never shows, and how a person brings them about and looks. Nobody knows
	// whether they hold, so they are neither compared nor changed; the rest of their aspect is.
	Unseen map[Fact]string
	// Names are those of people and groups among the subjects, as far as the administration has them at hand.
	Names map[inbox.Address]string
}

// Exists reports whether the mailbox is there.
func (m *Mailbox) Exists() bool {
	_, ok := m.Facts[Fact{Aspect: Existence}]
	return ok
}

// Clone copies the mailbox, so that the copy can be changed.
func (m Mailbox) Clone() Mailbox {
	m.Facts, m.AtCreation, m.Names = maps.Clone(m.Facts), maps.Clone(m.AtCreation), maps.Clone(m.Names)
	m.Unread, m.Unseen = maps.Clone(m.Unread), maps.Clone(m.Unseen)
	return m
}

// Aspect is one side of a mailbox that can be provisioned.
type Aspect string

// The aspects of a tenant (a Mailbox without an address).
const (
	AppPrincipal Aspect = "app-principal" // m365: the app is known to Exchange. Subject: its application id; value: its object id
	AppScope     Aspect = "app-scope"     // m365: which mailboxes the app may reach. Subject: the scope's name; value: its filter
	AppRole      Aspect = "app-role"      // m365: what it may do there. Subject: the role's name; value: the scope's name
)

// The aspects of a mailbox.
const (
	Existence   Aspect = "mailbox"      // value: "shared" (m365) or "account" (gmail)
	SignIn      Aspect = "sign-in"      // m365; value: "blocked" or "allowed"
	Reach       Aspect = "reach"        // m365: the mailbox is in the app's scope; value: the mark it carries
	Name        Aspect = "name"         // value: the display name
	Language    Aspect = "language"     // value: a BCP 47 tag such as "da-DK"
	TimeZone    Aspect = "timezone"     // value: an IANA name. Administrations translate and give one that means the same back
	FolderNames Aspect = "folder-names" // m365; value: "localised" or "other": whether the default folders have names in the mailbox's language
	Quota       Aspect = "quota"        // m365: at how many bytes the mailbox neither sends nor receives; value: decimal
	AddressList Aspect = "address-list" // value: "shown" or "hidden"
	AutoReply   Aspect = "auto-reply"   // the mail system's own automatic reply; value: "off" or "on"
	SentCopies  Aspect = "sent-copies"  // m365: mail sent by members is copied to the mailbox. Subject: "as" or "on-behalf"; value: "on" or "off"
	Alias       Aspect = "alias"        // Subject: the address; no value
	Marker      Aspect = "marker"       // Subject: the category's or label's name; value: a color of inbox.Style, "" where it does not matter

	// What people may do. The subject is the address of a person or a group.
	Open         Aspect = "open"           // see and work everything. m365: FullAccess, the value being "mapped", "unmapped", or "" where nobody knows; gmail: delegate, no value
	Read         Aspect = "read"           // m365: ReadPermission; no value
	SendAs       Aspect = "send-as"        // m365: answer as the mailbox; no value
	SendOnBehalf Aspect = "send-on-behalf" // m365: answer as themselves for the mailbox; no value

	// Google Workspace alone.
	OrgUnit      Aspect = "org-unit"      // value: the path, such as "/Shared mailboxes"
	Licence      Aspect = "licence"       // value: product/sku, such as "Google-Apps/1010020027". m365: "" none, "assigned"
	Signature    Aspect = "signature"     // of the account's default sender; value: HTML
	Sender       Aspect = "sender"        // Subject: an address that the account may send as; value: "default" or ""
	Group        Aspect = "group"         // the front address. Subject: the group's address; value: its name
	GroupSetting Aspect = "group-setting" // Subject: the key of Groups Settings; value: as the API has it, "true" for true
	GroupMember  Aspect = "group-member"  // Subject: GROUP/MEMBER, both addresses; value: "MEMBER", "MANAGER" or "OWNER"
)

// GroupMembership is the subject of a GroupMember.
func GroupMembership(group, member inbox.Address) string { return string(group) + "/" + string(member) }
