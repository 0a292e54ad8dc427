package manifest

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// licensed reads the quota of a shared mailbox, and the licence that a large one needs.
func (r *reader) licensed(m mailbox, at path, set func(provision.Aspect, string)) {
	p := at.key("licence")
	switch m.Licence {
	case "":
		r.addEmpty(p)
	case "assigned":
		set(provision.Licence, m.Licence)
	default:
		r.add(r.at(p), fmt.Sprintf("there is no licence %q for a shared mailbox", m.Licence), "write assigned where Exchange Online Plan 2 is assigned in the admin centre, or take the key out")
	}
	p = at.key("quota")
	if m.Quota == "" {
		r.addEmpty(p)
		return
	}
	size, ok := parseSize(m.Quota)
	switch {
	case !ok:
		r.add(r.at(p), fmt.Sprintf("%q is not a size", m.Quota), "write it with its unit, as in 49 GB or 49.5 GB; 1 GB is 1024 MB")
	case size > largestHeld:
		r.add(r.at(p), fmt.Sprintf("%s are more than a mailbox holds", m.Quota), "write 100 GB or less")
	case size < smallestQuota:
		r.add(r.at(p), fmt.Sprintf("%s are too few to receive anything", m.Quota), "write 1 MB or more")
	case size > unlicensed && m.Licence != "assigned":
		r.add(r.at(p), fmt.Sprintf("%s need a licence", m.Quota), "assign Exchange Online Plan 2 in the admin centre and write licence: assigned, or write 50 GB or less")
	default:
		set(provision.Quota, strconv.FormatInt(size, 10))
	}
}

var sizeText = regexp.MustCompile(`^([0-9]{1,15})(?:\.([0-9]{1,9}))? ?(GB|MB|KB|B)$`)

// sizeUnits are from the largest down.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

// parseSize reads a size such as 49.5 GB, parts of a byte cut off.
func parseSize(s string) (int64, bool) {
	parts := sizeText.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	n, ok := new(big.Rat).SetString(parts[1] + "." + parts[2] + "0")
	for _, u := range sizeUnits {
		if u.name == parts[3] {
			n.Mul(n, new(big.Rat).SetInt64(u.bytes))
		}
	}
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	return whole.Int64(), ok && whole.IsInt64()
}

// formatSize is the shortest text that parseSize reads as n.
func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if n < u.bytes && u.bytes > 1 {
			continue
		}
		text := strings.TrimRight(strings.TrimRight(new(big.Rat).SetFrac64(n, u.bytes).FloatString(2), "0"), ".")
		if u.bytes == 1 {
			text = strconv.FormatInt(n, 10)
		}
		if back, ok := parseSize(text + " " + u.name); ok && back == n {
			return text + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}

// account wishes what only an account of Google Workspace has.
func (r *reader) account(out *Mailbox, m mailbox, at path, set func(provision.Aspect, string)) {
	set(provision.Existence, "account")
	fresh := func(aspect provision.Aspect, value string) {
		if value != "" {
			out.wish.AtCreation[provision.Fact{Aspect: aspect}] = value
		}
	}
	set(provision.OrgUnit, r.orgUnit(m.OrgUnit, at.key("org-unit")))
	fresh(provision.OrgUnit, r.out.google.OrgUnit)
	set(provision.Licence, r.licence(m.Licence, at.key("licence")))
	fresh(provision.Licence, r.out.google.Licence)
	if p := at.key("signature"); strings.TrimSpace(m.Signature) == "" {
		r.addEmpty(p)
	} else if utf8.RuneCountInString(m.Signature) > maxSignature {
		r.add(r.name(p), "the signature is too long", fmt.Sprintf("Gmail takes at most %d characters", maxSignature))
	} else {
		set(provision.Signature, strings.TrimSpace(m.Signature))
	}
	if p := at.key("answer-as"); m.AnswerAs == "member" {
		r.add(r.at(p), "a delegate in Gmail always answers as the account", "take the key out")
	}
	r.front(out, m, at.key("front"))
	if m.DelegateGroup == "" {
		r.addEmpty(at.key("delegate-group"))
		return
	}
	group := string(addressOf(m.DelegateGroup))
	out.wish.Facts[provision.Fact{Aspect: provision.Open, Subject: group}] = ""
	r.group(out, group, "", out.Name+" team")
	groupSettings(out.wish.Facts, teamSettings)
}

// group wishes a group; with an empty name any will do, and a new one gets usual.
func (r *reader) group(out *Mailbox, address, name, usual string) {
	f := provision.Fact{Aspect: provision.Group, Subject: address}
	out.wish.Facts[f] = name
	if runes := []rune(usual); len(runes) > maxGroupName {
		usual = string(runes[:maxGroupName])
	}
	out.wish.AtCreation[f] = usual
}

const maxGroupName = 73 // characters ("groups" of the Directory API)

// front wishes the group in front of an account: customers' mail comes in through it, and answers bear its address.
func (r *reader) front(out *Mailbox, m mailbox, at path) {
	if m.Front.Group == "" {
		r.addEmpty(at.key("group"))
		return
	}
	if m.Front.Name == "" {
		r.addEmpty(at.key("name"))
	} else {
		r.shownName(m.Front.Name, at.key("name"))
		if utf8.RuneCountInString(m.Front.Name) > maxGroupName {
			r.add(r.at(at.key("name")), "this is too long for the name of a group", fmt.Sprintf("write at most %d characters", maxGroupName))
		}
	}
	out.Front = addressOf(m.Front.Group)
	out.Policy.Addresses = append(out.Policy.Addresses, out.Front)
	r.group(out, string(out.Front), m.Front.Name, out.Name)
	facts := out.wish.Facts
	facts[provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(out.Front, inbox.Address(out.wish.Address))}] = "MEMBER"
	facts[provision.Fact{Aspect: provision.Sender, Subject: string(out.Front)}] = "default"
	groupSettings(facts, frontSettings)
	// Of what other groups keep people may have thought; without it a Collaborative Inbox has nothing in it.
	out.wish.AtCreation[provision.Fact{Aspect: provision.GroupSetting, Subject: "isArchived"}] = "true"
}

func groupSettings(facts map[provision.Fact]string, settings map[string]string) {
	for key, value := range settings {
		facts[provision.Fact{Aspect: provision.GroupSetting, Subject: key}] = value
	}
}

// frontSettings make a group take strangers' mail at once, all of it: what looks like spam would else wait for a moderator,
// while the account behind has a folder for it. What is in the group nobody sees but its members, and nobody becomes one on
// their own ("Groups Settings API: groups").
var frontSettings = map[string]string{
	"archiveOnly":              "false",
	"enableCollaborativeInbox": "true",
	"messageModerationLevel":   "MODERATE_NONE",
	"spamModerationLevel":      "ALLOW",
	"whoCanJoin":               invited,
	"whoCanPostMessage":        "ANYONE_CAN_POST",
	"whoCanViewGroup":          "ALL_MEMBERS_CAN_VIEW",
}

// teamSettings keep everybody out of a group of delegates whom the manifest does not put there.
var teamSettings = map[string]string{"whoCanJoin": invited}

const invited = "INVITED_CAN_JOIN"

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
