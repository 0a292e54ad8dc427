package web_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/web"
)

// certs stands where Google publishes its keys.
type certs struct {
	mu      sync.Mutex
	fetches int
	url     string
	status  int
	body    []byte
	err     error
}

func (c *certs) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches++
	c.url = r.URL.String()
	if c.err != nil {
		return nil, c.err
	}
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

func newRemoteGmail(t *testing.T, c *certs) (g *web.Gmail, q *queue, at *time.Time) {
	t.Helper()
	now := noon
	g, q, _ = newGmail()
	g.Keys = web.GoogleKeys(&http.Client{Transport: c}, func() time.Time { return now })
	return g, q, &now
}

// pushUntil sends a push again and again, as Pub/Sub does, until it is answered so. The key set shares one fetch among all
// who ask while it runs, and takes its result into use a moment after it has answered them with it.
func pushUntil(t *testing.T, g *web.Gmail, bearer string, status int) {
	t.Helper()
	var got int
	for range 10_000 {
		if got = postGmail(t, g, bearer, pushBody(std(helpData))).StatusCode; got == status {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("status %d, want %d in the end", got, status)
}

func TestGoogleKeys(t *testing.T) {
	t.Parallel()
	c := &certs{status: 200, body: jwks(t, jwk("other", stranger()), jwk(keyID, google()))}
	g, q, now := newRemoteGmail(t, c)
	bearer := "Bearer " + sign(t, google(), pushClaims())
	for range 3 {
		if resp := postGmail(t, g, bearer, pushBody(std(helpData))); resp.StatusCode != 204 {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	if len(q.hints) != 3 || c.fetches != 1 || c.url != "https://www.googleapis.com/oauth2/v3/certs" {
		t.Errorf("%d hints, %d fetches of %s", len(q.hints), c.fetches, c.url)
	}

	// Tokens with made-up keys do not become requests to Google.
	for _, forged := range []string{
		sign(t, stranger(), pushClaims()),
		signAs(t, stranger(), map[string]any{"alg": "RS256", "kid": "made-up"}, pushClaims()),
		signAs(t, stranger(), map[string]any{"alg": "RS256"}, claims{}),
	} {
		for range 5 {
			if resp := postGmail(t, g, "Bearer "+forged, pushBody(std(helpData))); resp.StatusCode != 401 {
				t.Errorf("forged: status %d", resp.StatusCode)
			}
		}
	}
	if c.fetches != 1 {
		t.Errorf("%d fetches after forged tokens, want still 1", c.fetches)
	}

	// A new key is found once a minute has passed, and the one taken out is no good then.
	rotated := newKey()
	c.body = jwks(t, jwk("key-2", rotated))
	fresh := "Bearer " + signAs(t, rotated, map[string]any{"alg": "RS256", "kid": "key-2"}, pushClaims())
	if resp := postGmail(t, g, fresh, pushBody(std(helpData))); resp.StatusCode != 401 {
		t.Errorf("within the minute: status %d", resp.StatusCode)
	}
	*now = now.Add(time.Minute)
	pushUntil(t, g, fresh, 204)
	pushUntil(t, g, bearer, 401)
	if c.fetches != 2 {
		t.Errorf("%d fetches, want 2", c.fetches)
	}
}

func TestGoogleKeysUnavailable(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*certs){
		"no connection": func(c *certs) { c.err = errors.New("connection refused") },
		"500":           func(c *certs) { c.status = 500 },
		"404":           func(c *certs) { c.status = 404 },
		"redirect":      func(c *certs) { c.status = 302 },
		"no JSON":       func(c *certs) { c.body = []byte("<html>captive portal</html>") },
		"no keys":       func(c *certs) { c.body = []byte(`{"keys":[]}`) },
		"too large":     func(c *certs) { c.body = append(bytes.Repeat([]byte(" "), 1<<20), c.body...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &certs{status: 200, body: jwks(t, jwk(keyID, google()))}
			body := c.body
			spoil(c)
			g, q, _ := newRemoteGmail(t, c)
			bearer := "Bearer " + sign(t, google(), pushClaims())
			if resp := postGmail(t, g, bearer, pushBody(std(helpData))); resp.StatusCode != 503 || len(q.hints) != 0 {
				t.Fatalf("status %d, want 503; hints %v", resp.StatusCode, q.hints)
			}
			if f := g.Counts().Failed; f != 1 {
				t.Errorf("failed %d", f)
			}
			// It is not remembered: the repetition of the push comes through as soon as Google answers.
			c.status, c.body, c.err = 200, body, nil
			pushUntil(t, g, bearer, 204)
		})
	}
}

// While Google's keys cannot be had again, those that were had go on being good.
func TestGoogleKeysOutlastOutage(t *testing.T) {
	t.Parallel()
	c := &certs{status: 200, body: jwks(t, jwk(keyID, google()))}
	g, _, now := newRemoteGmail(t, c)
	bearer := "Bearer " + sign(t, google(), pushClaims())
	postGmail(t, g, bearer, pushBody(std(helpData)))
	c.err = errors.New("connection refused")
	*now = now.Add(time.Hour)
	if resp := postGmail(t, g, bearer, pushBody(std(helpData))); resp.StatusCode != 204 {
		t.Errorf("a known key: status %d", resp.StatusCode)
	}
	unknown := "Bearer " + signAs(t, stranger(), map[string]any{"alg": "RS256", "kid": "key-2"}, pushClaims())
	pushUntil(t, g, unknown, 503) // and not 401, for the key may be a new one
}
