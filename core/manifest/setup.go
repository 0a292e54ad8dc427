package manifest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

const (
	maxSignature = 10_000 // characters; Gmail takes no more

	gigabyte      = 1 << 30       // as Exchange counts
	unlicensed    = 50 * gigabyte // what a shared mailbox holds without a licence ("About shared mailboxes")
	largestHeld   = 100 * gigabyte
	smallestQuota = 1 << 20
)

// elsewhere are the keys that only one provider has, and what to do about them at the other.
var elsewhere = []struct {
	key  string
	at   Provider
	text string
	fix  string
}{
	{"readers", M365, "Gmail has no right to see without answering", "write them under agents, or take the key out"},
	{"auto-mapping", M365, "Gmail shows an account to its delegates always", "take the key out"},
	{"sign-in", M365, "an account at Google has no sign-in that Postroom could block", "take the key out"},
	{"sent-copies", M365, "Gmail keeps what delegates send in the account itself", "take the key out"},
	{"localised-folders", M365, "Gmail names its folders in each person's language", "take the key out; language: is the account's"},
	{"quota", M365, "in Google Workspace the licence says how much an account holds", "take the key out"},
	{"timezone", M365, "no API sets the time zone of a Gmail account", "take the key out"},
	{"signature", Gmail, "Outlook keeps signatures with each person, not with the mailbox", "take the key out"},
	{"org-unit", Gmail, "Microsoft 365 has no organisational units", "take the key out"},
	{"front", Gmail, "a shared mailbox needs no group in front of it", "take the key out, and write the address under aliases"},
	{"delegate-group", Gmail, "a shared mailbox has room for its members", "take the key out, or give a group rights under access"},
}

// provisioned checks what shall be true of the mailbox at its provider, and puts it down as a wish.
func (r *reader) provisioned(out *Mailbox, m mailbox, at path) {
	for _, one := range elsewhere {
		if p := at.key(one.key); r.has(p) && m.Provider != "" && m.Provider != string(one.at) {
			r.add(r.name(p), one.text, one.fix)
		}
	}
	if len(m.Aliases) > maxAliases {
		r.add(r.name(at.key("aliases")), fmt.Sprintf("%d aliases are too many", len(m.Aliases)), fmt.Sprintf("at most %d fit one mailbox", maxAliases))
	}
	w := &out.wish
	w.Address, w.Provider = out.Policy.Mailbox, out.Provider
	w.Facts, w.AtCreation = make(map[provision.Fact]string), make(map[provision.Fact]string)
	set := func(aspect provision.Aspect, value string) {
		if value != "" {
			w.Facts[provision.Fact{Aspect: aspect}] = value
		}
	}
	for _, a := range out.Policy.Addresses[1:] {
		w.Facts[provision.Fact{Aspect: provision.Alias, Subject: string(a)}] = ""
	}
	set(provision.Name, m.Name)
	w.AtCreation[provision.Fact{Aspect: provision.Name}] = out.Name
	set(provision.Language, r.language(m, at.key("language")))
	if m.Hidden != nil {
		set(provision.AddressList, map[bool]string{true: "hidden", false: "shown"}[*m.Hidden])
	}
	if m.Reply != "keep" {
		set(provision.AutoReply, "off")
	}
	if m.Markers.Prepare == nil || *m.Markers.Prepare {
		r.looks(out, m)
	}
	r.access(out, m, at)
	if out.Provider == Gmail {
		r.account(out, m, at, set)
	} else {
		r.shared(out, m, at, set)
	}
}

