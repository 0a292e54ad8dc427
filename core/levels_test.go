// Package core_test holds the level table of docs/architecture.md against the imports of every package.
package core_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/postroom/postroom/"

// levels places every package: it may import only from strictly lower levels. The same table stands in
// docs/architecture.md; TestArchitecturePage keeps them equal.
var levels = []struct {
	name     string
	packages []string
}{
	{"words", []string{"core/inbox", "templates", "providers/fault", "providers/google", "providers/google/googlesim", "core/coretest/clock"}},
	{"policies", []string{"core/rules", "core/assign", "core/automail", "core/mail"}},
	{"decisions", []string{"core/decide", "core/provision"}},
	{"use cases", []string{"core/pipeline", "core/manifest"}},
	{"edges", []string{
		"functions/web", "providers/msgraph", "providers/gmail", "infra/bolt", "core/memory", "core/coretest",
		"infra/dynamo", "infra/dynamo/engine", "infra/sqs", "infra/sqs/sqssim", "infra/document", "infra/document/documentsim", "infra/identity",
		"providers/msgraph/graphsim", "providers/gmail/gmailsim", "providers/msgraph/contract", "providers/gmail/contract",
		"providers/exchange", "providers/exchange/exchangesim", "providers/workspace", "providers/workspace/workspacesim",
	}},
	{"wiring", []string{"functions/boot", "functions/local", "core/coretest/office"}},
	{"entry", []string{
		"functions/ingest", "functions/sync", "functions/tick", "functions/provision", "functions/console", "cmd/postroom",
	}},
}

// libraries are what the packages under core/ may import besides the standard library and one another, and why.
var libraries = map[string][]string{
	"core/rules":           {"github.com/expr-lang/expr", "golang.org/x/text"}, // "if" expressions; folding of accents
	"core/manifest":        {"github.com/goccy/go-yaml", "golang.org/x/text"},  // strict YAML with positions; the schema
	"core/coretest":        {"pgregory.net/rapid"},                             // random histories
	"core/coretest/office": {"pgregory.net/rapid"},                             // the same
	"core/mail":            {"golang.org/x/text"},                              // charsets
}

// forbidden is what no package under core/ may import: the outside world.
var forbidden = []string{
	"net", "net/http", "os", "os/exec", "os/signal", "syscall", "runtime/debug", "io/ioutil", "plugin", "database/sql",
}

// source is one Go file of the module that is no test.
type source struct {
	pkg  string // slash path below the module
	file string
	ast  *ast.File
}

func sources(t *testing.T, root string) (list []source, fset *token.FileSet) {
	t.Helper()
	fset = token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, 0)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		list = append(list, source{pkg: path.Dir(filepath.ToSlash(rel)), file: filepath.ToSlash(rel), ast: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, fset
}

func level(pkg string) int {
	return slices.IndexFunc(levels, func(l struct {
		name     string
		packages []string
	}) bool {
		return slices.Contains(l.packages, pkg)
	})
}

// complaints says what is wrong with the imports and calls of one file.
func complaints(s source) []string {
	var out []string
	say := func(format string, a ...any) {
		out = append(out, s.file+": "+fmt.Sprintf(format, a...))
	}
	own := level(s.pkg)
	if own < 0 {
		say("package %s is not in the level table", s.pkg)
	}
	inCore := strings.HasPrefix(s.pkg, "core/")
	for _, imp := range s.ast.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			say("unreadable import %s", imp.Path.Value)
			continue
		}
		if below, ok := strings.CutPrefix(p, module); ok {
			switch other := level(below); {
			case other < 0:
				say("imports %s, which is not in the level table", below)
			case other == own && !strings.HasPrefix(below, s.pkg+"/") && !strings.HasPrefix(s.pkg, below+"/"):
				say("imports %s sideways, both are at level %d", below, own)
			case other == own:
				say("imports its own part %s at the same level %d", below, own)
			case other > own:
				say("imports %s upwards, from level %d to %d", below, own, other)
			}
			continue
		}
		if !inCore {
			continue
		}
		first, _, _ := strings.Cut(p, "/")
		switch {
		case slices.Contains(forbidden, p) || strings.HasPrefix(p, "net/") && p != "net/mail" && p != "net/textproto" && p != "net/url":
			say("imports %s: core knows no network and no environment", p)
		case strings.Contains(first, ".") && !allowed(s.pkg, p):
			say("imports %s, which the level test does not name for it", p)
		}
	}
	if inCore {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"}, n.Sel.Name) {
					say("uses time.%s: in core time is an argument", n.Sel.Name)
				}
			case *ast.GoStmt:
				say("starts a goroutine: core has none")
			}
			return true
		})
	}
	return out
}

func allowed(pkg, imported string) bool {
	return slices.ContainsFunc(libraries[pkg], func(l string) bool { return imported == l || strings.HasPrefix(imported, l+"/") })
}

func TestLevels(t *testing.T) {
	list, _ := sources(t, "..")
	if len(list) < 20 {
		t.Fatalf("only %d files found", len(list))
	}
	for _, s := range list {
		for _, c := range complaints(s) {
			t.Error(c)
		}
	}
}

// TestLevelsCatch breaks each rule once, so that a silent test is known to be able to speak.
func TestLevelsCatch(t *testing.T) {
	for _, tt := range []struct{ name, pkg, src, want string }{
		{"upward", "core/inbox", `import _ "github.com/postroom/postroom/core/decide"`, "upwards"},
		{"sideways", "core/rules", `import _ "github.com/postroom/postroom/core/assign"`, "sideways"},
		{"between providers", "providers/gmail", `import _ "github.com/postroom/postroom/providers/msgraph"`, "sideways"},
		{"unplaced", "core/helpers", ``, "not in the level table"},
		{"imports the unplaced", "cmd/postroom", `import _ "github.com/postroom/postroom/core/util"`, "not in the level table"},
		{"network", "core/pipeline", `import _ "net/http"`, "no network"},
		{"environment", "core/manifest", `import _ "os"`, "no environment"},
		{"cloud", "core/pipeline", `import _ "github.com/aws/aws-sdk-go-v2/service/sqs"`, "does not name"},
		{"clock", "core/decide", "import \"time\"\nvar _ = time.Now()", "time.Now"},
		{"goroutine", "core/decide", "func f() { go f() }", "goroutine"},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+tt.src, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(complaints(source{pkg: tt.pkg, file: "x.go", ast: f}), "\n")
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: said %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestArchitecturePage holds the drawing in docs/architecture.md to the table above.
func TestArchitecturePage(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range levels {
		row := fmt.Sprintf("| %d | %s | `%s` |", i, l.name, strings.Join(l.packages, "` `"))
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/architecture.md lacks the row\n%s", row)
		}
	}
}
