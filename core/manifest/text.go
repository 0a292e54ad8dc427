package manifest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/templates"
)

// listed is a list behind its key: in one line or, where that gets long, one item a line below indent.
func listed(list []string, indent string) string {
	if line := " " + templates.Flow(list); len(line) < 100 {
		return line + "\n"
	}
	var out strings.Builder
	out.WriteByte('\n')
	for _, s := range list {
		out.WriteString(indent + "- " + templates.Scalar(s) + "\n")
	}
	return out.String()
}

// shown reports whether s can stand as a name that people see.
func shown(s string) bool {
	return strings.TrimSpace(s) != "" && len([]rune(s)) <= maxName && !strings.ContainsFunc(s, unicode.IsControl) && strings.ToValidUTF8(s, "") == s
}

// capitalised is s with each of its words begun in upper case, as names made of addresses are.
func capitalised(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToTitle(first)) + w[size:]
	}
	return strings.Join(words, " ")
}
