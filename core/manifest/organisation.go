package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
)

func (r *reader) organisation() {
	o, at := r.doc.Organisation, path("").key("organisation")
	r.shownName(o.Name, at.key("name"))
	r.out.Organisation = o.Name
	for i, d := range o.Domains {
		p := at.key("domains").item(i)
		d = strings.ToLower(strings.TrimPrefix(d, "@"))
		switch {
		case !r.has(p) || r.texts[p] == "" && d == "":
			r.addEmpty(p)
		case !validDomain(d):
			r.add(r.at(p), fmt.Sprintf("%q is not a domain", o.Domains[i]), "write it as in contoso.com")
		case slices.Contains(r.out.Domains, d):
			r.add(r.at(p), fmt.Sprintf("the domain %s is here a second time", d), "take one out")
		default:
			r.out.Domains = append(r.out.Domains, d)
		}
	}
	r.out.Location = time.UTC
	if p := at.key("timezone"); o.Timezone != "" {
		r.out.Location = r.zone(o.Timezone, p)
	} else {
		r.addEmpty(p)
	}
}

// members checks the people. What they are in a mailbox is said there.
func (r *reader) members() {
	r.colors = memberColors(r.doc.Members)
	for i, e := range r.doc.Members {
		r.people[e.Key] = i
		m, at := e.Value, path("").key("members").key(e.Key)
		if e.Key == "" || utf8.RuneCountInString(e.Key) > 64 || strings.ContainsFunc(e.Key, func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.", c)
		}) {
			r.add(r.name(at), fmt.Sprintf("%q cannot name a member", e.Key), "use letters, digits, - _ and . only, as in anna or anna.berg")
		}
		r.shownName(m.Name, at.key("name"))
		if p := at.key("email"); m.Email == "" {
			r.addEmpty(p)
		} else if a, ok := r.address(m.Email, p); ok {
			if other, doubled := r.heldBy[a]; doubled {
				r.add(r.at(p), fmt.Sprintf("the address %s is the one of member %s too", a, other), "each member needs an address of their own")
			} else if box, doubled := r.mailboxAt[a]; doubled {
				r.add(r.at(p), fmt.Sprintf("the address %s is the one of mailbox %s", a, box), "a member needs a personal address")
			}
			r.heldBy[a] = e.Key
		}
		r.skills(m.Skills, at.key("skills"))
		if len(m.Away) > maxAway {
			r.add(r.name(at.key("away")), fmt.Sprintf("%d absences are too many", len(m.Away)), "take out those that are over")
		}
		r.absences = append(r.absences, r.away(m, at))
	}
}

func (r *reader) skills(list []string, at path) {
	if len(list) > maxSkills {
		r.add(r.name(at), fmt.Sprintf("%d skills are too many", len(list)), fmt.Sprintf("at most %d fit one member", maxSkills))
		return
	}
	for i, s := range list {
		p := at.item(i)
		if strings.TrimSpace(s) == "" {
			r.addEmpty(p)
		} else if slices.ContainsFunc(list[:i], func(o string) bool { return strings.EqualFold(o, s) }) {
			r.add(r.at(p), fmt.Sprintf("the skill %q is here a second time", s), "take one out")
		}
	}
}

// away reads the absences of m, each from the midnight of its first day to that of the first day back.
func (r *reader) away(m member, at path) (out []assign.Span) {
	for i, a := range m.Away {
		p := at.key("away").item(i)
		from, ok := r.day(a.From, p.key("from"))
		until, ok2 := r.day(a.Until, p.key("until"))
		if !ok || !ok2 {
			continue
		}
		if !until.After(from) {
			r.add(r.at(p.key("until")), fmt.Sprintf("the first day back, %s, is not after the first day away, %s", a.Until, a.From), "until is the first day back at work")
			continue
		}
		out = append(out, assign.Span{From: from, Until: until})
	}
	return out
}

func (r *reader) day(s string, p path) (time.Time, bool) {
	if !r.has(p) {
		return time.Time{}, false
	}
	t, err := dayIn(r.out.Location, s)
	if err != nil {
		if _, ok := r.texts[p]; ok && s != "" {
			r.add(r.at(p), fmt.Sprintf("%q is not a day", s), "write year-month-day, as in 2026-12-20")
		}
		return t, false
	}
	return t, true
}

