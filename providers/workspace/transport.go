package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// How often and how slowly a request that Google failed to answer is tried again; longer waits are the caller's.
const (
	maxTries  = 3
	firstWait = time.Second
)

const (
	// tryTime bounds one try, until its answer has been read.
	tryTime = 2 * time.Minute
	// maxAnswer bounds one answer in bytes: 500 accounts of a page with everything Google may keep of them.
	maxAnswer = 64 << 20
)

// transport signs requests with tokens of one scope, keeps their pace, and tries again what Google failed to answer and
// may be repeated. The generated clients do none of it. It never waits for a quota: those answers go back to the caller.
type transport struct {
	base   http.RoundTripper
	tokens *tokens
	pace   *pace // nil: none
	wait   func(context.Context, time.Duration) error
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	// A POST creates: whether it has is for the caller to find out.
	again := req.Method != http.MethodPost
	refreshed := false
	for failures := 0; ; {
		resp, token, err := t.try(req)
		var unsigned *tokenError
		switch {
		case err != nil:
			if !again || ctx.Err() != nil || errors.As(err, &unsigned) {
				return nil, err
			}
		case resp.StatusCode == http.StatusUnauthorized && !refreshed:
			// A 401 has had no effect, so that any request may be repeated.
			discard(resp)
			t.tokens.refused(token)
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
		if err := t.wait(ctx, firstWait<<(failures-1)); err != nil {
			return nil, err
		}
	}
}

func (t *transport) try(req *http.Request) (*http.Response, string, error) {
	token, err := t.tokens.token()
	if err != nil {
		return nil, "", err
	}
	if t.pace != nil {
		if err := t.pace.next(req.Context()); err != nil {
			return nil, "", err
		}
	}
	ctx, cancel := context.WithTimeout(req.Context(), tryTime)
	signed := req.Clone(ctx)
	if req.GetBody != nil {
		if signed.Body, err = req.GetBody(); err != nil {
			cancel()
			return nil, "", err
		}
	}
	token.SetAuthHeader(signed)
	resp, err := t.base.RoundTrip(signed)
	if err != nil {
		cancel()
		return nil, "", err
	}
	resp.Body = &body{ReadCloser: http.MaxBytesReader(nil, resp.Body, maxAnswer), done: cancel}
	return resp, token.AccessToken, nil
}

// body ends its try's time when it is closed.
type body struct {
	io.ReadCloser
	done context.CancelFunc
}

func (b *body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
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

// tokens keeps the token of one scope. Its methods may be called at once.
type tokens struct {
	source Tokens
	scope  string

	mu   sync.Mutex
	from oauth2.TokenSource
	last *oauth2.Token
}

func (t *tokens) token() (*oauth2.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Valid() {
		return t.last, nil
	}
	if t.from == nil {
		from, err := t.source(t.scope)
		if err != nil {
			return nil, &tokenError{scope: t.scope, err: err}
		}
		t.from = from
	}
	fresh, err := t.from.Token()
	if err != nil {
		return nil, &tokenError{scope: t.scope, err: err}
	}
	t.last = fresh
	return fresh, nil
}

// refused forgets the source that gave this token, unless another request has done so already.
func (t *tokens) refused(access string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil && t.last.AccessToken == access {
		t.from, t.last = nil, nil
	}
}

// tokenError says that a request was never sent because it could not be signed.
type tokenError struct {
	scope string
	err   error
}

func (e *tokenError) Error() string { return fmt.Sprintf("get a token for %s: %v", e.scope, e.err) }
func (e *tokenError) Unwrap() error { return e.err }

// pace keeps requests apart in time.
type pace struct {
	every time.Duration
	now   func() time.Time
	wait  func(context.Context, time.Duration) error

	mu   sync.Mutex
	free time.Time // when the next may be sent
}

func (p *pace) next(ctx context.Context) error {
	p.mu.Lock()
	now := p.now()
	at := p.free
	if at.Before(now) {
		at = now
	}
	p.free = at.Add(p.every)
	p.mu.Unlock()
	if d := at.Sub(now); d > 0 {
		return p.wait(ctx, d)
	}
	return nil
}
