package boot_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
)

var _ lambda.Handler = (*boot.Ingest)(nil)

// gateway is the ingest function behind a gateway of either kind.
type gateway struct {
	testing.TB
	*boot.Ingest
	watches *memory.Watches
	timers  *memory.Timers
	queue   *memory.Queue
	out     bytes.Buffer // the function's standard output
	now     time.Time
}

func newGateway(t testing.TB, changes ...func(*boot.Deployment)) *gateway {
	t.Helper()
	g := &gateway{TB: t, watches: &memory.Watches{}, timers: &memory.Timers{}, queue: &memory.Queue{}, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	d := boot.Deployment{URL: siteURL, Stack: "postroom", GoogleSubscription: subscription, GooglePushAccount: account}
	for _, change := range changes {
		change(&d)
	}
	now := func() time.Time { return g.now }
	var err error
	g.Ingest, err = boot.NewIngest(boot.IngestOptions{
		Deployment: d, Watches: boot.Renewals{Watches: g.watches, Timers: g.timers, Now: now}, Hints: g.queue, Now: now,
		Keys: &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{&signer().PublicKey}},
		Log:  boot.Logger(&g.out, "ingest", slog.LevelDebug), Metrics: &boot.Metrics{W: &g.out, Stack: d.Stack, Function: "ingest", Now: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []pipeline.Watch{
		{ID: "7f105c7d-2dc5-4530-97cd-4e7ae6534c07", Mailbox: support, Secret: sha256.Sum256([]byte("state-3fd1"))},
		{ID: hello, Mailbox: hello},
		{ID: "mallory@contoso.com", Mailbox: support}, // no watch of that mailbox's
	} {
		w.Expires = g.now.Add(6 * 24 * time.Hour)
		if err := g.watches.SaveWatch(context.Background(), w); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// answered is an answer of either form.
type answered struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Body              string
	IsBase64Encoded   bool
}

// post sends a request in both forms, which must be answered alike, and gives the answer.
func (g *gateway) post(target, authorization, body string) answered {
	g.Helper()
	u, err := url.Parse(target)
	if err != nil {
		g.Fatal(err)
	}
	header := map[string]string{"content-type": "application/json"}
	if authorization != "" {
		header["authorization"] = authorization
	}
	first := g.invoke(events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: u.Path, RawQueryString: u.RawQuery, Headers: header, Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			Stage: "$default", DomainName: "r3pmxmplak.execute-api.eu-central-1.amazonaws.com",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST", Path: u.Path, SourceIP: "205.0.113.7"},
		},
	})
	query, err := url.ParseQuery(u.RawQuery) // as a REST API does
	if err != nil {
		g.Fatal(err)
	}
	rest := events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Path: u.Path, MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}, "Authorization": {authorization}},
		MultiValueQueryStringParameters: query, Body: body,
	}
	second := g.invoke(rest)
	for name, value := range first.Headers {
		if got := strings.Join(second.MultiValueHeaders[name], ","); got != value {
			g.Errorf("%s is %q in one form and %q in the other", name, value, got)
		}
	}
	if first.StatusCode != second.StatusCode || first.Body != second.Body {
		g.Errorf("%s is answered %d %q in one form and %d %q in the other", target, first.StatusCode, first.Body, second.StatusCode, second.Body)
	}
	return first
}

func (g *gateway) invoke(event any) (out answered) {
	g.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		g.Fatal(err)
	}
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})
	b, err := g.Invoke(ctx, payload)
	if err != nil {
		g.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		g.Fatal(err)
	}
	return out
}

// hints takes the hints out of the queue: their sources by mailbox.
func (g *gateway) hints() string {
	g.Helper()
	out := map[inbox.MailboxID][]string{}
	for {
		b, ok, err := g.queue.Receive(context.Background(), g.now)
		if err != nil {
			g.Fatal(err)
		}
		if !ok {
			return fmt.Sprint(out)
		}
		for _, h := range b.Hints {
			out[b.Mailbox] = append(out[b.Mailbox], h.Source)
		}
	}
}

const graphItem = `{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","clientState":"%s","changeType":"created"}`

