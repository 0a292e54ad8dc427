package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// progress shows how far an apply has got: a bar on a terminal, and elsewhere a line for each step.
type progress struct {
	out  io.Writer
	now  func() time.Time
	bar  bool
	step string // what the last line was about
	wait string
}

// newProgress shows nothing beside a report that is for a program.
func newProgress(a *app, quiet bool) *progress {
	p := &progress{out: a.stdout, now: a.now, bar: a.tty}
	if quiet {
		p.out = io.Discard
	}
	return p
}

const barWidth = 24

func (p *progress) tell(g provision.Progress) {
	what := printable(g.Step.What, maxShown)
	if g.Step.Mailbox != "" {
		what = printable(string(g.Step.Mailbox), maxShown) + ": " + what
	}
	if p.bar {
		if g.Waiting != "" {
			what = "waiting " + since(p.now().Sub(g.Since)) + ": " + printable(g.Waiting, maxShown)
		}
		// Without wrapping for as long as the line is written: one that goes on below could not be taken back.
		fmt.Fprintf(p.out, "\r\x1b[K\x1b[?7l%s %d/%d  %s\x1b[?7h", bar(g.Done, g.Total), g.Done, g.Total, fit(what, 70))
		return
	}
	if g.Step.ID != "" && g.Step.ID != p.step {
		p.step, p.wait = g.Step.ID, ""
		fmt.Fprintf(p.out, "%d/%d  %s\n", g.Done+1, g.Total, what)
	}
	if g.Waiting != "" && g.Waiting != p.wait {
		p.wait = g.Waiting
		fmt.Fprintf(p.out, "%*s  waiting: %s\n", len(fmt.Sprintf("%d/%d", g.Done+1, g.Total)), "", printable(g.Waiting, maxShown))
	}
}

func bar(done, total int) string {
	filled := 0
	if total > 0 {
		filled = min(barWidth*done/total, barWidth)
	}
	return "[" + strings.Repeat("█", filled) + strings.Repeat("·", barWidth-filled) + "]"
}

// end leaves the line to what comes after.
func (p *progress) end() {
	switch {
	case p.bar:
		fmt.Fprint(p.out, "\r\x1b[K")
	case p.step != "":
		fmt.Fprintln(p.out)
	}
}
