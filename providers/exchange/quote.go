package exchange

import (
	"fmt"
	"strings"
	"unicode"
)

// quote writes s as a PowerShell string in which nothing is expanded. PowerShell takes the typographic quotes ‘ ’ ‚ ‛ for
// single quotes too, and any of them doubled for one in the text (about_Quoting_Rules). Control characters are left out, line
// breaks among them: none of the values has use for one, and a terminal may act on them.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch r {
		case '\'', '‘', '’', '‚', '‛':
			b.WriteRune(r)
		case '\u2028', '\u2029':
			continue
		}
		if !unicode.IsControl(r) {
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// literal writes a parameter's value in PowerShell.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "$null"
	case bool:
		if v {
			return "$true"
		}
		return "$false"
	case int:
		return fmt.Sprint(v)
	case []string:
		return array(v)
	case Change:
		var parts []string
		if len(v.Add) > 0 {
			parts = append(parts, "Add = "+array(v.Add))
		}
		if len(v.Remove) > 0 {
			parts = append(parts, "Remove = "+array(v.Remove))
		}
		return "@{ " + strings.Join(parts, "; ") + " }"
	case string:
		return quote(v)
	}
	return quote(fmt.Sprint(v))
}

func array(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "@(" + strings.Join(quoted, ", ") + ")"
}

// splat writes parameters as a PowerShell hash table.
func splat(c *Command) string {
	parts := []string{}
	for _, name := range c.names() {
		parts = append(parts, name+" = "+literal(c.Parameters[name]))
	}
	return "@{ " + strings.Join(parts, "; ") + " }"
}
