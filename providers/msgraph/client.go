package msgraph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	azureauth "github.com/microsoft/kiota-authentication-azure-go"
	kiotahttp "github.com/microsoft/kiota-http-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

const (
	// requestTimeout bounds one request; it is the SDK's own bound.
	requestTimeout = 100 * time.Second
	// maxAnswer bounds one answer in bytes: a page of the largest bodies fits many times over.
	maxAnswer = 64 << 20
)

// errTooLong: an answer has more than maxAnswer.
var errTooLong = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)

// Options say how to reach a tenant.
type Options struct {
	Cloud Cloud // zero: Global
	// BaseURL replaces the cloud's v1.0 root, for a simulator: http://127.0.0.1:8025/v1.0.
	BaseURL string
	// Credential gives the tokens; nil sends none, which only a simulator accepts. Where it has a method Refused(), that
	// is called each time Graph does not take a token (401), so that the credential can forget it.
	Credential azcore.TokenCredential
	// Transport carries the requests; nil is a default one.
	Transport http.RoundTripper
	// Now is the clock that dates in Retry-After are compared with; nil is [time.Now].
	Now func() time.Time
	// Jitter is added to the default wait where Graph names no time, so that mailboxes throttled together do not
	// come back together; nil adds nothing. It may be called by several goroutines at once.
	Jitter func() time.Duration
}

// Client reaches one tenant. It may be used by any number of goroutines at once.
type Client struct {
	adapter    *graphcore.GraphRequestAdapterBase
	credential azcore.TokenCredential // nil: no token is sent
	scope      string                 // what tokens are asked for
	refused    func()                 // tells the credential that its token was not taken
	base       *url.URL
	now        func() time.Time
	jitter     func() time.Duration

	mu    sync.Mutex
	gates map[string]chan struct{} // one slot a mailbox, shared by all values for it
}

// NewClient makes a client. It sends nothing.
func NewClient(o Options) (*Client, error) {
	root := o.BaseURL
	if root == "" {
		if o.Cloud == (Cloud{}) {
			o.Cloud = Global
		}
		if o.Credential == nil {
			return nil, errors.New("graph: a real tenant needs a credential: set a client secret or a certificate")
		}
		root = o.Cloud.Graph + "/v1.0"
	}
	base, err := url.Parse(strings.TrimSuffix(root, "/"))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("graph: the base URL %q is no absolute URL", root)
	}
	scope := base.Scheme + "://" + base.Host + "/.default"
	var auth authentication.AuthenticationProvider = &authentication.AnonymousAuthenticationProvider{}
	if o.Credential != nil {
		// Without continuous access evaluation: with it a token lives for a day, and with it the permissions that the
		// app had at its beginning, so that what an administrator grants would take a day to act ("Continuous access
		// evaluation for workload identities").
		auth, err = azureauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHostsAndObservabilityOptionsAndIsCaeEnabled(
			o.Credential, []string{scope}, []string{base.Hostname()}, azureauth.ObservabilityOptions{}, false)
		if err != nil {
			return nil, fmt.Errorf("graph: set up authentication: %w", err)
		}
	}
	adapter, err := graphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		auth, graphcore.GraphClientOptions{},
		jsonserialization.NewJsonParseNodeFactory(), jsonserialization.NewJsonSerializationWriterFactory(),
		httpClient(o.Transport))
	if err != nil {
		return nil, fmt.Errorf("graph: set up the SDK: %w", err)
	}
	adapter.SetBaseUrl(base.String())
	c := &Client{adapter: adapter, credential: o.Credential, scope: scope, base: base, now: o.Now, jitter: o.Jitter, gates: map[string]chan struct{}{}}
	if c.now == nil {
		c.now = time.Now
	}
	if c.jitter == nil {
		c.jitter = func() time.Duration { return 0 }
	}
	c.refused = func() {}
	if r, ok := o.Credential.(interface{ Refused() }); ok {
		c.refused = r.Refused
	}
	return c, nil
}

