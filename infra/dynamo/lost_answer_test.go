package dynamo_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// TestLostAnswer cuts the connection after every other transaction was done and before it is answered. The SDK makes the
// call again, and what it writes must not be done twice.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	_, name := newTable(t)
	u, err := url.Parse(engine.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	var calls, cut atomic.Int64
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.Header.Get("X-Amz-Target"), ".TransactWriteItems") && calls.Add(1)%2 == 1 {
			cut.Add(1)
			return errLost
		}
		return nil
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	d := dynamo.Open(engine.Client(server.URL), name, dynamo.Options{})
	for n := range 3 {
		w := coretest.Arrival(support, n)
		if err := d.Commit(t.Context(), support, []pipeline.Unit{w}); err != nil {
			t.Fatal(err)
		}
	}
	halves(t, d, "after answers that were lost") // counts the team's conversations
	if cut.Load() < 3 {
		t.Errorf("only %d answers were lost", cut.Load())
	}
}
