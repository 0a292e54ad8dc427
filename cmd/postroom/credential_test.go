package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
)

// credential tells what doctor finds with a credential that the simulated tenants, which take any, do not have, and sets $code:
//
//	credential entra APP OBJECT ROLES FILE  Entra gives a token with those claims; ROLES has commas, or is "none"
//	credential refused CODE TEXT FILE       Entra refuses the proof of a federated app, with AADSTS and CODE
//	credential google ERROR TEXT FILE       Google refuses the service account's
//
// FILE gets what is printed.
func credential(ts *testscript.TestScript, neg bool, args []string) {
	e := estateIn(ts)
	m, err := readManifest(ts.MkAbs("postroom.yaml"))
	ts.Check(err)
	p := boot.Patients{Want: m.Desired(), Polled: true}
	only := []string{"graph-token", "graph-consent"}
	switch args[0] {
	case "entra":
		p.Clients.Graph, err = e.graphBy(token(args[1], args[2], args[3]))
	case "refused":
		var c azcore.TokenCredential
		if c, err = refusedBy("invalid_client", args[1], args[2]); err == nil {
			p.Clients.Graph, err = e.graphBy(c)
		}
	case "google":
		only = []string{"gmail-reach"}
		p.Clients.Gmail, err = gmailRefused(args[1], args[2], m.Mailboxes()[0].Policy.Mailbox)
	}
	ts.Check(err)
	var out bytes.Buffer
	a := &app{ctx: context.Background(), stdout: &out, now: e.now}
	err = (&doctorCommand{}).tell(a, boot.Examine(a.ctx, boot.TenantChecks(p), only))
	ts.Setenv("code", "0")
	if errors.As(err, new(errSaid)) {
		ts.Setenv("code", "1")
	} else {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[len(args)-1]), out.Bytes(), 0o600))
}

// graphBy works the simulated tenant with a credential.
func (e *estate) graphBy(c azcore.TokenCredential) (*msgraph.Client, error) {
	return msgraph.NewClient(msgraph.Options{BaseURL: "https://graph.simulated/v1.0", Credential: c, Transport: e.world.GraphTrips, Now: e.now})
}

// given is a token that nobody asks Entra for.
type given string

func (g given) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(g), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// token has claims, and a signature that nobody checks.
func token(app, object, roles string) given {
	claims := map[string]any{"appid": app, "oid": object, "tid": "11111111-2222-3333-4444-555555555555"}
	if roles != "none" {
		claims["roles"] = strings.Split(roles, ",")
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return given("e30." + base64.RawURLEncoding.EncodeToString(text) + ".signature")
}

// trip answers requests in this process.
type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answered(r *http.Request, code int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// refusedBy is the credential of a federated app whose proof Entra refuses.
func refusedBy(kind, code, text string) (azcore.TokenCredential, error) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	app := msgraph.App{Tenant: tenant, ClientID: "22222222-3333-4444-5555-666666666666", Transport: trip(func(r *http.Request) (*http.Response, error) {
		at := "https://" + r.URL.Host + "/" + tenant
		switch {
		case strings.Contains(r.URL.Path, "discovery/instance"):
			return answered(r, 200, fmt.Sprintf(`{"tenant_discovery_endpoint":"%s/v2.0/.well-known/openid-configuration","metadata":[]}`, at))
		case strings.Contains(r.URL.Path, "openid-configuration"):
			return answered(r, 200, fmt.Sprintf(`{"token_endpoint":"%s/oauth2/v2.0/token","issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, at, at, at))
		}
		return answered(r, 401, fmt.Sprintf(`{"error":%q,"error_description":"AADSTS%s: %s","error_codes":[%s]}`, kind, code, text, code))
	})}
	return app.WithAssertion(func(context.Context) (string, error) { return "a proof", nil })
}

// gmailRefused works a mailbox by a service account that Google gives no token.
func gmailRefused(kind, text string, mailbox inbox.MailboxID) (*gmail.Client, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "postroom@contoso-mail.iam.gserviceaccount.com", "private_key_id": "k1", "token_uri": "https://oauth2.test/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		return nil, err
	}
	tokens, err := gmail.ServiceAccount(file, trip(func(r *http.Request) (*http.Response, error) {
		return answered(r, 401, fmt.Sprintf(`{"error":%q,"error_description":%q}`, kind, text))
	}))
	if err != nil {
		return nil, err
	}
	return gmail.NewClient(gmail.Config{Tokens: tokens, Mailboxes: []inbox.MailboxID{mailbox}, Transport: trip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("sent without a token")
	})})
}
