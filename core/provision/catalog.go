package provision

import (
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// kind says how an aspect of a wish is compared with the finding.
type kind int

const (
	setting kind = iota // compared only where the wish has it
	whole               // a set that is the manifest's: what the wish lacks is removed
	added               // a set that only grows: what the wish lacks stays
)

// phase is when a step is done. One phase is done and read back in all mailboxes before the next begins.
type phase int

const (
	removing phase = iota // so that nobody is given anything while they hold what the file does not give them
	ofTenant
	creating // and blocking the sign-in at once
	moving   // an alias from one mailbox to another: taken and given back to back, so that mail to it bounces for a moment only
	equipping
)

// row is what provisioning knows of one aspect. In the words {it} stands for the subject, {group} for the group
// that a membership is of, {was} and {is} for the values, and {colour} for the color of a new marker.
type row struct {
	aspect   Aspect
	at       inbox.Provider // empty: the same at every provider
	kind     kind
	phase    phase // of what is no removal
	missing  Verb  // what brings it about where it is not there
	access   bool  // a person may do something in the mailbox through it
	replaces bool  // to set it takes away what another value gave
	delay    time.Duration
	alike    func(want, have string) bool // nil: equal

	add, set, remove             string // What, by verb
	why, whyNot                  string // Why; whyNot of a removal
	undoAdd, undoSet, undoRemove string
}

// Undo in the words that most aspects share.
const (
	outOfManifest = "take it out of the manifest and apply with --allow-remove"
	intoManifest  = "write it in the manifest and apply"
	otherValue    = "write another value in the manifest and apply"
	setBack       = "set it back to {was}"
)

// catalog has a row for every aspect, in the order in which the aspects of one mailbox are seen to: what others build on
// comes first, and markers, of which there are many, last. Who is behind a group is in it before strangers may write to it, and it takes
// their mail before the mailbox is to send as it, for Google asks for that by mail to the group. The delays are what the
// providers and those who use them say:
// rights of Exchange up to an hour, Send As up to two, a new mailbox a quarter of an hour until Graph knows it ("About
// shared mailboxes", and reports of administrators); roles for applications up to two hours ("Role Based Access Control for
// Applications in Exchange Online"); Gmail's delegates a minute by the API's page and a day by the administrators' help.
var catalog = []row{
	{
		aspect: AppPrincipal, at: inbox.M365, kind: setting, phase: ofTenant, missing: Add, replaces: true, delay: 5 * time.Minute, alike: unlessEmpty,
		add: "make the app {it} known to Exchange", set: "make Exchange know the app {it} by {is} instead of {was}",
		why: "m365.app in the manifest", whyNot: "the manifest names another app",
		undoAdd: "Remove-ServicePrincipal, in PowerShell", undoSet: "Remove-ServicePrincipal and New-ServicePrincipal, in PowerShell",
	},
	{
		aspect: AppScope, at: inbox.M365, kind: setting, phase: ofTenant, missing: Add, replaces: true, delay: 2 * time.Hour,
		add: "define the scope {it}: mailboxes with {is}", set: "change the scope {it} from mailboxes with {was} to those with {is}",
		why: "m365.scope in the manifest", whyNot: "the manifest names another scope",
		undoAdd: "Remove-ManagementScope, in PowerShell", undoSet: setBack + " (Set-ManagementScope)",
	},
	{
		aspect: AppRole, at: inbox.M365, kind: whole, phase: ofTenant, missing: Add, replaces: true, delay: 2 * time.Hour,
		add: "give the app the role {it} in the scope {is}", set: "limit the app's role {it} to the scope {is}; it was {was}",
		remove: "take the role {it} from the app; its scope was {was}",
		why:    "m365.app in the manifest", whyNot: "the app does not need it for what the manifest asks",
		undoAdd: "Remove-ManagementRoleAssignment, in PowerShell", undoSet: "New-ManagementRoleAssignment for {was}, in PowerShell",
		undoRemove: "New-ManagementRoleAssignment, in PowerShell",
	},
	{
		aspect: Existence, at: inbox.M365, kind: setting, phase: creating, missing: Create, replaces: true, delay: 15 * time.Minute,
		add: "create the {is} mailbox", set: "make a {is} mailbox of it; it is {was} now", remove: "delete the mailbox with all that is in it",
		why: "the manifest declares it", whyNot: "retired with mailbox: delete in the manifest",
		undoAdd: "declare it as retired with mailbox: delete", undoSet: "Set-Mailbox -Type, in PowerShell",
		undoRemove: "for 30 days it can be restored in the Microsoft 365 admin center; after that not at all",
	},
	{
		aspect: Existence, at: inbox.Gmail, kind: setting, phase: creating, missing: Create, replaces: true, delay: 15 * time.Minute,
		add: "create the {is}", set: "make it a {is}; it is {was} now", remove: "delete the account with all that is in it",
		why: "the manifest declares it", whyNot: "retired with mailbox: delete in the manifest",
		undoAdd:    "declare it as retired with mailbox: delete",
		undoRemove: "for 20 days it can be restored in the Admin console (Directory > Users > Recently deleted); after that not at all",
	},
	{
		aspect: SignIn, at: inbox.M365, kind: setting, phase: creating, missing: Set, delay: time.Hour,
		set: "sign-in as the mailbox itself: {is}", why: "nobody signs in to a shared mailbox; people open it as themselves", undoSet: setBack,
	},
	{
		aspect: OrgUnit, at: inbox.Gmail, kind: setting, phase: equipping, missing: Set, delay: time.Hour, alike: strings.EqualFold,
		set: "organizational unit: {is}", why: "org-unit in the manifest", undoSet: setBack,
	},
	{
		aspect: Licence, at: inbox.M365, kind: setting, phase: equipping, missing: Set, delay: time.Hour, alike: strings.EqualFold,
		set: "licence: {is}", why: "licence in the manifest", undoSet: setBack,
	},
	{
		aspect: Licence, at: inbox.Gmail, kind: setting, phase: equipping, missing: Set, replaces: true, delay: time.Hour, alike: strings.EqualFold,
		set: "licence: {is}, now {was}", why: "licence in the manifest", undoSet: setBack,
	},
	{
		aspect: Name, kind: setting, phase: equipping, missing: Set, delay: time.Hour,
		set: "display name: {is}", why: "name in the manifest", undoSet: setBack,
	},
	{
		aspect: Language, kind: setting, phase: equipping, missing: Set, delay: 15 * time.Minute, alike: strings.EqualFold,
		set: "language: {is}", why: "language in the manifest", undoSet: setBack,
	},
	{
		aspect: TimeZone, at: inbox.M365, kind: setting, phase: equipping, missing: Set, delay: 15 * time.Minute,
		set: "time zone: {is}", why: "timezone in the manifest", undoSet: setBack,
	},
	{
		aspect: FolderNames, at: inbox.M365, kind: setting, phase: equipping, missing: Set, delay: 15 * time.Minute,
		set: "names of the default folders: {is}", why: "localised-folders in the manifest", undoSet: setBack,
	},
	{
		aspect: Quota, at: inbox.M365, kind: setting, phase: equipping, missing: Set, delay: time.Hour, alike: sameNumber,
		set: "quota: {is}", why: "quota in the manifest", undoSet: setBack,
	},
	{
		aspect: AddressList, kind: setting, phase: equipping, missing: Set, delay: 24 * time.Hour,
		set: "in the address list: {is}", why: "hidden in the manifest", undoSet: setBack,
	},
	{
		aspect: AutoReply, kind: setting, phase: equipping, missing: Set, delay: 15 * time.Minute,
		set: "the mail system's own automatic reply: {is}", why: "automatic-reply in the manifest; receipts are Postroom's", undoSet: setBack,
	},
	{
		aspect: SentCopies, at: inbox.M365, kind: setting, phase: equipping, missing: Set, delay: time.Hour,
		set: "copies of mail sent {it} the mailbox: {is}", why: "sent-copies in the manifest; without them no answer is seen", undoSet: setBack,
	},
	{
		aspect: Alias, at: inbox.M365, kind: whole, phase: equipping, missing: Add, delay: time.Hour, alike: always,
		add: "add the alias {it}", remove: "take away the alias {it}: mail to it bounces", why: "aliases in the manifest", whyNot: "not among the aliases in the manifest",
		undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: Alias, at: inbox.Gmail, kind: whole, phase: equipping, missing: Add, delay: 24 * time.Hour, alike: always,
		add: "add the alias {it}", remove: "take away the alias {it}: mail to it bounces", why: "aliases in the manifest", whyNot: "not among the aliases in the manifest",
		undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: Group, at: inbox.Gmail, kind: setting, phase: equipping, missing: Create, delay: 10 * time.Minute, alike: unlessEmpty,
		add: "create the group {it}, named {is}, in front", set: "name of the group {it}: {is}", why: "front or delegate-group in the manifest",
		undoAdd: "delete the group in the Admin console", undoSet: setBack,
	},
	{
		aspect: GroupMember, at: inbox.Gmail, kind: whole, phase: equipping, missing: Add, access: true, delay: 10 * time.Minute, alike: strings.EqualFold,
		add: "put {it} into the group {group} as {is}", set: "{it} is {is} in the group {group}, now {was}", remove: "take {it} out of the group {group}",
		why: "a member by the manifest, or the account behind the front", whyNot: "no member by the manifest",
		undoAdd: outOfManifest, undoSet: setBack, undoRemove: intoManifest,
	},
	{
		aspect: GroupSetting, at: inbox.Gmail, kind: added, phase: equipping, missing: Set, delay: 10 * time.Minute, alike: strings.EqualFold,
		set: "setting {it} of the group: {is}", why: "front or delegate-group in the manifest", undoSet: setBack,
	},
	{
		aspect: Sender, at: inbox.Gmail, kind: added, phase: equipping, missing: Add, delay: 15 * time.Minute, alike: ifWished,
		add: "let it send as {it}", set: "send as {it} by default", why: "aliases or front in the manifest",
		undoAdd: "take the address out under Settings > Accounts of the mailbox", undoSet: "choose another default under Settings > Accounts of the mailbox",
	},
	{
		aspect: Signature, at: inbox.Gmail, kind: setting, phase: equipping, missing: Set, delay: 15 * time.Minute,
		set: "signature: {is}", why: "signature in the manifest", undoSet: setBack,
	},
	{
		aspect: Open, at: inbox.M365, kind: whole, phase: equipping, missing: Add, access: true, delay: time.Hour, alike: unlessEmpty,
		add: "let {it} open it and work everything ({is} in Outlook)", set: "{it} has it {is} in Outlook, now {was}", remove: "{it} no longer opens it",
		why: "a member by the manifest", whyNot: "no member who opens it by the manifest",
		undoAdd: outOfManifest, undoSet: "write auto-mapping the other way and apply", undoRemove: intoManifest,
	},
	{
		aspect: Open, at: inbox.Gmail, kind: whole, phase: equipping, missing: Add, access: true, delay: 24 * time.Hour, alike: always,
		add: "make {it} a delegate, who opens it and works everything", remove: "{it} is no delegate any more",
		why: "a member by the manifest", whyNot: "no member who opens it by the manifest",
		undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: Read, at: inbox.M365, kind: whole, phase: equipping, missing: Add, access: true, delay: time.Hour, alike: always,
		add: "let {it} read it", remove: "{it} no longer reads it by a right of their own", why: "a reader by the manifest", whyNot: "no reader by the manifest",
		undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: SendAs, at: inbox.M365, kind: whole, phase: equipping, missing: Add, access: true, delay: 2 * time.Hour, alike: always,
		add: "let {it} answer as the mailbox", remove: "{it} no longer answers as the mailbox", why: "a member with answer-as: mailbox",
		whyNot: "no member with answer-as: mailbox", undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: SendOnBehalf, at: inbox.M365, kind: whole, phase: equipping, missing: Add, access: true, delay: time.Hour, alike: always,
		add: "let {it} answer as themselves for the mailbox", remove: "{it} no longer answers for the mailbox", why: "a member with answer-as: member",
		whyNot: "no member with answer-as: member", undoAdd: outOfManifest, undoRemove: intoManifest,
	},
	{
		aspect: Reach, at: inbox.M365, kind: whole, phase: equipping, missing: Add, replaces: true, delay: 2 * time.Hour,
		add: "mark it with {is}, so that the app reaches it", set: "mark it with {is} instead of {was}, so that the app reaches it",
		remove: "take off the mark {was}: the app no longer reaches it", why: "m365.app in the manifest", whyNot: "the manifest does not declare it",
		undoAdd: outOfManifest, undoSet: setBack, undoRemove: "declare it in the manifest and apply",
	},
	{
		aspect: Marker, at: inbox.M365, kind: added, phase: equipping, missing: Add, delay: 15 * time.Minute, alike: sameColour,
		add: "add the category {it}{colour}", set: "color of the category {it}: {is}, now {was}", why: "a member, a status or a tag of the manifest",
		undoAdd: "delete the category in Outlook", undoSet: setBack,
	},
	{
		aspect: Marker, at: inbox.Gmail, kind: added, phase: equipping, missing: Add, delay: 15 * time.Minute, alike: samePaint,
		add: "add the label {it}{colour}", set: "color of the label {it}: {is}, now {was}", why: "a member, a status or a tag of the manifest",
		undoAdd: "delete the label in Gmail", undoSet: setBack,
	},
}

// places has where each aspect's row is in the catalog, by provider.
var places = func() map[inbox.Provider]map[Aspect]int {
	m := map[inbox.Provider]map[Aspect]int{inbox.M365: {}, inbox.Gmail: {}}
	for i := range catalog {
		for provider, rows := range m {
			if catalog[i].at == "" || catalog[i].at == provider {
				rows[catalog[i].aspect] = i
			}
		}
	}
	return m
}()

// find gives the row of an aspect and its place in the catalog; ok is false for what the provider does not have.
func find(provider inbox.Provider, aspect Aspect) (r *row, place int, ok bool) {
	if place, ok = places[provider][aspect]; !ok {
		return nil, 0, false
	}
	return &catalog[place], place, true
}

// same reports whether the finding is as the wish wants it.
func (r *row) same(want, have string) bool {
	if r.alike != nil {
		return r.alike(want, have)
	}
	return want == have
}

// guards reports whether nobody may be given anything while this aspect could not be read, for somebody might hold more by
// it than the manifest says.
func (r *row) guards() bool { return r.access || r.aspect == AppRole || r.aspect == Reach }

func always(string, string) bool { return true }

// unlessEmpty: what is not known or does not matter is no difference.
func unlessEmpty(want, have string) bool { return want == "" || have == "" || want == have }

// ifWished: an empty wish is for any value.
func ifWished(want, have string) bool { return want == "" || want == have }

// sameColour: a marker without a color is adopted in whatever color it has.
func sameColour(want, have string) bool {
	return want == "" || want == have || want == "none" && have == ""
}

// samePaint is sameColour in Gmail, where the color of a label cannot be taken away.
func samePaint(want, have string) bool { return want == "" || want == "none" || want == have }

func sameNumber(want, have string) bool {
	a, errA := strconv.ParseInt(want, 10, 64)
	b, errB := strconv.ParseInt(have, 10, 64)
	return want == have || errA == nil && errB == nil && a == b
}