// dayIn is the first moment of a day. Where clocks go forward at midnight that is one o'clock, and what time makes of the
// midnight that is not there may be an hour of the day before.
func dayIn(zone *time.Location, s string) (time.Time, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err == nil && t.Format(time.DateOnly) != s {
		t = t.Add(time.Hour)
	}
	return t, err
}

// duration reads a duration in days, weeks or what Go writes.
func (r *reader) duration(s string, p path) time.Duration {
	if s == "" {
		return 0
	}
	unit := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || unit == 0 || n <= 0 || n > 10000 || strings.HasPrefix(s, "+") {
		r.add(r.at(p), fmt.Sprintf("%q is not a length of time", s), "write a number of hours, days or weeks, as in 36h, 14d or 2w")
		return 0
	}
	return time.Duration(n) * unit
}

// shownName checks a name that people see.
func (r *reader) shownName(s string, p path) {
	switch {
	case strings.TrimSpace(s) == "":
		r.addEmpty(p)
	case utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl):
		r.add(r.at(p), "this is too long for a name, or has line breaks in it", fmt.Sprintf("write at most %d characters on one line", maxName))
	}
}

// spaced is a name with one space between its words.
func spaced(name string) string { return strings.Join(strings.Fields(name), " ") }

// addEmpty tells that the text at p is empty; nothing where there was no text to begin with, for that has been told.
func (r *reader) addEmpty(p path) {
	if s, ok := r.texts[p]; ok && strings.TrimSpace(s) == "" {
		r.add(r.at(p), "the text is empty", "write something into it, or take the key out")
	}
}

// address reads an address of the manifest.
func (r *reader) address(s string, p path) (inbox.Address, bool) {
	if !validAddress(s) {
		r.add(r.name(p), fmt.Sprintf("%q is not an address", s), "write it as in support@contoso.com, without a name or brackets")
		return "", false
	}
	return addressOf(s), true
}

func validAddress(s string) bool {
	a := strings.ToLower(s)
	local, domain, ok := strings.Cut(a, "@")
	return ok && local != "" && len(a) <= 254 && validDomain(domain) &&
		!strings.ContainsFunc(local, func(c rune) bool { return !unicode.IsPrint(c) || strings.ContainsRune(` "(),:;<>@[\]*`, c) })
}

func validDomain(d string) bool {
	if len(d) > 253 || !strings.Contains(d, ".") {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(c rune) bool {
				return c != '-' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c)
			}) {
			return false
		}
	}
	return true
}

// zones are the time zones that a mistyped one is compared with; any other IANA name is accepted as well.
var zones = strings.Fields(`UTC Europe/Copenhagen Europe/Berlin Europe/London Europe/Paris Europe/Madrid Europe/Rome Europe/Amsterdam Europe/Brussels
	Europe/Stockholm Europe/Oslo Europe/Helsinki Europe/Vienna Europe/Zurich Europe/Warsaw Europe/Prague Europe/Budapest Europe/Athens Europe/Lisbon
	Europe/Dublin Europe/Bucharest Europe/Sofia Europe/Kyiv Europe/Istanbul Europe/Moscow Atlantic/Reykjavik Africa/Cairo Africa/Casablanca
	Africa/Johannesburg Africa/Lagos Africa/Nairobi America/New_York America/Chicago America/Denver America/Los_Angeles America/Phoenix America/Anchorage
	America/Toronto America/Vancouver America/Halifax America/Mexico_City America/Bogota America/Lima America/Santiago America/Sao_Paulo
	America/Argentina/Buenos_Aires Asia/Jerusalem Asia/Beirut Asia/Riyadh Asia/Dubai Asia/Tehran Asia/Karachi Asia/Kolkata Asia/Dhaka Asia/Bangkok
	Asia/Jakarta Asia/Singapore Asia/Kuala_Lumpur Asia/Manila Asia/Hong_Kong Asia/Shanghai Asia/Taipei Asia/Seoul Asia/Tokyo Australia/Perth
	Australia/Adelaide Australia/Brisbane Australia/Sydney Australia/Melbourne Pacific/Auckland Pacific/Honolulu`)
