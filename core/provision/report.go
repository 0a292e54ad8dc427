package provision

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Outcome is how a step of an applied plan ended.
type Outcome string

// The outcomes.
const (
	WasSo    Outcome = "was so"    // it was as planned before it was its turn
	Shown    Outcome = "shown"     // done, and read back
	Late     Outcome = "late"      // done, but the provider does not show it yet
	ByPerson Outcome = "by hand"   // a person has to do it: Step.Manual says how
	Early    Outcome = "not yet"   // the provider cannot do it yet, as of a mailbox that the app does not reach so soon
	Broke    Outcome = "failed"    // Says tells why
	Untried  Outcome = "not tried" // Says tells why
)

// Ended is a step and how it ended.
type Ended struct {
	Step    Step    `json:"step"`
	Outcome Outcome `json:"outcome"`
	Says    string  `json:"says,omitempty"`
}

// Report is what became of an applied plan. It is good also beside an error.
type Report struct {
	Ended []Ended `json:"ended"` // all steps of the plan, in its order
	// Left is what a plan made at the end still holds: what was held back, what a person has to do, what is late.
	// It is nil where the end was not reached.
	Left *Plan `json:"left,omitempty"`
	// Stopped says why the end was not reached; empty when it was. The same command goes on from there.
	Stopped string `json:"stopped,omitempty"`
}

// Complete reports whether every step is done and read back.
func (r *Report) Complete() bool {
	for i := range r.Ended {
		if o := r.Ended[i].Outcome; o != WasSo && o != Shown {
			return false
		}
	}
	return r.Stopped == ""
}

// Undone is the first step that has failed, was not possible yet or was not tried, so that the same command tries it again;
// nil where there is none.
func (r *Report) Undone() *Ended {
	for i := range r.Ended {
		if o := r.Ended[i].Outcome; o == Broke || o == Early || o == Untried {
			return &r.Ended[i]
		}
	}
	return nil
}

// Count is how many steps ended so.
func (r *Report) Count(o Outcome) int {
	n := 0
	for i := range r.Ended {
		if r.Ended[i].Outcome == o {
			n++
		}
	}
	return n
}

// Table writes the report for a terminal: what is not done, with the reasons and what a person has to do, and a last line
// that counts.
func (r *Report) Table(w io.Writer, colour bool) error {
	out := &printer{bufio.NewWriter(w), colour}
	for _, part := range []struct {
		outcome Outcome
		code    string
		title   string
	}{
		{Broke, red, "Failed"},
		{Untried, yellow, "Not tried"},
		{Early, yellow, "Not possible yet; the same command tries again"},
		{Late, yellow, "Done, but not shown by the provider yet"},
		{ByPerson, blue, "To be done by hand, and then looked at by the next plan"},
	} {
		if r.Count(part.outcome) == 0 {
			continue
		}
		out.line("%s", out.paint(bold, part.title))
		for i := range r.Ended {
			e := &r.Ended[i]
			if e.Outcome != part.outcome {
				continue
			}
			symbol, _ := e.Step.symbol()
			out.line("  %s %s", out.paint(part.code, symbol), clean(e.Step.sentence()))
			if e.Says != "" {
				out.line("    %s", out.paint(dim, clean(e.Says)))
			}
			out.instruction(e.Step.Manual, "    ")
		}
		out.line("")
	}
	if r.Left != nil && len(r.Left.Held) > 0 {
		out.line("%s", out.paint(bold, "Held back"))
		for i := range r.Left.Held {
			h := &r.Left.Held[i]
			symbol, _ := h.Step.symbol()
			out.line("  %s %s", symbol, clean(h.Step.sentence()))
			out.line("    %s", out.paint(dim, clean(h.Why)))
		}
		out.line("")
	}
	out.line("%s", r.Summary())
	return out.w.Flush()
}

// Summary counts how the steps ended, in one line.
func (r *Report) Summary() string {
	out := fmt.Sprintf("%d of %s done", r.Count(WasSo)+r.Count(Shown), count(len(r.Ended), "step", "steps"))
	if n := r.Count(WasSo); n > 0 {
		out += fmt.Sprintf(" (%d had been before)", n)
	}
	for _, o := range []Outcome{Late, ByPerson, Early, Broke, Untried} {
		if n := r.Count(o); n > 0 {
			out += fmt.Sprintf(", %d %s", n, o)
		}
	}
	switch {
	case r.Stopped != "":
		return out + "; stopped: " + clean(r.Stopped) + ". The same command goes on from here."
	case r.Left == nil:
		return out + "."
	case r.Left.Empty():
		return out + ". Everything is as the manifest says."
	}
	left := len(r.Left.Steps) + len(r.Left.Held)
	return out + fmt.Sprintf("; %s left to the next plan.", count(left, "step is", "steps are"))
}

// Progress is how far an apply has got, for a progress bar.
type Progress struct {
	Done, Total int
	Step        Step      // what it is at
	Waiting     string    // what it waits for; empty while it works
	Since       time.Time // when it began to wait
	Until       time.Time // when it gives up waiting, at the latest
}