// looks wishes the markers. A color that the manifest does not name is for those that are made anew.
func (r *reader) looks(out *Mailbox, m mailbox) {
	said := make(map[inbox.Marker]string)
	for _, one := range out.Policy.Members {
		said[one.Marker] = r.doc.Members[r.people[string(one.ID)]].Value.Color
	}
	for _, one := range out.Policy.Tags {
		if i := slices.IndexFunc(m.Tags, func(e entry[tag]) bool { return e.Key == one.Name }); i >= 0 {
			said[one.Marker] = m.Tags[i].Value.Color
		}
	}
	for _, own := range []*marker{m.Markers.Waiting, m.Markers.Closed} {
		if own != nil {
			said[inbox.Marker(own.Name)] = own.Color
		}
	}
	for _, s := range out.Styles {
		f := provision.Fact{Aspect: provision.Marker, Subject: string(s.Marker)}
		out.wish.Facts[f] = said[s.Marker]
		if said[s.Marker] == "" {
			out.wish.AtCreation[f] = s.Color
		}
	}
}

// shared wishes what only a shared mailbox of Microsoft 365 has.
func (r *reader) shared(out *Mailbox, m mailbox, at path, set func(provision.Aspect, string)) {
	set(provision.Existence, "shared")
	if m.SignIn != "keep" {
		set(provision.SignIn, "blocked")
	}
	for _, one := range []struct {
		subject string
		own     *bool
	}{{"as", m.Sent.As}, {"on-behalf", m.Sent.OnBehalf}} {
		copied := "on"
		if m.Sent.Both != nil && !*m.Sent.Both || one.own != nil && !*one.own {
			copied = "off"
		}
		out.wish.Facts[provision.Fact{Aspect: provision.SentCopies, Subject: one.subject}] = copied
	}
	if p := at.key("sent-copies"); r.object[p] && m.Sent.As == nil && m.Sent.OnBehalf == nil && !r.has(p.key("as")) && !r.has(p.key("on-behalf")) {
		r.add(r.name(p), "there is nothing here", "write as: and on-behalf:, or true or false for both")
	}
	zone := out.Location
	if m.Timezone != "" {
		zone = r.zone(m.Timezone, at.key("timezone"))
		set(provision.TimeZone, zone.String())
	} else {
		r.addEmpty(at.key("timezone"))
	}
	out.wish.AtCreation[provision.Fact{Aspect: provision.TimeZone}] = zone.String()
	if m.Localise {
		set(provision.FolderNames, "localised")
		if m.Language == "" && !r.has(at.key("language")) {
			r.add(r.name(at.key("localised-folders")), "nothing says in which language the folders shall be", "write language: da-DK, or whichever it is")
		}
	}
	r.licensed(m, at, set)
	if r.out.m365.App != "" {
		set(provision.Reach, r.out.m365.Scope)
	}
}

// language reads the mailbox's language.
func (r *reader) language(m mailbox, p path) string {
	if m.Language == "" {
		r.addEmpty(p)
		return ""
	}
	tag, country := parseLanguage(m.Language)
	switch {
	case tag == "":
		r.add(r.at(p), fmt.Sprintf("%q is not a language", m.Language), "write a BCP 47 tag, as in da-DK or en-GB")
	case m.Provider == string(M365) && !country:
		r.add(r.at(p), fmt.Sprintf("Exchange needs the country of the language %q", m.Language), "write it as in da-DK or en-GB")
	}
	return tag
}

// parseLanguage reads a BCP 47 tag, and tells whether it names a country. It gives "" for what is none.
func parseLanguage(s string) (tag string, country bool) {
	t, err := language.Raw.Parse(s)
	if err != nil || strings.EqualFold(s, "und") || len(s) > 35 {
		return "", false
	}
	_, _, region := t.Raw()
	return t.String(), region.String() != "ZZ"
}

// zone finds a time zone; one that there is not is told, and UTC instead.
func (r *reader) zone(name string, p path) *time.Location {
	// "Local" would be another zone on each machine.
	if loc, err := time.LoadLocation(name); err == nil && name != "Local" {
		return loc
	}
	fix := "write an IANA name such as Europe/Copenhagen or UTC"
	if best := nearest(name, zones); best != "" {
		fix = `did you mean "` + best + `"?`
	}
	r.add(r.at(p), fmt.Sprintf("there is no time zone %q", name), fix)
	return time.UTC
}

func validZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}
