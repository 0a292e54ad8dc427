package gmail

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
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
