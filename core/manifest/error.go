package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxErrors is how many errors are shown at once.
const maxErrors = 20

// Error is one thing wrong with a manifest, and how to put it right.
type Error struct {
	File         string // as given to Parse; or the Source of what is declared elsewhere
	Key          string // of what is declared elsewhere: the keys that lead to it, as in rules[0].when. "" for all of it
	Line, Column int    // from 1; Column counts characters. 0 of what is declared elsewhere
	Source       string // the offending line
	Text         string // what is wrong
	Fix          string // what to do; may be empty
}

// Error shows the place, the line with a caret below the column, and the fix.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line == 0 {
		fmt.Fprintf(&b, "%s: ", e.File)
		if e.Key != "" {
			fmt.Fprintf(&b, "%s: ", e.Key)
		}
		b.WriteString(e.Text)
		if e.Fix != "" {
			fmt.Fprintf(&b, "\n      = %s", e.Fix)
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s:%d:%d: %s\n", e.File, e.Line, e.Column, e.Text)
	line, column := window([]rune(e.Source), e.Column-1)
	number := fmt.Sprintf("%5d", e.Line)
	fmt.Fprintf(&b, "%s | %s\n", number, string(line))
	// Tabs before the caret stay tabs, so that it stands right whatever their width.
	for i, r := range line[:min(column, len(line))] {
		if line[i] = ' '; r == '\t' {
			line[i] = r
		}
	}
	fmt.Fprintf(&b, "%s | %s^", strings.Repeat(" ", len(number)), string(line[:min(column, len(line))]))
	if e.Fix != "" {
		fmt.Fprintf(&b, "\n%s = %s", strings.Repeat(" ", len(number)), e.Fix)
	}
	return b.String()
}

// window cuts a long line around the column, and takes out what a terminal would act on.
func window(line []rune, column int) ([]rune, int) {
	const before, width = 80, 160
	column = max(0, min(column, len(line)))
	if start := column - before; len(line) > width && start > 0 {
		line, column = append([]rune("…"), line[start:]...), column-start+1
	}
	if len(line) > width {
		line = append(slices.Clone(line[:width]), '…')
	}
	line = slices.Clone(line)
	for i, r := range line {
		if r != '\t' && !unicode.IsPrint(r) {
			line[i] = '\uFFFD'
		}
	}
	return line, column
}

// Errors is what is wrong with a manifest, in the order of the file.
type Errors struct {
	List []*Error
	More int // how many further ones are not in List
}

// Error is all of them, an empty line between.
func (e *Errors) Error() string {
	texts := make([]string, 0, len(e.List)+1)
	for _, one := range e.List {
		texts = append(texts, one.Error())
	}
	switch {
	case e.More == 1:
		texts = append(texts, "and one more")
	case e.More > 1:
		texts = append(texts, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(texts, "\n\n")
}

// Unwrap gives each error, for errors.As.
func (e *Errors) Unwrap() []error {
	out := make([]error, len(e.List))
	for i, one := range e.List {
		out[i] = one
	}
	return out
}

// problems collects what is wrong while a manifest is read.
type problems struct {
	file    string
	lines   []string
	sources []string             // of what is declared elsewhere
	paths   func(at spot) string // the keys that lead to something declared elsewhere
	list    []*Error
	seen    map[Error]bool
	more    int
}

func (p *problems) add(at spot, text, fix string) {
	e := Error{File: p.file, Line: max(at.line, 1), Column: max(at.column, 1), Text: oneLine(text), Fix: oneLine(fix)}
	if at.source > 0 {
		e.File, e.Key, e.Line, e.Column = oneLine(p.sources[at.source-1]), oneLine(p.paths(at)), 0, 0
	}
	if p.seen[e] {
		return
	}
	if p.full() {
		p.more++
		return
	}
	if p.seen == nil {
		p.seen = make(map[Error]bool)
	}
	p.seen[e] = true
	if e.Line > 0 && e.Line <= len(p.lines) {
		e.Source = p.lines[e.Line-1]
	}
	p.list = append(p.list, &e)
}

// full reports whether so much is wrong that no more is kept; it is only counted.
func (p *problems) full() bool { return len(p.list) >= 10*maxErrors }

// suggest is what to do about a name that is not known. It compares with all that are, so not for ever.
func (p *problems) suggest(name string, known []string) string {
	if p.full() {
		return ""
	}
	return suggest(name, known)
}

// err is nil where there are no problems.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b *Error) int {
		if (a.Line == 0) != (b.Line == 0) {
			return b.Line - a.Line // the file comes first
		}
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	n := min(len(p.list), maxErrors)
	return &Errors{List: p.list[:n], More: len(p.list) - n + p.more}
}

// oneLine keeps what the file says from breaking the message apart, and bounds it.
func oneLine(s string) string {
	const limit = 400
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > limit {
		r = append(r[:limit], '…')
	}
	for i := range r {
		if !unicode.IsPrint(r[i]) {
			r[i] = '\uFFFD'
		}
	}
	return string(r)
}
