package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form in which texts are compared: no letter case, no accents, compatibility forms made plain (full-width
// letters, ligatures), white space runs as one space, nothing invisible. It is what the expression function fold does.
func Fold(s string) string {
	if ascii(s) {
		return foldASCII(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, "")) {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case silent(r):
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		// Up and down again: some letters (ſ, ς) have two small forms and one large.
		r = unicode.ToLower(unicode.ToUpper(r))
		if plain, ok := letters[r]; ok {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	// Recomposed, so that syllables of Korean and the voiced kana of Japanese are one letter again: か is not in が.
	return norm.NFC.String(b.String())
}

// letters that have no decomposition but are another letter with a stroke or two letters in one.
var letters = map[rune]string{
	'ß': "ss", 'ø': "o", 'æ': "ae", 'œ': "oe", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ŧ': "t", 'ĸ': "k", 'ŋ': "n",
}

// silent reports whether r changes how a letter is pronounced or shown but not which letter it is. Marks of scripts
// that write their vowels with them (Indic ones, Thai) are letters here, and so are the voicing marks of kana.
func silent(r rune) bool {
	switch {
	case r == 0x3099 || r == 0x309A:
		return false
	case r == 0x0640: // the Arabic tatweel only stretches a word
		return true
	case unicode.Is(unicode.Mn, r):
		return unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic, unicode.Syriac)
	}
	return unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector)
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func foldASCII(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			space = true
			continue
		case c < ' ' || c == 0x7F:
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteByte(c)
	}
	return b.String()
}

// foldCase is for addresses and media types: only the letter case goes.
func foldCase(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// clip cuts s to at most limit bytes without splitting a letter.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// shown is a stranger's text as a reason may show it: short, on one line, nothing invisible.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return -1
		}
		return r
	}, clip(s, 200))
}
