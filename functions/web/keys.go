package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// googleCerts is where Google publishes the keys it signs identity tokens with, as a JSON Web Key Set.
const googleCerts = "https://www.googleapis.com/oauth2/v3/certs"

const (
	keysTimeout = 4 * time.Second // of one fetch; Pub/Sub waits 10 s for our answer
	keysMinAge  = time.Minute     // Google publishes a key days before it signs with it
	maxKeysBody = 1 << 18
)

// ErrKeysUnavailable says that Google's keys could not be had, so nothing is known about a token yet.
var ErrKeysUnavailable = errors.New("the keys that sign push tokens cannot be had")

// GoogleKeys is the key set that Google signs push tokens with. It fetches the keys when the first token comes and again
// when a token names a key it does not know, but at most once a minute, so that a stranger's made-up tokens do not turn
// into requests to Google. It is to be made once and may be used at once from many goroutines. What it cannot fetch
// fails with [ErrKeysUnavailable]. client is copied; nil is a client without proxy settings of its own.
func GoogleKeys(client *http.Client, now func() time.Time) oidc.KeySet {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	if c.Timeout == 0 {
		c.Timeout = keysTimeout
	}
	next := c.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	c.Transport = &keyFetches{next: next, now: now}
	return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &c), googleCerts)
}

// keyFetches answers repeated fetches from the last good answer while that is young, and turns every answer that holds
// no keys into an error, because the key set above it does not tell those from bad signatures.
type keyFetches struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	body []byte
	at   time.Time
}

// RoundTrip does one fetch at a time; the key set never has two under way.
func (k *keyFetches) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if age := k.now().Sub(k.at); k.body == nil || age < 0 || age >= keysMinAge {
		body, err := k.fetch(r)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
		}
		k.body, k.at = body, k.now()
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(k.body)),
		ContentLength: int64(len(k.body)),
		Request:       r,
	}, nil
}

func (k *keyFetches) fetch(r *http.Request) ([]byte, error) {
	resp, err := k.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", googleCerts, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBody))
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("%s: %w", googleCerts, err)
	}
	if len(set.Keys) == 0 {
		return nil, fmt.Errorf("%s holds no keys", googleCerts)
	}
	return body, nil
}

// witness remembers why a key set failed: the verifier above it keeps only the text of the error.
type witness struct {
	oidc.KeySet
	err error
}

func (w *witness) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	var payload []byte
	payload, w.err = w.KeySet.VerifySignature(ctx, jwt)
	return payload, w.err
}

// unavailable says whether it was for want of keys, or of time to get them.
func (w *witness) unavailable() bool {
	return errors.Is(w.err, ErrKeysUnavailable) || errors.Is(w.err, context.Canceled) || errors.Is(w.err, context.DeadlineExceeded)
}
