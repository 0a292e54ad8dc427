package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// few is up to how many mailboxes are asked for one by one. For more all of the tenant's are listed.
const few = 20

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

// Questions are the commands that Read begins with, for a Script to ask. Who the people in the answers are is asked after them.
func (a *Admin) Questions(want []provision.Mailbox, only []provision.Aspect) []Command {
	q := ask{want, only}
	list, tenant := q.addresses()
	out := a.tenantQuestions(q, tenant)
	for _, m := range list {
		out = append(out, a.getMailbox(m))
		out = append(out, q.perMailbox(m)...)
	}
	return out
}

// perMailbox are the commands that have to be asked of each mailbox.
func (q ask) perMailbox(address string) []Command {
	var out []Command
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

// Read implements provision.Admin. It takes three rounds: which mailboxes are there, what is true of them, and who the people
// are that Exchange names in its own ways.
func (a *Admin) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	if only != nil && !slices.ContainsFunc(only, func(x provision.Aspect) bool { return slices.Contains(aspects, x) }) {
		return blank(want), nil
	}
	if only == nil {
		clear(a.known)
	}
	q := ask{want, only}
	list, tenant := q.addresses()
	found, err := a.mailboxes(ctx, list)
	if err != nil {
		return nil, fmt.Errorf("exchange: read the mailboxes: %w", err)
	}
	r := &reading{admin: a, ask: q, people: newPeople(a, want)}
	out := blank(want)
	for i := range out {
		if row, ok := found[string(out[i].Address)]; ok {
			r.mailbox(&out[i], &want[i], row)
		}
	}
	if err := r.rights(ctx, out); err != nil {
		return nil, fmt.Errorf("exchange: read the mailboxes' rights and settings: %w", err)
	}
	if err := r.people.resolve(ctx); err != nil {
		return nil, fmt.Errorf("exchange: find out who people are: %w", err)
	}
	for i := range out {
		r.grants(&out[i])
	}
	if tenant != nil {
		i := slices.IndexFunc(out, func(m provision.Mailbox) bool { return m.Address == "" })
		more, err := a.readTenant(ctx, q, tenant, &out[i])
		if err != nil {
			return nil, fmt.Errorf("exchange: read what the app may reach: %w", err)
		}
		out = append(out, more...)
	}
	return out, nil
}

func blank(want []provision.Mailbox) []provision.Mailbox {
	out := make([]provision.Mailbox, len(want))
	for i, m := range want {
		out[i] = provision.Mailbox{Address: m.Address, Provider: inbox.M365, Facts: map[provision.Fact]string{},
			Unread: map[provision.Aspect]string{}, Names: map[inbox.Address]string{}}
	}
	return out
}

// mailboxes finds the rows of the addresses, as far as there are mailboxes.
func (a *Admin) mailboxes(ctx context.Context, list []string) (map[string]Row, error) {
	found := map[string]Row{}
	keep := func(rows []Row) {
		for _, r := range rows {
			found[strings.ToLower(r.text("PrimarySmtpAddress"))] = r
		}
	}
	_, scripted := a.shell.(*Answers)
	if len(list) > few && !scripted {
		all := a.getMailbox("")
		all.Parameters = map[string]any{"ResultSize": "Unlimited", "RecipientTypeDetails": "SharedMailbox"}
		rows, err := a.one(ctx, all)
		if err != nil {
			return nil, err
		}
		keep(rows)
		list = slices.DeleteFunc(slices.Clone(list), func(m string) bool { _, ok := found[m]; return ok })
	}
	commands := make([]Command, len(list))
	for i, m := range list {
		commands[i] = a.getMailbox(m)
	}
	if len(commands) == 0 {
		return found, nil
	}
	results, err := a.shell.Run(ctx, commands...)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		if r.Err != nil && !missing(r.Err) {
			return nil, fmt.Errorf("%s: %w", list[i], r.Err)
		}
		keep(r.Rows)
	}
	return found, nil
}

// reading is one Read under way.
type reading struct {
	admin  *Admin
	ask    ask
	people *people
	held   []held
}

// held is a right as Exchange shows it, until it is known whose it is.
type held struct {
	mailbox inbox.MailboxID
	aspect  provision.Aspect
	who     string
}

