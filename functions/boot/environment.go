package boot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
)

// Environment is what "postroom serve" reads from environment variables. README.md has the same table.
type Environment struct {
	GraphTenant              string // POSTROOM_GRAPH_TENANT: directory (tenant) id
	GraphClient              string // POSTROOM_GRAPH_CLIENT: application (client) id
	GraphSecret              Secret // POSTROOM_GRAPH_SECRET: client secret; or
	GraphCertificate         string // POSTROOM_GRAPH_CERTIFICATE: file with certificate and key, PEM or PKCS#12
	GraphCertificatePassword Secret // POSTROOM_GRAPH_CERTIFICATE_PASSWORD
	GraphCloud               string // POSTROOM_GRAPH_CLOUD: global, usgov, usgov-dod or china

	GoogleKey          string // POSTROOM_GOOGLE_KEY: file of the service-account key
	GoogleTopic        string // POSTROOM_GOOGLE_TOPIC: projects/P/topics/T
	GoogleSubscription string // POSTROOM_GOOGLE_SUBSCRIPTION: projects/P/subscriptions/S
	GooglePushAccount  string // POSTROOM_GOOGLE_PUSH_ACCOUNT: the service account that signs pushes
	GoogleAudience     string // POSTROOM_GOOGLE_AUDIENCE: of the push subscription; default: the hook's URL

	URL    string // POSTROOM_URL: where the providers reach this process; empty means polling
	Listen string // POSTROOM_LISTEN: where to listen for them
}

// LoadEnvironment reads the variables through lookup, which is os.Getenv outside of tests. It checks what can be checked
// without asking anybody.
func LoadEnvironment(lookup func(string) string) (Environment, error) {
	get := func(name string) string { return strings.TrimSpace(lookup("POSTROOM_" + name)) }
	e := Environment{
		GraphTenant: get("GRAPH_TENANT"), GraphClient: get("GRAPH_CLIENT"), GraphSecret: Secret(get("GRAPH_SECRET")),
		GraphCertificate: get("GRAPH_CERTIFICATE"), GraphCertificatePassword: Secret(get("GRAPH_CERTIFICATE_PASSWORD")), GraphCloud: get("GRAPH_CLOUD"),
		GoogleKey: get("GOOGLE_KEY"), GoogleTopic: get("GOOGLE_TOPIC"), GoogleSubscription: get("GOOGLE_SUBSCRIPTION"),
		GooglePushAccount: get("GOOGLE_PUSH_ACCOUNT"), GoogleAudience: get("GOOGLE_AUDIENCE"),
		URL: strings.TrimSuffix(get("URL"), "/"), Listen: get("LISTEN"),
	}
	if e.Listen == "" {
		e.Listen = "127.0.0.1:8025"
	}
	if e.URL != "" && !public(e.URL) {
		return e, errors.New("POSTROOM_URL: write the https URL under which the providers reach this process, such as https://postroom.example.com")
	}
	if e.GoogleTopic == "" && e.GoogleSubscription == "" && e.GooglePushAccount == "" {
		return e, nil
	}
	if e.GoogleTopic == "" || e.GoogleSubscription == "" || e.GooglePushAccount == "" {
		return e, errors.New("POSTROOM_GOOGLE_TOPIC, POSTROOM_GOOGLE_SUBSCRIPTION and POSTROOM_GOOGLE_PUSH_ACCOUNT go together: set all three for pushes, or none for polling")
	}
	if !named(e.GoogleTopic, "topics") {
		return e, fmt.Errorf("POSTROOM_GOOGLE_TOPIC %q: write the topic's full name, projects/PROJECT/topics/TOPIC", e.GoogleTopic)
	}
	if !named(e.GoogleSubscription, "subscriptions") {
		return e, fmt.Errorf("POSTROOM_GOOGLE_SUBSCRIPTION %q: write the subscription's full name, projects/PROJECT/subscriptions/SUBSCRIPTION", e.GoogleSubscription)
	}
	return e, nil
}

