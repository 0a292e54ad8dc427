package exchange_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
)

// entra answers the requests for tokens.
type entra struct {
	status int
	body   string
}

func (e entra) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := e.status, e.body
	if strings.Contains(r.URL.Path, ".well-known") || strings.Contains(r.URL.Path, "discovery") {
		status, body = 200, `{"token_endpoint":"https://login.microsoftonline.com/`+tenantID+`/oauth2/v2.0/token","authorization_endpoint":"https://login.microsoftonline.com/`+tenantID+`/oauth2/v2.0/authorize","issuer":"https://login.microsoftonline.com/`+tenantID+`/v2.0","tenant_discovery_endpoint":"https://login.microsoftonline.com/`+tenantID+`/v2.0/.well-known/openid-configuration","metadata":[]}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"7"}, "Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer entra
		want   string
		after  time.Duration // of *provision.NotYet; 0: *provision.Refused
	}{
		{entra{401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided: s3cret. Trace ID: 1"}`}, "AADSTS7000215", 0},
		{entra{400, `{"error":"x"}`}, "HTTP 400", 0},
		{entra{429, `{}`}, "HTTP 429", 7 * time.Second},
		{entra{503, `{}`}, "HTTP 503", 7 * time.Second},
	} {
		credential, err := azidentity.NewClientSecretCredential(tenantID, appID, "s3cret", &azidentity.ClientSecretCredentialOptions{
			ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: tt.answer}, Retry: policy.RetryOptions{MaxRetries: -1}}})
		must(t, err)
		e := mustEndpoint(t, exchange.Options{Tenant: tenantID, Credential: credential, Transport: tt.answer})
		_, err = e.Run(t.Context(), getAnna)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 400 {
			t.Errorf("%d: said %v", tt.answer.status, err)
		}
		var refused *provision.Refused
		var later *provision.NotYet
		if errors.As(err, &refused) != (tt.after == 0) || errors.As(err, &later) && later.After != tt.after {
			t.Errorf("%d: %T %v", tt.answer.status, err, err)
		}
	}
}
