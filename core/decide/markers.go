package decide

import (
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// meaning is what a marker of ours stands for; marker is its canonical spelling.
type meaning struct {
	marker inbox.Marker
	member inbox.MemberID
	status inbox.Status
	tag    string
}

func (p *Policy) meaning(m inbox.Marker) meaning {
	for _, x := range p.Members {
		if same(x.Marker, m) {
			return meaning{marker: x.Marker, member: x.ID}
		}
	}
	if same(p.Markers.Closed, m) {
		return meaning{marker: p.Markers.Closed, status: inbox.Closed}
	}
	if same(p.Markers.Waiting, m) {
		return meaning{marker: p.Markers.Waiting, status: inbox.Waiting}
	}
	for _, x := range p.Tags {
		if same(x.Marker, m) {
			return meaning{marker: x.Marker, tag: x.Name}
		}
	}
	return meaning{}
}

// Own reports whether m is a marker of Postroom's in this mailbox. All others are people's and are never touched.
func (p *Policy) Own(m inbox.Marker) bool { return p.meaning(m).marker != "" }

// names reports whether one of the markers is a member's.
func (p *Policy) names(list []inbox.Marker) bool {
	return slices.ContainsFunc(list, func(m inbox.Marker) bool { return p.meaning(m).member != "" })
}

// Vocabulary lists every marker of the policy, for a provider to make ready.
func (p *Policy) Vocabulary() []inbox.Marker {
	var out []inbox.Marker
	for _, m := range p.Members {
		out = append(out, m.Marker)
	}
	for _, m := range []inbox.Marker{p.Markers.Waiting, p.Markers.Closed} {
		if m != "" {
			out = append(out, m)
		}
	}
	for _, t := range p.Tags {
		out = append(out, t.Marker)
	}
	return out
}

// Shown is the markers that a conversation's received messages carry, sorted. What was only imported carries none:
// Postroom does not write on old mail.
func (p *Policy) Shown(c inbox.Conversation) []inbox.Marker {
	if c.Imported {
		return nil
	}
	var out []inbox.Marker
	add := func(m inbox.Marker) {
		if m != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	for _, m := range p.Members {
		if m.ID == c.Owner && c.Owner != "" {
			add(m.Marker)
		}
	}
	switch c.Status {
	case inbox.Waiting:
		add(p.Markers.Waiting)
	case inbox.Closed:
		add(p.Markers.Closed)
	}
	for _, t := range p.Tags {
		if contains(c.Tags, t.Name) {
			add(t.Marker)
		}
	}
	slices.Sort(out)
	return out
}

// Difference is what must be put on and taken off a message that carries have, so that of our markers it carries just
// want. Letter case is ignored, and markers that are not ours are left out on both sides.
func (p *Policy) Difference(have, want []inbox.Marker) (add, remove []inbox.Marker) {
	for _, m := range want {
		if !inbox.HasMarker(have, m) {
			add = append(add, m)
		}
	}
	for _, m := range have {
		if p.Own(m) && !inbox.HasMarker(want, m) {
			remove = append(remove, m)
		}
	}
	return add, remove
}

// Inside reports whether an address is the organisation's own: of the mailbox, of a member, or in one of its domains.
func (p *Policy) Inside(a inbox.Address) bool {
	if slices.Contains(p.Addresses, a) || slices.Contains(p.Domains, a.Domain()) {
		return true
	}
	return slices.ContainsFunc(p.Members, func(m Member) bool { return m.Address == a })
}

func same(a, b inbox.Marker) bool { return a != "" && strings.EqualFold(string(a), string(b)) }
