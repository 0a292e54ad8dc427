package google

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// The truncated exponential back-off of "Resolve errors" in Google's guide, without its random part.
const (
	firstWait   = time.Second
	longestWait = 32 * time.Second
)

const (
	// tryTime bounds one try, until its answer has been read.
	tryTime = 2 * time.Minute
	// maxAnswer bounds one answer in bytes: a page of Gmail's history or of 500 accounts fits many times over, and so does
	// a mail of the size that Gmail takes.
	maxAnswer = 64 << 20
)

// Backoff is the wait before the next try after n failures in a row, without its random part: a second after none, and
// at most 32.
func Backoff(n int) time.Duration {
	return min(firstWait<<min(n, 10), longestWait)
}

// Wait waits on a timer, and returns early with the context's error.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Connections carries requests to Google where nothing else is given: it waits a minute at most for an answer to begin,
// and keeps this many connections open to a host.
func Connections(perHost int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	t.MaxIdleConnsPerHost = perHost
	return t
}

// Client sends through t, http.DefaultTransport if nil, requests that carry a token. No redirect is followed: a transport
// that signs whatever it sends would take the token along to another host. Google sends none.
func Client(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Transport signs requests, and tries again what Google failed to answer. The generated clients do neither. It never
// waits for a quota: those answers go back to the caller. An answer of more than 64 MiB ends in *http.MaxBytesError.
// All fields but Turn and Jitter are required, and none is changed once it is used. Requests may be sent at once.
type Transport struct {
	Base   http.RoundTripper
	Tokens *Tokens
	// Tries is how often a request is sent at most.
	Tries int
	// Repeatable reports whether sending a request twice has the same effect as once. Only such a request is tried again,
	// but for a 401, which has had no effect.
	Repeatable func(*http.Request) bool
	// Turn holds a signed request back until it may be sent, and returns early with the context's error. done is called
	// once the answer has been read, or there is none.
	Turn func(context.Context) (done func(), err error)
	// Wait waits between tries for Backoff and Jitter together, and returns early with the context's error.
	Wait   func(context.Context, time.Duration) error
	Jitter func() time.Duration
}

// RoundTrip implements http.RoundTripper. It fails with *TokenError where the request could not be signed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	again := t.Repeatable(req)
	refreshed := false
	for failures := 0; ; {
		resp, token, err := t.try(req)
		switch {
		case err != nil:
			var unsigned *TokenError
			if !again || ctx.Err() != nil || errors.As(err, &unsigned) {
				return nil, err
			}
		case resp.StatusCode == http.StatusUnauthorized && !refreshed && Replayable(req):
			discard(resp)
			t.Tokens.refused(ctx, token)
			refreshed = true
			continue
		case !again || !unavailable(resp):
			return resp, nil
		}
		failures++
		if failures == t.Tries {
			return resp, err
		}
		if resp != nil {
			discard(resp)
		}
		pause := Backoff(failures - 1)
		if t.Jitter != nil {
			pause += t.Jitter()
		}
		if err := t.Wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (t *Transport) try(req *http.Request) (*http.Response, string, error) {
	token, err := t.Tokens.token(req.Context())
	if err != nil {
		return nil, "", err
	}
	done := func() {}
	if t.Turn != nil {
		if done, err = t.Turn(req.Context()); err != nil {
			return nil, "", err
		}
	}
	ctx, cancel := context.WithTimeout(req.Context(), tryTime)
	end := sync.OnceFunc(func() { cancel(); done() })
	signed := req.Clone(ctx)
	if req.GetBody != nil {
		if signed.Body, err = req.GetBody(); err != nil {
			end()
			return nil, "", err
		}
	}
	token.SetAuthHeader(signed)
	resp, err := t.Base.RoundTrip(signed)
	if err != nil {
		end()
		return nil, "", err
	}
	resp.Body = &body{ReadCloser: http.MaxBytesReader(nil, resp.Body, maxAnswer), end: end}
	return resp, token.AccessToken, nil
}

// body ends its try's time and turn when it is closed.
type body struct {
	io.ReadCloser
	end func()
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// Replayable reports whether the body of req, if any, can be sent a second time.
func Replayable(req *http.Request) bool {
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
