package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/templates"
)

// sections are the mailboxes, and make members of their people.
func (w *writer) sections() (out []string) {
	groups := map[inbox.Address]bool{}
	for _, m := range w.found {
		for f := range m.Facts {
			if f.Aspect == provision.Group {
				groups[inbox.Address(f.Subject)] = true
			}
		}
	}
	claimed := map[inbox.Address]bool{}
	for _, m := range w.found {
		var b strings.Builder
		w.section(&b, m, groups, claimed)
		out = append(out, b.String())
	}
	return out
}

// section writes one mailbox.
func (w *writer) section(b *strings.Builder, m provision.Mailbox, groups, claimed map[inbox.Address]bool) {
	in := w.unit + w.unit
	value := func(a provision.Aspect) string { return m.Facts[provision.Fact{Aspect: a}] }
	say := func(key, text string) { fmt.Fprintf(b, "%s%s: %s\n", in, key, text) }
	left := func(format string, a ...any) { fmt.Fprintf(b, "%s# %s\n", in, oneLine(fmt.Sprintf(format, a...))) }

	if notes := w.notes[m.Address]; len(notes) > 0 {
		fmt.Fprintf(b, "%s# Still to be done, by the next plan:\n", w.unit)
		for _, n := range notes {
			fmt.Fprintf(b, "%s# - %s\n", w.unit, oneLine(n))
		}
	}
	fmt.Fprintf(b, "%s%s:\n", w.unit, templates.Scalar(string(m.Address)))
	say("provider", string(m.Provider))
	if name := value(provision.Name); shown(name) {
		say("name", templates.Scalar(name))
	} else if name != "" {
		left("its name is one that no manifest can have, so it stays as it is: %s", name)
	}
	var aliases []string
	for _, a := range subjects(m, provision.Alias) {
		if w.aliasOf[addressOf(a)] == m.Address {
			aliases = append(aliases, a)
		}
	}
	if len(aliases) > 0 {
		fmt.Fprintf(b, "%saliases:%s", in, listed(aliases, in+w.unit))
	}
	w.staff(b, m, groups, claimed)
	if m.Provider == M365 {
		if value(provision.SignIn) == "allowed" {
			say("sign-in", "keep  # somebody may be able to sign in as the mailbox: take this line out, and the next plan blocks it")
		}
		as, behalf := m.Facts[provision.Fact{Aspect: provision.SentCopies, Subject: "as"}], m.Facts[provision.Fact{Aspect: provision.SentCopies, Subject: "on-behalf"}]
		switch {
		case as == "off" && behalf == "off":
			say("sent-copies", "false")
		case as == "off" || behalf == "off":
			say("sent-copies", fmt.Sprintf("{as: %t, on-behalf: %t}", as != "off", behalf != "off"))
		}
	}
	lang := value(provision.Language)
	tag, country := parseLanguage(lang)
	if !strings.EqualFold(tag, lang) || m.Provider == M365 && !country {
		if lang != "" {
			left("its language stays as it is: %s", lang)
		}
		lang = ""
	}
	if lang != "" {
		say("language", templates.Scalar(lang))
	}
	if zone := value(provision.TimeZone); zone != "" && m.Provider == M365 {
		if validZone(zone) {
			say("timezone", templates.Scalar(zone))
		} else {
			left("its time zone stays as it is: %s", zone)
		}
	}
	if m.Provider == M365 {
		if lang != "" && value(provision.FolderNames) == "localised" {
			say("localised-folders", "true")
		}
		licensed := value(provision.Licence) == "assigned"
		if quota := value(provision.Quota); quota != "" {
			n, err := strconv.ParseInt(quota, 10, 64)
			if err == nil && n >= smallestQuota && n <= largestHeld && (n <= unlicensed || licensed) {
				say("quota", formatSize(n))
			} else {
				left("its quota of %s bytes stays as it is: more than 50 GB need a licence, and 100 GB are the most", quota)
			}
		}
		if licensed {
			say("licence", "assigned")
		}
	}
	switch value(provision.AddressList) {
	case "hidden":
		say("hidden", "true")
	case "shown":
		say("hidden", "false")
	}
	if value(provision.AutoReply) == "on" {
		say("automatic-reply", "keep")
	}
	if m.Provider == Gmail {
		w.google(b, m, say, left)
	}
	if w.bare[m.Address] {
		say("markers", "{prepare: false}  # the first sync makes the team's "+markerWords[m.Provider]+"; take this line out, and apply makes them before")
	}
	say("assign", "{strategy: manual}  # people take their work themselves; round-robin and least-loaded share it out")
}

