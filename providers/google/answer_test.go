package google_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/providers/google"
)

// read is what the generated clients make of an answer.
func read(t *testing.T, status int, body string) *google.Answer {
	t.Helper()
	var outer struct{ Error *googleapi.Error }
	if err := json.Unmarshal([]byte(body), &outer); err != nil {
		t.Fatal(err)
	}
	outer.Error.Code = status
	return google.NewAnswer(outer.Error)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status    int
		body      string
		want      string
		throttled bool
	}{
		{404, `{"error":{}}`, "404", false},
		{404, `{"error":{"message":"Not Found"}}`, "404: Not Found", false},
		{403, `{"error":{"message":"m","errors":[{"reason":"domainPolicy"},{"reason":"other"}]}}`, "403 domainPolicy: m", false},
		{403, `{"error":{"message":"m","details":["?",{"@type":"Help"},{"reason":3},{"reason":"SERVICE_DISABLED"}]}}`, "403 SERVICE_DISABLED: m", false},
		{403, `{"error":{"errors":[{"reason":"forbidden"}],"details":[{"reason":"SERVICE_DISABLED"}]}}`, "403 forbidden", false},
		{403, `{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}`, "403 userRateLimitExceeded", true},
		{403, `{"error":{"details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}}`, "403 RATE_LIMIT_EXCEEDED", true},
		{403, `{"error":{"errors":[{"reason":"dailyLimitExceeded"}]}}`, "403 dailyLimitExceeded", false},
		{429, `{"error":{"errors":[{"reason":"dailyLimitExceeded"}]}}`, "429 dailyLimitExceeded", false},
		{429, `{"error":{}}`, "429", true},
		{400, `{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}`, "400 rateLimitExceeded", false},
	} {
		got := read(t, c.status, c.body)
		if got.Error() != c.want || got.Throttled() != c.throttled {
			t.Errorf("%s: %q, throttled %t", c.body, got, got.Throttled())
		}
	}
	long := read(t, 400, `{"error":{"message":"`+strings.Repeat("ü", 400)+`","errors":[{"reason":"`+strings.Repeat("r", 400)+`"}]}}`)
	if len(long.Message) != google.MaxMessage || len(long.Reason) != google.MaxReason {
		t.Errorf("%d and %d bytes are kept", len(long.Message), len(long.Reason))
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"40", 40 * time.Second, true},
		{" 7 ", 7 * time.Second, true},
		{"0", 0, true},
		{"-5", 0, true},
		{"99999999999", time.Hour, true},
		{"Tue, 03 Nov 2026 09:02:00 GMT", 2 * time.Minute, true},
		{"Tue, 03 Nov 2026 08:00:00 GMT", 0, true},
		{"Tue, 03 Nov 2099 08:00:00 GMT", time.Hour, true},
		{"", 0, false},
		{"soon", 0, false},
		{"1.5", 0, false},
	} {
		d, ok := google.RetryAfter(http.Header{"Retry-After": {c.value}}, now, time.Hour)
		if d != c.want || ok != c.ok {
			t.Errorf("%q: %v, %t", c.value, d, ok)
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("grüße", 3)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || n > 1000 {
			t.Skip()
		}
		got := google.Clip(s, n)
		if len(got) > n || !strings.HasPrefix(s, got) && utf8.ValidString(s) || utf8.ValidString(s) && !utf8.ValidString(got) || len(s) <= n && got != s {
			t.Errorf("%q to %d: %q", s, n, got)
		}
	})
}
