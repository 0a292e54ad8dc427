package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestReplaceFileNamesTheFile: somebody who named a file in a directory that is not there must recognise it.
func TestReplaceFileNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "plan.json")
	err := replaceFile(path, nil)
	if err == nil || !strings.Contains(err.Error(), path+":") {
		t.Errorf("got %v, want an error about %s", err, path)
	}
}
