package provision

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
)

// aspects are the constants of type Aspect in fact.go.
func aspects(t *testing.T) []Aspect {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fact.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []Aspect
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Aspect" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, Aspect(value))
		}
		return true
	})
	if len(out) < 25 {
		t.Fatalf("only %d aspects found", len(out))
	}
	return out
}

// TestEveryAspectHasARow: nobody adds an aspect and forgets how it is compared.
func TestEveryAspectHasARow(t *testing.T) {
	t.Parallel()
	known := map[Aspect]bool{}
	for _, a := range aspects(t) {
		known[a] = true
		_, _, m365 := find(inbox.M365, a)
		_, _, gmail := find(inbox.Gmail, a)
		if !m365 && !gmail {
			t.Errorf("%s has no row in the catalog", a)
		}
	}
	for i := range catalog {
		if !known[catalog[i].aspect] {
			t.Errorf("%s is in the catalog and no aspect", catalog[i].aspect)
		}
	}
}

// TestRowsAreComplete: each row has the words for every step that there can be of it, and no aspect has two rows.
func TestRowsAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range catalog {
		r := &catalog[i]
		at := string(r.aspect) + " of " + string(r.at)
		for _, p := range []inbox.Provider{inbox.M365, inbox.Gmail} {
			if r.at == "" || r.at == p {
				if key := string(r.aspect) + "|" + string(p); seen[key] {
					t.Errorf("%s has two rows", at)
				} else {
					seen[key] = true
				}
			}
		}
		if r.why == "" || r.delay <= 0 {
			t.Errorf("%s: no reason or no delay", at)
		}
		for _, w := range []struct {
			verb       Verb
			text, undo string
		}{{Add, r.add, r.undoAdd}, {Create, r.add, r.undoAdd}, {Set, r.set, r.undoSet}, {Remove, r.remove, r.undoRemove}, {Delete, r.remove, r.undoRemove}} {
			if r.takes(w.verb) && (w.text == "" || w.undo == "" && w.verb != Set) {
				t.Errorf("%s: %s has no words", at, w.verb)
			}
			for _, part := range strings.Split(w.text+w.undo, "{")[1:] {
				name, _, _ := strings.Cut(part, "}")
				if name != "it" && name != "was" && name != "is" && name != "colour" && name != "group" {
					t.Errorf("%s: nothing is put for {%s}", at, name)
				}
			}
		}
		if r.takes(Remove) && r.whyNot == "" {
			t.Errorf("%s is removed without a reason", at)
		}
		if r.access && r.kind != whole {
			t.Errorf("%s gives access, and what is beyond the manifest would stay", at)
		}
	}
}
