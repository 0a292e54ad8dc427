package rules

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with one rule.
type Error struct {
	Rule    int    // its index
	Name    string // its name
	Key     string // which condition: "from", "subject", "size", "if", "header" …; empty for the rule as a whole
	Header  string // the name of the header field where Key is "header"
	Not     bool   // the pattern stands under "not"
	Pattern string // the pattern or expression that is wrong
	// Line and Column say where in an expression, both from 1; 0 where that is unknown or Key is not "if".
	Line, Column int
	Text         string // what is wrong
	Fix          string // what to write instead; may be empty
}

// Error is the whole complaint on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %q", e.Name)
	switch {
	case e.Key == "header":
		fmt.Fprintf(&b, ": header %s", e.Header)
	case e.Key != "":
		fmt.Fprintf(&b, ": %s", e.Key)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, " (%d:%d)", e.Line, e.Column)
	}
	b.WriteString(": " + e.Text)
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

// Errors is all that is wrong with a list of rules.
type Errors []*Error

// Error is one line an error.
func (list Errors) Error() string {
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}
