package manifest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
)

// Schema is the JSON Schema (2020-12) of the manifest, for editors to complete and check while somebody writes. It is made
// from the types that Parse decodes into. It says less than Parse does: that a member exists or a rule can be reached
// is for Parse to tell.
func Schema() []byte {
	g := &generator{defs: &properties{}}
	root := g.object(reflect.TypeFor[document]())
	root.Dialect = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "postroom.yaml"
	root.Description = "The team, its mailboxes, and how their mail is worked."
	root.Defs = g.defs
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	// A tree of these types always encodes.
	if err := enc.Encode(root); err != nil {
		panic(err)
	}
	return out.Bytes()
}

type schema struct {
	Dialect     string      `json:"$schema,omitempty"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	Ref         string      `json:"$ref,omitempty"`
	Type        any         `json:"type,omitempty"` // a name or several
	Enum        []any       `json:"enum,omitempty"`
	Format      string      `json:"format,omitempty"`
	Pattern     string      `json:"pattern,omitempty"`
	Minimum     *int        `json:"minimum,omitempty"`
	AnyOf       []*schema   `json:"anyOf,omitempty"`
	Items       *schema     `json:"items,omitempty"`
	MinItems    int         `json:"minItems,omitempty"`
	Properties  *properties `json:"properties,omitempty"`
	Additional  any         `json:"additionalProperties,omitempty"` // false, or the schema of every value
	Required    []string    `json:"required,omitempty"`
	Defs        *properties `json:"$defs,omitempty"`
}

// properties are schemas by name, in the order they were made.
type properties struct {
	names   []string
	schemas []*schema
}

func (p *properties) add(name string, s *schema) {
	p.names = append(p.names, name)
	p.schemas = append(p.schemas, s)
}

// MarshalJSON keeps the order, which a map would lose.
func (p *properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i, name := range p.names {
		out.WriteByte("{,"[min(i, 1)])
		if err := enc.Encode(name); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := enc.Encode(p.schemas[i]); err != nil {
			return nil, err
		}
	}
	if len(p.names) == 0 {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

type generator struct {
	defs *properties
	made map[string]bool
}

// refer gives a reference to the definition name, which build makes the first time.
func (g *generator) refer(name string, build func() *schema) *schema {
	if g.made == nil {
		g.made = make(map[string]bool)
	}
	if !g.made[name] {
		g.made[name] = true
		s := build()
		g.defs.add(name, s)
	}
	return &schema{Ref: "#/$defs/" + name}
}

// value is the schema of a value of t; f says more about it.
func (g *generator) value(t reflect.Type, f field) *schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return g.value(t.Elem(), f)
	case isNamed(t):
		value, _ := t.Elem().FieldByName("Value")
		return &schema{Type: "object", Additional: g.value(value.Type, f)}
	case t.Kind() == reflect.Struct:
		return g.refer(t.Name(), func() *schema { return g.structure(t) })
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		one := g.value(t.Elem(), f)
		return &schema{AnyOf: []*schema{one, {Type: "array", Items: one, MinItems: 1}}}
	case t.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: g.value(t.Elem(), field{}), MinItems: 1}
	case t.Kind() == reflect.Bool:
		return &schema{Type: "boolean"}
	case t.Kind() == reflect.Int:
		s := &schema{Type: "integer", Enum: numbers(f.enum())}
		if least, err := strconv.Atoi(f.Tag.Get("min")); err == nil {
			s.Minimum = &least
		}
		return s
	case f.Tag.Get("scalar") != "" && f.Tag.Get("pattern") == "": // a number that has no unit is read only to tell what it lacks
		return &schema{Type: []string{"string", "number", "boolean"}}
	case f.Tag.Get("enum") == "color":
		return g.refer("color", func() *schema { return &schema{Type: "string", Enum: texts(colors)} })
	case f.Tag.Get("format") == "duration":
		return &schema{Type: "string", Pattern: "^[1-9][0-9]*[hdw]$"}
	}
	return &schema{Type: "string", Enum: texts(f.enum()), Format: f.Tag.Get("format"), Pattern: f.Tag.Get("pattern")}
}

// structure is an object, or what it may be shortened to.
func (g *generator) structure(t reflect.Type) *schema {
	o := g.object(t)
	if short, ok := shortFor(t); ok {
		s := g.value(short.Type, short)
		if s.AnyOf != nil {
			return &schema{AnyOf: append(s.AnyOf, o)}
		}
		return &schema{AnyOf: []*schema{s, o}}
	}
	return o
}

func (g *generator) object(t reflect.Type) *schema {
	o := &schema{Type: "object", Properties: &properties{}, Additional: false}
	for _, f := range fieldsOf(t) {
		s := g.value(f.Type, f)
		s.Description = f.Tag.Get("doc")
		o.Properties.add(f.key, s)
		if f.needed() {
			o.Required = append(o.Required, f.key)
		}
	}
	return o
}

func texts(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func numbers(list []string) (out []any) {
	for _, s := range list {
		n, _ := strconv.Atoi(s)
		out = append(out, n)
	}
	return out
}
