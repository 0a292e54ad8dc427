package boot_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	gmailcontract "github.com/postroom/postroom/providers/gmail/contract"
	graphcontract "github.com/postroom/postroom/providers/msgraph/contract"
)

// graphContract is Graph's own metadata, from beside the repository; nil when it is not there.
var graphContract = sync.OnceValues(func() (*graphcontract.Contract, error) {
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
	return graphcontract.Load(path)
})

// gmailContract is Google's discovery document, from the module of the client library.
func gmailContract(ctx context.Context) (*gmailcontract.Contract, error) {
	path, err := gmailcontract.Discovery(ctx)
	if err != nil {
		return nil, err
	}
	return gmailcontract.Load(path)
}

func TestGraphContractIsThere(t *testing.T) {
	if c, _ := graphContract(); c == nil {
		t.Skip("no exchange with Graph is checked: ../shared/contracts/graph-v1.0.json is missing")
	}
}
