package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// memoryPrefix begins the entries of ExtensionCustomAttribute5 in which it is remembered whether a mailbox is mapped in a
// member's Outlook: "automap:anna@contoso.com=off". Exchange tells nobody how a right was given.
const memoryPrefix = "automap:"

// people knows who Exchange means. It names the holder of one right by the user principal name, of the next by a display name,
// of a third by a security identifier; a plan compares e-mail addresses.
type people struct {
	admin  *Admin
	wanted map[inbox.MailboxID]map[string]provision.Aspect // subjects of each mailbox's wish, with one of their aspects
	listed bool                                            // a mailbox without a wish is read, so names are asked for
	noted  []string                                        // as Exchange wrote them, each once
	seen   map[string]bool                                 // the same in lower case, and whether each mailbox where it was met wishes it so
	memory map[inbox.MailboxID]map[string]string           // "mapped" or "unmapped", by address
}

// person is one recipient, or what has no address.
type person struct {
	primary   string   // address in lower case, or the name as Exchange has it where nobody has that name
	addresses []string // all of them
	name      string
	assumed   bool // that the address is theirs; nobody asked for the others
	err       error
}

func newPeople(a *Admin, want []provision.Mailbox) *people {
	p := &people{admin: a, wanted: map[inbox.MailboxID]map[string]provision.Aspect{}, seen: map[string]bool{}, memory: map[inbox.MailboxID]map[string]string{}}
	for _, m := range want {
		if m.Address == "" {
			continue
		}
		p.listed = p.listed || len(m.Facts) == 0
		p.wanted[m.Address] = map[string]provision.Aspect{}
		for f := range m.Facts {
			if right(f.Aspect) {
				p.wanted[m.Address][f.Subject] = f.Aspect
			}
		}
	}
	return p
}

// right reports whether the aspect is a right of somebody.
func right(a provision.Aspect) bool {
	return slices.Contains([]provision.Aspect{provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf}, a)
}

func (p *people) note(m inbox.MailboxID, who string) {
	key := strings.ToLower(who)
	_, wished := p.wanted[m][key]
	sure, met := p.seen[key]
	if !met {
		p.noted = append(p.noted, who)
	}
	p.seen[key] = wished && (sure || !met)
}

// remember takes in what is remembered of auto-mapping at a mailbox.
func (p *people) remember(m inbox.MailboxID, entries []string) {
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e, memoryPrefix)
		who, state, cut := strings.Cut(rest, "=")
		if !ok || !cut || state != "on" && state != "off" {
			continue
		}
		if p.memory[m] == nil {
			p.memory[m] = map[string]string{}
		}
		who, is := strings.ToLower(who), choose(state == "on", "mapped", "unmapped")
		if was, twice := p.memory[m][who]; twice && was != is {
			is = "" // nobody knows which came last
		}
		p.memory[m][who] = is
	}
}

func (p *people) mapping(m inbox.MailboxID, subject string) string { return p.memory[m][subject] }

// resolve asks who those are that were noted and are not known. Somebody whom the wishes name by the very address that Exchange
// shows is known: an address, user principal names included, is one recipient's alone in a tenant. Where one mailbox's does not,
// it may name them by another.
func (p *people) resolve(ctx context.Context) error {
	var ask []string
	for _, who := range p.noted {
		key := strings.ToLower(who)
		if before, ok := p.admin.known[key]; ok && before.err == nil && !p.listed && (p.seen[key] || !before.assumed) {
			continue
		}
		switch {
		case strings.HasPrefix(key, "s-1-5-"):
			p.admin.known[key] = person{primary: who}
		case p.seen[key] && !p.listed:
			p.admin.known[key] = person{primary: key, addresses: []string{key}, assumed: true}
		default:
			ask = append(ask, who)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	results, err := p.admin.recipients(ctx, ask)
	if err != nil {
		return err
	}
	for i, res := range results {
		p.admin.known[strings.ToLower(ask[i])] = newPerson(ask[i], res)
	}
	return nil
}

// recipients asks who these are, and answers in their order.
func (a *Admin) recipients(ctx context.Context, list []string) ([]Result, error) {
	commands := make([]Command, len(list))
	for i, who := range list {
		commands[i] = getRecipient(who)
	}
	return a.shell.Run(ctx, commands...)
}

func getRecipient(who string) Command {
	return Command{Name: "Get-Recipient", Parameters: map[string]any{"Identity": who}, Select: recipientProperties}
}

// addressesOf are all addresses of a recipient, in lower case.
func addressesOf(row Row) []string {
	var out []string
	for _, a := range row.list("EmailAddresses") {
		if kind, rest, ok := strings.Cut(a, ":"); ok && strings.EqualFold(kind, "smtp") {
			out = append(out, strings.ToLower(rest))
		}
	}
	return out
}

// means reports whether the row is of a recipient that has the name or address.
func means(row Row, who string) bool {
	for _, property := range []string{"PrimarySmtpAddress", "WindowsLiveID", "DisplayName", "Name", "Identity", "Guid"} {
		if strings.EqualFold(row.text(property), who) {
			return true
		}
	}
	return slices.Contains(addressesOf(row), strings.ToLower(who))
}

// newPerson reads the answer to a question for a recipient.
func newPerson(who string, res Result) person {
	// Asked for somebody who is not there, a cmdlet may list everybody ("Identity" of many Get cmdlets, Caution).
	rows := slices.DeleteFunc(slices.Clone(res.Rows), func(r Row) bool { return !means(r, who) })
	if len(rows) == 0 && len(res.Rows) == 1 {
		rows = res.Rows // known by a form of name that the row does not have
	}
	switch {
	case res.Err != nil && !isMissing(res.Err):
		return person{err: fmt.Errorf("who %q is cannot be found out: %w", who, res.Err)}
	case len(rows) > 1:
		return person{err: fmt.Errorf("%d recipients are called %q, and Exchange does not say which of them has the right; give them different names", len(rows), who)}
	case len(rows) == 0:
		// Somebody without a mailbox, or who has left.
		if strings.Contains(who, "@") {
			return person{primary: strings.ToLower(who), addresses: []string{strings.ToLower(who)}}
		}
		return person{primary: who}
	}
	row := rows[0]
	out := person{primary: strings.ToLower(row.text("PrimarySmtpAddress")), name: row.text("DisplayName")}
	out.addresses = addressesOf(row)
	if upn := strings.ToLower(row.text("WindowsLiveID")); upn != "" {
		out.addresses = append(out.addresses, upn)
	}
	if out.primary == "" {
		out.primary = who
	}
	out.addresses = append(out.addresses, out.primary)
	return out
}

// subject is under which name a plan has the holder of a right: the address by which the mailbox's wish names them, else their
// primary address, else what Exchange shows.
func (p *people) subject(m inbox.MailboxID, h held) (subject, name string, err error) {
	who := p.admin.known[strings.ToLower(h.who)]
	if who.err != nil {
		return "", "", who.err
	}
	for _, exact := range []bool{true, false} {
		for _, a := range who.addresses {
			if aspect, ok := p.wanted[m][a]; ok && (aspect == h.aspect || !exact) {
				return a, who.name, nil
			}
		}
	}
	return who.primary, who.name, nil
}
