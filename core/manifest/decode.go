package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// path names a value by the keys that lead to it; list items are [0], [1] ….
type path string

func (p path) key(k string) path { return p + "\x00" + path(k) }
func (p path) item(i int) path   { return p + "\x00[" + path(strconv.Itoa(i)) + "]" }

// decoder fills the document types from YAML and remembers where each value stood.
type decoder struct {
	*problems
	values map[path]spot
	names  map[path]spot // where the key of a value stood
	texts  map[path]string
	object map[path]bool // the values that were written with keys
	led    map[spot]path // the shortest path to each place in what is declared elsewhere

	declared bool // mailboxes are declared elsewhere, so the file may have none
	source   int  // of what is decoded: 0 the file, else what is declared elsewhere, where numbers, true and false may be texts
}

// at is where to point to for p: the value, else its key, else whatever holds it.
func (d *decoder) at(p path) spot {
	for {
		if s, ok := d.values[p]; ok {
			return s
		}
		if s, ok := d.names[p]; ok {
			return s
		}
		i := strings.LastIndexByte(string(p), 0)
		if i < 0 {
			return spot{line: 1, column: 1}
		}
		p = p[:i]
	}
}

// here is a place in what is decoded now.
func (d *decoder) here(at spot) spot {
	at.source = d.source
	return at
}

// lead notes the path to a place. The first is the shortest, for what holds a value is decoded before it.
func (d *decoder) lead(at spot, p path) {
	if _, ok := d.led[at]; !ok && at.source > 0 {
		d.led[at] = p
	}
}

// name is where the key of p stood; for a value without one, the value.
func (d *decoder) name(p path) spot {
	if s, ok := d.names[p]; ok {
		return s
	}
	return d.at(p)
}

// field is one key of a struct of the document.
type field struct {
	reflect.StructField
	key string
}

func (f field) needed() bool { return f.Tag.Get("need") != "" }

// enum is the texts that the field allows, nil for any.
func (f field) enum() []string {
	switch list := f.Tag.Get("enum"); list {
	case "":
		return nil
	case "color":
		return colors
	default:
		return strings.Split(list, ",")
	}
}

func fieldsOf(t reflect.Type) (out []field) {
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" {
			out = append(out, field{f, key})
		}
	}
	return out
}

// keysOf are the keys of a struct of the document.
func keysOf[T any]() (out []string) {
	for _, f := range fieldsOf(reflect.TypeFor[T]()) {
		out = append(out, f.key)
	}
	return out
}

// shortFor is the field that a value of t stands for when it is written without keys.
func shortFor(t reflect.Type) (f field, ok bool) {
	s, ok := reflect.Zero(t).Interface().(interface{ short() string })
	if !ok {
		return f, false
	}
	sf, _ := t.FieldByName(s.short())
	return field{sf, sf.Tag.Get("yaml")}, true
}

func isNamed(t reflect.Type) bool {
	_, ok := reflect.Zero(t).Interface().(interface{ mapping() })
	return ok
}

// decode reads n into v. f is the field whose tags say more about v.
func (d *decoder) decode(n ast.Node, v reflect.Value, f field, p path) {
	if _, ok := d.values[p]; !ok {
		d.values[p] = d.here(nodeSpot(n))
		d.lead(d.values[p], p)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if n.Type() == ast.NullType {
		d.add(d.name(p), "there is nothing here", "write "+wanted(v.Type())+", or take the key out")
		return
	}
	switch {
	case isNamed(v.Type()):
		d.named(n, v, f, p)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, p)
	case v.Kind() == reflect.Slice:
		d.list(n, v, f, p)
	default:
		d.scalar(n, v, f, p)
	}
}

func (d *decoder) structure(n ast.Node, v reflect.Value, p path) {
	if _, ok := n.(ast.MapNode); !ok {
		if short, ok := shortFor(v.Type()); ok && (short.Type.Kind() == reflect.Slice || isScalar(n)) {
			d.decode(n, v.FieldByIndex(short.Index), short, p.key(short.key))
			return
		}
		d.wrongType(n, v.Type(), p)
		return
	}
	d.object[p] = true
	fields := fieldsOf(v.Type())
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	seen := d.pairs(n, p, func(key string, value ast.Node, p path) {
		i := slices.Index(known, key)
		if i < 0 {
			d.add(d.name(p), fmt.Sprintf("unknown key %q", key), d.suggest(key, known))
			return
		}
		d.decode(value, v.FieldByIndex(fields[i].Index), fields[i], p)
	})
	for _, f := range fields {
		if f.needed() && !(f.key == "mailboxes" && d.declared) && !slices.Contains(seen, f.key) {
			d.add(d.name(p), fmt.Sprintf("the key %q is missing", f.key), example(f))
		}
	}
}

func (d *decoder) named(n ast.Node, v reflect.Value, f field, p path) {
	if _, ok := n.(ast.MapNode); !ok {
		d.wrongType(n, v.Type(), p)
		return
	}
	d.pairs(n, p, func(key string, value ast.Node, p path) {
		one := reflect.New(v.Type().Elem()).Elem()
		one.Field(0).SetString(key)
		d.decode(value, one.Field(1), f, p)
		v.Set(reflect.Append(v, one))
	})
}

