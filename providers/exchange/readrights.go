package exchange

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// takes is how the answer to a cmdlet becomes facts.
func (r *reading) takes(cmdlet string) func(have, want *provision.Mailbox, res Result) {
	switch cmdlet {
	case "Get-Mailbox":
		return r.single
	case "Get-MailboxPermission":
		return r.permissions
	case "Get-RecipientPermission":
		return r.trustees
	case "Get-MailboxRegionalConfiguration":
		return r.region
	default:
		return r.reply
	}
}

// unread notes that aspects could not be read, as far as they were asked for.
func (r *reading) unread(m *provision.Mailbox, of []provision.Aspect, err error) {
	for _, a := range of {
		if r.ask.has(a) {
			m.Unread[a] = err.Error()
		}
	}
}

func (r *reading) permissions(m, _ *provision.Mailbox, res Result) {
	if res.Err != nil {
		r.unread(m, ofPermission, res.Err)
		return
	}
	delete(r.admin.other, m.Address)
	for _, row := range res.Rows {
		if denies(row) || inherited(row) || system(row.text("User")) {
			continue
		}
		list := rights(row)
		if len(list) == 0 {
			r.unread(m, ofPermission, unclear(row.text("User")))
		}
		for _, right := range list {
			switch {
			case strings.EqualFold(right, "FullAccess") && r.ask.has(provision.Open):
				r.hold(m.Address, provision.Open, row.text("User"))
			case strings.EqualFold(right, "ReadPermission") && r.ask.has(provision.Read):
				r.hold(m.Address, provision.Read, row.text("User"))
			case !strings.EqualFold(right, "FullAccess") && !strings.EqualFold(right, "ReadPermission"):
				// ChangePermission and the like have no place in a manifest; doctor tells of them.
				r.admin.other[m.Address] = append(r.admin.other[m.Address], otherRight{row.text("User"), right})
			}
		}
	}
}

func denies(row Row) bool {
	deny, _ := row.flag("Deny")
	return deny || strings.EqualFold(row.text("AccessControlType"), "Deny")
}

func inherited(row Row) bool {
	in, _ := row.flag("IsInherited")
	return in
}

func (r *reading) trustees(m, _ *provision.Mailbox, res Result) {
	if res.Err != nil {
		r.unread(m, ofTrustee, res.Err)
		return
	}
	for _, row := range res.Rows {
		if denies(row) || inherited(row) || system(row.text("Trustee")) {
			continue
		}
		list := rights(row)
		if len(list) == 0 {
			r.unread(m, ofTrustee, unclear(row.text("Trustee")))
		}
		if slices.ContainsFunc(list, func(right string) bool { return strings.EqualFold(right, "SendAs") }) {
			r.hold(m.Address, provision.SendAs, row.text("Trustee"))
		}
	}
}

// rights are those of a row, which may come as one text.
func rights(row Row) []string {
	var out []string
	for _, text := range row.list("AccessRights") {
		for right := range strings.SplitSeq(text, ",") {
			out = append(out, strings.TrimSpace(right))
		}
	}
	return out
}

// unclear is why nobody knows what somebody may do.
func unclear(who string) error {
	return fmt.Errorf("what %q may do is shown without a right that can be read", clean(who))
}

func (r *reading) region(m, want *provision.Mailbox, res Result) {
	if res.Err != nil || len(res.Rows) == 0 {
		if res.Err != nil {
			r.unread(m, ofRegion, res.Err)
		}
		return
	}
	row := res.Rows[0]
	tag, language := row.text("Language"), provision.Fact{Aspect: provision.Language}
	wish := wished(want, language)
	if strings.EqualFold(wish, tag) {
		tag = wish
	}
	if tag != "" && r.ask.has(provision.Language) {
		m.Facts[language] = tag
	}
	if zone := row.text("TimeZone"); zone != "" && r.ask.has(provision.TimeZone) {
		f := provision.Fact{Aspect: provision.TimeZone}
		m.Facts[f] = ianaZone(zone, wished(want, f))
	}
	if same, known := row.flag("DefaultFolderNameMatchingUserLanguage"); !r.ask.has(provision.FolderNames) {
		return
	} else if known {
		// In the language that is to go they are not in the one that is wished.
		m.Facts[provision.Fact{Aspect: provision.FolderNames}] = choose(same && (wish == "" || wish == tag), "localised", "other")
	} else {
		m.Unread[provision.FolderNames] = "Exchange did not say in which language the folders' names are"
	}
}

// wished is the value that a mailbox shall have, or shall be created with.
func wished(want *provision.Mailbox, f provision.Fact) string {
	if v, ok := want.Facts[f]; ok {
		return v
	}
	return want.AtCreation[f]
}

func (r *reading) reply(m, _ *provision.Mailbox, res Result) {
	if res.Err != nil {
		r.unread(m, ofReply, res.Err)
		return
	}
	for _, row := range res.Rows {
		if state := row.text("AutoReplyState"); state != "" {
			m.Facts[provision.Fact{Aspect: provision.AutoReply}] = choose(strings.EqualFold(state, "Disabled"), "off", "on")
		}
	}
}

// grants writes the rights that were held back until it was known whose they are.
func (r *reading) grants(m *provision.Mailbox) {
	for _, h := range r.held {
		if h.mailbox != m.Address {
			continue
		}
		subject, name, err := r.people.subject(m.Address, h)
		if err != nil {
			m.Unread[h.aspect] = err.Error()
			continue
		}
		value := ""
		if h.aspect == provision.Open {
			value = r.people.mapping(m.Address, subject)
		}
		m.Facts[provision.Fact{Aspect: h.aspect, Subject: subject}] = value
		if name != "" && strings.Contains(subject, "@") {
			m.Names[inbox.Address(subject)] = name
		}
	}
}
