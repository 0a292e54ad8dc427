package manifest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/postroom/postroom/core/manifest"
)

func TestSchemaGolden(t *testing.T) {
	t.Parallel()
	compare(t, "testdata/schema.json", manifest.Schema())
}

// schema is a validator of just the words that Schema uses; any other fails the test.
type schema struct {
	t    *testing.T
	root map[string]any
}

func load(t *testing.T) schema {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(manifest.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	return schema{t, root}
}

func (s schema) resolve(node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	out, ok := s.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	if !ok {
		s.t.Fatalf("%s leads nowhere", ref)
	}
	return out
}

// check says what about v is not as node wants it; "" if all is.
func (s schema) check(node map[string]any, v any, at string) string {
	node = s.resolve(node)
	if options, ok := node["anyOf"].([]any); ok {
		var wrong []string
		for _, one := range options {
			w := s.check(one.(map[string]any), v, at)
			if w == "" {
				return ""
			}
			wrong = append(wrong, w)
		}
		return strings.Join(wrong, " and ")
	}
	object, list := map[string]any(nil), []any(nil)
	kind := "null"
	switch v := v.(type) {
	case map[string]any:
		object, kind = v, "object"
	case []any:
		list, kind = v, "array"
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		if kind = "number"; v == float64(int(v)) && node["type"] == "integer" {
			kind = "integer"
		}
	}
	kinds, several := node["type"].([]any)
	if !several {
		kinds = []any{node["type"]}
	}
	if !slices.Contains(kinds, any(kind)) {
		return fmt.Sprintf("%s is %s, not %v", at, kind, kinds)
	}
	for word, rule := range node {
		switch word {
		case "type", "description", "properties", "title", "$schema", "$defs", "format":
		case "pattern":
			if v := v.(string); !regexp.MustCompile(rule.(string)).MatchString(v) {
				return fmt.Sprintf("%s is %q, not like %v", at, v, rule)
			}
		case "enum":
			if !slices.Contains(rule.([]any), v) {
				return fmt.Sprintf("%s is %v, not one of %v", at, v, rule)
			}
		case "minimum":
			if v.(float64) < rule.(float64) {
				return at + " is too small"
			}
		case "minItems":
			if len(list) < int(rule.(float64)) {
				return at + " has too few items"
			}
		case "items":
			for i, item := range list {
				if w := s.check(rule.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); w != "" {
					return w
				}
			}
		case "required":
			for _, key := range rule.([]any) {
				if _, ok := object[key.(string)]; !ok {
					return fmt.Sprintf("%s has no %s", at, key)
				}
			}
		case "additionalProperties":
			known, _ := node["properties"].(map[string]any)
			for key, value := range object {
				sub, ok := known[key].(map[string]any)
				if !ok {
					if sub, ok = rule.(map[string]any); !ok {
						return fmt.Sprintf("%s.%s is not known", at, key)
					}
				}
				if w := s.check(sub, value, at+"."+key); w != "" {
					return w
				}
			}
		default:
			s.t.Fatalf("the schema has the word %q, which this test does not check", word)
		}
	}
	return ""
}

// plain is a YAML file as a validator of JSON sees it.
func plain(t *testing.T, data []byte) (v any) {
	t.Helper()
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What Parse takes the schema takes, and a wrong shape both refuse.
func TestSchemaAgreesWithParse(t *testing.T) {
	t.Parallel()
	s := load(t)
	for _, file := range []string{"example.yaml", "full.yaml", "keys.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if file == "keys.yaml" {
			data = []byte(strings.ReplaceAll(string(data), "  one: {name: Again", "  again: {name: Again"))
		}
		_, parsed := manifest.Parse(file, data)
		if wrong := s.check(s.root, plain(t, data), "file"); (wrong == "") != (parsed == nil) {
			t.Errorf("%s: the schema says %q, Parse says %v", file, wrong, parsed)
		}
	}
	example, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"version: 1", "version: 2"},
		{"version: 1", "version: '1'"},
		{"  name: Contoso A/S\n", ""},
		{"cap: 5", "cap: 0"},
		{"cap: 5", "cap: five"},
		{"color: blue", "color: pink"},
		{"provider: m365", "provider: m356"},
		{"agents: [søren, anna, anna2]", "agents: {one: søren}"},
		{"backlog: triage since 2026-10-01", "backlog: some"},
		{"backlog: triage since 2026-10-01", "backlog: unread"},
		{"close-by-archiving: false", "close-by-archiving: no way"},
		{"from: {any:", "from: {anyone:"},
		{"priority: urgent", "priority: normal"},
		{"priority: urgent", "prio: urgent"},
		{"assign: anna", "assign: [anna]"},
		{"stop: true", "stop: 1"},
		{"plain: {}", "plain:"},
		{"  - {from: 2026-12-20, until: 2027-01-02}", "  - {from: 2026-12-20}"},
	} {
		data := []byte(strings.Replace(string(example), change[0], change[1], 1))
		if string(data) == string(example) {
			t.Fatalf("%q is not in the example", change[0])
		}
		_, parsed := manifest.Parse("full.yaml", data)
		if wrong := s.check(s.root, plain(t, data), "file"); wrong == "" || parsed == nil {
			t.Errorf("%q in place of %q: the schema says %q, Parse says %v", change[1], change[0], wrong, parsed)
		}
	}
}

// Every key of the schema has a description, and the documented example has each at least once.
func TestSchemaKeysAreDocumented(t *testing.T) {
	t.Parallel()
	s := load(t)
	example, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(node map[string]any, at string)
	walk = func(node map[string]any, at string) {
		known, _ := node["properties"].(map[string]any)
		for key, sub := range known {
			sub := sub.(map[string]any)
			if d, _ := sub["description"].(string); len(d) < 10 {
				t.Errorf("%s.%s has no description", at, key)
			}
			if !strings.Contains(string(example), key+":") {
				t.Errorf("%s.%s is not in testdata/full.yaml", at, key)
			}
		}
		if known != nil && node["additionalProperties"] != false {
			t.Errorf("%s takes any key", at)
		}
		for _, one := range append(slices.Clone(list(node["anyOf"])), node["items"]) {
			if one, ok := one.(map[string]any); ok {
				walk(one, at)
			}
		}
	}
	walk(s.root, "file")
	for name, def := range s.root["$defs"].(map[string]any) {
		walk(def.(map[string]any), name)
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