// pairs visits the keys of a mapping and gives their names. A key that is there twice is visited once.
func (d *decoder) pairs(n ast.Node, p path, visit func(key string, value ast.Node, p path)) (seen []string) {
	first := make(map[string]spot)
	for pairs := n.(ast.MapNode).MapRange(); pairs.Next(); {
		node := pairs.Key()
		at := d.here(tokenSpot(node.GetToken()))
		var key string
		switch k := node.(type) {
		case *ast.StringNode:
			key = k.Value
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			key = node.GetToken().Value
		default:
			d.add(at, "a key must be a text", "")
			continue
		}
		if was, ok := first[key]; ok {
			fix := fmt.Sprintf("it is on line %d already; make them one", was.line)
			if d.source > 0 {
				fix = "make them one"
			}
			d.add(at, fmt.Sprintf("the key %q is here a second time", key), fix)
			continue
		}
		first[key] = at
		seen = append(seen, key)
		d.names[p.key(key)] = at
		d.lead(at, p.key(key))
		visit(key, pairs.Value(), p.key(key))
	}
	return seen
}

func (d *decoder) list(n ast.Node, v reflect.Value, f field, p path) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok && v.Type().Elem().Kind() == reflect.String && isScalar(n) {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.decode(n, v.Index(0), f, p.item(0))
		return
	}
	if !ok {
		d.wrongType(n, v.Type(), p)
		return
	}
	if len(seq.Values) == 0 {
		d.add(d.here(nodeSpot(n)), "the list is empty", "write something into it, or take the key out")
	}
	for i, item := range seq.Values {
		one := reflect.New(v.Type().Elem()).Elem()
		d.decode(item, one, f, p.item(i))
		v.Set(reflect.Append(v, one))
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, f field, p path) {
	var text string
	quoted := false
	switch s := n.(type) {
	case *ast.StringNode:
		text, quoted = s.Value, true
	case *ast.LiteralNode:
		text, quoted = s.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = n.GetToken().Value
	default:
		d.wrongType(n, v.Type(), p)
		return
	}
	d.texts[p] = text
	switch v.Kind() {
	case reflect.String:
		if !quoted && f.Tag.Get("scalar") == "" {
			d.add(d.at(p), fmt.Sprintf("expected a text, not %s", found(n)), fmt.Sprintf("put quotes around it: %q", text))
			return
		}
		if enum := f.enum(); enum != nil && !slices.Contains(enum, text) {
			d.add(d.at(p), fmt.Sprintf("%q is not one of the values of %q", text, f.key), d.suggest(text, enum))
			return
		}
		v.SetString(text)
	case reflect.Int:
		i, err := strconv.ParseInt(text, 10, 32)
		if _, ok := n.(*ast.IntegerNode); !ok && d.source == 0 || err != nil {
			d.wrongType(n, v.Type(), p)
			return
		}
		if least, _ := strconv.Atoi(f.Tag.Get("min")); f.Tag.Get("min") != "" && int(i) < least {
			d.add(d.at(p), fmt.Sprintf("%d is too few", i), fmt.Sprintf("write %d or more, or take the key out", least))
			return
		}
		if enum := f.enum(); enum != nil && !slices.Contains(enum, text) {
			d.add(d.at(p), fmt.Sprintf("%s %s is not supported", f.key, text), fmt.Sprintf("this program reads %s %s", f.key, strings.Join(enum, ", ")))
			return
		}
		v.SetInt(i)
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
		} else if d.source > 0 && (text == "true" || text == "false") {
			v.SetBool(text == "true")
		} else {
			d.wrongType(n, v.Type(), p)
		}
	}
}

func (d *decoder) wrongType(n ast.Node, t reflect.Type, p path) {
	d.add(d.at(p), fmt.Sprintf("expected %s, not %s", wanted(t), found(n)), shape(t))
}

// shape says how a value of t is written.
func shape(t reflect.Type) string {
	switch {
	case isNamed(t):
		return "write a name and its value on each line, as in VIP: red"
	case t.Kind() == reflect.Struct:
		var keys []string
		for _, f := range fieldsOf(t) {
			keys = append(keys, f.key)
		}
		return "its keys are " + strings.Join(keys, ", ")
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "write [one, two]"
	case t.Kind() == reflect.Slice:
		return `begin each item of the list with "- "`
	case t.Kind() == reflect.Int, t.Kind() == reflect.Bool:
		return "write it without quotes"
	}
	return "put quotes around a text that looks like something else"
}

// wanted says in words what a value of t is.
func wanted(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return wanted(t.Elem())
	case isNamed(t):
		return "names with their values"
	case t.Kind() == reflect.Struct:
		if f, ok := shortFor(t); ok {
			return wanted(f.Type) + " or keys with their values"
		}
		return "keys with their values"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "a text or a list of texts"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a text"
}

// found says in words what n is.
func found(n ast.Node) string {
	switch n := n.(type) {
	case ast.MapNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.NullNode:
		return "nothing"
	}
	return "a text"
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}

// example shows how a missing key is written.
func example(f field) string {
	if enum := f.enum(); len(enum) == 1 {
		return fmt.Sprintf("write %s: %s", f.key, enum[0])
	} else if len(enum) > 1 {
		return fmt.Sprintf("write %s: %s", f.key, strings.Join(enum, " or "))
	}
	return fmt.Sprintf("%s: %s", f.key, f.Tag.Get("doc"))
}

// nodeSpot is where n begins. A mapping's own token is its first colon, so its first key is asked.
func nodeSpot(n ast.Node) spot {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return nodeSpot(m.Values[0])
		}
	case *ast.MappingValueNode:
		return tokenSpot(m.Key.GetToken())
	case *ast.SequenceNode:
		return tokenSpot(m.Start)
	case *ast.LiteralNode:
		return tokenSpot(m.Start)
	}
	return tokenSpot(n.GetToken())
}
