package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// Transport calls a handler in this process, without a socket: an
// [http.RoundTripper] for tests, benchmarks and the demo. A handler that panics
// with [http.ErrAbortHandler] becomes a reset connection; any other panic is
// passed on to the caller, since it is a defect of the handler. A request whose
// context ends returns at once, and its handler runs on by itself, as behind a
// real connection.
//
// It may be used at once from many goroutines.
type Transport struct {
	// Handler answers the requests. It is set before the first one.
	Handler http.Handler

	mu               sync.Mutex
	trips            int
	inFlight, atOnce int
}

// RoundTrips is how many requests have been made so far.
func (t *Transport) RoundTrips() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trips
}

// MaxInFlight is the largest number of requests that were under way at once.
func (t *Transport) MaxInFlight() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.atOnce
}

// RoundTrip implements [http.RoundTripper]. The error of a broken connection
// wraps [syscall.ECONNRESET] in a [*net.OpError].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in := req.Clone(ctx)
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Host == "" {
		in.Host = req.URL.Host
	}

	t.enter()
	if ctx.Done() == nil {
		out := serve(t.Handler, in)
		t.leave()
		return out.response(req)
	}
	done := make(chan outcome, 1)
	go func() {
		out := serve(t.Handler, in)
		t.leave()
		done <- out
	}()
	select {
	case out := <-done:
		return out.response(req)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *Transport) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trips++
	t.inFlight++
	t.atOnce = max(t.atOnce, t.inFlight)
}

func (t *Transport) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// outcome is what a handler did: an answer, or the value it panicked with.
type outcome struct {
	rec      *recorder
	panicked any
}

func serve(h http.Handler, r *http.Request) (out outcome) {
	rec := newRecorder()
	defer func() {
		if p := recover(); p != nil {
			out = outcome{panicked: p}
		}
	}()
	h.ServeHTTP(rec, r)
	return outcome{rec: rec}
}

func (o outcome) response(req *http.Request) (*http.Response, error) {
	if o.panicked != nil {
		if err, ok := o.panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		}
		panic(o.panicked)
	}
	return o.rec.response(req), nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	sent   http.Header // the header as it was when the status was written
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)),
		StatusCode: r.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        r.sent,
		Body:          io.NopCloser(&r.body),
		ContentLength: int64(r.body.Len()),
		Request:       req,
	}
}
