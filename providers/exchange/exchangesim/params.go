package exchangesim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// refusal is an error of a cmdlet.
type refusal struct {
	status  int
	kind    string // of the exception
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, kind, format string, a ...any) *refusal {
	return &refusal{status, kind, fmt.Sprintf(format, a...)}
}

func notFound(identity string) *refusal {
	return refuse(404, "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
		"The operation couldn't be performed because object '%s' couldn't be found on 'PR0P264A001DC01.FRAP264A001.PROD.OUTLOOK.COM'.", identity)
}

func invalid(format string, a ...any) *refusal {
	return refuse(400, "Microsoft.Exchange.Data.DataValidationException", format, a...)
}

// params are a cmdlet's parameters as they came.
type params map[string]any

func (p params) has(name string) bool { _, ok := p[name]; return ok }

func (p params) text(name string) string {
	switch v := p[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (p params) flag(name string) bool {
	v, _ := p[name].(bool)
	return v
}

// list is a parameter's values, of which one may come by itself.
func (p params) list(name string) []string {
	switch v := p[name].(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// edit applies a hash table of Add and Remove, or a whole new value, to values that are equal by same.
func (p params) edit(name string, now []string, same func(a, b string) bool) ([]string, *refusal) {
	table, ok := p[name].(map[string]any)
	if !ok {
		return p.list(name), nil
	}
	if kind, ok := table["@odata.type"].(string); !ok || kind != "#Exchange.GenericHashTable" {
		return nil, invalid("Cannot process argument transformation on parameter '%s'.", name)
	}
	for key := range table {
		if !slices.Contains([]string{"@odata.type", "Add", "Remove"}, key) {
			return nil, invalid("The key %q of a hash table is neither Add nor Remove.", key)
		}
	}
	out := slices.Clone(now)
	for _, x := range params(table).list("Remove") {
		out = slices.DeleteFunc(out, func(y string) bool { return same(x, y) })
	}
	for _, x := range params(table).list("Add") {
		if !slices.ContainsFunc(out, func(y string) bool { return same(x, y) }) {
			out = append(out, x)
		}
	}
	return out, nil
}

// bytes reads a quota.
func (p params) bytes(name string) (int64, *refusal) {
	s := strings.ToUpper(strings.TrimSpace(p.text(name)))
	shift := 0
	for unit, n := range map[string]int{"GB": 30, "MB": 20} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = strings.TrimSpace(rest), n
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid("Cannot convert value \"%s\" to type \"Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]\".", s)
	}
	return n << shift, nil
}

// sized writes a size as Exchange does.
func sized(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	f, unit := float64(n), "B"
	for _, u := range []string{"KB", "MB", "GB", "TB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	return fmt.Sprintf("%s %s (%s bytes)", strconv.FormatFloat(f, 'g', 4, 64), unit, digits)
}

// filter reads the only form of a filter that is simulated: a property that equals a text, in any parentheses.
func filter(s string) (property, value string, no *refusal) {
	bare := strings.TrimSpace(s)
	for strings.HasPrefix(bare, "(") && strings.HasSuffix(bare, ")") {
		bare = strings.TrimSpace(bare[1 : len(bare)-1])
	}
	parts := strings.SplitN(bare, " -eq ", 2)
	if len(parts) != 2 {
		return "", "", invalid("Invalid filter syntax: %s", s)
	}
	v := strings.TrimSpace(parts[1])
	inner := strings.TrimSuffix(strings.TrimPrefix(v, "'"), "'")
	if len(v) < 2 || v[0] != '\'' || v[len(v)-1] != '\'' || strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
		return "", "", invalid("Invalid filter syntax: %s", s)
	}
	return strings.TrimSpace(parts[0]), strings.ReplaceAll(inner, "''", "'"), nil
}

// custom is the number of a CustomAttribute, 0 for another property.
func custom(property string) int {
	rest, ok := strings.CutPrefix(strings.ToLower(property), "customattribute")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil || n < 1 || n > 15 {
		return 0
	}
	return n
}