// markerWords are what each provider calls markers.
var markerWords = map[Provider]string{M365: "categories", Gmail: "labels"}

// google writes what only an account has.
func (w *writer) google(b *strings.Builder, m provision.Mailbox, say func(key, text string), left func(string, ...any)) {
	if s := m.Facts[provision.Fact{Aspect: provision.Signature}]; s != "" {
		if text := strconv.Quote(s); strings.TrimSpace(s) == s && strings.ToValidUTF8(s, "") == s && len([]rune(s)) <= maxSignature && len(text) < maxLine-100 {
			say("signature", text)
		} else {
			left("it has a signature that is too long for one line here, so it stays as it is")
		}
	}
	if unit := m.Facts[provision.Fact{Aspect: provision.OrgUnit}]; unit != "" {
		if r := newReader(&problems{}); r.orgUnit(unit, "") == unit && r.err() == nil && strings.ToValidUTF8(unit, "") == unit {
			say("org-unit", templates.Scalar(unit))
		} else {
			left("its organisational unit stays as it is: %s", unit)
		}
	}
	if sku := m.Facts[provision.Fact{Aspect: provision.Licence}]; skuName.MatchString(sku) {
		for _, one := range skus {
			if strings.EqualFold(one.sku, sku) {
				sku = one.word
			}
		}
		say("licence", templates.Scalar(sku))
	}
}

// subjects are those of an aspect, in order.
func subjects(m provision.Mailbox, aspect provision.Aspect) (out []string) {
	for f := range m.Facts {
		if f.Aspect == aspect {
			out = append(out, f.Subject)
		}
	}
	slices.Sort(out)
	return out
}

// holder is somebody with rights in a mailbox.
type holder struct {
	address inbox.Address
	open    bool
	how     string // the value of open
	rest    []string
}

// staff writes who works in a mailbox, and who has other rights there.
func (w *writer) staff(b *strings.Builder, m provision.Mailbox, groups, claimed map[inbox.Address]bool) {
	in := w.unit + w.unit
	front, team := w.groups(b, m, claimed)
	list := holders(m)
	list = slices.DeleteFunc(list, func(h holder) bool { return h.address == team || h.address == inbox.Address(m.Address) })
	if m.Provider == Gmail {
		for i := range list {
			list[i].how = ""
		}
	}
	role := func(h holder, rest ...string) bool {
		return w.person(h.address) && !groups[h.address] && slices.Equal(h.rest, rest)
	}
	open := mapped
	if !slices.ContainsFunc(list, func(h holder) bool { return h.how == mapped }) && slices.ContainsFunc(list, func(h holder) bool { return h.how == unmapped }) {
		open = unmapped
	}
	answers := []string{"send-as"}
	count := func(rest ...string) (n int) {
		for _, h := range list {
			if h.open && (h.how == open || h.how == "") && role(h, rest...) {
				n++
			}
		}
		return n
	}
	if count("send-on-behalf") > count("send-as") {
		answers = []string{"send-on-behalf"}
	}
	if m.Provider == Gmail {
		answers = nil
	}
	var agents, readers []string
	var others []holder
	for _, h := range list {
		switch {
		case h.open && (h.how == open || h.how == "") && team == "" && role(h, answers...):
			agents = append(agents, w.key(m, h.address))
		case !h.open && role(h, "read"):
			readers = append(readers, w.key(m, h.address))
		default:
			others = append(others, h)
		}
	}
	for _, f := range subjects(m, provision.GroupMember) {
		if group, who, ok := strings.Cut(f, "/"); ok && inbox.Address(group) == team && w.person(inbox.Address(who)) {
			agents = append(agents, w.key(m, inbox.Address(who)))
		}
	}
	if len(agents) > 0 {
		fmt.Fprintf(b, "%sagents:%s", in, listed(agents, in+w.unit))
	}
	if len(readers) > 0 {
		fmt.Fprintf(b, "%sreaders:%s", in, listed(readers, in+w.unit))
	}
	if slices.Contains(answers, "send-on-behalf") {
		fmt.Fprintf(b, "%sanswer-as: member\n", in)
	}
	if open == unmapped && m.Provider == M365 {
		fmt.Fprintf(b, "%sauto-mapping: false\n", in)
	}
	said := false
	for _, h := range others {
		words := slices.Clone(h.rest)
		if h.open {
			words = append([]string{"open"}, words...)
			if h.how == unmapped && open != unmapped {
				words = append(words, "unmapped")
			}
		}
		if !validAddress(string(h.address)) || w.aliasOf[h.address] == m.Address {
			continue
		}
		if !said {
			fmt.Fprintf(b, "%saccess:\n", in)
		}
		said = true
		fmt.Fprintf(b, "%s%s: %s\n", in+w.unit, templates.Scalar(string(h.address)), templates.Flow(words))
	}
	if front != "" {
		text := templates.Scalar(string(front))
		if name := m.Facts[provision.Fact{Aspect: provision.Group, Subject: string(front)}]; shown(name) && len([]rune(name)) <= maxGroupName {
			text = fmt.Sprintf("{group: %s, name: %s}", text, templates.Scalar(name))
		}
		fmt.Fprintf(b, "%sfront: %s\n", in, text)
	}
	if team != "" {
		fmt.Fprintf(b, "%sdelegate-group: %s\n", in, templates.Scalar(string(team)))
	}
}

