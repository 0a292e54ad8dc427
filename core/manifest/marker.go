package manifest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

const (
	maxMarker    = 100     // runes; Gmail takes 225 and Outlook 255, but neither shows them
	maxPatterned = 500_000 // members times different patterns: each pattern is filled in for everybody
)

// memberPalette is in such an order that the first few members are easy to tell apart. Red is left to what is urgent.
var memberPalette = []string{
	"blue", "green", "orange", "purple", "teal", "yellow", "cranberry", "brown", "olive", "steel",
	"dark-blue", "dark-green", "dark-orange", "dark-purple", "dark-teal", "dark-yellow", "dark-cranberry", "dark-brown", "dark-olive", "dark-steel",
	"red", "dark-red",
}

// memberColors gives each member a colour by their order in the file, so that a new member at the end changes nobody
// else's. Colours that somebody has chosen are passed over; only when all are used do they come again.
func memberColors(list named[member]) []string {
	free := slices.DeleteFunc(slices.Clone(memberPalette), func(c string) bool {
		return slices.ContainsFunc(list, func(e entry[member]) bool { return e.Value.Color == c })
	})
	if len(free) == 0 {
		free = memberPalette
	}
	out, next := make([]string, len(list)), 0
	for i, e := range list {
		if out[i] = e.Value.Color; out[i] == "" {
			out[i] = free[next%len(free)]
			next++
		}
	}
	return out
}

// markers names the markers of the mailbox into its policy and gives their looks.
func (r *reader) markers(p *decide.Policy, m mailbox, at path) (styles []inbox.Style) {
	held := make(map[string]string) // who has a marker, by its name in lower case
	take := func(name, color, what string, where spot) inbox.Marker {
		if fault := r.badMarker(name, Provider(m.Provider)); fault != "" {
			r.add(where, fmt.Sprintf("%q cannot be a marker: %s", name, fault), "choose another name")
			return inbox.Marker(name)
		}
		if other, taken := held[strings.ToLower(name)]; taken {
			r.add(where, fmt.Sprintf("the marker %q of %s is the one of %s too", name, what, other), "give one of them another name; letter case does not count")
			return inbox.Marker(name)
		}
		held[strings.ToLower(name)] = what
		if color == "" {
			color = "none"
		}
		styles = append(styles, inbox.Style{Marker: inbox.Marker(name), Color: color})
		return inbox.Marker(name)
	}

	names := r.memberMarkers(m.Markers.Member, at.key("markers").key("member"))
	for i := range p.Members {
		id := string(p.Members[i].ID)
		n := r.people[id]
		where := path("").key("members").key(id)
		if r.has(where.key("marker")) {
			where = where.key("marker")
		}
		p.Members[i].Marker = take(names[n], r.colors[n], "member "+id, r.name(where))
	}
	tags := at.key("tags")
	if len(m.Tags) > maxTags {
		r.add(r.name(tags), fmt.Sprintf("%d tags are too many", len(m.Tags)), fmt.Sprintf("at most %d fit one mailbox", maxTags))
		return styles
	}
	for _, e := range m.Tags {
		name := e.Key
		where := r.name(tags.key(e.Key))
		if e.Value.Marker != "" {
			name, where = e.Value.Marker, r.at(tags.key(e.Key).key("marker"))
		}
		if slices.ContainsFunc(p.Tags, func(t decide.Tag) bool { return strings.EqualFold(t.Name, e.Key) }) {
			r.add(r.name(tags.key(e.Key)), fmt.Sprintf("the tag %q is here a second time", e.Key), "letter case does not count; make them one")
			continue
		}
		p.Tags = append(p.Tags, decide.Tag{Name: e.Key, Marker: take(name, e.Value.Color, "tag "+e.Key, where)})
	}
	status := func(own *marker, key, name, color string) inbox.Marker {
		where := r.name(at)
		if own != nil {
			name, where = own.Name, r.at(at.key("markers").key(key))
			if own.Color != "" {
				color = own.Color
			}
			if name == "" {
				return ""
			}
		}
		return take(name, color, "the status "+key, where)
	}
	p.Markers.Waiting = status(m.Markers.Waiting, "waiting", "Waiting", "gray")
	p.Markers.Closed = status(m.Markers.Closed, "closed", "Closed", "dark-gray")
	return styles
}

