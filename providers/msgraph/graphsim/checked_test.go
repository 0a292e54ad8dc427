package graphsim_test

import (
	"errors"
	"io/fs"
	"net/http"
	"sync"
	"testing"

	"github.com/postroom/postroom/providers/msgraph/contract"
)

// metadata is Graph's own, from beside the repository; nil when it is not there.
var metadata = sync.OnceValues(func() (*contract.Contract, error) {
	path, err := contract.Metadata()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
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