// httpClient carries the SDK's handlers that do no harm, in a fixed order: its default list has the order of a Go map,
// and with it come the retries and the request compression that break one another (kiota-http-go issue 183).
func httpClient(transport http.RoundTripper) *http.Client {
	agent := kiotahttp.NewUserAgentHandlerOptions()
	agent.ProductName, agent.ProductVersion = "postroom", "1"
	return &http.Client{
		Transport: kiotahttp.NewCustomTransportWithParentTransport(transport,
			graphcore.NewGraphTelemetryHandler(&graphcore.GraphClientOptions{}),
			kiotahttp.NewUrlReplaceHandler(true, graphcore.ReplacementPairs),
			kiotahttp.NewParametersNameDecodingHandler(),
			kiotahttp.NewUserAgentHandlerWithOptions(agent),
		),
		// A redirect would take the token along to another host. Graph's mail API sends none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *Client) users(address string) *users.UserItemRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": c.base.String()}, c.adapter).ByUserId(address)
}

// answer is a response read to its end.
type answer struct {
	status int
	after  string // Retry-After
	date   string // when the server sent it, by its clock
	body   []byte
}

// send makes one request through the SDK's adapter and gives its answer whatever the status. The error is about the
// way there: no token, no connection, an answer that is cut off or too long.
func (c *Client) send(ctx context.Context, info *abstractions.RequestInformation) (answer, error) {
	// The adapter sets a deadline where there is none and never releases it.
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var got answer
	read := abstractions.NewRequestHandlerOption()
	read.SetResponseHandler(func(response any, _ abstractions.ErrorMappings) (any, error) {
		r, ok := response.(*http.Response)
		if !ok || r == nil {
			return nil, errors.New("no response")
		}
		defer r.Body.Close()
		var body bytes.Buffer
		if n := r.ContentLength; n > 0 && n <= maxAnswer {
			body.Grow(int(n) + bytes.MinRead)
		}
		n, err := body.ReadFrom(io.LimitReader(r.Body, maxAnswer+1))
		if err == nil && n > maxAnswer {
			err = errTooLong
		}
		got = answer{status: r.StatusCode, after: r.Header.Get("Retry-After"), date: r.Header.Get("Date"), body: body.Bytes()}
		return nil, err
	})
	info.AddRequestOptions([]abstractions.RequestOption{read})
	if err := c.adapter.SendNoContent(ctx, info, nil); err != nil {
		return answer{}, err
	}
	if got.status == http.StatusUnauthorized {
		c.refused()
	}
	return got, nil
}

// gate is the one slot of a mailbox. Whoever holds it may have one request or one $batch under way.
func (c *Client) gate(address string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gates[address]
	if g == nil {
		g = make(chan struct{}, 1)
		c.gates[address] = g
	}
	return g
}

// link is a next or delta link without the base URL, as cursors keep it, so that a stored cursor can never send a
// token to another host. What it links to must be of the given kind: users or subscriptions.
func (c *Client) link(raw, kind string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host != c.base.Host || !strings.HasPrefix(u.EscapedPath(), c.base.EscapedPath()+"/") {
		return "", errors.New("the answer links to another place than Graph")
	}
	rest := strings.TrimPrefix(u.EscapedPath(), c.base.EscapedPath())
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	if !linksTo(rest, kind) {
		return "", errors.New("the answer links to something else than its own next part")
	}
	return rest, nil
}

// linksTo checks a link as cursors keep it.
func linksTo(link, kind string) bool {
	path, _, _ := strings.Cut(link, "?")
	u, err := url.Parse(link)
	return err == nil && u.Host == "" && len(path) > len(kind) && path[0] == '/' && strings.EqualFold(path[1:1+len(kind)], kind) &&
		!slices.Contains(strings.Split(u.Path, "/"), "..")
}
