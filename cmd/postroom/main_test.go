package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/postroom/postroom/functions/boot"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts that compare it")

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"postroom": main})
}

// tidy runs the tests and leaves nothing behind of what they build.
type tidy struct{ *testing.M }

func (t tidy) Run() int {
	dir, err := os.MkdirTemp("", "postroom-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Setenv("POSTROOM_BUILD_DIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return t.M.Run()
}

// TestScripts runs the command line as somebody at a terminal does.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"work":       work,
			"answer":     answer,
			"crash":      crash,
			"plain":      plain,
			"credential": credential,
			"json":       isJSON,

			"tenant": tenant, "admin": admin, "exits": exits, "watching": watching, "hook": hook, "emptyaccount": emptyAccount,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[estateKey{}] = &estate{}
			env.Setenv("POSTROOM_BY", "admin")
			return nil
		},
		RequireExplicitExec: true,
	})
}

// call runs one command line in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, &app{
		ctx: context.Background(), stdout: &out, stderr: &errs, env: func(string) string { return "" },
		now: func() time.Time { return began.Add(24 * time.Hour) }, wait: boot.Wait,
	})
	return code, out.String(), errs.String()
}

// TestHelpShowsAnExample holds for commands that nobody has thought of yet.
func TestHelpShowsAnExample(t *testing.T) {
	t.Parallel()
	parser, err := parser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	if len(parser.Model.Children) < 7 {
		t.Fatalf("there are %d commands", len(parser.Model.Children))
	}
	for _, command := range parser.Model.Children {
		code, out, errs := call(t, command.Name, "--help")
		if code != exitOK || errs != "" {
			t.Errorf("%s --help ends with %d and %q", command.Name, code, errs)
		}
		_, example, ok := strings.Cut(out, "Example")
		if !ok || !strings.Contains(example, "postroom "+command.Name) {
			t.Errorf("%s --help shows no example:\n%s", command.Name, out)
		}
	}
}
