package boot

import (
	"errors"
	"fmt"
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
	GraphSecret              string // POSTROOM_GRAPH_SECRET: client secret; or
	GraphCertificate         string // POSTROOM_GRAPH_CERTIFICATE: file with certificate and key, PEM or PKCS#12
	GraphCertificatePassword string // POSTROOM_GRAPH_CERTIFICATE_PASSWORD
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
		GraphTenant: get("GRAPH_TENANT"), GraphClient: get("GRAPH_CLIENT"), GraphSecret: get("GRAPH_SECRET"),
		GraphCertificate: get("GRAPH_CERTIFICATE"), GraphCertificatePassword: get("GRAPH_CERTIFICATE_PASSWORD"), GraphCloud: get("GRAPH_CLOUD"),
		GoogleKey: get("GOOGLE_KEY"), GoogleTopic: get("GOOGLE_TOPIC"), GoogleSubscription: get("GOOGLE_SUBSCRIPTION"),
		GooglePushAccount: get("GOOGLE_PUSH_ACCOUNT"), GoogleAudience: get("GOOGLE_AUDIENCE"),
		URL: strings.TrimSuffix(get("URL"), "/"), Listen: get("LISTEN"),
	}
	if e.Listen == "" {
		e.Listen = "127.0.0.1:8025"
	}
	if e.URL != "" {
		u, err := url.Parse(e.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			return e, fmt.Errorf("POSTROOM_URL %q: write the https URL under which the providers reach this process, such as https://postroom.example.com", e.URL)
		}
	}
	pushes := []string{e.GoogleTopic, e.GoogleSubscription, e.GooglePushAccount}
	if some := strings.Join(pushes, ""); some != "" && (pushes[0] == "" || pushes[1] == "" || pushes[2] == "") {
		return e, errors.New("POSTROOM_GOOGLE_TOPIC, POSTROOM_GOOGLE_SUBSCRIPTION and POSTROOM_GOOGLE_PUSH_ACCOUNT go together: set all three for pushes, or none for polling")
	}
	return e, nil
}

// Clients makes the ways to the real tenants that the manifest needs. It sends nothing; errors hold no secret.
func (e Environment) Clients(m *manifest.Manifest) (c Clients, err error) {
	var google []inbox.MailboxID
	graph := false
	for _, mb := range m.Mailboxes() {
		if mb.Provider == manifest.Gmail {
			google = append(google, mb.Policy.Mailbox)
		} else {
			graph = true
		}
	}
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
	app := msgraph.App{Tenant: e.GraphTenant, ClientID: e.GraphClient, Cloud: cloud}
	var credential azcore.TokenCredential
	switch {
	case e.GraphSecret != "" && e.GraphCertificate != "":
		return nil, errors.New("set POSTROOM_GRAPH_SECRET or POSTROOM_GRAPH_CERTIFICATE, not both")
	case e.GraphSecret != "":
		credential, err = app.WithSecret(e.GraphSecret)
	case e.GraphCertificate != "":
		file, err2 := os.ReadFile(e.GraphCertificate)
		if err2 != nil {
			return nil, fmt.Errorf("POSTROOM_GRAPH_CERTIFICATE: %w", err2)
		}
		credential, err = app.WithCertificate(file, e.GraphCertificatePassword)
	default:
		return nil, errors.New("set POSTROOM_GRAPH_CERTIFICATE to the app's certificate file, or POSTROOM_GRAPH_SECRET to its client secret")
	}
	if err != nil {
		return nil, err
	}
	return msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: credential})
}

func (e Environment) google(mailboxes []inbox.MailboxID) (*gmail.Client, error) {
	if e.GoogleKey == "" {
		return nil, errors.New("the manifest has mailboxes at Google: set POSTROOM_GOOGLE_KEY to the file of the service account's key")
	}
	key, err := os.ReadFile(e.GoogleKey)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_GOOGLE_KEY: %w", err)
	}
	tokens, err := gmail.ServiceAccount(key, nil)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_GOOGLE_KEY: %w", err)
	}
	return gmail.NewClient(gmail.Config{Tokens: tokens, Mailboxes: mailboxes})
}
