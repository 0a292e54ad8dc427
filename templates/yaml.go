package templates

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// unquoted is what YAML takes for a text as it stands, in a list as well as alone, and nobody would mistake.
var unquoted = regexp.MustCompile(`^[\pL][\pL\pM0-9 ._/@&+-]*$`)

// text is s as one scalar of YAML.
func text(s string) string {
	if unquoted.MatchString(s) && !strings.HasSuffix(s, " ") {
		switch strings.ToLower(s) {
		case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		default:
			return s
		}
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// list is the texts as one sequence of YAML.
func list(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = text(s)
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
