package google_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/providers/google"
)

// hanging is a source whose tokens take until open is closed.
type hanging struct {
	open  chan struct{}
	mu    sync.Mutex
	asked int
}

func (h *hanging) Token() (*oauth2.Token, error) {
	h.mu.Lock()
	h.asked++
	h.mu.Unlock()
	<-h.open
	return &oauth2.Token{AccessToken: "late"}, nil
}

func get(ctx context.Context, t *google.Transport) error {
	req, err := http.NewRequestWithContext(ctx, "GET", "https://google.test/", nil)
	if err != nil {
		return err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// A token that does not come holds nobody up beyond the time that is left, neither who asked for it nor who waits for
// the answer. When it comes it is kept.
func TestATokenThatDoesNotComeInTime(t *testing.T) {
	t.Parallel()
	source := &hanging{open: make(chan struct{})}
	l := newLine(4, 200)
	l.Tokens = google.NewTokens("", func() (oauth2.TokenSource, error) { return source, nil })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	ended := make(chan error)
	for range 5 {
		go func() { ended <- get(ctx, &l.Transport) }()
	}
	for range 5 {
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want the context's error", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a request waits for its token although its time is over")
		}
	}
	close(source.open)
	if err := get(t.Context(), &l.Transport); err != nil {
		t.Fatal(err)
	}
	if source.asked != 1 || len(l.sent) != 1 || l.sent[0] != "late" {
		t.Errorf("%d tokens were asked for; sent %v", source.asked, l.sent)
	}
}

// What cannot be signed is neither sent nor tried again, and the next request asks anew.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	asked := 0
	no := errors.New("no such account")
	for scope, want := range map[string]string{"": "get a token: no such account", "mail": "get a token for mail: no such account"} {
		asked = 0
		l := newLine(4, 200)
		l.Tokens = google.NewTokens(scope, func() (oauth2.TokenSource, error) { asked++; return nil, no })
		for range 2 {
			err := get(t.Context(), &l.Transport)
			var unsigned *google.TokenError
			if !errors.As(err, &unsigned) || unsigned.Scope != scope || !errors.Is(err, no) || err.Error() != want {
				t.Errorf("got %v", err)
			}
		}
		if asked != 2 || len(l.sent)+len(l.waits) > 0 {
			t.Errorf("asked %d times, sent %v, waited %v", asked, l.sent, l.waits)
		}
	}
}

// An error that a person reads holds nothing of a key.
func TestNoKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"", "{}", `{"type":"authorized_user","private_key":"hush"}`, `{"type":"service_account","private_key":"hush"}`,
		`{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\naHVzaA==\n-----END PRIVATE KEY-----\n"}`,
	} {
		if _, err := google.ServiceAccount([]byte(key), nil); !errors.Is(err, google.ErrKey) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "aHVz") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
