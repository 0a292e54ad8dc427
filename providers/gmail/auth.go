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

// SettingsScopes are what Settings takes: delegates and send-as addresses; signature, language and automatic reply; the
// definitions of labels. They are to be authorised for a service account of its own, so that whoever works the mail
// cannot hand out access to it.
func SettingsScopes() []string {
	return []string{api.GmailSettingsSharingScope, api.GmailSettingsBasicScope, api.GmailLabelsScope}
}

// tokenTime bounds a request for a token. All requests of a mailbox wait for it.
const tokenTime = 30 * time.Second

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) and gives tokens that act for each
// mailbox through domain-wide delegation, with these scopes, or with Scope if there are none. Token requests go through
// base, http.DefaultTransport if nil, and fail after half a minute. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, base http.RoundTripper, scopes ...string) (Tokens, error) {
	if len(scopes) == 0 {
		scopes = []string{Scope}
	}
	parsed, err := google.JWTConfigFromJSON(key, scopes...)
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