func TestIngestAnswersGraphsHandshakeToTheByte(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	for query, want := range map[string]string{
		"Validation%3a+Testing+client+application+reachability": "Validation: Testing client application reachability",
		"a%20b+c%2Bd%2520e":        "a b c+d%20e",
		"%C3%A6%2F%3D%26%3F%23%22": `æ/=&?#"`,
	} {
		got := g.post("/hooks/graph?validationToken="+query, "", "")
		if got.StatusCode != 200 || got.Body != want || got.IsBase64Encoded || got.Headers["Content-Type"] != "text/plain; charset=utf-8" {
			t.Errorf("%s: %+v", query, got)
		}
	}
	if got := g.post("/hooks/graph?validationToken=%3Cscript%3E", "", ""); got.StatusCode != 400 || strings.Contains(got.Body, "script") {
		t.Errorf("markup: %+v", got)
	}
	if got := g.post("/hooks/graph?validationToken=a&validationToken=b", "", ""); got.StatusCode != 400 {
		t.Errorf("two tokens: %+v", got)
	}
}

func TestIngestTakesNotifications(t *testing.T) {
	t.Parallel()
	s := &site{TB: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		name, target, token, body string
		status                    int
		hints                     string
		counted                   map[string]float64 // for two requests
	}{
		{"Graph's", "/hooks/graph", "", `{"value":[` + fmt.Sprintf(graphItem, "state-3fd1") + `]}`, 202, "map[support@contoso.com:[graph]]", map[string]float64{"Hints": 2}},
		{"a wrong secret", "/hooks/graph", "", `{"value":[` + fmt.Sprintf(graphItem, "guess") + `]}`, 202, "map[]", map[string]float64{"Refused": 2}},
		{"Gmail's", "/hooks/gmail", s.token(nil), push(hello, subscription), 204, "map[hello@contoso.com:[gmail]]", map[string]float64{"Hints": 2}},
		{"a mailbox that is not watched", "/hooks/gmail", s.token(nil), push("boss@contoso.com", subscription), 204, "map[]", nil},
		{"another's watch", "/hooks/gmail", s.token(nil), push("mallory@contoso.com", subscription), 204, "map[]", nil},
		{"a mailbox of Graph's", "/hooks/gmail", s.token(nil), push("7f105c7d-2dc5-4530-97cd-4e7ae6534c07", subscription), 204, "map[]", nil},
		{"another audience", "/hooks/gmail", s.token(map[string]any{"aud": "https://other.example"}), push(hello, subscription), 401, "map[]", map[string]float64{"Refused": 2}},
		{"no token", "/hooks/gmail", "", push(hello, subscription), 401, "map[]", map[string]float64{"Refused": 2}},
		{"rubbish", "/hooks/graph", "", "\xff{", 400, "map[]", nil},
		{"too large", "/hooks/graph", "", strings.Repeat(" ", 1<<20+1), 413, "map[]", nil},
		{"elsewhere", "/wp-login.php", "", "", 404, "map[]", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			authorization := ""
			if tt.token != "" {
				authorization = "Bearer " + tt.token
			}
			got := g.post(tt.target, authorization, tt.body)
			if got.StatusCode != tt.status {
				t.Errorf("%+v", got)
			}
			if hints := g.hints(); hints != tt.hints {
				t.Errorf("hints %s", hints)
			}
			list := readMetrics(t, g.out.String())
			for _, name := range []string{"Hints", "Refused", "HookFailures"} {
				if n := sum(list, name); n != tt.counted[name] {
					t.Errorf("%s: %g\n%s", name, n, &g.out)
				}
			}
			for line := range strings.Lines(g.out.String()) {
				if !strings.Contains(line, `"_aws"`) && !strings.Contains(line, `"function":"ingest","`) || strings.Contains(line, "boss@") || strings.Contains(line, "state-3fd1") {
					t.Errorf("a log line: %s", line)
				}
				if !strings.Contains(line, `"_aws"`) && !strings.Contains(line, `"request":"8476a536-e9f4-11e8-9739-2dfe598c3fcd"`) {
					t.Errorf("it does not say whose request it is: %s", line)
				}
			}
		})
	}
}

