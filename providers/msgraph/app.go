package msgraph

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// App names an Entra application in a tenant.
type App struct {
	Tenant   string // directory (tenant) id, or a verified domain
	ClientID string // application (client) id
	Cloud    Cloud  // zero: Global
	// Transport carries the token requests; nil is a default one.
	Transport http.RoundTripper
}

// WithSecret is the credential of an app that proves itself by a client secret. The secret is kept by the credential
// alone and appears in no error. Tokens are cached until shortly before they expire. It may be used by any number of
// goroutines at once.
func (a App) WithSecret(secret string) (azcore.TokenCredential, error) {
	if secret == "" {
		return nil, fmt.Errorf("graph: app %s: the client secret is empty", a.ClientID)
	}
	c, err := azidentity.NewClientSecretCredential(a.Tenant, a.ClientID, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: a.clientOptions()})
	if err != nil {
		return nil, fmt.Errorf("graph: app %s: %w", a.ClientID, err)
	}
	return c, nil
}

// WithCertificate is the credential of an app that proves itself by a certificate. file holds the certificate and its
// private key as PEM or PKCS#12; password may be empty. PKCS#12 must be encrypted as it was before OpenSSL 3 ("openssl
// pkcs12 -export -legacy"): the SDK reads no other. For the rest it is as WithSecret.
func (a App) WithCertificate(file []byte, password string) (azcore.TokenCredential, error) {
	certs, key, err := azidentity.ParseCertificates(file, []byte(password))
	if err != nil {
		return nil, fmt.Errorf("graph: app %s: read the certificate: %w", a.ClientID, err)
	}
	c, err := azidentity.NewClientCertificateCredential(a.Tenant, a.ClientID, certs, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: a.clientOptions(), SendCertificateChain: true})
	if err != nil {
		return nil, fmt.Errorf("graph: app %s: %w", a.ClientID, err)
	}
	return c, nil
}

// WithAssertion is the credential of an app that trusts another issuer: its federated credential. assertion gives a token
// of that issuer, signed with RS256, whenever Entra is asked for one of its own; it must be safe for use from many
// goroutines. Its errors come back from GetToken as they are. For the rest it is as WithSecret.
func (a App) WithAssertion(assertion func(context.Context) (string, error)) (azcore.TokenCredential, error) {
	c, err := azidentity.NewClientAssertionCredential(a.Tenant, a.ClientID,
		func(ctx context.Context) (string, error) {
			text, err := assertion(ctx)
			if cause, ok := ctx.Value(assertionError{}).(*error); ok {
				*cause = err
			}
			return text, err
		},
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: a.clientOptions()})
	if err != nil {
		return nil, fmt.Errorf("graph: app %s: %w", a.ClientID, err)
	}
	return federated{c}, nil
}

// federated brings the assertion's own error back, of which the SDK keeps the text only.
type federated struct {
	*azidentity.ClientAssertionCredential
}

// assertionError is the key of a context's place for the error.
type assertionError struct{}

// GetToken implements azcore.TokenCredential.
func (f federated) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	var cause error
	token, err := f.ClientAssertionCredential.GetToken(context.WithValue(ctx, assertionError{}, &cause), o)
	if err != nil && cause != nil {
		err = cause
	}
	return token, err
}

func (a App) clientOptions() azcore.ClientOptions {
	o := azcore.ClientOptions{
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: a.cloud().Login},
		// No sleeping: a failed token request is a failed sync, and the queue tries that again.
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
	if a.Transport != nil {
		o.Transport = &http.Client{Transport: a.Transport, Timeout: requestTimeout}
	}
	return o
}

func (a App) cloud() Cloud {
	if a.Cloud == (Cloud{}) {
		return Global
	}
	return a.Cloud
}

// CertificateEnd is when the certificate that WithCertificate would use is valid no more.
func CertificateEnd(file []byte, password string) (time.Time, error) {
	certs, key, err := azidentity.ParseCertificates(file, []byte(password))
	if err != nil {
		return time.Time{}, fmt.Errorf("graph: read the certificate: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return time.Time{}, errors.New("graph: read the certificate: its key cannot sign")
	}
	for _, c := range certs {
		if public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(signer.Public()) {
			return c.NotAfter, nil
		}
	}
	return time.Time{}, errors.New("graph: read the certificate: none is of this key")
}
