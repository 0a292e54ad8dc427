package gmailsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// project keeps of a JSON answer what the fields parameter selects: "id,payload(headers,mimeType),messages/id".
func project(answer []byte, fields string) ([]byte, error) {
	if fields == "" || fields == "*" {
		return answer, nil
	}
	selected := mask{}
	rest, err := parseMask(fields, selected, 0)
	if err != nil || rest != "" {
		return nil, fmt.Errorf("invalid field selection %s", fields)
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return nil, err
	}
	return json.Marshal(selected.apply(v))
}

// mask maps a field to what is selected in it; an empty mask selects everything.
type mask map[string]mask

func (m mask) apply(v any) any {
	if len(m) == 0 || m["*"] != nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if sub, ok := m[k]; ok {
				v[k] = sub.apply(inner)
			} else {
				delete(v, k)
			}
		}
	case []any:
		for i := range v {
			v[i] = m.apply(v[i])
		}
	}
	return v
}

// parseMask reads "item,item…" into m and returns what follows.
func parseMask(s string, m mask, depth int) (rest string, err error) {
	for {
		if s, err = parseItem(s, m, depth); err != nil || !strings.HasPrefix(s, ",") {
			return s, err
		}
		s = s[1:]
	}
}

// parseItem reads "name", "name/item" or "name(item,item…)".
func parseItem(s string, m mask, depth int) (rest string, err error) {
	i := strings.IndexAny(s, ",()/")
	if i < 0 {
		i = len(s)
	}
	name := strings.TrimSpace(s[:i])
	if name == "" || depth > 20 {
		return s, errors.New("empty or too deep")
	}
	sub := mask{}
	switch s = s[i:]; {
	case strings.HasPrefix(s, "/"):
		s, err = parseItem(s[1:], sub, depth+1)
	case strings.HasPrefix(s, "("):
		if s, err = parseMask(s[1:], sub, depth+1); err == nil && !strings.HasPrefix(s, ")") {
			err = errors.New("unbalanced parentheses")
		}
		s = strings.TrimPrefix(s, ")")
	}
	merge(m, name, sub)
	return s, err
}

func merge(into mask, name string, sub mask) {
	old, ok := into[name]
	if !ok || len(old) == 0 || len(sub) == 0 {
		if ok && len(old) == 0 {
			sub = old
		}
		into[name] = sub
		return
	}
	for k, v := range sub {
		merge(old, k, v)
	}
}
