package contract

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// value checks v, decoded with UseNumber, and appends what is wrong.
func (c *Contract) value(at string, s schema, v any, bad []string) []string {
	if s.Ref != "" {
		target, ok := c.schemas[s.Ref]
		if !ok {
			return append(bad, fmt.Sprintf("%s: the document has no schema %s", at, s.Ref))
		}
		return c.value(at, target, v, bad)
	}
	if s.Type == "any" {
		return bad
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type != "object" {
			return append(bad, fmt.Sprintf("%s: an object where %s is due", at, s.Type))
		}
		return c.object(at, s, v, bad)
	case []any:
		if s.Type != "array" {
			return append(bad, fmt.Sprintf("%s: a list where %s is due", at, s.Type))
		}
		for i, item := range v {
			bad = c.value(fmt.Sprintf("%s[%d]", at, i), *s.Items, item, bad)
		}
		return bad
	case string:
		if s.Type != "string" {
			return append(bad, fmt.Sprintf("%s: the string %.40q where %s is due", at, v, s.Type))
		}
		if err := s.text(v); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", at, err))
		}
		return bad
	case json.Number:
		if s.Type != "integer" && s.Type != "number" {
			return append(bad, fmt.Sprintf("%s: the number %s where %s is due", at, v, s.Type))
		}
		if err := s.number(v.String()); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", at, err))
		}
		return bad
	case bool:
		if s.Type != "boolean" {
			return append(bad, fmt.Sprintf("%s: a boolean where %s is due", at, s.Type))
		}
		return bad
	}
	return append(bad, at+": null")
}

func (c *Contract) object(at string, s schema, v map[string]any, bad []string) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p, ok := s.Properties[name]
		if !ok && s.AdditionalProperties != nil {
			p, ok = *s.AdditionalProperties, true
		}
		if !ok {
			bad = append(bad, fmt.Sprintf("%s: unknown property %q", at, name))
			continue
		}
		bad = c.value(at+"."+name, p, v[name], bad)
	}
	return bad
}

// text checks a string, also one from a query.
func (s schema) text(v string) error {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return fmt.Errorf("unknown value %q, known are %s", v, strings.Join(s.Enum, ", "))
	}
	var err error
	switch s.Format {
	case "uint64":
		_, err = strconv.ParseUint(v, 10, 64)
	case "int64":
		_, err = strconv.ParseInt(v, 10, 64)
	case "byte":
		if _, err = base64.URLEncoding.DecodeString(v); err != nil {
			_, err = base64.RawURLEncoding.DecodeString(v)
		}
	case "google-datetime":
		_, err = time.Parse(time.RFC3339Nano, v)
	}
	if err != nil {
		return fmt.Errorf("%.40q is no %s", v, s.Format)
	}
	return nil
}

func (s schema) number(v string) error {
	var err error
	switch {
	case s.Type == "number":
		_, err = strconv.ParseFloat(v, 64)
	case s.Format == "uint32":
		_, err = strconv.ParseUint(v, 10, 32)
	default:
		_, err = strconv.ParseInt(v, 10, 32)
	}
	if err != nil {
		return fmt.Errorf("%s is no %s %s", v, s.Type, s.Format)
	}
	return nil
}

// parameter checks the values of one query parameter.
func (s schema) parameter(values []string) error {
	if len(values) > 1 && !s.Repeated {
		return fmt.Errorf("given %d times", len(values))
	}
	for _, v := range values {
		var err error
		switch s.Type {
		case "integer", "number":
			err = s.number(v)
		case "boolean":
			if v != "true" && v != "false" {
				err = fmt.Errorf("%q is no boolean", v)
			}
		default:
			err = s.text(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