// groups finds the group in front of an account and the one that is its delegate.
func (w *writer) groups(b *strings.Builder, m provision.Mailbox, claimed map[inbox.Address]bool) (front, team inbox.Address) {
	for _, s := range subjects(m, provision.Group) {
		group := inbox.Address(s)
		_, member := m.Facts[provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(group, inbox.Address(m.Address))}]
		delegate := provision.Fact{Aspect: provision.Open, Subject: s}
		_, open := m.Facts[delegate]
		_, unseen := m.Unseen[delegate]
		switch {
		case !validAddress(s) || w.taken[group] || claimed[group] || w.aliasOf[group] != "" || w.isMember(group):
		case member && front == "":
			front = group
			claimed[group] = true
		case (open || unseen) && team == "":
			team = group
			claimed[group] = true
		}
	}
	return front, team
}

func (w *writer) isMember(a inbox.Address) bool {
	_, ok := w.byMail[a]
	return ok
}

// holders are those with rights, by address.
func holders(m provision.Mailbox) []holder {
	by := map[inbox.Address]*holder{}
	for f, v := range m.Facts {
		i := slices.IndexFunc(rights, func(r struct {
			word   string
			aspect provision.Aspect
		}) bool {
			return r.aspect == f.Aspect
		})
		if i < 0 {
			continue
		}
		a := addressOf(f.Subject)
		h := by[a]
		if h == nil {
			h = &holder{address: a}
			by[a] = h
		}
		if f.Aspect == provision.Open {
			h.open, h.how = true, v
		} else {
			h.rest = append(h.rest, rights[i].word)
		}
	}
	var out []holder
	for _, h := range by {
		slices.Sort(h.rest)
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b holder) int { return cmp.Compare(a.address, b.address) })
	return out
}

// person reports whether the address can be a member's.
func (w *writer) person(a inbox.Address) bool {
	_, alias := w.aliasOf[a]
	return validAddress(string(a)) && !w.taken[a] && !alias
}

// key is the member with that address, who is made one where there is none.
func (w *writer) key(m provision.Mailbox, a inbox.Address) string {
	if i, ok := w.byMail[a]; ok {
		return w.people[i].key
	}
	local, _, _ := strings.Cut(string(a), "@")
	name := templates.PersonName(m.Names[a])
	if name == "" {
		name = capitalised(templates.PersonName(strings.Map(func(r rune) rune {
			if r == '.' || r == '_' {
				return ' '
			}
			return r
		}, local)))
	}
	if name == "" {
		name = "Member"
	}
	first, _, _ := strings.Cut(name, " ")
	one := writtenMember{name: name, email: string(a)}
	for n := 0; ; n++ {
		switch stem := templates.KeyStem(local); n {
		case 0:
			one.key = templates.KeyStem(first)
		case 1:
			one.key = stem
		default:
			one.key = fmt.Sprintf("%s%d", stem, n)
		}
		if one.key != "" && !w.keys[one.key] {
			break
		}
	}
	w.keys[one.key] = true
	w.byMail[a] = len(w.people)
	w.people = append(w.people, one)
	return one.key
}
