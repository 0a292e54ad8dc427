package manifest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bare is what YAML takes for a text as it stands, as a key, as a value and in a list.
var bare = regexp.MustCompile(`^[\p{L}/][\p{L}\p{M}0-9 ._/@&+-]*$`)

// notBare are texts that are something else in some YAML.
var notBare = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// scalar is s as one scalar of YAML. Where it needs quotes it has Go's escapes, all of which are YAML's too.
func scalar(s string) string {
	if bare.MatchString(s) && !strings.HasSuffix(s, " ") && !slices.Contains(notBare, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}

// flow is a list in one line.
func flow(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = scalar(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// listed is a list behind its key: in one line or, where that gets long, one item a line below indent.
func listed(list []string, indent string) string {
	if line := " " + flow(list); len(line) < 100 {
		return line + "\n"
	}
	var out strings.Builder
	out.WriteByte('\n')
	for _, s := range list {
		out.WriteString(indent + "- " + scalar(s) + "\n")
	}
	return out.String()
}

// shown reports whether s can stand as a name that people see.
func shown(s string) bool {
	return strings.TrimSpace(s) != "" && len([]rune(s)) <= maxName && !strings.ContainsFunc(s, unicode.IsControl) && strings.ToValidUTF8(s, "") == s
}

// personal is a name that a marker can be made of: first name first, without what separates categories.
func personal(s string) string {
	if last, first, ok := strings.Cut(s, ","); ok && !strings.Contains(first, ",") {
		s = first + " " + last
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == ',' || r == ';' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	words := []rune(spaced(s))
	return strings.TrimSpace(string(words[:min(len(words), 60)]))
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
