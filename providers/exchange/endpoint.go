package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/provision"
)

const (
	requestTimeout = 100 * time.Second
	maxAnswer      = 64 << 20 // bytes of one answer: a page of 1,000 mailboxes with all their properties fits several times
	maxPages       = 1000     // of one command: a million rows
	maxTries       = 5        // of one request that is throttled
	maxPause       = 2 * time.Minute
	firstPause     = 2 * time.Second
)

// Options say how to reach a tenant.
type Options struct {
	Tenant string // directory (tenant) id, a GUID
	Cloud  string // its root, from CloudNamed; empty: Global
	// BaseURL replaces the cloud's root, for a simulator.
	BaseURL string
	// Credential gives the tokens; nil sends none, which only a simulator accepts. Where it has a method Refused(), that is
	// called each time Exchange does not take a token, so that the credential can forget it.
	Credential azcore.TokenCredential
	// Transport carries the requests; nil is a default one.
	Transport http.RoundTripper
	// Now is the clock that dates in Retry-After are compared with; nil is [time.Now].
	Now func() time.Time
	// Wait waits between two tries of a throttled request, or fails with the context's error; nil waits by the clock.
	Wait func(context.Context, time.Duration) error
}

// Endpoint is a Shell over HTTP: the InvokeCommand endpoint that the module ExchangeOnlineManagement uses. Microsoft does not
// document it for others, so what is known of it is from programs that use it; docs/tenant-checks.md lists the doubts.
//
// No source names a limit of it. So one request is under way at a time, and a throttled one is tried again with growing
// pauses, for some minutes at most. It may be used by several goroutines.
type Endpoint struct {
	root       *url.URL
	tenant     string
	scope      string
	credential azcore.TokenCredential
	client     *http.Client
	now        func() time.Time
	wait       func(context.Context, time.Duration) error
	turn       chan struct{}

	mu       sync.Mutex
	requests int
}

var _ Shell = (*Endpoint)(nil)

// NewEndpoint makes an Endpoint. It sends nothing.
func NewEndpoint(o Options) (*Endpoint, error) {
	if o.Tenant == "" || strings.ContainsAny(o.Tenant, "/?#%@ ") {
		return nil, fmt.Errorf("exchange: %q is no tenant id: give the directory (tenant) id, a GUID", o.Tenant)
	}
	if o.Cloud == "" {
		o.Cloud = Global
	}
	base := o.BaseURL
	if base == "" {
		if o.Credential == nil {
			return nil, errors.New("exchange: a real tenant needs a credential: set a client secret or a certificate of the provisioning app")
		}
		base = o.Cloud
	}
	root, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || root.Host == "" {
		return nil, fmt.Errorf("exchange: the base URL %q is no absolute URL", base)
	}
	e := &Endpoint{
		root: root, tenant: o.Tenant, scope: o.Cloud + "/.default", credential: o.Credential, now: o.Now, wait: o.Wait,
		// A redirect would take the token along to another host.
		client: &http.Client{Transport: o.Transport, Timeout: requestTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		turn: make(chan struct{}, 1),
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.wait == nil {
		e.wait = sleep
	}
	return e, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Requests is how many requests have been sent so far, those for tokens not counted.
func (e *Endpoint) Requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

// url is that of an operation of the tenant.
func (e *Endpoint) url(operation string) *url.URL {
	return e.root.JoinPath("adminapi", "beta", e.tenant, operation)
}

// answer is a response read to its end.
type answer struct {
	status int
	after  string
	body   []byte
}

// post sends one body, again while it is throttled. It fails with *provision.Refused and *provision.NotYet; all other
// answers, refusals of one command among them, come back as they are.
func (e *Endpoint) post(ctx context.Context, to *url.URL, header http.Header, body []byte) (answer, error) {
	renewed := false
	pause := firstPause
	for try := 1; ; try++ {
		a, err := e.once(ctx, to, header, body)
		if err != nil {
			return answer{}, err
		}
		switch {
		case a.status == http.StatusUnauthorized && !renewed && e.forget():
			renewed = true
			continue
		case a.status == http.StatusUnauthorized:
			return answer{}, &provision.Refused{Err: errors.New("the app's token is not taken by Exchange (HTTP 401): give the provisioning app the application permission Exchange.ManageAsApp of Office 365 Exchange Online with admin consent, and assign it the Entra role Exchange Recipient Administrator")}
		case a.status == http.StatusForbidden:
			return answer{}, &provision.Refused{Err: forbidden(a.body)}
		case !busy(a.status):
			return a, nil
		}
		after := retryAfter(a.after, e.now())
		d := max(after, pause)
		if try == maxTries || d > maxPause {
			return answer{}, &provision.NotYet{After: after, Err: fmt.Errorf("too many requests for Exchange (HTTP %d); try again later", a.status)}
		}
		if err := e.wait(ctx, d); err != nil {
			return answer{}, err
		}
		pause *= 2
	}
}

func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func forbidden(body []byte) error {
	why := ""
	if f := newFailure("", http.StatusForbidden, body); f.Message != "" {
		why = ": " + f.Message
	}
	return fmt.Errorf("the app may do nothing at Exchange (HTTP 403%s): the permission Exchange.ManageAsApp is not enough; assign the provisioning app the Entra role Exchange Recipient Administrator, or a role group of Exchange", why)
}

// forget has the credential forget a token that was not taken, and reports whether it can.
func (e *Endpoint) forget() bool {
	r, ok := e.credential.(interface{ Refused() })
	if ok {
		r.Refused()
	}
	return ok
}

// once makes one request and reads its answer.
func (e *Endpoint) once(ctx context.Context, to *url.URL, header http.Header, body []byte) (answer, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	defer func() { <-e.turn }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header.Clone()
	if e.credential != nil {
		token, err := e.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{e.scope}})
		if err != nil {
			return answer{}, noToken(err, e.now())
		}
		req.Header.Set("Authorization", "Bearer "+token.Token)
	}
	e.mu.Lock()
	e.requests++
	e.mu.Unlock()
	res, err := e.client.Do(req)
	if err != nil {
		return answer{}, e.broken(ctx, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return answer{}, e.broken(ctx, err)
	}
	if len(got) > maxAnswer {
		return answer{}, fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	return answer{status: res.StatusCode, after: res.Header.Get("Retry-After"), body: got}, nil
}

// broken is what a lost connection means: nobody knows whether the command ran, so the step is to be done again.
func (e *Endpoint) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The text of *url.Error has the whole address, which says nothing here.
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &provision.NotYet{Err: fmt.Errorf("no answer from %s: %w", e.root.Host, err)}
}

// retryAfter is the time that Retry-After names, in seconds or as a date; 0 where it names none.
func retryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(s, 0), 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
