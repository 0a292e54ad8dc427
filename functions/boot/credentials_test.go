package boot_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/gmail"
)

const graphTenant, graphClient = "72f988bf-86f1-41af-91ab-2d7cd011db47", "6731de76-14a6-49ae-97bc-6eba6914391e"

// keyless is a deployment without any secret.
func keyless() boot.Deployment {
	return boot.Deployment{
		GraphTenant: graphTenant, GraphClient: graphClient, GraphCredential: "federated",
		GoogleCredential: "federated", GoogleAccount: robot, GoogleProvider: poolName,
	}
}

// changed is a deployment with something changed.
func changed(d boot.Deployment, change func(*boot.Deployment)) boot.Deployment {
	change(&d)
	return d
}

// read makes a sync's first request for a mailbox.
func read(t *testing.T, c *boot.Credentials, m *manifest.Manifest, id inbox.MailboxID) error {
	t.Helper()
	clients, err := c.Clients(m)
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := boot.Open(m, clients)
	if err != nil {
		t.Fatal(err)
	}
	box, ok := boxes.Get(id)
	if !ok {
		t.Fatalf("%s is not in the manifest", id)
	}
	_, err = box.Provider.Changes(t.Context(), "")
	return err
}

// Every kind of credential reaches its tenant. Preparing it sends nothing; what is secret is read once, and there is one
// token, however many requests are made by however many at once.
func TestEveryCredentialWorks(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	lasting := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		deployment boot.Deployment
		graph      string // secrets
		google     string
		reads      int
	}{
		"keyless": {keyless(), "", "", 0},
		"certificate as PEM": {changed(keyless(), func(d *boot.Deployment) { d.GraphCredential, d.GraphSecret = "certificate", graphARN }),
			certificatePEM() + keyPEM(), "", 1},
		"certificate as JSON": {changed(keyless(), func(d *boot.Deployment) { d.GraphCredential, d.GraphSecret = "certificate", graphARN }),
			string(encoded(map[string]string{"certificate": certificatePEM() + keyPEM(), "password": ""})), "", 1},
		"client secret": {changed(keyless(), func(d *boot.Deployment) {
			d.GraphCredential, d.GraphSecret, d.GraphLapses = "secret", graphARN, lasting
		}), clientSecret + "\n", "", 1},
		"client secret as JSON": {changed(keyless(), func(d *boot.Deployment) {
			d.GraphCredential, d.GraphSecret, d.GraphLapses = "secret", graphARN, lasting
		}), `{"secret":"` + clientSecret + `"}`, "", 1},
		"service account's key": {changed(keyless(), func(d *boot.Deployment) { d.GoogleCredential, d.GoogleSecret = "key", googleARN }),
			"", googleKey(keyPEM()), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t, m)
			v.store(graphARN, c.graph)
			v.store(googleARN, c.google)
			creds := c.deployment.Credentials(v.sources())
			if _, err := creds.Clients(m); err != nil {
				t.Fatal(err)
			}
			if n := v.count(); n != 0 {
				t.Errorf("preparing sent %d requests", n)
			}
			var all sync.WaitGroup
			for range 8 {
				for _, id := range []inbox.MailboxID{support, hello} {
					all.Go(func() {
						if err := read(t, creds, m, id); err != nil {
							t.Errorf("%s: %v", id, err)
						}
					})
				}
			}
			all.Wait()
			if n := v.count(secretsHost); n != c.reads {
				t.Errorf("%d secrets were read, want %d", n, c.reads)
			}
			// Discovery of the authority and of the tenant, and the token.
			if n := v.count(entraHost); n > 3 {
				t.Errorf("%d requests to Entra", n)
			}
			if n := v.count(oauthHost); n != 1 {
				t.Errorf("%d tokens of Google's for one mailbox", n)
			}
			if v.count(graphHost) == 0 || v.count(gmailHost) == 0 {
				t.Error("a tenant was not reached")
			}
		})
	}
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// With a credential that is broken in any way, the mailboxes of that vendor say what to do, each time, and those of the
// other are worked.
func TestABrokenCredentialStopsItsVendorAlone(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	certified := changed(keyless(), func(d *boot.Deployment) { d.GraphCredential, d.GraphSecret = "certificate", graphARN })
	byKey := changed(keyless(), func(d *boot.Deployment) { d.GoogleCredential, d.GoogleSecret = "key", googleARN })
	secret := changed(keyless(), func(d *boot.Deployment) {
		d.GraphCredential, d.GraphSecret, d.GraphLapses = "secret", graphARN, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	none := func(*vendors) {}
	for name, c := range map[string]struct {
		deployment boot.Deployment
		prepare    func(*vendors)
		broken     inbox.MailboxID
		want       []string
	}{
		"nothing for Graph":     {changed(keyless(), func(d *boot.Deployment) { d.GraphCredential = "" }), none, support, []string{"POSTROOM_GRAPH_CREDENTIAL"}},
		"no tenant":             {changed(keyless(), func(d *boot.Deployment) { d.GraphTenant = "" }), none, support, []string{"POSTROOM_GRAPH_TENANT"}},
		"a tenant that is none": {changed(keyless(), func(d *boot.Deployment) { d.GraphTenant = "contoso/../evil" }), none, support, []string{"POSTROOM_GRAPH_TENANT"}},
		"unknown cloud":         {changed(keyless(), func(d *boot.Deployment) { d.GraphCloud = "germany" }), none, support, []string{"POSTROOM_GRAPH_CLOUD"}},
		"federation is off":     {keyless(), func(v *vendors) { v.says(stsHost, 400, stsRefusal("OutboundWebIdentityFederationDisabledException")) }, support, []string{"enable-outbound-web-identity-federation"}},
		"may not ask AWS":       {keyless(), func(v *vendors) { v.says(stsHost, 403, stsRefusal("AccessDenied")) }, support, []string{"sts:GetWebIdentityToken"}},
		"no federated record":   {keyless(), func(v *vendors) { v.says(entraHost, 401, entraRefusal("AADSTS700213")) }, support, []string{"AADSTS700213", "Federated credentials"}},
		"wrong tenant":          {keyless(), func(v *vendors) { v.says(entraHost, 400, entraRefusal("AADSTS90002")) }, support, []string{"AADSTS90002", "tenant"}},
		"no permission": {keyless(), func(v *vendors) {
			v.says(graphHost, 403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`)
		}, support, []string{"Mail.ReadWrite"}},
		"no such secret":       {certified, none, support, []string{graphARN, "create it"}},
		"may not read secrets": {certified, func(v *vendors) { v.says(secretsHost, 400, `{"__type":"AccessDeniedException","Message":"no"}`) }, support, []string{graphARN, "secretsmanager:GetSecretValue"}},
		"no certificate in it": {certified, func(v *vendors) { v.store(graphARN, keyPEM()) }, support, []string{graphARN, "PEM"}},
		"no key in it":         {certified, func(v *vendors) { v.store(graphARN, certificatePEM()) }, support, []string{graphARN, "private key"}},
		"noise in it":          {certified, func(v *vendors) { v.store(graphARN, `{"certificate": 5}`) }, support, []string{graphARN, "PEM"}},
		"expired secret":       {secret, func(v *vendors) { v.store(graphARN, "old-"+clientSecret) }, support, []string{"AADSTS7000222", "expired"}},
		"secret in odd JSON":   {secret, func(v *vendors) { v.store(graphARN, `{"value":"`+clientSecret+`"}`) }, support, []string{graphARN, "plain text"}},
		"empty secret":         {secret, func(v *vendors) { v.store(graphARN, " \n") }, support, []string{graphARN, "store the client secret"}},
		"no day of the lapse":  {changed(secret, func(d *boot.Deployment) { d.GraphLapses = time.Time{} }), func(v *vendors) { v.store(graphARN, clientSecret) }, support, []string{"POSTROOM_GRAPH_SECRET_EXPIRES"}},
		"nothing for Google":   {changed(keyless(), func(d *boot.Deployment) { d.GoogleCredential = "" }), none, hello, []string{"POSTROOM_GOOGLE_CREDENTIAL"}},
		"no provider":          {changed(keyless(), func(d *boot.Deployment) { d.GoogleProvider = "" }), none, hello, []string{"POSTROOM_GOOGLE_PROVIDER"}},
		"provider refuses": {keyless(), func(v *vendors) {
			v.says(poolHost, 401, `{"error":"unauthorized_client","error_description":"The given credential is rejected by the attribute condition."}`)
		}, hello, []string{"attribute condition"}},
		"may not sign": {keyless(), func(v *vendors) {
			v.says(iamHost, 403, `{"error":{"code":403,"message":"Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).","status":"PERMISSION_DENIED"}}`)
		}, hello, []string{"Service Account Token Creator"}},
		"no delegation": {keyless(), func(v *vendors) {
			v.says(oauthHost, 401, `{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}`)
		}, hello, []string{gmail.Scope}},
		"no such key":    {byKey, none, hello, []string{googleARN, "create it"}},
		"a person's key": {byKey, func(v *vendors) { v.store(googleARN, `{"type":"authorized_user","refresh_token":"`+clientSecret+`"}`) }, hello, []string{googleARN, "service-account key"}},
		"key that was deleted": {byKey, func(v *vendors) {
			v.store(googleARN, googleKey(keyPEM()))
			v.says(oauthHost, 400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
		}, hello, []string{"invalid_grant", "not deleted"}},
		"no key's configuration": {changed(byKey, func(d *boot.Deployment) { d.GoogleSecret = "" }), func(v *vendors) {
			v.says(secretsHost, 400, `{"__type":"ValidationException","Message":"Member must have length greater than or equal to 1"}`)
		}, hello, []string{"ARN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t, m)
			c.prepare(v)
			creds := c.deployment.Credentials(v.sources())
			other := inbox.MailboxID(hello)
			if c.broken == hello {
				other = support
			}
			for range 2 {
				err := read(t, creds, m, c.broken)
				var permanent *pipeline.Permanent
				if !errors.As(err, &permanent) || permanent.Fix == "" {
					t.Fatalf("%v, want a permanent error", err)
				}
				text := err.Error()
				for _, w := range append(c.want, string(c.broken)) {
					if !strings.Contains(text, w) {
						t.Errorf("%q is missing in: %s", w, text)
					}
				}
				if shown := disclosed(text); shown != "" || strings.ContainsAny(text, "\r\n") {
					t.Errorf("%q is in: %s", shown, text)
				}
				if err := read(t, creds, m, other); err != nil {
					t.Errorf("the other vendor's mailbox: %v", err)
				}
			}
			if n := v.count(secretsHost); n > 1 {
				t.Errorf("the secret was read %d times in a moment", n)
			}
		})
	}
}

func stsRefusal(code string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>x</Message></Error></ErrorResponse>`
}

func entraRefusal(code string) string {
	return `{"error":"invalid_client","error_description":"` + code + `: As Entra says.\r\nTrace ID: 1"}`
}

// disclosed says which secret a text shows, "" for none.
func disclosed(text string) string {
	for _, secret := range []string{awsSecretKey, webIdentity, graphToken, cloudToken, "mailbox:" + hello, "old-"} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return leaks(text)
}

// Only the manifest's mailboxes get a token: for another one no request leaves, to nobody.
func TestNoTokenOutsideTheManifest(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	for name, d := range map[string]boot.Deployment{
		"keyless": keyless(),
		"key":     changed(keyless(), func(d *boot.Deployment) { d.GoogleCredential, d.GoogleSecret = "key", googleARN }),
	} {
		v := newVendors(t, m)
		v.store(googleARN, googleKey(keyPEM()))
		clients, err := d.Credentials(v.sources()).Clients(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []inbox.MailboxID{"ceo@contoso.com", support, "hello@contoso.com.evil.example"} {
			_, err := clients.Gmail.Mailbox(gmail.Options{Address: id})
			var permanent *pipeline.Permanent
			if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "manifest") {
				t.Errorf("%s, %s: %v", name, id, err)
			}
		}
		if n := v.count(); n != 0 {
			t.Errorf("%s: %d requests were sent", name, n)
		}
	}
}

// A new manifest keeps the tokens, unless the mailboxes at Google are others: then the list is the new one at once.
func TestClientsOfTheNextManifest(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	more := parse(t, strings.Replace(twoMailboxes, hello, "hallo@contoso.com", 1))
	v := newVendors(t, m)
	v.gmail.AddMailbox("hallo@contoso.com")
	creds := keyless().Credentials(v.sources())
	for range 3 {
		if err := read(t, creds, parse(t, twoMailboxes), hello); err != nil {
			t.Fatal(err)
		}
	}
	if n := v.count(oauthHost); n != 1 {
		t.Errorf("%d tokens for a mailbox that stayed", n)
	}
	if err := read(t, creds, more, "hallo@contoso.com"); err != nil {
		t.Fatal(err)
	}
	clients, err := creds.Clients(more)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Gmail.Mailbox(gmail.Options{Address: hello}); err == nil {
		t.Error("a mailbox that left the manifest is still served")
	}
	if n := v.count(poolHost); n != 1 {
		t.Errorf("%d exchanges: the process's own token is not kept", n)
	}
}

// Simulated tenants get no credential, through the same transport; one beside a real tenant is refused.
func TestSimulatedTenantsGetNoCredential(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	v := newVendors(t, m)
	d := changed(keyless(), func(d *boot.Deployment) {
		d.SimulatedGraph, d.SimulatedGmail = "http://127.0.0.1:1/v1.0", "http://127.0.0.1:2"
	})
	creds := d.Credentials(v.sources())
	if _, err := creds.Clients(m); err != nil {
		t.Fatal(err)
	}
	lapses, err := creds.Lapses(t.Context())
	if err != nil || len(lapses) != 0 {
		t.Errorf("%v, %v", lapses, err)
	}
	d.SimulatedGmail = ""
	if _, err := d.Credentials(v.sources()).Clients(m); err == nil || !strings.Contains(err.Error(), "simulated Gmail") {
		t.Errorf("a simulated tenant beside a real one: %v", err)
	}
	if n := v.count(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// However credentials, their sources and what is made of them are printed or logged, there is no secret in it.
func TestCredentialsShowNoSecret(t *testing.T) {
	t.Parallel()
	m := parse(t, twoMailboxes)
	lasting := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, d := range []boot.Deployment{
		keyless(),
		changed(keyless(), func(d *boot.Deployment) {
			d.GraphCredential, d.GraphSecret, d.GraphLapses = "secret", graphARN, lasting
			d.GoogleCredential, d.GoogleSecret = "key", googleARN
		}),
	} {
		v := newVendors(t, m)
		v.store(graphARN, clientSecret)
		v.store(googleARN, googleKey(keyPEM()))
		from := v.sources()
		creds := d.Credentials(from)
		for _, id := range []inbox.MailboxID{support, hello} {
			if err := read(t, creds, m, id); err != nil {
				t.Fatal(err)
			}
		}
		clients, err := creds.Clients(m)
		if err != nil {
			t.Fatal(err)
		}
		boxes, err := boot.Open(m, clients)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{from, &from, creds, clients.Graph, clients.Gmail, clients, boxes, d, []any{from, creds}} {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				fmt.Fprintf(&out, verb, v)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
			text := out.String()
			if shown := disclosed(text); shown != "" || strings.Contains(text, fmt.Sprintf("%x", clientSecret)) {
				t.Errorf("%T shows %q", v, shown)
			}
		}
	}
}

// Whatever a secret holds, it is read without a panic, and what is said of it does not show it.
func FuzzCertificateSecret(f *testing.F) {
	for _, seed := range []string{"", "{", `{"certificate":"","password":"p"}`, `{"certificate":"MIIK"}`, "MII=\n", certificatePEM(), "-----BEGIN CERTIFICATE-----\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, secret []byte) {
		file, password := boot.CertificateFile(secret)
		if len(file) > len(secret) || len(password) > len(secret)*3 {
			t.Errorf("%d and %d bytes out of %d", len(file), len(password), len(secret))
		}
	})
}

func TestCertificateFile(t *testing.T) {
	t.Parallel()
	binary := []byte{0x30, 0x82, 0x0a, ' ', '\n'}
	text := base64.StdEncoding.EncodeToString(binary)
	for name, c := range map[string]struct{ secret, file, password string }{
		"PEM":               {" \n" + certificatePEM(), strings.TrimSpace(certificatePEM()), ""},
		"PEM in JSON":       {string(encoded(map[string]string{"certificate": certificatePEM()})), strings.TrimSpace(certificatePEM()), ""},
		"binary":            {string(binary), string(binary), ""},
		"Base64":            {text, string(binary), ""},
		"Base64 in lines":   {text[:4] + "\r\n" + text[4:] + "\n", string(binary), ""},
		"with a password":   {`{"certificate":"` + text + `","password":"p4ss "}`, string(binary), "p4ss "},
		"JSON of something": {`{"key":"x"}`, `{"key":"x"}`, ""},
	} {
		file, password := boot.CertificateFile([]byte(c.secret))
		if string(file) != c.file || password != c.password {
			t.Errorf("%s: %q, %q", name, file, password)
		}
	}
}
