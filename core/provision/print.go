package provision

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Colours of a terminal (ECMA-48).
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	blue   = "34"
	bold   = "1"
	dim    = "2"
)

// printer writes lines; the first error ends it.
type printer struct {
	w      *bufio.Writer
	colour bool
}

func (p *printer) line(format string, a ...any) {
	fmt.Fprintf(p.w, format, a...)
	p.w.WriteByte('\n')
}

func (p *printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// symbol and colour of a step: what it does to what is there.
func (s *Step) symbol() (string, string) {
	switch s.Verb {
	case Create, Add:
		return "+", green
	case Set:
		return "~", yellow
	}
	return "-", red
}

// bySite groups a plan's steps by mailbox, in the order of the addresses, the tenant first; the steps of each stay in theirs.
func bySite(steps []Step) (order []site, groups map[site][]*Step) {
	groups = map[site][]*Step{}
	for i := range steps {
		at := steps[i].site()
		if groups[at] == nil {
			order = append(order, at)
		}
		groups[at] = append(groups[at], &steps[i])
	}
	slices.SortFunc(order, func(a, b site) int {
		return strings.Compare(string(a.mailbox)+"\x00"+string(a.provider), string(b.mailbox)+"\x00"+string(b.provider))
	})
	return order, groups
}

// Table writes the plan for a terminal, grouped by mailbox. Names in it cannot move the cursor or turn the direction of text.
func (p *Plan) Table(w io.Writer, colour bool) error {
	out := &printer{bufio.NewWriter(w), colour}
	order, groups := bySite(p.Steps)
	for _, at := range order {
		out.line("%s", out.paint(bold, where(at.provider, at.mailbox)))
		for i, s := range groups[at] {
			symbol, code := s.symbol()
			out.line("  %s %s%s", out.paint(code, symbol), clean(s.What), out.tags(s))
			details := s.details()
			// Of steps that stand together for one reason, such as a team's categories, the last gives it.
			if next := i + 1; s.Manual != "" || next == len(groups[at]) || groups[at][next].details() != details {
				out.line("    %s", out.paint(dim, details))
			}
			out.instruction(s.Manual, "    ")
		}
		out.line("")
	}
	if len(p.Held) > 0 {
		out.line("%s", out.paint(bold, "Held back"))
		for i := range p.Held {
			h := &p.Held[i]
			symbol, _ := h.Step.symbol()
			out.line("  %s %s", symbol, clean(h.Step.sentence()))
			out.line("    %s", out.paint(dim, clean(h.Why)))
		}
		out.line("")
	}
	out.unread("Could not be read, so nothing is planned for it", p.Unread)
	out.unread("Never shown by the provider, so to be done and looked at by hand", p.Unseen)
	if len(p.Notes) > 0 {
		out.line("%s", out.paint(bold, "Notes"))
		for _, n := range p.Notes {
			out.line("  %s", clean(n))
		}
		out.line("")
	}
	out.line("%s", p.Summary())
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.undoneInManifest() }) {
		out.line("%s", out.paint(dim, "Where no other way is named, a step is undone by changing the manifest back and applying that."))
	}
	return out.w.Flush()
}

// undoneInManifest reports whether the way back is the one that nearly every step has.
func (s *Step) undoneInManifest() bool {
	return s.Undo == otherValue || s.Undo == outOfManifest || s.Undo == intoManifest
}

func (p *printer) tags(s *Step) string {
	t := ""
	if s.Takes {
		t += "  " + p.paint(red, "[takes away]")
	}
	if s.Manual != "" {
		t += "  " + p.paint(blue, "[by hand]")
	}
	return t
}

// details are why, how long, and how to undo where that is no change of the manifest, in one line.
func (s *Step) details() string {
	out := clean(s.Why)
	if s.Delay > 0 {
		out += "; shows within " + span(s.Delay)
	}
	switch {
	case s.Undo == "":
		return out + "; cannot be undone"
	case s.undoneInManifest():
		return out
	}
	return out + "; to undo: " + clean(s.Undo)
}

// span is a duration as people say it.
func span(d time.Duration) string {
	unit := func(n int64, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	switch {
	case d%(24*time.Hour) == 0:
		return unit(int64(d/(24*time.Hour)), "day")
	case d%time.Hour == 0:
		return unit(int64(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return unit(int64(d/time.Minute), "minute")
	}
	return d.String()
}

// instruction writes what a person has to do, each line as it is, so that it can be copied.
func (p *printer) instruction(text, indent string) {
	if text == "" {
		return
	}
	for l := range strings.Lines(cleanBlock(text)) {
		p.line("%s%s", indent+p.paint(blue, "│")+" ", strings.TrimRight(l, "\n"))
	}
}

func (p *printer) unread(title string, list []Unread) {
	if len(list) == 0 {
		return
	}
	p.line("%s", p.paint(bold, title))
	for i := range list {
		p.line("  ? %s", list[i].sentence())
		p.instruction(list[i].Why, "    ")
	}
	p.line("")
}

func (u *Unread) sentence() string {
	s := where(u.Provider, u.Mailbox) + ": " + clean(string(u.Aspect))
	if u.Subject != "" {
		s += " of " + subject(u.Subject)
	}
	return s
}

// Summary counts what the plan does, in one line.
func (p *Plan) Summary() string {
	if p.Empty() {
		return "Nothing to be done: everything is as the manifest says."
	}
	var create, change, remove, manual int
	mailboxes := map[site]bool{}
	for i := range p.Steps {
		s := &p.Steps[i]
		mailboxes[s.site()] = true
		switch symbol, _ := s.symbol(); symbol {
		case "+":
			create++
		case "~":
			change++
		default:
			remove++
		}
		if s.Manual != "" {
			manual++
		}
	}
	out := "Nothing to be done"
	if len(p.Steps) > 0 {
		out = fmt.Sprintf("%s in %s: %d to add, %d to change, %d to take away", count(len(p.Steps), "step", "steps"),
			count(len(mailboxes), "place", "places"), create, change, remove)
	}
	if manual > 0 {
		out += fmt.Sprintf("; %d of them by hand", manual)
	}
	if len(p.Held) > 0 {
		out += fmt.Sprintf("; %d held back", len(p.Held))
		if slices.ContainsFunc(p.Held, func(h Held) bool { return h.Why == whyTakes }) {
			out += " (--allow-remove lets them go ahead)"
		}
	}
	if len(p.Unread) > 0 {
		out += fmt.Sprintf("; %d could not be read", len(p.Unread))
	}
	return out + "."
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
