package boot

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/infra/identity"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
)

// Sources are what a deployment's credentials are made of.
type Sources struct {
	Secrets identity.SecretsManager
	STS     identity.STS            // for Graph by federation; its client must have a region
	AWS     aws.CredentialsProvider // for Google by federation
	Region  string                  // for Google by federation, such as eu-central-1
	// Transport carries every request to the vendors, those for tokens among them; nil is http.DefaultTransport.
	Transport http.RoundTripper
	Now       func() time.Time // time.Now if nil
}

// Format shows no source, whatever the verb: among them are keys.
func (s Sources) Format(f fmt.State, _ rune) { io.WriteString(f, "sources of credentials") }

// MarshalText is as Format, for logs in JSON.
func (s Sources) MarshalText() ([]byte, error) { return []byte("sources of credentials"), nil }

// Credentials are how a deployment proves to the vendors that it may work the mailboxes. One value serves a process: it
// reads a secret on first use, and tokens are kept as long as they hold. Its methods may be called at once.
//
// What is wrong with one vendor's credential comes back from the work on that vendor's mailboxes, as *pipeline.Permanent;
// the other's mailboxes are worked all the same.
type Credentials struct {
	deployment Deployment
	from       *Sources // what prints a value by reflection does not follow it
	graph      azcore.TokenCredential
	google     gmail.Tokens
	ends       *kept[time.Time] // of the certificate; nil without one
	told       lapseLog

	mu        sync.Mutex
	graphWay  *msgraph.Client
	gmailWay  *gmail.Client
	mailboxes []inbox.MailboxID // that gmailWay takes
}

// Credentials makes the deployment's credentials. It sends nothing.
func (d Deployment) Credentials(from Sources) *Credentials {
	if from.Now == nil {
		from.Now = time.Now
	}
	c := &Credentials{deployment: d, from: &from}
	c.graph = c.graphCredential()
	c.google = c.googleTokens()
	return c
}

// Format shows no credential, whatever the verb.
func (c *Credentials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "credentials: Graph %q, Google %q", c.deployment.GraphCredential, c.deployment.GoogleCredential)
}

// Clients makes the ways to the tenants that the manifest needs. It sends nothing. The clients of two manifests are the
// same ones, with their tokens, as long as the mailboxes at Google are the same: no other mailbox ever gets a token.
//
// Where the deployment names a simulated tenant, no credential is used, and every vendor of the manifest must be a
// simulated one.
func (c *Credentials) Clients(m *manifest.Manifest) (Clients, error) {
	d := c.deployment
	if d.SimulatedGraph != "" || d.SimulatedGmail != "" {
		to := Simulators{GraphURL: d.SimulatedGraph, GraphTransport: c.from.Transport, GmailURL: d.SimulatedGmail, GmailTransport: c.from.Transport}
		return to.Clients(m, SimulationOptions{Now: c.from.Now})
	}
	graph, google := vendors(m)
	slices.Sort(google)

	c.mu.Lock()
	defer c.mu.Unlock()
	var out Clients
	if graph {
		if c.graphWay == nil {
			cloud, _ := msgraph.CloudNamed(d.GraphCloud) // an unknown one has a credential that says so
			way, err := msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: c.graph, Transport: c.from.Transport, Now: c.from.Now})
			if err != nil {
				return out, err
			}
			c.graphWay = way
		}
		out.Graph = c.graphWay
	}
	if len(google) > 0 {
		if c.gmailWay == nil || !slices.Equal(google, c.mailboxes) {
			way, err := gmail.NewClient(gmail.Config{Transport: c.from.Transport, Tokens: c.google, Mailboxes: google, Now: c.from.Now})
			if err != nil {
				return out, err
			}
			c.gmailWay, c.mailboxes = way, google
		}
		out.Gmail = c.gmailWay
	}
	return out, nil
}
