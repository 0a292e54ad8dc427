package boot_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"

	gmailcontract "github.com/postroom/postroom/providers/gmail/contract"
	graphcontract "github.com/postroom/postroom/providers/msgraph/contract"
)

// graphContract is Graph's own metadata, from beside the repository; nil when it is not there.
var graphContract = sync.OnceValues(func() (*graphcontract.Contract, error) {
	path, err := graphcontract.Metadata()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
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
