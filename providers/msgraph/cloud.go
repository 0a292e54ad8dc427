package msgraph

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Cloud is one of Microsoft's separate clouds. Tokens of one are worth nothing in another.
type Cloud struct {
	Graph string // root of Microsoft Graph, without the version
	Login string // authority that issues tokens
}

// The clouds ("National cloud deployments"). Global also serves GCC.
var (
	Global   = Cloud{Graph: "https://graph.microsoft.com", Login: "https://login.microsoftonline.com/"}
	USGov    = Cloud{Graph: "https://graph.microsoft.us", Login: "https://login.microsoftonline.us/"}
	USGovDoD = Cloud{Graph: "https://dod-graph.microsoft.us", Login: "https://login.microsoftonline.us/"}
	China    = Cloud{Graph: "https://microsoftgraph.chinacloudapi.cn", Login: "https://login.chinacloudapi.cn/"}
)

// CloudNamed finds a cloud by the name people write in configuration: global, usgov, usgov-dod or china.
func CloudNamed(name string) (Cloud, error) {
	switch strings.ToLower(name) {
	case "", "global":
		return Global, nil
	case "usgov":
		return USGov, nil
	case "usgov-dod":
		return USGovDoD, nil
	case "china":
		return China, nil
	}
	return Cloud{}, fmt.Errorf("graph: unknown cloud %q: use global, usgov, usgov-dod or china", name)
}

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
// private key as PEM or PKCS#12; password may be empty. For the rest it is as WithSecret.
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
