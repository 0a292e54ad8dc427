package fault_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

func TestNextPicksTheRuleThatIsDue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules []fault.Rule
		calls []string // "METHOD path"
		want  string   // one letter a call: the kind's first, or . for none
	}{
		{"nothing set", nil, []string{"GET /a"}, "."},
		{"any request", []fault.Rule{{Kind: fault.Reset}}, []string{"GET /a", "POST /b"}, "RR"},
		{"by method", []fault.Rule{{Kind: fault.Reset, Method: "POST"}}, []string{"GET /a", "POST /a"}, ".R"},
		{"by part of the path", []fault.Rule{{Kind: fault.Lost, Path: "delta"}}, []string{"GET /x/delta()", "GET /x"}, "L."},
		{"by pattern", []fault.Rule{{Kind: fault.Lost, Path: "/users/*/send"}}, []string{"GET /users/a/send", "GET /users/a/b/send"}, "L."},
		{"skip then times", []fault.Rule{{Kind: fault.Unavailable, Skip: 1, Times: 2}}, []string{"GET /", "GET /", "GET /", "GET /"}, ".UU."},
		{"the earlier wins", []fault.Rule{{Kind: fault.Throttle, Times: 1}, {Kind: fault.Slow}}, []string{"GET /", "GET /"}, "TS"},
		{"inner only inside a batch", []fault.Rule{{Kind: fault.InnerThrottle}}, []string{"POST /$batch", "INNER /a"}, ".I"},
		{"outer never inside a batch", []fault.Rule{{Kind: fault.Throttle}}, []string{"INNER /a", "GET /a"}, ".T"},
		{"a bad pattern matches nothing", []fault.Rule{{Kind: fault.Reset, Path: "[x"}}, []string{"GET /a"}, "."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d fault.Dial
			for _, r := range tt.rules {
				d.Add(r)
			}
			got := ""
			for _, c := range tt.calls {
				method, path := c[:len(c)-len(after(c))-1], after(c)
				next := d.Next
				if method == "INNER" {
					next = d.NextInner
				}
				if r, hit := next(method, path); hit {
					got += r.Kind.String()[:1]
				} else {
					got += "."
				}
			}
			if got != tt.want {
				t.Errorf("faults = %s, want %s", got, tt.want)
			}
		})
	}
}

func after(call string) string {
	for i := range call {
		if call[i] == ' ' {
			return call[i+1:]
		}
	}
	return ""
}

func TestRateIsDrawnFromRand(t *testing.T) {
	t.Parallel()
	d := fault.Dial{Rand: rand.New(rand.NewPCG(7, 7))}
	d.Add(fault.Rule{Kind: fault.Reset, Rate: 0.25})
	hits := 0
	for range 4000 {
		if _, hit := d.Next("GET", "/"); hit {
			hits++
		}
	}
	if hits < 900 || hits > 1100 {
		t.Errorf("a rate of 0.25 hit %d of 4000", hits)
	}
}

func TestWrapFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind      fault.Kind
		status    int // 0: broken connection
		after     string
		happened  int64
		waitedFor time.Duration
	}{
		{fault.Throttle, 429, "3", 0, time.Second},
		{fault.ThrottleBare, 429, "", 0, time.Second},
		{fault.Unavailable, 503, "3", 0, time.Second},
		{fault.Reset, 0, "", 0, time.Second},
		{fault.Lost, 0, "", 1, time.Second},
		{fault.Slow, 200, "", 1, 6 * time.Second},
		{fault.InnerThrottle, 200, "", 1, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.kind.String(), func(t *testing.T) {
			t.Parallel()
			var waited time.Duration
			d := &fault.Dial{Latency: time.Second, Sleep: func(d time.Duration) { waited += d }}
			d.Add(fault.Rule{Kind: tt.kind, RetryAfter: 2500 * time.Millisecond, Delay: 5 * time.Second, Times: 1})
			var happened atomic.Int64
			h := d.Wrap(counting(&happened), refuse)
			client := &http.Client{Transport: &fault.Transport{Handler: h}}

			resp, err := client.Get("http://sim.test/x")
			if tt.status == 0 {
				if !errors.Is(err, syscall.ECONNRESET) {
					t.Fatalf("error = %v, want a reset connection", err)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != tt.after {
					t.Errorf("got %d after %q, want %d after %q", resp.StatusCode, resp.Header.Get("Retry-After"), tt.status, tt.after)
				}
			}
			if happened.Load() != tt.happened {
				t.Errorf("the effect happened %d times, want %d", happened.Load(), tt.happened)
			}
			if waited != tt.waitedFor {
				t.Errorf("waited %v, want %v", waited, tt.waitedFor)
			}
			if resp, err := client.Get("http://sim.test/x"); err != nil || resp.StatusCode != 200 {
				t.Errorf("after the rule is used up: %v %v", resp, err)
			}
		})
	}
}

// The same faults behind a real socket: net/http's server must break the
// connection for Reset and Lost.
func TestWrapBehindASocket(t *testing.T) {
	t.Parallel()
	d := &fault.Dial{}
	d.Add(fault.Rule{Kind: fault.Lost, Method: "POST"})
	var happened atomic.Int64
	srv := httptest.NewServer(d.Wrap(counting(&happened), refuse))
	t.Cleanup(srv.Close)
	if resp, err := srv.Client().Post(srv.URL, "text/plain", nil); err == nil {
		t.Fatalf("a lost answer arrived: %v", resp.Status)
	}
	if happened.Load() != 1 {
		t.Errorf("the effect happened %d times, want once", happened.Load())
	}
}

func TestClearRemovesRules(t *testing.T) {
	t.Parallel()
	var d fault.Dial
	d.Add(fault.Rule{Kind: fault.Reset})
	d.Clear()
	if r, hit := d.Next("GET", "/"); hit {
		t.Errorf("hit by %v after Clear", r.Kind)
	}
}

func TestTransportCarriesTheExchange(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Uri", r.RequestURI)
		w.Header().Set("X-Host", r.Host)
		w.WriteHeader(http.StatusCreated)
		w.Header().Set("X-Late", "not sent")
		w.Write(append([]byte("got "), b...))
	})
	tr := &fault.Transport{Handler: h}
	resp, err := (&http.Client{Transport: tr}).Post("http://sim.test/a%40b?x=1", "text/plain", io.LimitReader(repeat('z'), 5))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 201 || string(body) != "got zzzzz" || resp.Header.Get("X-Uri") != "/a%40b?x=1" ||
		resp.Header.Get("X-Host") != "sim.test" || resp.Header.Get("X-Late") != "" {
		t.Errorf("got %d %q %v", resp.StatusCode, body, resp.Header)
	}
	if tr.RoundTrips() != 1 || tr.MaxInFlight() != 1 {
		t.Errorf("counted %d trips, %d at once", tr.RoundTrips(), tr.MaxInFlight())
	}
}

func TestTransportHonoursContext(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	tr := &fault.Transport{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://sim.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-entered; cancel() }()
	if _, err := tr.RoundTrip(req); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want canceled", err)
	}
	close(release)
}

func TestTransportPassesDefectsOn(t *testing.T) {
	t.Parallel()
	tr := &fault.Transport{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a defect") })}
	defer func() {
		if p := recover(); p != "a defect" {
			t.Errorf("recovered %v", p)
		}
	}()
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://sim.test/", nil)
	resp, err := tr.RoundTrip(req)
	t.Errorf("no panic: %v %v", resp, err)
}

func counting(n *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { n.Add(1); io.WriteString(w, "ok") })
}

func refuse(w http.ResponseWriter, _ *http.Request, status int, retryAfter time.Duration) {
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	w.WriteHeader(status)
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}
