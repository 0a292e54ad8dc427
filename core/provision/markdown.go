package provision

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Markdown writes the plan for a pull request. Names in it cannot become markup.
func (p *Plan) Markdown(w io.Writer) error {
	out := &printer{w: bufio.NewWriter(w)}
	out.line("### Mailboxes: %s", escape(p.Summary()))
	order, groups := bySite(p.Steps)
	for _, at := range order {
		out.line("\n#### %s\n", escape(where(at.provider, at.mailbox)))
		out.line("| | what | why | shows within | to undo |")
		out.line("|---|---|---|---|---|")
		for _, s := range groups[at] {
			symbol, _ := s.symbol()
			what := escape(s.What)
			if s.Takes {
				what = "**" + what + "** (takes away)"
			}
			if s.Manual != "" {
				what += " (by hand, see below)"
			}
			delay, undo := "at once", "cannot be undone"
			if s.Delay > 0 {
				delay = span(s.Delay)
			}
			if s.Undo != "" {
				undo = escape(s.Undo)
			}
			out.line("| `%s` | %s | %s | %s | %s |", symbol, what, escape(s.Why), delay, undo)
		}
	}
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Manual != "" }) {
		out.line("\n#### By hand")
		for i := range p.Steps {
			if s := &p.Steps[i]; s.Manual != "" {
				out.line("\n%s\n", escape(s.sentence()))
				out.fence(s.Manual)
			}
		}
	}
	if len(p.Held) > 0 {
		out.line("\n#### Held back\n")
		out.line("| | what | why not |")
		out.line("|---|---|---|")
		for i := range p.Held {
			symbol, _ := p.Held[i].Step.symbol()
			out.line("| `%s` | %s | %s |", symbol, escape(p.Held[i].Step.sentence()), escape(p.Held[i].Why))
		}
	}
	for _, part := range []struct {
		title string
		list  []Unread
	}{{"Could not be read, so nothing is planned for it", p.Unread}, {"Never shown by the provider, so to be done and looked at by hand", p.Unseen}} {
		if len(part.list) == 0 {
			continue
		}
		out.line("\n#### %s\n", part.title)
		for i := range part.list {
			out.line("- %s: %s", escape(part.list[i].sentence()), escape(part.list[i].Why))
		}
	}
	if len(p.Notes) > 0 {
		out.line("\n#### Notes\n")
		for _, n := range p.Notes {
			out.line("- %s", escape(n))
		}
	}
	return out.w.Flush()
}

// escape makes text plain in Markdown: every character that could mean something there, or in HTML, is escaped, and so are
// those that forges make links of: addresses, mentions, issue numbers.
func escape(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r == '@' || r == '#' || r == ':' || r == '<' || r == '>' || r == '&' || r == '"':
			fmt.Fprintf(&b, "&#%d;", r)
		case strings.ContainsRune("\\`*_{}[]()+-.!|~$^=", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fence writes text as a code block that the text cannot end.
func (p *printer) fence(text string) {
	ticks, longest := 0, 2
	for _, r := range text {
		if r == '`' {
			ticks++
			longest = max(longest, ticks)
		} else {
			ticks = 0
		}
	}
	marks := strings.Repeat("`", longest+1)
	p.line("%s", marks)
	p.line("%s", strings.TrimRight(cleanBlock(text), "\n"))
	p.line("%s", marks)
}
