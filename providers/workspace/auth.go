package workspace

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/groupssettings/v1"
	"google.golang.org/api/licensing/v1"
)

// The scopes, each authorised for the service account under "Domain-wide delegation" only where the manifest uses it.
const (
	ScopeUsers          = directory.AdminDirectoryUserScope
	ScopeGroups         = directory.AdminDirectoryGroupScope
	ScopeGroupsSettings = groupssettings.AppsGroupsSettingsScope
	ScopeLicensing      = licensing.AppsLicensingScope
)

// Tokens gives what signs requests as the administrator, for just these scopes. It is called once for each scope that is
// used, and again when Google has refused a token it gave. The source need not cache.
type Tokens func(scopes ...string) (oauth2.TokenSource, error)

// tokenTime bounds a request for a token.
const tokenTime = 30 * time.Second

// ServiceAccount reads a service-account key (the JSON file of the Cloud console) and gives tokens that act for the
// administrator with this address through domain-wide delegation. Token requests go through base,
// http.DefaultTransport if nil, and fail after half a minute. The key is kept in memory only and never in an error.
func ServiceAccount(key []byte, administrator string, base http.RoundTripper) (Tokens, error) {
	if administrator == "" {
		return nil, errors.New("workspace: no administrator to act for; name the address of an account with an administrator's role")
	}
	parsed, err := google.JWTConfigFromJSON(key)
	if err == nil {
		err = checkPrivateKey(parsed.PrivateKey)
	}
	if err != nil {
		// The cause may quote the key.
		return nil, errors.New("workspace: this is no service-account key; download a JSON key of the service account from the Cloud console")
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: base, Timeout: tokenTime})
	return func(scopes ...string) (oauth2.TokenSource, error) {
		config := *parsed
		config.Subject, config.Scopes = administrator, scopes
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
