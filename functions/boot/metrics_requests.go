package boot

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// tallyKey is where a context keeps the count of the requests that were sent for it.
type tallyKey struct{}

// WithTally gives a context whose requests to providers are counted, by clients whose transport is [CountRequests].
func WithTally(ctx context.Context) (context.Context, *atomic.Int64) {
	n := &atomic.Int64{}
	return context.WithValue(ctx, tallyKey{}, n), n
}

// CountRequests is a transport that counts the requests of each context with a tally and sends them by next. nil is one
// that waits a minute for an answer and keeps connections for a batch of mailboxes with several requests each.
func CountRequests(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = time.Minute
		t.MaxIdleConnsPerHost = 40
		next = t
	}
	return countedRequests{next}
}

type countedRequests struct{ next http.RoundTripper }

// RoundTrip counts a request when it is sent, whatever comes of it.
func (c countedRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(tallyKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	return c.next.RoundTrip(r)
}
