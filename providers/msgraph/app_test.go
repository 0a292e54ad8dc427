package msgraph_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	tenantID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	clientID = "6731de76-14a6-49ae-97bc-6eba6914391e"
	// assertionText is what another issuer says of us; nobody else is to see it.
	assertionText = "eyJhbGciOiJSUzI1NiJ9.of-another-issuer.c2ln"
)

// authority is Entra, whose answers to a token request and to a tenant's discovery can be set.
type authority struct {
	mu        sync.Mutex
	forms     []url.Values // of token requests
	discovery string       // refusal of the tenant
	refusal   string       // refusal of a token
	status    int
	after     string // Retry-After of a refusal
}

func (a *authority) tokens() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.forms)
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	at := "https://" + r.Host + "/" + tenantID
	switch {
	case strings.Contains(r.URL.Path, "discovery/instance"):
		fmt.Fprintf(w, `{"tenant_discovery_endpoint":"%s/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":%q,"preferred_cache":%q,"aliases":[%q]}]}`,
			at, r.Host, r.Host, r.Host)
	case strings.Contains(r.URL.Path, "openid-configuration") && a.discovery != "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, a.discovery)
	case strings.Contains(r.URL.Path, "openid-configuration"):
		fmt.Fprintf(w, `{"token_endpoint":"%s/oauth2/v2.0/token","issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, at, at, at)
	default:
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		a.forms = append(a.forms, form)
		if a.refusal != "" {
			if a.after != "" {
				w.Header().Set("Retry-After", a.after)
			}
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, a.refusal)
			return
		}
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"good"}`)
	}
}

// refused is an answer as Entra writes it.
func refused(kind string, code int, text string) string {
	b, _ := json.Marshal(map[string]any{
		"error": kind, "error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: 8c95acf1-cc04-40a1-ad14-481862cf1801\r\n"+
			"Correlation ID: d65574ea-000b-4526-8595-ddaae8b4250d\r\nTimestamp: 2026-11-03 09:00:00Z", code, text),
		"error_codes": []int{code}, "timestamp": "2026-11-03 09:00:00Z", "trace_id": "8c95acf1-cc04-40a1-ad14-481862cf1801",
		"correlation_id": "d65574ea-000b-4526-8595-ddaae8b4250d", "error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", code),
	})
	return string(b)
}

// signedIn is a tenant that wants the token of the authority, and a maker of mailboxes for a credential.
func signedIn(t *testing.T) (*authority, msgraph.App, *tenant, func(azcore.TokenCredential, error) *msgraph.Mailbox) {
	t.Helper()
	tn := newTenant(t, func(s *graphsim.Sim) { s.Token = "good" })
	login := &authority{}
	app := msgraph.App{Tenant: tenantID, ClientID: clientID, Transport: &fault.Transport{Handler: login}}
	return login, app, tn, func(credential azcore.TokenCredential, err error) *msgraph.Mailbox {
		t.Helper()
		must(t, err)
		c, err := msgraph.NewClient(msgraph.Options{Credential: credential, Transport: tn.trips})
		must(t, err)
		m, err := c.Mailbox(msgraph.MailboxOptions{Address: support})
		must(t, err)
		return m
	}
}

func says(text string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, nil }
}

