package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// binaries builds all functions once for all tests.
var binaries = sync.OnceValue(func() error {
	packages := []string{"./testdata/played"}
	for _, name := range functions {
		packages = append(packages, "../"+name)
	}
	return local.Build(context.Background(), buildDir, packages...)
})

// binary is the file of a function.
func binary(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the functions")
	}
	if err := binaries(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(buildDir, name)
}
