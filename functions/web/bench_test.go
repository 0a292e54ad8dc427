package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// discard is a ResponseWriter that keeps nothing but the status, so that the handler is what is measured.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func benchmark(b *testing.B, h http.Handler, want, notifications int, authorization, body string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		w := &discard{header: http.Header{}}
		h.ServeHTTP(w, r)
		if w.status != want {
			b.Fatalf("status %d", w.status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*notifications), "ns/notification")
}

func BenchmarkGraph(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g, _, _, _ := newGraph()
			g.Log = nil
			benchmark(b, g, http.StatusAccepted, n, "", items(slices.Repeat([]string{item(supportID, supportSecret)}, n)...))
		})
	}
}

func BenchmarkGmail(b *testing.B) {
	g, _, _ := newGmail()
	g.Log = nil
	benchmark(b, g, http.StatusNoContent, 1, "Bearer "+sign(b, google(), pushClaims()), pushBody(std(helpData)))
}

// BenchmarkGmailForged is what a stranger's token costs us.
func BenchmarkGmailForged(b *testing.B) {
	g, _, _ := newGmail()
	g.Log = nil
	benchmark(b, g, http.StatusUnauthorized, 1, "Bearer "+sign(b, stranger(), pushClaims()), pushBody(std(helpData)))
}
