package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Insert adds mailboxes that exist, as they were found, to the manifest in data, and those of their people who are no
// members yet. All else stays byte for byte as it is, comments and layout too. It fails where that cannot be done: data is
// no manifest, has one of the mailboxes already, or lists its members or mailboxes in braces. name is what errors call data.
// Of the options only Tell counts, for the manifest says the rest.
func Insert(name string, data []byte, found []provision.Mailbox, o WriteOptions) ([]byte, error) {
	base, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	var doc document
	p := &problems{file: name}
	root := readYAML(data, p)
	r := newReader(p)
	r.decode(root, reflect.ValueOf(&doc).Elem(), field{}, "")
	w, err := newWriter(found)
	if err != nil {
		return nil, err
	}
	w.options = o
	for _, b := range base.mailboxes {
		if w.taken[inbox.Address(b.Policy.Mailbox)] {
			return nil, fmt.Errorf("%s has the mailbox %s already", name, b.Policy.Mailbox)
		}
	}
	for _, b := range base.mailboxes {
		for _, a := range b.Policy.Addresses {
			w.taken[a] = true
		}
	}
	w.firsts = make(map[string]bool)
	for _, e := range doc.Members {
		w.byMail[addressOf(e.Value.Email)] = len(w.people)
		w.keys[strings.ToLower(e.Key)] = true
		w.people = append(w.people, writtenMember{key: e.Key, known: true})
		first, _, _ := strings.Cut(strings.ToLower(spaced(e.Value.Name)), " ")
		w.firsts[first] = true
	}
	w.claim()
	at := insertion{name: name, lines: strings.SplitAfter(string(data), "\n"), end: "\n"}
	if bytes.Contains(data, []byte("\r\n")) {
		at.end = "\r\n"
	}
	// Members in braces, such as the {} of a file without any, are in nobody's way unless somebody new is to stand there.
	members, err := at.after(root, "members")
	if w.sections(); err != nil && len(w.people) > len(doc.Members) {
		return nil, err
	}
	mailboxes, err := at.after(root, "mailboxes")
	if err != nil {
		return nil, err
	}
	write := func() []byte {
		w.unit = strings.Repeat(" ", mailboxes.indent)
		var boxes strings.Builder
		for _, s := range w.sections() {
			boxes.WriteString("\n" + s)
		}
		w.Reset()
		w.unit = strings.Repeat(" ", members.indent)
		for _, one := range w.people {
			w.member(one)
		}
		return at.with(members, w.String(), mailboxes, boxes.String())
	}
	// A new member may share a first name with another, whose marker would then change everywhere. So that nothing changes,
	// the new ones get a marker of their own where it would.
	for _, w.marked = range []marking{nobody, namesakes, everybody} {
		out, err := w.settle(name, write)
		if err != nil {
			return nil, err
		}
		same, err := base.unchangedIn(name, out)
		if err != nil {
			return nil, err
		}
		if same {
			w.tell()
			return out, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be added to without changing what is there: add the mailboxes by hand", name)
}

// unchangedIn reports whether the manifest in data has the mailboxes of m as they are in m.
func (m *Manifest) unchangedIn(name string, data []byte) (bool, error) {
	next, err := Parse(name, data)
	if err != nil {
		return false, fmt.Errorf("with the mailboxes added it is no manifest: %w", err)
	}
	if len(next.mailboxes) < len(m.mailboxes) || next.m365 != m.m365 || next.google != m.google || !reflect.DeepEqual(next.retired, m.retired) {
		return false, nil
	}
	for i, is := range m.mailboxes {
		will := next.mailboxes[i]
		is.Policy.Rules, will.Policy.Rules = nil, nil // compiled from the same text
		if !reflect.DeepEqual(is, will) {
			return false, nil
		}
	}
	return true, nil
}

// insertion puts text between the lines of a file.
type insertion struct {
	name  string
	lines []string // each with its end
	end   string   // of lines in this file
}

// place is behind the last entry of a mapping.
type place struct {
	line   int // the text goes before this one, from 0
	indent int // of the entries
}

// after finds the place behind the last entry of the mapping under a key of the root.
func (n *insertion) after(root ast.Node, key string) (place, error) {
	top, ok := root.(ast.MapNode)
	if m, isMapping := root.(*ast.MappingNode); !ok || isMapping && m.IsFlowStyle {
		return place{}, fmt.Errorf("%s is written in braces, so nothing can be added to it: write a key a line", n.name)
	}
	next, found := len(n.lines), false
	var block ast.Node
	for pairs := top.MapRange(); pairs.Next(); {
		if found {
			next = pairs.Key().GetToken().Position.Line - 1
			break
		}
		if k, isText := pairs.Key().(*ast.StringNode); isText && k.Value == key {
			found, block = true, pairs.Value()
		}
	}
	inner, isMap := block.(ast.MapNode)
	if m, isMapping := block.(*ast.MappingNode); !isMap || isMapping && (m.IsFlowStyle || len(m.Values) == 0) {
		return place{}, fmt.Errorf("%s has its %s in braces, so none can be added: write one a line", n.name, key)
	}
	pairs := inner.MapRange()
	pairs.Next()
	indent := pairs.Key().GetToken().Position.Column - 1
	if indent == 0 || indent > 8 {
		return place{}, errors.New("the entries of " + key + " are indented in a way that nothing can be added to: indent them by two spaces")
	}
	// What follows the last entry but is indented less, comments and empty lines, belongs to what comes next.
	for next > 0 {
		line := strings.TrimRight(n.lines[next-1], "\r\n")
		text := strings.TrimLeft(line, " ")
		if text != "" && !(strings.HasPrefix(text, "#") && len(line)-len(text) < indent) && text != "..." {
			break
		}
		next--
	}
	return place{line: next, indent: indent}, nil
}

// with is the file with a text at each of two places.
func (n *insertion) with(a place, atA string, b place, atB string) []byte {
	var out strings.Builder
	for i := 0; i <= len(n.lines); i++ {
		for _, one := range []struct {
			place
			text string
		}{{a, atA}, {b, atB}} {
			if one.line != i || one.text == "" {
				continue
			}
			if s := out.String(); !strings.HasSuffix(s, "\n") {
				out.WriteString(n.end)
			}
			out.WriteString(strings.ReplaceAll(one.text, "\n", n.end))
		}
		if i < len(n.lines) {
			out.WriteString(n.lines[i])
		}
	}
	return []byte(out.String())
}
