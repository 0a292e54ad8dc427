package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// maxMarks is how many combining marks one letter may carry; no writing needs more, and a tower of them covers other lines.
const maxMarks = 3

// neutral makes a text that a stranger chose safe to show on a terminal: control characters and escapes, marks that
// turn the direction of the text, and characters that nobody can see come out as a replacement character or a blank.
func neutral(s string) string {
	var b strings.Builder
	marks := 0
	for _, r := range s {
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		switch {
		case r == '\t' || r == '\n' || r == '\r' || unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case !inert(r):
			b.WriteRune(unicode.ReplacementChar)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// cells is how many columns of a terminal s takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens s to at most n columns, with an ellipsis where something is missing.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += cellsOf(r); used > n-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// pad fills s up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-cells(s))) }

// isolated keeps a right-to-left text from turning the line around it, with Unicode's isolates (UAX #9). s is neutral, so
// nothing in it can end the isolate early. Other text stays as it is.
func isolated(s string) string {
	for _, r := range s {
		if rightToLeft(r) {
			return "\u2068" + s + "\u2069"
		}
	}
	return s
}

func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam)
}

// shown makes a stranger's text ready for n columns of a line.
func shown(s string, n int) string { return isolated(cut(strings.TrimSpace(neutral(s)), n)) }

// fit is cut for a text with isolates in it, which it leaves whole.
func fit(s string, n int) string {
	short := cut(s, n)
	return short + strings.Repeat("\u2069", strings.Count(short, "\u2068")-strings.Count(short, "\u2069"))
}
