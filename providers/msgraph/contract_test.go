package msgraph_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/postroom/postroom/providers/msgraph/contract"
)

// metadata is Graph's own, from beside the repository; nil when it is not there.
var metadata = sync.OnceValues(func() (*contract.Contract, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return nil, os.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "contracts", "graph-v1.0.json")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	return contract.Load(path)
})

// checked holds every exchange of the tests against the metadata: each violation
// fails the test it happens in.
func checked(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	c, err := metadata()
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		return h
	}
	return c.Wrap(h, func(violation string) { t.Error("contract: " + violation) })
}

func TestMetadataIsThere(t *testing.T) {
	if c, _ := metadata(); c == nil {
		t.Skip("no exchange of these tests is checked: ../shared/contracts/graph-v1.0.json is missing")
	}
}
