package local_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/postroom/postroom/functions/local"
)

// buildDir is where the binaries are while the tests run.
var buildDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "postroom-local")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		buildDir = dir
		return m.Run()
	}())
}

var built struct {
	sync.Mutex
	names map[string]string
}

// binary builds a main package once for all tests.
func binary(t testing.TB, pkg string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the functions")
	}
	built.Lock()
	defer built.Unlock()
	if name := built.names[pkg]; name != "" {
		return name
	}
	name, err := local.Build(context.Background(), buildDir, pkg)
	if err != nil {
		t.Fatal(err)
	}
	if built.names == nil {
		built.names = map[string]string{}
	}
	built.names[pkg] = name
	return name
}
