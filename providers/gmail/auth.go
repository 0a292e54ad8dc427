package gmail

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
)

// Scope is all that working a mailbox takes: read it, label it, watch it. It is what an administrator authorises for
// the service account under "Domain-wide delegation".
const Scope = api.GmailModifyScope

// tokenTime bounds a request for a token. All requests of a mailbox wait for it.
const tokenTime = 30 * time.Second

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) and gives tokens that act for each
// mailbox through domain-wide delegation. Token requests go through base, http.DefaultTransport if nil, and fail after
// half a minute. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, base http.RoundTripper) (Tokens, error) {
	parsed, err := google.JWTConfigFromJSON(key, Scope)
	if err == nil {
		err = checkPrivateKey(parsed.PrivateKey)
	}
	if err != nil {
		// The cause may quote the key.
		return nil, errors.New("gmail: this is no service-account key; download a JSON key of the service account from the Cloud console")
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: base, Timeout: tokenTime})
	return func(mailbox inbox.MailboxID) (oauth2.TokenSource, error) {
		config := *parsed
		config.Subject = string(mailbox)
		return config.TokenSource(ctx), nil
	}, nil
}

// checkPrivateKey finds out now what would else fail with every token. Google writes keys as PKCS #8 in PEM.
func checkPrivateKey(text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("no PEM")
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		_, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return err
}

// tokens caches the token of one mailbox.
type tokens struct {
	mailbox inbox.MailboxID
	source  Tokens

	mu    sync.Mutex
	cache oauth2.TokenSource
}

func (t *tokens) token() (*oauth2.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cache == nil {
		s, err := t.source(t.mailbox)
		if err != nil {
			return nil, &tokenError{err}
		}
		t.cache = oauth2.ReuseTokenSource(nil, s)
	}
	token, err := t.cache.Token()
	if err != nil {
		return nil, &tokenError{err}
	}
	return token, nil
}

// refused forgets the source that gave this token, unless another request has done so already.
func (t *tokens) refused(access string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cache == nil {
		return
	}
	if now, err := t.cache.Token(); err == nil && now.AccessToken != access {
		return
	}
	t.cache = nil
}

// tokenError says that a request was never sent because it could not be signed.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return fmt.Sprintf("get a token: %v", e.err) }
func (e *tokenError) Unwrap() error { return e.err }
