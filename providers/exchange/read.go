package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Read implements provision.Admin. Many mailboxes are listed first; what is true of each is then asked in batches; and last who
// the people are that Exchange names in its own ways.
func (a *Admin) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	out := blank(want)
	if only != nil && !slices.ContainsFunc(only, func(x provision.Aspect) bool { return slices.Contains(aspects, x) }) {
		return out, nil
	}
	if only == nil {
		clear(a.known)
	}
	r := &reading{admin: a, ask: ask{want, only}, people: newPeople(a, want)}
	if err := r.list(ctx); err != nil {
		return nil, fmt.Errorf("exchange: list the mailboxes: %w", err)
	}
	if err := r.each(ctx, out); err != nil {
		return nil, fmt.Errorf("exchange: read the mailboxes: %w", err)
	}
	if err := r.people.resolve(ctx); err != nil {
		return nil, fmt.Errorf("exchange: find out who people are: %w", err)
	}
	for i := range out {
		r.grants(&out[i])
	}
	at := slices.IndexFunc(want, func(m provision.Mailbox) bool { return m.Address == "" })
	if at < 0 {
		return out, nil
	}
	if app := object(&want[at]); app != "" {
		a.app = app
	}
	more, err := a.readTenant(ctx, r.ask, &want[at], &out[at])
	var refused *provision.Refused
	if errors.As(err, &refused) && len(want) > 1 {
		// Mailboxes were shown, so it is what apps may do that the role lets nobody see.
		r.unread(&out[at], append(slices.Clone(tenantAspects), provision.Reach), err)
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("exchange: read what the app may reach: %w", err)
	}
	return append(out, more...), nil
}

func blank(want []provision.Mailbox) []provision.Mailbox {
	out := make([]provision.Mailbox, len(want))
	for i, m := range want {
		out[i] = provision.Mailbox{Address: m.Address, Provider: inbox.M365, Facts: map[provision.Fact]string{},
			Unread: map[provision.Aspect]string{}, Names: map[inbox.Address]string{}}
	}
	return out
}

// reading is one Read under way.
type reading struct {
	admin  *Admin
	ask    ask
	people *people
	held   []held
	listed map[string]Row   // the shared mailboxes by address; nil when they were not listed
	hidden map[string]error // why one that was wanted and not listed could not be looked at
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
		set(provision.Reach, "", same(mark, want.Facts[provision.Fact{Aspect: provision.Reach}])) // as to the scope's filter
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
	if text := row.text("GrantSendOnBehalfTo"); strings.HasPrefix(text, "{") && strings.Contains(text, ",") {
		// Names may have commas, and a part of one be somebody else.
		r.unread(m, []provision.Aspect{provision.SendOnBehalf}, errors.New("who sends on behalf is shown in a form that cannot be taken apart"))
	} else if r.ask.has(provision.SendOnBehalf) {
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
	if system(who) {
		return
	}
	r.held = append(r.held, held{mailbox, aspect, who})
	r.people.note(mailbox, who)
}

// system reports whether a right is the mailbox's own or the system's, which are not people's to give or take.
func system(who string) bool {
	lower := strings.ToLower(who)
	return who == "" || strings.HasPrefix(lower, `nt authority\`) || strings.HasPrefix(lower, "s-1-5-") && !strings.HasPrefix(lower, "s-1-5-21-")
}

// each runs the commands that are asked of each mailbox, and takes the facts they show.
func (r *reading) each(ctx context.Context, out []provision.Mailbox) error {
	var commands []Command
	var about []int
	for i := range out {
		address := string(out[i].Address)
		if address == "" {
			continue
		}
		if r.listed != nil {
			if err, hidden := r.hidden[address]; hidden {
				r.unread(&out[i], slices.Concat(ofMailbox, ofPermission, ofTrustee, ofRegion, ofReply), err)
				continue
			}
			row, ok := r.listed[address]
			if !ok {
				continue
			}
			r.mailbox(&out[i], &r.ask.want[i], row)
		}
		for _, c := range r.admin.perMailbox(r.ask, address) {
			if c.Name != "Get-Mailbox" || r.listed == nil {
				commands, about = append(commands, c), append(about, i)
			}
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
		have, want := &out[about[i]], &r.ask.want[about[i]]
		if several(res.Rows, "Identity") && commands[i].Name != "Get-Mailbox" {
			res = Result{Err: &Failure{Cmdlet: commands[i].Name, Message: "the mailbox couldn't be found"}}
		}
		// A mailbox that is not there has no rights and settings either; of one that is, they could not be read.
		if commands[i].Name != "Get-Mailbox" && isMissing(res.Err) && r.ask.wantsMailbox() && !have.Exists() {
			continue
		}
		r.takes(commands[i].Name)(have, want, res)
	}
	return nil
}

// single takes the answer for one mailbox.
func (r *reading) single(have, want *provision.Mailbox, res Result) {
	if res.Err != nil && !isMissing(res.Err) {
		r.unread(have, ofMailbox, res.Err)
		return
	}
	for _, row := range res.Rows {
		// The address may be an alias of another mailbox, which is not the one that is wanted.
		if strings.EqualFold(row.text("PrimarySmtpAddress"), string(have.Address)) {
			r.mailbox(have, want, row)
		}
	}
}
