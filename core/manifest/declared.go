package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/postroom/postroom/core/inbox"
)

// Declared is a mailbox that is declared elsewhere than in the file, such as by a CloudFormation resource.
type Declared struct {
	Address string
	Source  string // what errors call it, such as "Custom::PostroomMailbox SupportMailbox"
	// JSON is an object with the keys that a mailbox has in the file. Numbers, true and false may be written as texts, for
	// CloudFormation sends them so. Its members are those of the file.
	JSON []byte
}

// box is one mailbox of the document, and where it stands.
type box struct {
	id string
	mailbox
	at path
}

// declarations gives the mailboxes of the file and decodes those that are declared elsewhere.
func (r *reader) declarations(declared []Declared) (out []box) {
	known := make(map[string]string, len(r.doc.Mailboxes)+len(declared)) // who has an address, itself in lower case
	for _, e := range r.doc.Mailboxes {
		out = append(out, box{e.Key, e.Value, path("").key("mailboxes").key(e.Key)})
		known[strings.ToLower(e.Key)] = r.file
	}
	size := 0
	for i, one := range declared {
		r.source = i + 1
		r.sources = append(r.sources, one.Source)
		at := path("").key("declared").item(i)
		all := r.here(spot{line: 1, column: 1})
		r.values[at], r.names[at] = all, all
		r.lead(all, at)
		if other, doubled := known[strings.ToLower(one.Address)]; doubled {
			r.add(all, fmt.Sprintf("the mailbox %s is declared in %s too", one.Address, other), "take it out in one place")
			continue
		}
		known[strings.ToLower(one.Address)] = one.Source
		if size += len(one.JSON); size > MaxBytes {
			r.add(all, "the declared mailboxes are too large", fmt.Sprintf("at most %d bytes are read of all of them", MaxBytes))
			break
		}
		node, err := jsonNode(one.JSON)
		if err != nil {
			r.add(all, "this cannot be read as JSON: "+err.Error(), "")
			continue
		}
		b := box{id: one.Address, at: at}
		r.decode(node, reflect.ValueOf(&b.mailbox).Elem(), field{}, at)
		out = append(out, b)
	}
	r.source = 0
	return out
}

// pathAt is the shortest path to what is declared at a place, as people write it.
func (d *decoder) pathAt(at spot) string {
	var out strings.Builder
	for i, key := range strings.Split(string(d.led[at]), "\x00") {
		if i < 3 { // the empty root, "declared" and the number
			continue
		}
		if out.Len() > 0 && !strings.HasPrefix(key, "[") {
			out.WriteByte('.')
		}
		out.WriteString(key)
	}
	return out.String()
}

// jsonNode is a JSON value as the decoder takes it. Each value and key has a line of its own, which is no line of anything:
// it only tells them apart.
func jsonNode(data []byte) (ast.Node, error) {
	j := jsonReader{in: json.NewDecoder(bytes.NewReader(data)), line: 1}
	j.in.UseNumber()
	n, err := j.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if _, err := j.in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after its end")
	}
	return n, nil
}

type jsonReader struct {
	in   *json.Decoder
	line int
}

func (j *jsonReader) token(value string) *token.Token {
	j.line++
	return &token.Token{Type: token.StringType, Value: value, Origin: value, Position: &token.Position{Line: j.line, Column: 1}}
}

func (j *jsonReader) value(depth int) (ast.Node, error) {
	if depth > maxBrackets {
		return nil, errors.New("there are too many brackets inside one another")
	}
	t, err := j.in.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return &ast.StringNode{BaseNode: &ast.BaseNode{}, Token: j.token(t), Value: t}, nil
	case json.Number:
		if strings.ContainsAny(t.String(), ".eE") {
			return &ast.FloatNode{BaseNode: &ast.BaseNode{}, Token: j.token(t.String())}, nil
		}
		return &ast.IntegerNode{BaseNode: &ast.BaseNode{}, Token: j.token(t.String())}, nil
	case bool:
		return &ast.BoolNode{BaseNode: &ast.BaseNode{}, Token: j.token(fmt.Sprint(t)), Value: t}, nil
	case nil:
		return &ast.NullNode{BaseNode: &ast.BaseNode{}, Token: j.token("null")}, nil
	case json.Delim:
		if t == '[' {
			return j.list(depth)
		}
		return j.object(depth)
	}
	return nil, fmt.Errorf("%v was not expected", t)
}

func (j *jsonReader) list(depth int) (ast.Node, error) {
	start := j.token("[")
	out := &ast.SequenceNode{BaseNode: &ast.BaseNode{}, Start: start, IsFlowStyle: true}
	for j.in.More() {
		v, err := j.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out.Values = append(out.Values, v)
	}
	_, err := j.in.Token()
	return out, err
}

func (j *jsonReader) object(depth int) (ast.Node, error) {
	start := j.token("{")
	out := &ast.MappingNode{BaseNode: &ast.BaseNode{}, Start: start, IsFlowStyle: true}
	for j.in.More() {
		t, err := j.in.Token()
		if err != nil {
			return nil, err
		}
		key := &ast.StringNode{BaseNode: &ast.BaseNode{}, Token: j.token(t.(string)), Value: t.(string)} // JSON has no other keys
		v, err := j.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out.Values = append(out.Values, &ast.MappingValueNode{BaseNode: &ast.BaseNode{}, Start: start, Key: key, Value: v})
	}
	_, err := j.in.Token()
	return out, err
}

// addressOf is an address of the document that has been checked.
func addressOf(s string) inbox.Address { return inbox.Address(strings.ToLower(s)) }
