package templates

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// bare is what YAML takes for a text as it stands, as a key, as a value and in a list.
var bare = regexp.MustCompile(`^[\p{L}/][\p{L}\p{M}0-9 ._/@&+-]*$`)

// notBare are texts that are something else in some YAML.
var notBare = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// Scalar is s as one scalar of YAML, whatever is in it. Where it needs quotes it has Go's escapes, all of which are YAML's
// too.
func Scalar(s string) string {
	if bare.MatchString(s) && !strings.HasSuffix(s, " ") && !slices.Contains(notBare, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}

// Flow is a list of texts as YAML in one line.
func Flow(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = Scalar(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// comment is s as it may stand in a comment: on one line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