// However many requests are sent, by however many at once, there is one token, and it is had by the assertion.
func TestAppWithAssertion(t *testing.T) {
	t.Parallel()
	login, app, tn, open := signedIn(t)
	tn.trips.Handler = tn.Sim // many at once are not compared with the contract here
	credential, err := app.WithAssertion(says(assertionText))
	must(t, err)
	m := open(credential, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := m.Changes(context.Background(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	forms := login.tokens()
	if len(forms) != 1 {
		t.Fatalf("%d tokens were asked for", len(forms))
	}
	for name, want := range map[string]string{
		"client_assertion": assertionText, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		"client_id": clientID, "grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default openid offline_access profile",
		// A token of a client that can continuous access evaluation lives a day, with the permissions of its first moment.
		"claims": "",
	} {
		if got := forms[0].Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, v := range []any{credential, m, app} {
		if s := fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(s, assertionText) || strings.Contains(s, "good") {
			t.Errorf("%T shows the assertion or the token", v)
		}
	}
}

// What goes wrong while the assertion is had comes back as it is: who may put it right reads how.
func TestAssertionThatFails(t *testing.T) {
	t.Parallel()
	login, app, tn, open := signedIn(t)
	cause := errors.New("AccessDenied")
	fails := true
	m := open(app.WithAssertion(func(context.Context) (string, error) {
		if fails {
			return "", &pipeline.Permanent{What: "ask AWS for a token", Err: cause, Fix: "allow it"}
		}
		return assertionText, nil
	}))
	_, err := m.Changes(context.Background(), "")
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || permanent.Fix != "allow it" || !errors.Is(err, cause) || strings.Count(err.Error(), "allow it") != 1 || !strings.Contains(err.Error(), support) {
		t.Errorf("got %v", err)
	}
	equal(t, "tokens asked for", len(login.tokens()), 0)
	equal(t, "requests of the mailbox", tn.trips.RoundTrips(), 0)

	plain := open(app.WithAssertion(func(context.Context) (string, error) { return "", cause }))
	if _, err := plain.Changes(context.Background(), ""); !errors.Is(err, cause) || errors.As(err, new(*pipeline.Permanent)) {
		t.Errorf("got %v, want a plain error", err)
	}
	fails = false
	tn.changes(m)
}

// Each refusal says the one thing to do about it. The answers are as Entra writes them.
func TestEntraRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind string
		code       int
		text, want string
		discovery  bool
	}{
		{"wrong tenant", "invalid_tenant", 90002, "Tenant '" + tenantID + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", "tenant) id", true},
		{"wrong tenant, told late", "invalid_request", 90002, "Tenant '" + tenantID + "' not found.", "tenant) id", false},
		{"no tenant's name", "invalid_request", 900023, "Specified tenant identifier 'contoso' is neither a valid DNS name, nor a valid external domain.", "tenant) id", true},
		{"app of another tenant", "unauthorized_client", 700016, "Application with identifier '" + clientID + "' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", "consented", false},
		{"wrong secret", "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + clientID + "'.", "value, not its id", false},
		{"expired secret", "invalid_client", 7000222, "The provided client secret keys for app '" + clientID + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", "has expired", false},
		{"unknown certificate", "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '1C74D736BEA6C95459FD38D02D0A2514A52FC9E9', Please visit the Azure Portal]", "upload its public part", false},
		{"no federated credential", "invalid_client", 70021, "No matching federated identity record found for presented assertion. Assertion Issuer: 'https://a1b2.tokens.sts.global.api.aws'. Assertion Subject: 'arn:aws:iam::123456789012:role/postroom-sync'. Assertion Audience: 'api://AzureADTokenExchange'. https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation", "subject arn:aws:iam::123456789012:role/postroom-sync", false},
		{"another subject", "invalid_client", 700213, "No matching federated identity record found for presented assertion subject 'arn:aws:iam::123456789012:role/postroom-sync'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation", "subject arn:aws:iam::123456789012:role/postroom-sync", false},
		{"another case", "invalid_client", 7002138, "No matching federated identity record found for presented assertion subject 'arn:aws:iam::123456789012:role/Postroom'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison.", "same case", false},
		{"another issuer", "invalid_client", 700211, "No matching federated identity record found for presented assertion issuer 'https://a1b2.tokens.sts.global.api.aws'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.", "issuer https://a1b2.tokens.sts.global.api.aws", false},
		{"elliptic curve", "invalid_request", 5002738, "Invalid JWT token. 'ES384' is not a supported signature algorithm.", "RS256", false},
		{"clock", "invalid_client", 700024, "Client assertion is not within its valid time range. Current time: 2026-11-03T09:00:00.0000000Z, assertion valid from 2026-11-03T08:00:00.0000000Z, expiry time of assertion 2026-11-03T08:10:00.0000000Z.", "clock", false},
		{"conditional access", "invalid_grant", 53003, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.", "Conditional Access", false},
		{"never heard of", "invalid_client", 7999999, "Something new.", "secret or certificate", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			login, app, tn, open := signedIn(t)
			if c.discovery {
				login.discovery = refused(c.kind, c.code, c.text)
			} else {
				login.refusal, login.status = refused(c.kind, c.code, c.text), http.StatusUnauthorized
			}
			_, err := open(app.WithAssertion(says(assertionText))).Changes(context.Background(), "")
			var permanent *pipeline.Permanent
			if !errors.As(err, &permanent) || permanent.Fix == "" {
				t.Fatalf("%v, want a permanent error", err)
			}
			s := err.Error()
			if !strings.Contains(s, fmt.Sprint("AADSTS", c.code)) || !strings.Contains(s, c.want) || !strings.Contains(s, support) {
				t.Errorf("the error reads: %s; want the code, the mailbox and %q", s, c.want)
			}
			if strings.Contains(s, assertionText) || strings.Contains(s, "Trace ID") || strings.ContainsAny(s, "\r\n") || len(s) > 700 {
				t.Errorf("the error reads: %s; want one line", s)
			}
			equal(t, "requests of the mailbox", tn.trips.RoundTrips(), 0)

			// Once it is put right, the same client works.
			login.mu.Lock()
			login.discovery, login.refusal = "", ""
			login.mu.Unlock()
			tn.changes(open(app.WithAssertion(says(assertionText))))
		})
	}
}

// Where Entra fails for a moment, nobody has to act: it is tried again, after the time that Entra names if it names one.
func TestEntraOutages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		status    int
		body      string
		after     string
		wait      time.Duration // of Throttled; 0: another error
		want      string
		discovery bool
	}{
		{name: "directory away", status: 400, body: refused("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."), want: "AADSTS90033"},
		{name: "directory away, as another error", status: 401, body: refused("invalid_request", 90033, "A transient error has occurred. Please try again."), want: "AADSTS90033"},
		{name: "budget of a request", status: 400, body: refused("invalid_grant", 90024, "RequestBudgetExceededError - A transient error has occurred. Try again."), want: "AADSTS90024"},
		{name: "server's error", status: 400, body: refused("server_error", 7999999, "Something new."), want: "AADSTS7999999"},
		{name: "while the tenant is looked for", body: refused("temporarily_unavailable", 90033, "A transient error has occurred. Please try again."), want: "AADSTS90033", discovery: true},
		{name: "gateway", status: 502, body: "<html>\r\n<h1>Bad gateway</h1></html>", want: "HTTP 502"},
		{name: "unavailable", status: 503, body: refused("temporarily_unavailable", 90006, "The service is temporarily unavailable."), want: "AADSTS90006"},
		{name: "throttled", status: 429, body: refused("temporarily_unavailable", 90055, "TenantThrottlingError - There are too many incoming requests."), after: "17", wait: 17 * time.Second, want: "token"},
		{name: "unavailable for a time", status: 503, body: "{}", after: "120", wait: 2 * time.Minute, want: "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			login, app, tn, open := signedIn(t)
			m := open(app.WithAssertion(says(assertionText)))
			if c.discovery {
				login.discovery = c.body
			} else {
				login.refusal, login.status, login.after = c.body, c.status, c.after
			}
			_, err := m.Changes(context.Background(), "")
			var throttled *pipeline.Throttled
			if err == nil || errors.As(err, new(*pipeline.Permanent)) || errors.As(err, &throttled) != (c.wait != 0) {
				t.Fatalf("%v, want an error that passes", err)
			}
			if throttled != nil && throttled.After != c.wait {
				t.Errorf("to be tried again after %v, want %v", throttled.After, c.wait)
			}
			if s := err.Error(); !strings.Contains(s, c.want) || !strings.Contains(s, support) || strings.ContainsAny(s, "\r\n") || len(s) > 400 {
				t.Errorf("the error reads: %s; want one line with the mailbox and %q", s, c.want)
			}
			equal(t, "requests of the mailbox", tn.trips.RoundTrips(), 0)
			login.mu.Lock()
			login.discovery, login.refusal = "", ""
			login.mu.Unlock()
			tn.changes(m)
		})
	}
}

// A permission that is missing is Graph's refusal, not Entra's, and names the permission.
func TestMissingPermission(t *testing.T) {
	t.Parallel()
	m := scripted(t, script(403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again.","innerError":{"date":"2026-11-03T09:00:00","request-id":"1","client-request-id":"1"}}}`))
	_, err := m.Changes(context.Background(), atInbox)
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "Mail.ReadWrite") || !strings.Contains(permanent.Fix, support) {
		t.Errorf("%v, want a permanent error that names the permission and the mailbox", err)
	}
}

// made is a certificate of this moment's, valid until end, as PEM with its key.
func made(t *testing.T, key crypto.Signer, end time.Time) (*x509.Certificate, string) {
	t.Helper()
	from := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "postroom"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: end,
	}
	der, err := x509.CreateCertificate(rand.Reader, from, from, key.Public(), key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return parsed, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// rsaKey is one for all tests: making it takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// The app signs with the key of its certificate, and the certificate goes along.
func TestAppWithCertificate(t *testing.T) {
	t.Parallel()
	end := time.Date(2036, 3, 4, 5, 6, 7, 0, time.UTC)
	certificate, file := made(t, rsaKey(), end)
	login, app, tn, open := signedIn(t)
	credential, err := app.WithCertificate([]byte(file), "")
	m := open(credential, err)
	for range 5 {
		tn.changes(m)
	}
	forms := login.tokens()
	if len(forms) != 1 {
		t.Fatalf("%d tokens were asked for", len(forms))
	}
	parts := strings.Split(forms[0].Get("client_assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("the assertion is %v", parts)
	}
	var header struct {
		Alg string
		X5c []string
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	must(t, err)
	must(t, json.Unmarshal(text, &header))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	must(t, err)
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	public := certificate.PublicKey.(*rsa.PublicKey)
	switch header.Alg {
	case "RS256":
		err = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature)
	case "PS256":
		err = rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, nil)
	default:
		err = fmt.Errorf("algorithm %s", header.Alg)
	}
	must(t, err)
	if len(header.X5c) != 1 || header.X5c[0] != base64.StdEncoding.EncodeToString(certificate.Raw) {
		t.Error("the certificate does not go along")
	}
	if s := fmt.Sprintf("%v %+v", credential, m); strings.Contains(s, "PRIVATE KEY") || strings.Contains(s, rsaKey().D.String()) {
		t.Error("the key can be printed")
	}
	got, err := msgraph.CertificateEnd([]byte(file), "")
	if err != nil || !got.Equal(end) {
		t.Errorf("it ends at %v, %v", got, err)
	}
}

// The end is that of the certificate that signs, in whatever order the chain is. The files in testdata are of one key and
// the password test: "openssl pkcs12 -export -legacy", and the same without -legacy.
func TestCertificateEnd(t *testing.T) {
	t.Parallel()
	end := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	_, own := made(t, rsaKey(), end)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, theirs := made(t, other, end.AddDate(-1, 0, 0))
	issuer, key, _ := strings.Cut(theirs, "-----BEGIN PRIVATE")
	key = "-----BEGIN PRIVATE" + key
	legacy, err := os.ReadFile("testdata/certificate/app.p12")
	must(t, err)
	modern, err := os.ReadFile("testdata/certificate/modern.p12")
	must(t, err)
	for name, c := range map[string]struct {
		file, password string
		want           string // "": an error
	}{
		"alone":                   {own, "", "2027-01-31"},
		"issuer first":            {issuer + own, "", "2027-01-31"},
		"PKCS#12":                 {string(legacy), "test", "2036-11-19"},
		"PKCS#12, wrong password": {string(legacy), "test2", ""},
		"PKCS#12 of today's make": {string(modern), "test", ""}, // the SDK reads the older ciphers only
		"a foreign key":           {issuer + strings.SplitAfter(own, "-----END CERTIFICATE-----\n")[1], "", ""},
		"no certificate":          {key, "", ""},
		"no key":                  {issuer, "", ""},
		"nothing":                 {"", "", ""},
	} {
		got, err := msgraph.CertificateEnd([]byte(c.file), c.password)
		if (err == nil) != (c.want != "") || err == nil && got.Format(time.DateOnly) != c.want {
			t.Errorf("%s: %v, %v, want %q", name, got, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "test") {
			t.Errorf("%s: the password is in %v", name, err)
		}
	}
}
