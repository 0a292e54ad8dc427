package boot

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/identity"
	"github.com/postroom/postroom/providers/msgraph"
)

// entra is the credential of the app at Entra, made on first use.
type entra struct{ *kept[azcore.TokenCredential] }

// GetToken implements azcore.TokenCredential. What Entra refuses is read and made anew, once a minute at most.
func (e entra) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c, err := e.get(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	token, err := c.GetToken(ctx, o)
	if err != nil {
		e.failed()
	}
	return token, err
}

// Refused is told of a token that Graph does not take. Another is had by the next request, once a minute at most.
func (e entra) Refused() { e.failed() }

// Format shows no secret, whatever the verb.
func (e entra) Format(f fmt.State, _ rune) { fmt.Fprint(f, "credential of the app at Entra") }

// graphCredential prepares the credential that the deployment names. What is wrong with it, it says when it is used.
func (c *Credentials) graphCredential() azcore.TokenCredential {
	d := c.deployment
	fresh := func(context.Context) (azcore.TokenCredential, error) {
		return nil, misconfigured("Graph", "set POSTROOM_GRAPH_CREDENTIAL to federated, certificate or secret, and POSTROOM_GRAPH_TENANT and POSTROOM_GRAPH_CLIENT "+
			"to the ids of the tenant and the app registration")
	}
	cloud, err := msgraph.CloudNamed(d.GraphCloud)
	app := msgraph.App{Tenant: d.GraphTenant, ClientID: d.GraphClient, Cloud: cloud, Transport: c.from.Transport}
	switch complete := d.GraphTenant != "" && d.GraphClient != ""; {
	case err != nil:
		fresh = func(context.Context) (azcore.TokenCredential, error) {
			return nil, misconfigured("Graph", "set POSTROOM_GRAPH_CLOUD to global, usgov, usgov-dod or china")
		}
	case complete && d.GraphCredential == "federated":
		web := &identity.WebIdentity{Client: c.from.STS, Audience: d.GraphAudience, Now: c.from.Now}
		fresh = func(context.Context) (azcore.TokenCredential, error) {
			return misnamed(app.WithAssertion(web.Token))
		}
	case complete && d.GraphCredential == "certificate":
		fresh = func(ctx context.Context) (azcore.TokenCredential, error) {
			return c.certified(ctx, app)
		}
		c.ends = &kept[time.Time]{now: c.from.Now, life: time.Hour, fresh: c.certificateEnd}
	case complete && d.GraphCredential == "secret":
		fresh = func(ctx context.Context) (azcore.TokenCredential, error) {
			return c.withSecret(ctx, app)
		}
	}
	return entra{&kept[azcore.TokenCredential]{fresh: fresh, now: c.from.Now}}
}

func misconfigured(vendor, fix string) error {
	return &pipeline.Permanent{What: "the deployment has no credential for " + vendor, Fix: fix}
}

// misnamed makes *pipeline.Permanent of ids that cannot be any.
func misnamed(c azcore.TokenCredential, err error) (azcore.TokenCredential, error) {
	if err != nil {
		return nil, &pipeline.Permanent{What: "the deployment's credential for Graph", Err: err,
			Fix: "set POSTROOM_GRAPH_TENANT and POSTROOM_GRAPH_CLIENT to the ids that the app registration shows"}
	}
	return c, nil
}

const certificateFix = "store the certificate and its private key in that secret as PEM text, or as PKCS#12 made with `openssl pkcs12 -export -legacy`; " +
	`with a password, as JSON {"certificate": "PKCS#12 in Base64", "password": "…"}`

func (c *Credentials) certified(ctx context.Context, app msgraph.App) (azcore.TokenCredential, error) {
	arn := c.deployment.GraphSecret
	secret, err := identity.Secret(ctx, c.from.Secrets, arn)
	if err != nil {
		return nil, err
	}
	file, password := certificateFile(secret)
	credential, err := app.WithCertificate(file, password)
	if err != nil {
		return nil, &pipeline.Permanent{What: "the certificate in " + arn, Err: err, Fix: certificateFix}
	}
	return credential, nil
}

func (c *Credentials) certificateEnd(ctx context.Context) (time.Time, error) {
	arn := c.deployment.GraphSecret
	secret, err := identity.Secret(ctx, c.from.Secrets, arn)
	if err != nil {
		return time.Time{}, err
	}
	end, err := msgraph.CertificateEnd(certificateFile(secret))
	if err != nil {
		return time.Time{}, &pipeline.Permanent{What: "the certificate in " + arn, Err: err, Fix: certificateFix}
	}
	return end, nil
}

// certificateFile is what a secret holds of a certificate: the file, PEM or PKCS#12, and its password. A secret that is
// text cannot be PKCS#12, which is binary, so that Base64 of it is taken too.
func certificateFile(secret []byte) (file []byte, password string) {
	file = bytes.TrimSpace(secret)
	if bytes.HasPrefix(file, []byte("{")) {
		var named struct{ Certificate, Password string }
		if json.Unmarshal(file, &named) == nil && named.Certificate != "" {
			file, password = []byte(strings.TrimSpace(named.Certificate)), named.Password
		}
	}
	if bytes.Contains(file, []byte("-----BEGIN ")) {
		return file, password
	}
	lines := strings.Join(strings.Fields(string(file)), "")
	if decoded, err := base64.StdEncoding.DecodeString(lines); err == nil && len(decoded) > 0 {
		return decoded, password
	}
	if password == "" {
		return secret, "" // binary: what looks like space at its ends is none
	}
	return file, password
}

func (c *Credentials) withSecret(ctx context.Context, app msgraph.App) (azcore.TokenCredential, error) {
	if c.deployment.GraphLapses.IsZero() {
		return nil, misconfigured("Graph", "set POSTROOM_GRAPH_SECRET_EXPIRES to the day the client secret ends, such as 2027-01-31, so that you are warned in time")
	}
	arn := c.deployment.GraphSecret
	secret, err := identity.Secret(ctx, c.from.Secrets, arn)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(string(secret))
	if strings.HasPrefix(text, "{") {
		var named struct{ Secret string }
		if json.Unmarshal([]byte(text), &named) != nil {
			named.Secret = ""
		}
		text = named.Secret
	}
	if text == "" {
		return nil, &pipeline.Permanent{What: "the client secret in " + arn,
			Fix: `store the client secret's value as plain text, or as JSON {"secret": "…"}`}
	}
	return misnamed(app.WithSecret(text))
}