// memberMarkers names the markers of all members of the organisation, so that a member is called the same in every
// mailbox with the same pattern. Those who would share a name get the whole name, and if they share that too, the key.
func (r *reader) memberMarkers(pattern string, at path) []string {
	if pattern == "" {
		pattern = "@{first}"
		r.addEmpty(at)
	}
	if !strings.Contains(pattern, "{first}") && !strings.Contains(pattern, "{name}") && !strings.Contains(pattern, "{id}") {
		r.add(r.at(at), "every member would have the same marker", `put {first}, {name} or {id} into it, as in "@{first}"`)
	}
	if names, made := r.patterns[pattern]; made {
		return names
	}
	if (len(r.patterns)+1)*len(r.doc.Members) > maxPatterned {
		r.add(r.at(at), "there are too many patterns of markers for so many members", "write the same pattern in more mailboxes")
		for _, names := range r.patterns { // any will do, so that nothing else is told of it
			return names
		}
	}
	whole := strings.ReplaceAll(pattern, "{first}", "{name}")
	names := make([]string, len(r.doc.Members))
	try := []string{pattern, whole, whole + " ({id})"}
	for i := range names {
		names[i] = r.markerOf(i, try[0])
	}
	for _, next := range try[1:] {
		count := make(map[string]int, len(names))
		for _, n := range names {
			count[strings.ToLower(n)]++
		}
		for i := range names {
			if count[strings.ToLower(names[i])] > 1 {
				names[i] = r.markerOf(i, next)
			}
		}
	}
	r.patterns[pattern] = names
	return names
}

func (r *reader) markerOf(i int, pattern string) string {
	e := r.doc.Members[i]
	if e.Value.Marker != "" {
		return e.Value.Marker
	}
	name := spaced(e.Value.Name)
	first, _, _ := strings.Cut(name, " ")
	var out strings.Builder
	for { // a Replacer costs more to make than it saves
		before, rest, open := strings.Cut(pattern, "{")
		out.WriteString(before)
		if !open {
			return out.String()
		}
		word, after, _ := strings.Cut(rest, "}")
		switch {
		case word == "first" && len(rest) > len(word):
			out.WriteString(first)
		case word == "name" && len(rest) > len(word):
			out.WriteString(name)
		case word == "id" && len(rest) > len(word):
			out.WriteString(e.Key)
		default:
			out.WriteByte('{')
			after = rest
		}
		pattern = after
	}
}

// badMarker says why a name cannot be a marker; "" where it can. Outlook separates categories with commas or semicolons,
// and Gmail keeps the names of its own labels to itself.
func (r *reader) badMarker(name string, provider Provider) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "it is empty"
	case name != strings.TrimSpace(name):
		return "it begins or ends with a space"
	case utf8.RuneCountInString(name) > maxMarker:
		return fmt.Sprintf("it is longer than %d characters", maxMarker)
	case strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "it has an invisible character in it"
	case strings.ContainsAny(name, ",;"):
		return "it has a comma or semicolon in it, which separates categories in Outlook"
	case provider == Gmail && slices.Contains(gmailLabels, strings.ToLower(name)):
		return "Gmail has a label of its own with this name"
	}
	return ""
}

var gmailLabels = []string{
	"inbox", "sent", "draft", "drafts", "trash", "bin", "spam", "junk", "starred", "unread", "important", "chat", "chats", "snoozed", "scheduled", "all mail",
	"category_personal", "category_social", "category_promotions", "category_updates", "category_forums",
}
