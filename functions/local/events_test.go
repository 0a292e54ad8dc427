package local_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/postroom/postroom/functions/local"
)

// TestEvents holds the shape of every event against a captured one from AWS's documentation: the same names in the same
// places, with values of the same kinds.
func TestEvents(t *testing.T) {
	t.Parallel()
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "http://id.execute-api.us-east-1.amazonaws.com/hooks/graph?name=me&name=you", nil)
		r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"a", "b"}, "Cookie": {"x=1; y=2"}, "User-Agent": {"test"}}
		return r
	}
	message := types.Message{
		MessageId: aws.String("id"), ReceiptHandle: aws.String("handle"), Body: aws.String("body"), MD5OfBody: aws.String("sum"),
		Attributes: map[string]string{
			"ApproximateReceiveCount": "1", "SentTimestamp": "1573251510774", "SequenceNumber": "18849496460467696128", "MessageGroupId": "1",
			"SenderId": "AIDAIO23YVJENQZJOL4VO", "MessageDeduplicationId": "1", "ApproximateFirstReceiveTimestamp": "1573251510774",
		},
	}
	for file, event := range map[string]any{
		"http-api.json":  (&local.Front{}).Event(request(), []byte(`{}`)),
		"rest-api.json":  (&local.Front{REST: true}).Event(request(), []byte(`{}`)),
		"sqs-fifo.json":  (&local.Mapping{URL: "http://127.0.0.1/123456789012/hints.fifo"}).Event([]types.Message{message}),
		"scheduler.json": local.ScheduledEvent("postroom-tick", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)),
	} {
		captured, err := os.ReadFile(filepath.Join("testdata", "events", file))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shape(t, ours), shape(t, captured); got != want {
			t.Errorf("%s: the event has the shape\n%s\nthe captured one\n%s", file, got, want)
		}
	}
}

// shape lists the places of a JSON text with the kinds of their values. Maps whose names are free have one place.
func shape(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	places := map[string]bool{}
	free := []string{"headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"}
	var walk func(place string, v any)
	walk = func(place string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				if slices.Contains(free, strings.TrimPrefix(place, ".")) {
					name = "*"
				}
				walk(place+"."+name, value)
			}
		case []any:
			for _, value := range v {
				walk(place+"[]", value)
			}
		default:
			places[fmt.Sprintf("%s %T", place, v)] = true
		}
	}
	walk("", v)
	return strings.Join(slices.Sorted(maps.Keys(places)), "\n")
}

func TestFrontEncodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind, body string
		base64     bool
		want       string
		encoded    bool
	}{
		{"application/json; charset=utf-8", `{"value":[]}`, false, `{"value":[]}`, false},
		{"text/plain", "", false, "", false},
		{"application/octet-stream", "abc", false, "YWJj", true},
		{"application/json", "\xff", false, "/w==", true},
		{"application/json", "abc", true, "YWJj", true},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", tt.kind)
		event, err := json.Marshal((&local.Front{Base64: tt.base64}).Event(r, []byte(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Body            string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(event, &got); err != nil {
			t.Fatal(err)
		}
		if got.Body != tt.want || got.IsBase64Encoded != tt.encoded {
			t.Errorf("%s %q is sent as %q, encoded: %v", tt.kind, tt.body, got.Body, got.IsBase64Encoded)
		}
	}
}

func TestFrontAnswers(t *testing.T) {
	t.Parallel()
	f := played(t, &local.Function{Timeout: 300 * time.Millisecond})
	tests := []struct {
		says       string // what the function answers; an order when it begins with a letter
		http, rest int
		body       string
	}{
		{`{"statusCode":202}`, 202, 202, ""},
		{`{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}`, 200, 200, "hello"},
		{`{"statusCode":404,"headers":{"content-type":"text/plain"},"body":"none"}`, 404, 404, "none"},
		{`{"body":"no status"}`, 500, 502, ""},
		{`{"statusCode":200,"body":"!","isBase64Encoded":true}`, 500, 502, ""},
		{`panic`, 500, 502, ""},
		{`hang`, 500, 502, ""},
	}
	for _, tt := range tests {
		for _, rest := range []bool{false, true} {
			order := map[string]string{"do": "answer", "name": tt.says}
			if tt.says[0] != '{' {
				order = map[string]string{"do": tt.says}
			}
			// The function that plays reads its order from the top of the event, so it is handed over by itself.
			result, err := f.Invoke(t.Context(), order)
			w := httptest.NewRecorder()
			(&local.Front{REST: rest}).Answer(w, result.Payload, err)
			want := tt.http
			if rest {
				want = tt.rest
			}
			if w.Code != want || tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("%s is answered %d %q (REST: %v), want %d %q", tt.says, w.Code, w.Body, rest, want, tt.body)
			}
		}
	}
}

func TestMappingFailures(t *testing.T) {
	t.Parallel()
	batch := []types.Message{{MessageId: aws.String("a")}, {MessageId: aws.String("b")}}
	tests := []struct {
		payload string
		err     error
		want    string
	}{
		{`{"batchItemFailures":[]}`, nil, ""},
		{`{"batchItemFailures":null}`, nil, ""},
		{`{}`, nil, ""},
		{``, nil, ""},
		{`null`, nil, ""},
		{`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, nil, "b"},
		{`{"batchItemFailures":[{"itemIdentifier":"c"}]}`, nil, "a b"},
		{`{"batchItemFailures":[{"itemIdentifier":""}]}`, nil, "a b"},
		{`{"batchItemFailures":[{"id":"a"}]}`, nil, "a b"},
		{`{"batchItemFailures":`, nil, "a b"},
		{``, &local.FunctionError{Type: "Sandbox.Timedout"}, "a b"},
	}
	for _, tt := range tests {
		if got := strings.Join(local.Failures([]byte(tt.payload), tt.err, batch), " "); got != tt.want {
			t.Errorf("%s %v: back go %q, want %q", tt.payload, tt.err, got, tt.want)
		}
	}
}
