package boot

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// The two forms in which API Gateway hands over a request: payload version 2.0 of HTTP APIs ("Create AWS Lambda proxy
// integrations for HTTP APIs") and the one of REST APIs ("Lambda proxy integrations in API Gateway"), which HTTP APIs
// call 1.0. The translation is written here, and no library's, because Graph's handshake must get its token back to the
// byte, and because anybody may send what arrives here: it is fuzzed as a whole.

// httpEvent is what both forms come to.
type httpEvent struct {
	method, path, query, host, source string
	header                            http.Header
	body                              []byte
	rest                              bool // the form of REST APIs
}

// errNoRequest is for whoever invokes the function by hand; API Gateway sends nothing that fails with it.
var errNoRequest = errors.New("the event is no request of API Gateway: send an HTTP request to the hook's URL instead of invoking the function")

// decodeEvent reads either form.
func decodeEvent(payload []byte) (httpEvent, error) {
	var form struct {
		Version    string `json:"version"`
		HTTPMethod string `json:"httpMethod"`
	}
	if err := json.Unmarshal(payload, &form); err != nil {
		return httpEvent{}, errNoRequest // the parser's words may quote the event
	}
	e, err := httpEvent{}, error(nil)
	switch {
	case form.Version == "2.0":
		e, err = decodeHTTPAPI(payload)
	case form.HTTPMethod != "":
		e, err = decodeRESTAPI(payload)
	default:
		return httpEvent{}, errNoRequest
	}
	if err != nil || e.method == "" {
		return httpEvent{}, errNoRequest
	}
	return e, nil
}

func decodeHTTPAPI(payload []byte) (httpEvent, error) {
	var in events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &in); err != nil {
		return httpEvent{}, err
	}
	about := in.RequestContext
	e := httpEvent{
		method: about.HTTP.Method, path: in.RawPath, query: in.RawQueryString, host: about.DomainName, source: about.HTTP.SourceIP,
		header: http.Header{},
	}
	if stage := about.Stage; stage != "" && stage != "$default" { // the path begins with a stage that has a name
		if rest, ok := strings.CutPrefix(e.path, "/"+stage); ok && strings.HasPrefix(rest, "/") {
			e.path = rest
		}
	}
	// Names are in lower case, and values of one name joined by commas; none of those that the hooks read may repeat.
	for name, value := range in.Headers {
		e.header.Add(name, value)
	}
	var err error
	e.body, err = decodeBody(in.Body, in.IsBase64Encoded)
	return e, err
}

func decodeRESTAPI(payload []byte) (httpEvent, error) {
	var in events.APIGatewayProxyRequest
	if err := json.Unmarshal(payload, &in); err != nil {
		return httpEvent{}, err
	}
	e := httpEvent{
		method: in.HTTPMethod, path: in.Path, host: in.RequestContext.DomainName, source: in.RequestContext.Identity.SourceIP,
		header: http.Header{}, rest: true,
	}
	// The values are decoded already, '+' to a space as well (aws-cdk issue 19827 shows such an event), so they are encoded
	// once to be decoded once.
	query := url.Values(in.MultiValueQueryStringParameters)
	if query == nil {
		query = url.Values{}
		for name, value := range in.QueryStringParameters {
			query.Set(name, value)
		}
	}
	e.query = query.Encode()
	for name, values := range in.MultiValueHeaders {
		for _, value := range values {
			e.header.Add(name, value)
		}
	}
	if in.MultiValueHeaders == nil {
		for name, value := range in.Headers {
			e.header.Add(name, value)
		}
	}
	var err error
	e.body, err = decodeBody(in.Body, in.IsBase64Encoded)
	return e, err
}

func decodeBody(body string, encoded bool) ([]byte, error) {
	if !encoded {
		return []byte(body), nil
	}
	return base64.StdEncoding.DecodeString(body)
}

// request makes the request that a server would have read from the wire. prefix is what the path has before the
// hooks' own, as under a custom domain with a base path.
func (e httpEvent) request(ctx context.Context, prefix string) *http.Request {
	path := e.path
	if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, "/") {
		path = rest
	}
	r := &http.Request{
		Method: e.method, URL: &url.URL{Path: path, RawQuery: e.query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: e.header, Body: io.NopCloser(bytes.NewReader(e.body)), ContentLength: int64(len(e.body)),
		Host: e.host, RemoteAddr: e.source, RequestURI: path,
	}
	return r.WithContext(ctx)
}

// reply collects the answer of a handler.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *reply) Header() http.Header { return w.header }

// WriteHeader keeps the first status; 1xx is information that API Gateway has no place for.
func (w *reply) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *reply) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// encode writes the answer in the form that the request had. A body that is no text goes in base64.
func (w *reply) encode(rest bool) ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	body, encoded := w.body.String(), false
	if !utf8.ValidString(body) {
		body, encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	var out any
	if rest {
		out = events.APIGatewayProxyResponse{StatusCode: w.status, MultiValueHeaders: w.header, Body: body, IsBase64Encoded: encoded}
	} else {
		joined := map[string]string{}
		for name, values := range w.header {
			joined[name] = strings.Join(values, ",")
		}
		out = events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: joined, Body: body, IsBase64Encoded: encoded}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return b, nil
}
