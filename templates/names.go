package templates

import (
	"strings"
	"unicode"
)

// clean takes out what does not print, and cuts.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s)
	runes := []rune(strings.Join(strings.Fields(s), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), limit)]))
}

// PersonName is a name that a marker can be made of: first name first, without what separates categories, at most 60 runes.
func PersonName(s string) string {
	if last, first, ok := strings.Cut(s, ","); ok && !strings.Contains(first, ",") {
		s = first + " " + last
	}
	return clean(strings.NewReplacer(",", " ", ";", " ").Replace(s), 60)
}

// KeyStem is what of a name or an address can be the key of a member, in lower case and at most 24 runes; it may be empty.
func KeyStem(s string) string {
	stem := strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return -1
	}, strings.ToLower(s)), "-_.")
	runes := []rune(stem)
	return strings.TrimRight(string(runes[:min(len(runes), 24)]), "-_.")
}
