package workspace_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/postroom/postroom/providers/workspace"
)

// The key's tokens act for the administrator, each with no more than the scopes that were asked for.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "provision@project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Iss, Sub, Scope string }
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		parts := strings.Split(form.Get("assertion"), ".")
		if len(parts) == 3 {
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(payload, &claims)
		}
		return &http.Response{
			StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"access_token":"t","token_type":"Bearer","expires_in":3600}`)),
		}, nil
	})
	tokens, err := workspace.ServiceAccount(key, "admin@contoso.com", wire)
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{workspace.ScopeUsers, workspace.ScopeLicensing} {
		source, err := tokens(scope)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.Token(); err != nil {
			t.Fatal(err)
		}
		if claims.Iss != "provision@project.iam.gserviceaccount.com" || claims.Sub != "admin@contoso.com" || claims.Scope != scope {
			t.Errorf("claims %+v", claims)
		}
	}
}
