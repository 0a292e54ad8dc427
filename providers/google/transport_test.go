package google_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/providers/google"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// line is a transport over answers in turn, the last one for ever, and what was sent and waited.
type line struct {
	google.Transport
	sent  []string // token and body
	waits []time.Duration
	open  int // answers whose turn has not ended
}

// status is an answer's code; 0 breaks the connection, and -503 names a time.
func newLine(tries int, status ...int) *line {
	l := &line{}
	given := 0
	l.Transport = google.Transport{
		Tokens: google.NewTokens("scope", func() (oauth2.TokenSource, error) {
			given++
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: fmt.Sprint("t", given)}), nil
		}),
		Tries:      tries,
		Repeatable: func(r *http.Request) bool { return r.Method != http.MethodPost },
		Turn:       func(context.Context) (func(), error) { l.open++; return func() { l.open-- }, nil },
		Wait:       func(_ context.Context, d time.Duration) error { l.waits = append(l.waits, d); return nil },
		Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			text := ""
			if r.Body != nil {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				text = string(b)
			}
			l.sent = append(l.sent, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+text)
			s := status[min(len(l.sent), len(status))-1]
			h := http.Header{}
			switch {
			case s == 0:
				return nil, io.ErrUnexpectedEOF
			case s < 0:
				s = -s
				h.Set("Retry-After", "9")
			}
			return &http.Response{StatusCode: s, Header: h, Body: io.NopCloser(strings.NewReader("answer")), Request: r}, nil
		}),
	}
	return l
}

func TestTransport(t *testing.T) {
	t.Parallel()
	second := time.Second
	for _, c := range []struct {
		name   string
		method string
		status []int
		want   int // 0: an error
		sent   []string
		waits  []time.Duration
	}{
		{"answered", "PUT", []int{200}, 200, []string{"t1!"}, nil},
		{"until it works", "PUT", []int{500, 0, 200}, 200, []string{"t1!", "t1!", "t1!"}, []time.Duration{second, 2 * second}},
		{"for so long", "PUT", []int{502}, 502, []string{"t1!", "t1!", "t1!", "t1!"}, []time.Duration{second, 2 * second, 4 * second}},
		{"never", "PUT", []int{0}, 0, []string{"t1!", "t1!", "t1!", "t1!"}, []time.Duration{second, 2 * second, 4 * second}},
		{"with a time", "PUT", []int{-503}, 503, []string{"t1!"}, nil},
		{"quota", "PUT", []int{429}, 429, []string{"t1!"}, nil},
		{"not to be repeated", "POST", []int{503, 200}, 503, []string{"t1!"}, nil},
		{"lost, not to be repeated", "POST", []int{0, 200}, 0, []string{"t1!"}, nil},
		{"a new token", "POST", []int{401, 200}, 200, []string{"t1!", "t2!"}, nil},
		{"no better token", "PUT", []int{401}, 401, []string{"t1!", "t2!"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLine(4, c.status...)
			req, err := http.NewRequestWithContext(t.Context(), c.method, "https://google.test/", strings.NewReader("!"))
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			resp, err := l.RoundTrip(req)
			if err == nil {
				got = resp.StatusCode
				if l.open != 1 {
					t.Errorf("%d turns before the answer is read", l.open)
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "answer" || resp.Body.Close() != nil {
					t.Errorf("read %q, %v", b, err)
				}
			}
			if got != c.want || !slices.Equal(l.sent, c.sent) || !slices.Equal(l.waits, c.waits) || l.open != 0 {
				t.Errorf("got %d, %v; sent %v, waited %v, %d turns open", got, err, l.sent, l.waits, l.open)
			}
		})
	}
}

// A body that comes from a stream is gone once it was sent, even where Google has refused the token.
func TestStreamIsSentOnce(t *testing.T) {
	t.Parallel()
	l := newLine(4, 401)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://google.test/", io.MultiReader(strings.NewReader("!")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := l.RoundTrip(req)
	if err != nil || resp.StatusCode != 401 || len(l.sent) != 1 {
		t.Errorf("got %v, %v; sent %v", resp, err, l.sent)
	}
}

// Whoever gives up while it waits gets the context's error, and not the failure it waited for.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(4, 500)
		l.Wait, l.Jitter = google.Wait, func() time.Duration { return time.Minute }
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "https://google.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) || len(l.sent) != 1 {
			t.Errorf("got %v; sent %v", err, l.sent)
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: 32 * time.Second, 1 << 40: 32 * time.Second} {
		if got := google.Backoff(n); got != want {
			t.Errorf("after %d: %v, want %v", n, got, want)
		}
	}
}

// A redirect would take the token along to another host.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var hosts []string
	client := google.Client(roundTrip(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"https://evil.test/"}}, Body: http.NoBody, Request: r}, nil
	}))
	resp, err := client.Get("https://google.test/")
	if err != nil || resp.StatusCode != 302 || !slices.Equal(hosts, []string{"google.test"}) {
		t.Errorf("got %v, %v from %v", resp, err, hosts)
	}
}
