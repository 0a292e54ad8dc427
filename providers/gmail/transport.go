package gmail

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/google"
)

// maxTries is how often a request is sent that Google fails to answer.
const maxTries = 4

// slots bound how many requests of one mailbox fly at once: each holds its place until its answer has been read.
type slots chan struct{}

func (s slots) take(ctx context.Context) (func(), error) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// repeatable reports whether sending req twice has the same effect as once. Of the POSTs these have: label sets are
// sets, creating a label twice conflicts, and a watch on the same topic is renewed.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost, http.MethodPatch:
	default:
		return false
	}
	if !google.Replayable(req) {
		return false
	}
	path := req.URL.Path
	for _, end := range []string{"/modify", "/batchModify", "/labels", "/watch", "/stop"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return req.Method == http.MethodPatch
}

// pause grows the time asked of the caller while Google throttles a mailbox without naming one.
type pause struct {
	now    func() time.Time
	jitter func() time.Duration

	mu    sync.Mutex
	times int
	until time.Time
}

// calm is how long after the end of a pause the next refusal counts as the first again: quotas are by the minute.
const calm = time.Minute

// next is how long to leave the mailbox alone. Refusals of requests that flew together count once.
func (p *pause) next() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if left := p.until.Sub(now); left > 0 {
		return left
	}
	if now.Sub(p.until) > calm {
		p.times = 0
	}
	d := google.Backoff(p.times) + p.jitter()
	p.times++
	p.until = now.Add(d)
	return d
}
