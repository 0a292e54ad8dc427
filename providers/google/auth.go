package google

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// TokenTime bounds a request for a token, which all requests it is for wait for.
const TokenTime = 30 * time.Second

// ErrKey says that a text is no service-account key, and nothing of the text.
var ErrKey = errors.New("this is no service-account key; download a JSON key of the service account from the Cloud console")

// Delegation gives tokens with these scopes that act for the account with the address subject.
type Delegation func(subject string, scopes ...string) oauth2.TokenSource

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) whose account acts for others through
// domain-wide delegation; ErrKey if it is none. Token requests go through base, http.DefaultTransport if nil, and fail
// after TokenTime. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, base http.RoundTripper) (Delegation, error) {
	parsed, err := google.JWTConfigFromJSON(key)
	if err == nil {
		err = checkPrivateKey(parsed.PrivateKey)
	}
	if err != nil {
		// The cause may quote the key.
		return nil, ErrKey
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: base, Timeout: TokenTime})
	return func(subject string, scopes ...string) oauth2.TokenSource {
		config := *parsed
		config.Subject, config.Scopes = subject, scopes
		return config.TokenSource(ctx)
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
