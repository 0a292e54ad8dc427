package local

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The events have structs of our own and not those of aws-lambda-go, by which the functions read them: a name misspelt there
// shall not be misspelt here too. testdata has captured ones that they are held against.

type event2 struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        context2          `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type context2 struct {
	AccountID    string `json:"accountId"`
	APIID        string `json:"apiId"`
	DomainName   string `json:"domainName"`
	DomainPrefix string `json:"domainPrefix"`
	HTTP         http2  `json:"http"`
	RequestID    string `json:"requestId"`
	RouteKey     string `json:"routeKey"`
	Stage        string `json:"stage"`
	Time         string `json:"time"`
	TimeEpoch    int64  `json:"timeEpoch"`
}

type http2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// gatewayTime is how API Gateway writes a moment.
const gatewayTime = "02/Jan/2006:15:04:05 -0700"

// version2 is the event of an HTTP API: header names in lower case, and what comes several times joined by commas.
func (f *Front) version2(r *http.Request, body []byte) event2 {
	now := time.Now().UTC()
	e := event2{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host}, QueryStringParameters: joined(r.URL.Query()),
		RequestContext: context2{
			AccountID: Account, APIID: "r3pmxmplak", DomainName: r.Host, DomainPrefix: strings.SplitN(r.Host, ".", 2)[0],
			HTTP:      http2{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
			RequestID: "JKJaXmPLvHcESHA=", RouteKey: "$default", Stage: "$default", Time: now.Format(gatewayTime), TimeEpoch: now.UnixMilli(),
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			e.Cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	e.Body, e.IsBase64Encoded = f.encode(r, body)
	if len(body) == 0 {
		e.Body, e.IsBase64Encoded = "", false
	}
	return e
}

func joined(q url.Values) map[string]string {
	out := map[string]string{}
	for name, values := range q {
		out[name] = strings.Join(values, ",")
	}
	return out
}

type event1 struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`           // null when there are none
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"` // null when there are none
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"` // null when there are none
	RequestContext                  context1            `json:"requestContext"`
	Body                            *string             `json:"body"` // null when there is none
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type context1 struct {
	ResourceID       string    `json:"resourceId"`
	ResourcePath     string    `json:"resourcePath"`
	HTTPMethod       string    `json:"httpMethod"`
	RequestTime      string    `json:"requestTime"`
	Path             string    `json:"path"` // with the stage
	AccountID        string    `json:"accountId"`
	Protocol         string    `json:"protocol"`
	Stage            string    `json:"stage"`
	DomainPrefix     string    `json:"domainPrefix"`
	RequestTimeEpoch int64     `json:"requestTimeEpoch"`
	RequestID        string    `json:"requestId"`
	Identity         identity1 `json:"identity"`
	DomainName       string    `json:"domainName"`
	APIID            string    `json:"apiId"`
}

type identity1 struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// version1 is the event of a REST API with a stage "prod" and one resource {proxy+}: header names as the client wrote them,
// and of what comes several times the last.
func (f *Front) version1(r *http.Request, body []byte) event1 {
	now := time.Now().UTC()
	e := event1{
		Resource: "/{proxy+}", Path: r.URL.Path, HTTPMethod: r.Method,
		Headers: map[string]string{"Host": r.Host}, MultiValueHeaders: map[string][]string{"Host": {r.Host}},
		PathParameters: map[string]string{"proxy": strings.TrimPrefix(r.URL.Path, "/")},
		RequestContext: context1{
			ResourceID: "2gxmpl", ResourcePath: "/{proxy+}", HTTPMethod: r.Method, RequestTime: now.Format(gatewayTime),
			Path: "/prod" + r.URL.Path, AccountID: Account, Protocol: r.Proto, Stage: "prod", DomainPrefix: "70ixmpl4fl",
			RequestTimeEpoch: now.UnixMilli(), RequestID: requestID(), DomainName: r.Host, APIID: "70ixmpl4fl",
			Identity: identity1{SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
		},
	}
	for name, values := range r.Header {
		e.Headers[name], e.MultiValueHeaders[name] = values[len(values)-1], values
	}
	if q := r.URL.Query(); len(q) > 0 {
		e.QueryStringParameters, e.MultiValueQueryStringParameters = map[string]string{}, q
		for name, values := range q {
			e.QueryStringParameters[name] = values[len(values)-1]
		}
	}
	if len(body) > 0 {
		text, encoded := f.encode(r, body)
		e.Body, e.IsBase64Encoded = &text, encoded
	}
	return e
}
