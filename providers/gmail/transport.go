package gmail

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// How often and how slowly a request is tried again: the truncated exponential back-off of "Resolve errors" in
// Google's guide. It begins with one second, adds up to one at random, and stops growing at 32.
const (
	maxTries  = 4
	firstWait = time.Second
	longest   = 32 * time.Second
)

const (
	// tryTime bounds one try, until its answer has been read.
	tryTime = 2 * time.Minute
	// maxAnswer bounds one answer in bytes: a page of history fits many times over, and so does a mail of the size that
	// Gmail takes.
	maxAnswer = 64 << 20
)

// backoff is the wait before the next try after n failures in a row, without its random part.
func backoff(n int) time.Duration {
	return min(firstWait<<min(n, 10), longest)
}

// transport signs the requests of one mailbox, bounds how many fly at once, and tries again what Google failed to
// answer. The generated client does neither. It never waits for a quota: those answers go back to the caller.
type transport struct {
	base   http.RoundTripper
	tokens *tokens
	slots  chan struct{}
	sleep  func(context.Context, time.Duration) error
	pause  *pause
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	again := repeatable(req)
	refreshed := false
	for failures := 0; ; {
		resp, token, err := t.try(req)
		switch {
		case err != nil:
			var signing *tokenError
			if !again || ctx.Err() != nil || errors.As(err, &signing) {
				return nil, err
			}
		case resp.StatusCode == http.StatusUnauthorized && !refreshed && replayable(req):
			// A 401 has had no effect, so that any request may be repeated.
			discard(resp)
			t.tokens.refused(ctx, token)
			refreshed = true
			continue
		case !again || !unavailable(resp):
			return resp, nil
		}
		failures++
		if failures == maxTries {
			return resp, err
		}
		if resp != nil {
			discard(resp)
		}
		if err := t.sleep(ctx, backoff(failures-1)+t.pause.jitter()); err != nil {
			return nil, err
		}
	}
}

func (t *transport) try(req *http.Request) (*http.Response, string, error) {
	token, err := t.tokens.token(req.Context())
	if err != nil {
		return nil, "", err
	}
	select {
	case t.slots <- struct{}{}:
	case <-req.Context().Done():
		return nil, "", req.Context().Err()
	}
	ctx, cancel := context.WithTimeout(req.Context(), tryTime)
	free := sync.OnceFunc(func() { cancel(); <-t.slots })
	signed := req.Clone(ctx)
	if req.GetBody != nil {
		if signed.Body, err = req.GetBody(); err != nil {
			free()
			return nil, "", err
		}
	}
	token.SetAuthHeader(signed)
	resp, err := t.base.RoundTrip(signed)
	if err != nil {
		free()
		return nil, "", err
	}
	resp.Body = &slotBody{ReadCloser: http.MaxBytesReader(nil, resp.Body, maxAnswer), free: free}
	return resp, token.AccessToken, nil
}

// slotBody holds its request's place until the answer has been read.
type slotBody struct {
	io.ReadCloser
	free func()
}

func (b *slotBody) Close() error {
	defer b.free()
	return b.ReadCloser.Close()
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
	if !replayable(req) {
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

func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// unavailable is a failure of Google's that names no time. One that does is for the caller to wait out.
func unavailable(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return resp.Header.Get("Retry-After") == ""
	}
	return false
}

// discard reads a little so that the connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
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
	d := backoff(p.times) + p.jitter()
	p.times++
	p.until = now.Add(d)
	return d
}