// TestIngestWritesLifecycleEvents: a subscription that Graph has removed makes its mailbox due for a new one at once.
func TestIngestWritesLifecycleEvents(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	body := `{"value":[{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","clientState":"state-3fd1","lifecycleEvent":"subscriptionRemoved"}]}`
	if got := g.post("/hooks/graph/lifecycle", "", body); got.StatusCode != 202 {
		t.Fatalf("%+v", got)
	}
	if _, ok, err := g.watches.Watch(context.Background(), "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"); ok || err != nil {
		t.Errorf("the watch is still there, or %v", err)
	}
	timer, ok, err := g.timers.Timer(context.Background(), support, boot.TimerWatch)
	if !ok || err != nil || timer.Due.After(g.now) {
		t.Errorf("timer %v, %v, %v", timer, ok, err)
	}
}

func TestIngestAnswers503ForWhatARepetitionMends(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*gateway){
		"the store": func(g *gateway) {
			g.watches.Fail = func(string) (error, error) { return errors.New("dynamo: no answer"), nil }
		},
		"the queue": func(g *gateway) {
			g.queue.Fail = func(string) (error, error) { return errors.New("sqs: no answer"), nil }
		},
	} {
		g := newGateway(t)
		fail(g)
		s := &site{TB: t, now: g.now}
		if got := g.post("/hooks/graph", "", `{"value":[`+fmt.Sprintf(graphItem, "state-3fd1")+`]}`); got.StatusCode != 503 {
			t.Errorf("%s: Graph is told %+v", name, got)
		}
		if got := g.post("/hooks/gmail", "Bearer "+s.token(nil), push(hello, subscription)); got.StatusCode != 503 {
			t.Errorf("%s: Google is told %+v", name, got)
		}
		if n := strings.Count(g.out.String(), `"level":"ERROR"`); n != 4 {
			t.Errorf("%s: %d lines for 4 requests:\n%s", name, n, &g.out)
		}
		if n := sum(readMetrics(t, g.out.String()), "HookFailures"); n != 4 { // Lambda counts no error, so this is what the alarm goes by
			t.Errorf("%s: %g failures for 4 requests:\n%s", name, n, &g.out)
		}
		// What works again is counted no more.
		g.watches.Fail, g.queue.Fail = nil, nil
		g.out.Reset()
		if got := g.post("/hooks/graph", "", `{"value":[`+fmt.Sprintf(graphItem, "state-3fd1")+`]}`); got.StatusCode != 202 {
			t.Errorf("%s, mended: Graph is told %+v", name, got)
		}
		list := readMetrics(t, g.out.String())
		if failed, hints := sum(list, "HookFailures"), sum(list, "Hints"); failed != 0 || hints != 2 {
			t.Errorf("%s, mended: %g failures, %g hints", name, failed, hints)
		}
	}
}

// TestIngestAnswersBeforeItIsCutOff: a queue that does not answer costs a repetition, not an error of the function.
func TestIngestAnswersBeforeItIsCutOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond) // less than what it leaves
	defer cancel()
	b, err := g.Invoke(ctx, []byte(`{"version":"2.0","rawPath":"/hooks/graph","body":"{\"value\":[`+strings.ReplaceAll(fmt.Sprintf(graphItem, "state-3fd1"), `"`, `\"`)+`]}","requestContext":{"http":{"method":"POST"}}}`))
	if err != nil || !strings.Contains(string(b), `"statusCode":503`) || ctx.Err() != nil {
		t.Errorf("answered %s, %v", b, err)
	}
}

