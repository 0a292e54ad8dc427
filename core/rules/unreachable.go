package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Finding is a rule that can never do anything.
type Finding struct {
	Rule int    // its index
	By   int    // index of the earlier rule that stops everything this one matches; -1 if it can match nothing
	Key  string // the condition that contradicts itself, where By is -1
	Text string // why, in words
}

// maxComparisons bounds the work of Unreachable, which grows with the square of the rules and of their patterns. What is
// not compared counts as reachable.
const maxComparisons = 5_000_000

// comparison tells which conditions imply others.
type comparison struct{ left int }

// Unreachable finds the rules that can never match: those whose conditions contradict themselves, and those that stand
// after a rule which stops every message they could match. It says only what is certain; a rule that it does not
// name may still be unreachable. Rules that do not compile are passed over.
func Unreachable(list []Rule) []Finding {
	var out []Finding
	all := make([]*compiled, len(list))
	cmp := &comparison{left: maxComparisons}
	for i, r := range list[:min(len(list), MaxRules)] {
		broken := false
		c := compile(r, func(*Error) { broken = true })
		if broken {
			continue
		}
		if key, text := cmp.contradiction(c); text != "" {
			out = append(out, Finding{Rule: i, By: -1, Key: key, Text: text})
			continue
		}
		all[i] = &c
		for j, earlier := range all[:i] {
			if earlier == nil || !earlier.then.Stop || !cmp.implies(c, *earlier) {
				continue
			}
			text := fmt.Sprintf("every message it matches is stopped by the rule %q above", earlier.name)
			if earlier.free() {
				text = fmt.Sprintf("the rule %q above matches every message and stops", earlier.name)
			}
			out = append(out, Finding{Rule: i, By: j, Text: text})
			break
		}
	}
	return out
}

func (c compiled) free() bool { return len(c.tests) == 0 && c.size == nil && c.condition == nil }

// contradiction names a condition that nothing can fulfil.
func (cmp *comparison) contradiction(c compiled) (key, text string) {
	for _, t := range c.tests {
		if len(t.any) == 0 {
			continue
		}
		excluded := func(p pattern) bool {
			return slices.ContainsFunc(t.not, func(n pattern) bool { return cmp.within(t.key, p, n) })
		}
		if !slices.ContainsFunc(t.any, func(p pattern) bool { return !excluded(p) }) {
			return t.key, fmt.Sprintf("no message can match: what %s asks for, its \"not\" excludes", t.name())
		}
	}
	if c.size != nil && len(c.size.let) == 0 {
		return "size", "no message can match: there is no such size"
	}
	return "", ""
}

// implies reports whether every message that c matches is matched by o too.
func (cmp *comparison) implies(c, o compiled) bool {
	for _, want := range o.tests {
		if !slices.ContainsFunc(c.tests, func(t test) bool { return cmp.covers(t, want) }) {
			return false
		}
	}
	if o.size != nil && (c.size == nil || !sizesWithin(c.size.let, o.size.let)) {
		return false
	}
	return o.condition == nil || c.condition != nil && same(c.condition.source, o.condition.source)
}

func same(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// covers reports whether what t lets through, o lets through too.
func (cmp *comparison) covers(t, o test) bool {
	if t.key != o.key || !strings.EqualFold(t.header, o.header) || len(o.any) > 0 && len(t.any) == 0 {
		return false
	}
	if len(o.any) > 0 {
		for _, p := range t.any {
			if !slices.ContainsFunc(o.any, func(q pattern) bool { return cmp.within(t.key, p, q) }) {
				return false
			}
		}
	}
	for _, n := range o.not {
		if !slices.ContainsFunc(t.not, func(m pattern) bool { return cmp.within(t.key, n, m) }) {
			return false
		}
	}
	return true
}

// within is pattern.within, but what is found anywhere in a body may span two lines, and a glob sees one.
func (cmp *comparison) within(key string, p, q pattern) bool {
	if cmp.left--; cmp.left < 0 {
		return false
	}
	if key == "body" && p.anywhere && !q.anywhere && strings.Contains(p.skeleton, " ") {
		return false
	}
	return p.within(q)
}