// public reports whether the providers may be told of a URL: https, or http for this machine alone, and nothing behind
// the path, because the hooks' paths are appended.
func public(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(raw, "?#") {
		return false
	}
	here := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// named reports whether a name is Pub/Sub's full one for a kind of thing.
func named(name, kind string) bool {
	part := strings.Split(name, "/")
	return len(part) == 4 && part[0] == "projects" && part[1] != "" && part[2] == kind && part[3] != ""
}

// Secret is a value that is never shown: however it is printed, logged or encoded, there is only whether it is set.
type Secret string

// Format writes the secret's stand-in whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.shown()) }

// MarshalText gives the secret's stand-in.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

func (s Secret) shown() string {
	if s == "" {
		return "unset"
	}
	return "hidden"
}

// Clients makes the ways to the real tenants that the manifest needs. It sends nothing; errors hold no secret.
func (e Environment) Clients(m *manifest.Manifest) (c Clients, err error) {
	graph, google := vendors(m)
	if graph {
		if c.Graph, err = e.graph(); err != nil {
			return c, err
		}
	}
	if len(google) > 0 {
		c.Gmail, err = e.google(google)
	}
	return c, err
}

func (e Environment) graph() (*msgraph.Client, error) {
	if e.GraphTenant == "" || e.GraphClient == "" {
		return nil, errors.New("the manifest has mailboxes at Microsoft 365: set POSTROOM_GRAPH_TENANT and POSTROOM_GRAPH_CLIENT to the ids of the tenant and the app registration")
	}
	cloud, err := msgraph.CloudNamed(e.GraphCloud)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_GRAPH_CLOUD: %w", err)
	}
	credential, err := appCredential(msgraph.App{Tenant: e.GraphTenant, ClientID: e.GraphClient, Cloud: cloud}, "GRAPH", e.GraphSecret, e.GraphCertificate, e.GraphCertificatePassword)
	if err != nil {
		return nil, err
	}
	return msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: credential})
}

// appCredential is an app's by its secret or its certificate, as the variables POSTROOM_ with that name have them.
func appCredential(app msgraph.App, name string, secret Secret, certificate string, password Secret) (azcore.TokenCredential, error) {
	name = "POSTROOM_" + name
	switch {
	case secret != "" && certificate != "":
		return nil, fmt.Errorf("set %s_SECRET or %s_CERTIFICATE, not both", name, name)
	case secret != "":
		credential, err := app.WithSecret(string(secret))
		if err != nil {
			return nil, fmt.Errorf("POSTROOM_GRAPH_TENANT, %s_CLIENT: %w", name, err)
		}
		return credential, nil
	case certificate == "":
		return nil, fmt.Errorf("set %s_CERTIFICATE to the app's certificate file, or %s_SECRET to its client secret", name, name)
	}
	file, err := readKey(name+"_CERTIFICATE", certificate)
	if err != nil {
		return nil, err
	}
	credential, err := app.WithCertificate(file, string(password))
	if err != nil {
		return nil, fmt.Errorf("%s_CERTIFICATE: %w: the file must hold the certificate and its private key, as PEM or PKCS#12; "+
			"%s_CERTIFICATE_PASSWORD is for PKCS#12 alone", name, err, name)
	}
	return credential, nil
}

func (e Environment) google(mailboxes []inbox.MailboxID) (*gmail.Client, error) {
	if e.GoogleKey == "" {
		return nil, errors.New("the manifest has mailboxes at Google: set POSTROOM_GOOGLE_KEY to the file of the service account's key")
	}
	key, err := readKey("POSTROOM_GOOGLE_KEY", e.GoogleKey)
	if err != nil {
		return nil, err
	}
	tokens, err := gmail.ServiceAccount(key, nil)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_GOOGLE_KEY: %w", err)
	}
	return gmail.NewClient(gmail.Config{Tokens: tokens, Mailboxes: mailboxes})
}

// readKey reads the file that a variable names. The errors leave the name out: who puts the key itself into the variable
// shall not find it in a log.
func readKey(variable, path string) ([]byte, error) {
	if strings.ContainsAny(path, "\n{") || strings.HasPrefix(path, "-----") {
		return nil, fmt.Errorf("%s holds the key itself: write it to a file that only Postroom can read, and set %s to the file's name", variable, variable)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, fmt.Errorf("%s: read the file it names: %w", variable, err)
	}
	return b, nil
}