// mailbox takes the facts that Get-Mailbox shows.
func (r *reading) mailbox(m, want *provision.Mailbox, row Row) {
	set := func(aspect provision.Aspect, subject, value string) {
		if r.ask.has(aspect) {
			m.Facts[provision.Fact{Aspect: aspect, Subject: subject}] = value
		}
	}
	// That it is there is said whatever is asked for, for a mailbox without facts is one that is not.
	kind, _ := strings.CutSuffix(row.text("RecipientTypeDetails"), "Mailbox")
	m.Facts[provision.Fact{Aspect: provision.Existence}] = strings.ToLower(kind)
	set(provision.Name, "", row.text("DisplayName"))
	if off, known := row.flag("AccountDisabled"); known {
		set(provision.SignIn, "", choose(off, "blocked", "allowed"))
	} else if r.ask.has(provision.SignIn) {
		m.Unread[provision.SignIn] = "Exchange did not say whether sign-in is blocked"
	}
	if mark := row.text(r.admin.mark); mark != "" {
		set(provision.Reach, "", mark)
	}
	if n, ok := size(row.text("ProhibitSendReceiveQuota")); ok {
		set(provision.Quota, "", fmt.Sprint(n))
	}
	if hidden, known := row.flag("HiddenFromAddressListsEnabled"); known {
		set(provision.AddressList, "", choose(hidden, "hidden", "shown"))
	}
	for subject, property := range sentCopies {
		if on, known := row.flag(property); known {
			set(provision.SentCopies, subject, choose(on, "on", "off"))
		}
	}
	assigned, _ := row.flag("SKUAssigned")
	set(provision.Licence, "", choose(assigned, "assigned", ""))
	r.admin.licensed[m.Address] = assigned
	for _, proxy := range row.list("EmailAddresses") {
		// The primary address is in capitals; SIP, X500 and the like are no addresses of mail.
		alias, ok := strings.CutPrefix(proxy, "smtp:")
		alias = strings.ToLower(alias)
		_, wished := want.Facts[provision.Fact{Aspect: provision.Alias, Subject: alias}]
		if ok && (wished || !ownDomain(alias)) {
			set(provision.Alias, alias, "")
		}
	}
	if r.ask.has(provision.SendOnBehalf) {
		for _, who := range row.list("GrantSendOnBehalfTo") {
			r.hold(m.Address, provision.SendOnBehalf, who)
		}
	}
	if r.ask.has(provision.Open) {
		r.people.remember(m.Address, row.list("ExtensionCustomAttribute5"))
	}
}

// sentCopies are the properties by which mail that members send is copied to the mailbox.
var sentCopies = map[string]string{"as": "MessageCopyForSentAsEnabled", "on-behalf": "MessageCopyForSendOnBehalfEnabled"}

// ownDomain reports whether the address is one that Microsoft gives each mailbox by itself.
func ownDomain(address string) bool {
	return strings.HasSuffix(address, ".onmicrosoft.com") || strings.HasSuffix(address, ".onmicrosoft.us") || strings.HasSuffix(address, ".partner.onmschina.cn")
}

func choose(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// hold notes a right of somebody; those of the mailbox itself and of the system are none.
func (r *reading) hold(mailbox inbox.MailboxID, aspect provision.Aspect, who string) {
	lower := strings.ToLower(who)
	if who == "" || strings.HasPrefix(lower, `nt authority\`) || strings.HasPrefix(lower, "s-1-5-") && !strings.HasPrefix(lower, "s-1-5-21-") {
		return
	}
	r.held = append(r.held, held{mailbox, aspect, who})
	r.people.note(who)
}

// rights runs the commands that are asked of each mailbox that is there, and takes the facts they show.
func (r *reading) rights(ctx context.Context, out []provision.Mailbox) error {
	type taken struct {
		at   int
		take func(*provision.Mailbox, *provision.Mailbox, Result)
	}
	var commands []Command
	var takes []taken
	add := func(i int, c Command) {
		commands = append(commands, c)
		takes = append(takes, taken{i, r.takes(c.Name)})
	}
	for i := range out {
		if out[i].Address == "" || !out[i].Exists() {
			continue
		}
		for _, c := range r.ask.perMailbox(string(out[i].Address)) {
			add(i, c)
		}
	}
	if len(commands) == 0 {
		return nil
	}
	results, err := r.admin.shell.Run(ctx, commands...)
	if err != nil {
		return err
	}
	for i, res := range results {
		t := takes[i]
		t.take(&out[t.at], &r.ask.want[t.at], res)
	}
	return nil
}