func TestIngestFindsItsPath(t *testing.T) {
	t.Parallel()
	based := func(d *boot.Deployment) { d.URL = "https://api.contoso.com/mail" }
	for _, tt := range []struct {
		change func(*boot.Deployment)
		event  string
		status int
	}{
		{nil, `{"version":"2.0","rawPath":"/healthz","requestContext":{"stage":"$default","http":{"method":"GET"}}}`, 200},
		{nil, `{"version":"2.0","rawPath":"/prod/healthz","requestContext":{"stage":"prod","http":{"method":"GET"}}}`, 200},
		{nil, `{"version":"2.0","rawPath":"/production/healthz","requestContext":{"stage":"prod","http":{"method":"GET"}}}`, 404},
		{nil, `{"version":"1.0","path":"/healthz","httpMethod":"GET"}`, 200},
		{nil, `{"path":"/mail/healthz","httpMethod":"GET"}`, 404},
		{based, `{"path":"/mail/healthz","httpMethod":"GET"}`, 200},
		{based, `{"path":"/healthz","httpMethod":"GET"}`, 200},
		{nil, `{"path":"/hooks/graph","httpMethod":"GET","queryStringParameters":{"validationToken":"x"}}`, 405},
		{nil, `{"path":"/hooks/graph","httpMethod":"POST","headers":{"Host":"x"},"queryStringParameters":{"validationToken":"x"},"body":null}`, 200},
		{nil, `{"path":"","httpMethod":"POST"}`, 307}, // to /
		{nil, `{"path":"hooks/graph","httpMethod":"POST"}`, 307},
		{nil, `{"path":"/hooks/graph","httpMethod":"a b\n"}`, 405},
	} {
		var changes []func(*boot.Deployment)
		if tt.change != nil {
			changes = append(changes, tt.change)
		}
		g := newGateway(t, changes...)
		if got := g.invoke(json.RawMessage(tt.event)); got.StatusCode != tt.status {
			t.Errorf("%s: %+v, want %d", tt.event, got, tt.status)
		}
	}
}

func TestIngestRefusesOtherEvents(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	for _, event := range []string{
		``, `{}`, `null`, `[]`, `"x"`, `{"version":"2.0"}`, `{"version":2}`, `{"httpMethod":7}`, `{"httpMethod":"POST","body":"!","isBase64Encoded":true}`,
		`{"Records":[{"body":"SECRET-OF-A-MAIL"}]}`, `{"version":"2.0","headers":7,"requestContext":{"http":{"method":"POST"}}}`,
	} {
		_, err := g.Invoke(context.Background(), []byte(event))
		if err == nil || !strings.Contains(err.Error(), "API Gateway") || strings.Contains(err.Error()+g.out.String(), "SECRET") {
			t.Errorf("%s: %v", event, err)
		}
	}
}

// FuzzIngest sends any event at all, and a request with any parts in both forms. Nothing panics, an answer is one of those
// that the hooks give, and no hint comes of it without a secret or a token.
func FuzzIngest(f *testing.F) {
	f.Add([]byte(`{"version":"2.0","rawPath":"/hooks/graph","requestContext":{"http":{"method":"POST"}}}`), "POST", "/hooks/graph", "validationToken=a+b", "content-type", "x", []byte("{}"))
	f.Add([]byte(`{"httpMethod":"CONNECT","path":"//x/../\u0000"}`), "CONNECT", "\x00//../hooks", "%zz;&=", "\r\n", "\xff", []byte{0xff})
	f.Add([]byte(`{"version":"2.0","body":"/w==","isBase64Encoded":true,"requestContext":{"http":{"method":"*"}}}`), "", "*", "?", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, event []byte, method, path, query, name, value string, body []byte) {
		g := newGateway(t)
		form2 := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, RawQueryString: query, Headers: map[string]string{name: value}, Body: string(body)}
		form2.RequestContext.HTTP.Method = method
		form1 := events.APIGatewayProxyRequest{
			HTTPMethod: method, Path: path, MultiValueHeaders: map[string][]string{name: {value, value}},
			MultiValueQueryStringParameters: map[string][]string{query: {value}}, Body: base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true,
		}
		events := [][]byte{event}
		for _, form := range []any{form2, form1} {
			b, err := json.Marshal(form)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, b)
		}
		for _, e := range events {
			b, err := g.Invoke(context.Background(), e)
			if err != nil {
				continue
			}
			var got answered
			if err := json.Unmarshal(b, &got); err != nil || got.StatusCode < 200 || got.StatusCode >= 500 {
				t.Fatalf("answered %s, %v", b, err)
			}
			if got.StatusCode == 200 && strings.Contains(got.Body, "<") {
				t.Fatalf("markup came back: %s", b)
			}
		}
		if hints := g.hints(); hints != "map[]" {
			for _, e := range events {
				if strings.Contains(string(e), "state-3fd1") || strings.Contains(string(e), `\u`) {
					return
				}
			}
			t.Fatalf("hints %s", hints)
		}
	})
}
