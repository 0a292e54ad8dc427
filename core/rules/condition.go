package rules

import (
	"fmt"
	"slices"
	"strings"
)

// test is one compiled condition on texts of a message.
type test struct {
	key, header string
	any, not    []pattern
}

// holds tries the condition.
func (t test) holds(r *reading) bool {
	found := func(p pattern) bool {
		_, ok := t.find(r, p)
		return ok
	}
	return !slices.ContainsFunc(t.not, found) && (len(t.any) == 0 || slices.ContainsFunc(t.any, found))
}

// why says in words why the condition holds. Few rules match, so the words are made only once the whole rule does.
func (t test) why(r *reading) (why []string) {
	for _, p := range t.any {
		if v, ok := t.find(r, p); ok {
			why = append(why, t.because(p, v))
			break
		}
	}
	for _, p := range t.not {
		why = append(why, t.despite(p))
	}
	return why
}

// find gives the first text that matches p.
func (t test) find(r *reading, p pattern) (value, bool) {
	key := t.key
	switch {
	case key == "body" && !p.anywhere:
		key = "line"
	case p.media:
		key = "media"
	}
	for _, v := range r.values(key, t.header) {
		if p.match(v.folded) {
			return v, true
		}
	}
	return value{}, false
}

func (t test) name() string {
	if t.key == "header" {
		return "header " + t.header
	}
	return t.key
}

func (t test) because(p pattern, v value) string {
	switch {
	case p.anywhere:
		return fmt.Sprintf("%s contains %q", t.name(), p.source)
	case t.key == "body":
		return fmt.Sprintf("a line of the body matches %q", p.source)
	case t.key == "subject" || t.key == "header":
		return fmt.Sprintf("%s matches %q", t.name(), p.source)
	case t.key != "attachment" && len(p.literals) == 1:
		return fmt.Sprintf("%s is %s", t.key, shown(v.raw))
	}
	return fmt.Sprintf("%s %s matches %s", t.key, p.source, shown(v.raw))
}

func (t test) despite(p pattern) string {
	switch {
	case p.anywhere:
		return fmt.Sprintf("%s does not contain %q", t.name(), p.source)
	case t.key == "body":
		return fmt.Sprintf("no line of the body matches %q", p.source)
	case t.key == "subject" || t.key == "header":
		return fmt.Sprintf("%s does not match %q", t.name(), p.source)
	case t.key == "from":
		return fmt.Sprintf("from is not %s", p.source)
	}
	return fmt.Sprintf("no %s is %s", t.key, p.source)
}

// sized is the compiled condition on the size.
type sized struct {
	any, not []span
	sources  []string // of any
	let      []span   // what passes
}

// holds is never so for a size that is not known.
func (t *sized) holds(size int64) bool {
	return size > 0 && slices.ContainsFunc(t.let, func(s span) bool { return s.has(size) })
}

func (t *sized) why(size int64) string {
	for i, s := range t.any {
		if s.has(size) {
			return fmt.Sprintf("size %s is %s", bytesText(size), t.sources[i])
		}
	}
	return "size " + bytesText(size) + " is not one that is excluded"
}

// compileTest reads the patterns of c. It reports each that is wrong.
func compileTest(key, header string, k kind, c Condition, report func(*Error)) (t test) {
	t = test{key: key, header: header}
	if len(c.Any)+len(c.Not) > MaxPatterns {
		report(&Error{Key: key, Header: header, Text: fmt.Sprintf("%d patterns are too many", len(c.Any)+len(c.Not)),
			Fix: fmt.Sprintf("at most %d fit one condition; use patterns with *, or several rules", MaxPatterns)})
		return t
	}
	read := func(list []string, not bool) (out []pattern) {
		for _, source := range list {
			p, fault, fix := newPattern(source, k)
			if fault != "" {
				report(&Error{Key: key, Header: header, Not: not, Pattern: source, Text: fault, Fix: fix})
				continue
			}
			out = append(out, p)
		}
		return out
	}
	t.any, t.not = read(c.Any, false), read(c.Not, true)
	return t
}

func compileSize(c Condition, report func(*Error)) *sized {
	t := &sized{}
	for i, source := range slices.Concat(c.Any, c.Not) {
		s, ok := newSpan(source)
		switch {
		case !ok:
			report(&Error{Key: "size", Not: i >= len(c.Any), Pattern: source, Text: "this is not a size to compare with",
				Fix: `write "> 5MB", "<= 200 KB", "over 5MB" or "under 10KB"`})
		case i < len(c.Any):
			t.any, t.sources = append(t.any, s), append(t.sources, strings.TrimSpace(source))
		default:
			t.not = append(t.not, s)
		}
	}
	t.let = sizes(t.any, t.not)
	return t
}
