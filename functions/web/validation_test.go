package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestValidation(t *testing.T) {
	t.Parallel()
	const token = "Validation: Testing client application reachability for subscription Request-Id: 2a3c"
	for name, tc := range map[string]struct {
		query  string
		status int
		body   string // of a 200
	}{
		"plus is a space":           {"validationToken=Validation%3a+Testing+client", 200, "Validation: Testing client"},
		"%20 is a space":            {"validationToken=Validation%3A%20Testing%20client", 200, "Validation: Testing client"},
		"as Graph writes it":        {"validationToken=" + url.QueryEscape(token), 200, token},
		"decoded once":              {"validationToken=a%252Bb%2520c%2526d", 200, "a%2Bb%20c%26d"},
		"an encoded plus stays one": {"validationToken=a%2Bb", 200, "a+b"},
		"our own parameters stay":   {"tenant=contoso&validationToken=abc&x=1", 200, "abc"},
		"what looks like JSON":      {"validationToken=%7B%22value%22%3A%5B%5D%7D", 200, `{"value":[]}`},
		"other languages":           {"validationToken=%C3%A6%C3%B8%C3%A5", 200, "æøå"},
		"the longest":               {"validationToken=" + strings.Repeat("x", 4096), 200, strings.Repeat("x", 4096)},
		"too long":                  {"validationToken=" + strings.Repeat("x", 4097), 400, ""},
		"far too long":              {"validationToken=" + strings.Repeat("%41", 1<<19), 400, ""},
		"markup":                    {"validationToken=%3Cscript%3Ealert(1)%3C/script%3E", 400, ""},
		"markup undecoded":          {"validationToken=<script>", 400, ""},
		"one <":                     {"validationToken=a%3Cb", 400, ""},
		"empty":                     {"validationToken=", 400, ""},
		"bare":                      {"validationToken", 400, ""},
		"two":                       {"validationToken=a&validationToken=b", 400, ""},
		"bad escape":                {"validationToken=%zz", 400, ""},
		"broken escape":             {"validationToken=abc%2", 400, ""},
		"bad escape elsewhere":      {"x=%zz&validationToken=abc", 400, ""},
		"semicolon":                 {"a=1;validationToken=abc", 400, ""},
		"not UTF-8":                 {"validationToken=%ff%fe", 400, ""},
		"no handshake":              {"validationtoken=abc", 400, ""}, // and the empty body is no notification
	} {
		for _, path := range []string{"/hooks/graph", "/hooks/graph/lifecycle"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				g, q, _, log := newGraph()
				r := httptest.NewRequest(http.MethodPost, path, nil)
				r.URL.RawQuery = tc.query
				r.Header.Set("Content-Type", "text/plain; charset=utf-8")
				resp := serve(t, g, r)
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != tc.status {
					t.Fatalf("status %d, want %d", resp.StatusCode, tc.status)
				}
				if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
					t.Errorf("Content-Type %q", got)
				}
				if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
					t.Errorf("X-Content-Type-Options %q", got)
				}
				if tc.status == 200 && string(body) != tc.body {
					t.Errorf("body %q, want %q", body, tc.body)
				}
				if tc.status != 200 && string(body) != "Bad Request\n" {
					t.Errorf("a refusal's body is %q", body)
				}
				if len(q.hints) != 0 {
					t.Errorf("a handshake enqueued %v", q.hints)
				}
				for _, secret := range []string{"Testing", "script", "a%2Bb", "xxxx"} {
					if strings.Contains(log.String(), secret) {
						t.Errorf("the log holds the token: %s", log)
					}
				}
			})
		}
	}
}

// The body of a handshake is not documented; whatever it is, it is not read as notifications.
func TestValidationIgnoresBody(t *testing.T) {
	t.Parallel()
	g, q, _, _ := newGraph()
	r := httptest.NewRequest(http.MethodPost, "/hooks/graph?validationToken=abc", strings.NewReader(items(item(supportID, supportSecret))))
	if resp := serve(t, g, r); resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if len(q.hints) != 0 {
		t.Errorf("enqueued %v", q.hints)
	}
	if c := g.Counts(); c.Validations != 1 || c.Requests != 1 || c.Accepted != 0 {
		t.Errorf("counts %+v", c)
	}
}
