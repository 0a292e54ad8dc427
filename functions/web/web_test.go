package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postroom/postroom/functions/web"
)

func TestMux(t *testing.T) {
	t.Parallel()
	graph, _, _, _ := newGraph()
	gmail, _, _ := newGmail()
	mux := func(graph *web.Graph, gmail *web.Gmail) http.Handler {
		t.Helper()
		m, err := web.Mux(graph, gmail)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	both, onlyGraph, onlyGmail := mux(graph, gmail), mux(graph, nil), mux(nil, gmail)
	for _, tc := range []struct {
		name   string
		mux    http.Handler
		method string
		target string
		status int
	}{
		{"both", both, "POST", "/hooks/graph?validationToken=abc", 200},
		{"both", both, "POST", "/hooks/graph/lifecycle?validationToken=abc", 200},
		{"both", both, "GET", "/hooks/graph/lifecycle", 405},
		{"both", both, "POST", "/hooks/gmail", 401},
		{"both", both, "GET", "/hooks/gmail", 405},
		{"both", both, "GET", "/healthz", 200},
		{"both", both, "POST", "/healthz", 405},
		{"both", both, "POST", "/hooks/graph/other", 404},
		{"both", both, "GET", "/", 404},
		{"Graph only", onlyGraph, "POST", "/hooks/graph?validationToken=abc", 200},
		{"Graph only", onlyGraph, "POST", "/hooks/gmail", 404},
		{"Gmail only", onlyGmail, "POST", "/hooks/graph?validationToken=abc", 404},
		{"Gmail only", onlyGmail, "POST", "/hooks/gmail", 401},
	} {
		if resp := serve(t, tc.mux, httptest.NewRequest(tc.method, tc.target, nil)); resp.StatusCode != tc.status {
			t.Errorf("%s: %s %s: status %d, want %d", tc.name, tc.method, tc.target, resp.StatusCode, tc.status)
		}
	}
	for name, g := range map[string]*web.Graph{
		"Watches": {Hints: graph.Hints, Now: graph.Now},
		"Hints":   {Watches: graph.Watches, Now: graph.Now},
		"Now":     {Watches: graph.Watches, Hints: graph.Hints},
	} {
		if _, err := web.Mux(g, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s Mux says %v", name, err)
		}
	}
}

// Over a real connection: the handshake arrives decoded once, and a body that is too large gets its answer.
func TestMuxOverHTTP(t *testing.T) {
	t.Parallel()
	graph, q, _, _ := newGraph()
	graph.Log = nil // which logs nothing
	mux, err := web.Mux(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	post := func(target, body string) (int, string) {
		t.Helper()
		resp, err := server.Client().Post(server.URL+target, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, body := post("/hooks/graph?validationToken=Validation%3a+Testing%20%252B", ""); status != 200 || body != "Validation: Testing %2B" {
		t.Errorf("handshake: %d %q", status, body)
	}
	if status, body := post("/hooks/graph", items(item(supportID, supportSecret))); status != 202 || body != "" || len(q.hints) != 1 {
		t.Errorf("notification: %d %q, hints %v", status, body, q.hints)
	}
	if status, _ := post("/hooks/graph", strings.Repeat(" ", 1<<20+1)); status != 413 {
		t.Errorf("too large: %d", status)
	}
}
