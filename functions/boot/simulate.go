package boot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Simulation is a tenant at each vendor, simulated in this process: its mail, and its administration. A mailbox that the
// administration makes is there for the mail as well, and one that it deletes is gone.
type Simulation struct {
	Graph     *graphsim.Sim
	Gmail     *gmailsim.Sim
	Exchange  *exchangesim.Sim
	Workspace *workspacesim.Sim
	// The dials of latency and faults.
	GraphDial, GmailDial, ExchangeDial, WorkspaceDial *fault.Dial
	// The carriers of requests, which count them.
	GraphTrips, GmailTrips, ExchangeTrips, WorkspaceTrips *fault.Transport

	options SimulationOptions
}

// SimulationOptions say how the simulated world behaves. Zero fields take the machine's clock and a fixed seed.
type SimulationOptions struct {
	Now   func() time.Time
	Sleep func(time.Duration) // the dials' latency, and the clients' waits between tries
	Rand  *rand.Rand
}

// random gives a part its own generator, for a generator is not to be shared by parts that run at once.
func (o SimulationOptions) random() *rand.Rand {
	if o.Rand == nil {
		return nil
	}
	return rand.New(rand.NewPCG(o.Rand.Uint64(), o.Rand.Uint64()))
}

// SimulateTenants makes tenants without a mailbox and without people.
func SimulateTenants(o SimulationOptions) *Simulation {
	s := &Simulation{
		options:   o,
		GraphDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()}, GmailDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()},
		ExchangeDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()}, WorkspaceDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()},
	}
	s.Graph = &graphsim.Sim{Now: o.Now, Dial: s.GraphDial, Rand: o.random(), PlainHTTP: true}
	s.Gmail = gmailsim.New()
	s.Gmail.Now, s.Gmail.Dial, s.Gmail.Rand = o.Now, s.GmailDial, o.random()
	s.Exchange = &exchangesim.Sim{Now: o.Now, Dial: s.ExchangeDial}
	s.Workspace = workspacesim.New()
	s.Workspace.Now, s.Workspace.Dial, s.Workspace.FreeLicensing, s.Workspace.AutoLicence = o.Now, s.WorkspaceDial, true, simulatedLicence
	s.Exchange.OnMailbox = func(address, name string, visible time.Time) {
		// It fails where the mailbox is there already, which is as it should be.
		_ = s.Graph.AddMailbox(graphsim.Mailbox{Address: address, Name: name, Visible: visible})
	}
	s.Exchange.OnDelete = func(address string) { _ = s.Graph.RemoveMailbox(address) }
	s.Workspace.OnAccount = func(address, _ string, ready time.Time) { s.Gmail.AddMailboxAt(address, ready) }
	s.Workspace.OnDelete = s.Gmail.RemoveMailbox
	s.GraphTrips, s.GmailTrips = &fault.Transport{Handler: s.Graph}, &fault.Transport{Handler: s.Gmail}
	s.ExchangeTrips, s.WorkspaceTrips = &fault.Transport{Handler: s.Exchange}, &fault.Transport{Handler: s.Workspace}
	return s
}

// Simulate makes the tenants with an empty mailbox for each one of the manifest, as they are to be worked. Their
// administration knows nothing of them.
func Simulate(m *manifest.Manifest, o SimulationOptions) (*Simulation, error) {
	s := SimulateTenants(o)
	for _, mb := range m.Mailboxes() {
		switch mb.Provider {
		case manifest.M365:
			if err := s.Graph.AddMailbox(graphsim.Mailbox{Address: string(mb.Policy.Mailbox), Name: mb.Name}); err != nil {
				return nil, err
			}
		case manifest.Gmail:
			s.Gmail.AddMailbox(string(mb.Policy.Mailbox))
		}
	}
	return s, nil
}

// Simulators are the ways to the simulators in this process.
func (s *Simulation) Simulators() Simulators {
	return Simulators{
		GraphURL: "http://graph.simulated/v1.0", GraphTransport: s.GraphTrips,
		GmailURL: "http://gmail.simulated/", GmailTransport: s.GmailTrips,
		ExchangeURL: "http://exchange.simulated", ExchangeTransport: s.ExchangeTrips,
		WorkspaceURL: "http://workspace.simulated/", WorkspaceTransport: s.WorkspaceTrips,
	}
}

// Clients are the real clients, pointed at the simulated tenants and sharing their clock.
func (s *Simulation) Clients(m *manifest.Manifest) (Clients, error) {
	return s.Simulators().Clients(m, s.options)
}

// Simulators are where simulated tenants are, in this process or another one. A nil transport is the ordinary one.
type Simulators struct {
	GraphURL, GmailURL             string
	GraphTransport, GmailTransport http.RoundTripper
	// Where the simulated administrations are; none is needed to work the mail.
	ExchangeURL, WorkspaceURL             string
	ExchangeTransport, WorkspaceTransport http.RoundTripper
}

// Clients are the real clients for the simulators, which take any request as signed. It fails when the manifest has a
// mailbox at a vendor whose simulator is not named, because the real one is never meant.
func (to Simulators) Clients(m *manifest.Manifest, o SimulationOptions) (c Clients, err error) {
	var ids []inbox.MailboxID
	for _, mb := range m.Mailboxes() {
		switch id := mb.Policy.Mailbox; {
		case mb.Provider == manifest.Gmail && to.GmailURL == "":
			return c, fmt.Errorf("mailbox %s is at Google: name a simulated Gmail too", id)
		case mb.Provider == manifest.Gmail:
			ids = append(ids, id)
		case to.GraphURL == "":
			return c, fmt.Errorf("mailbox %s is at Microsoft 365: name a simulated Microsoft Graph too", id)
		}
	}
	if to.GraphURL != "" {
		c.Graph, err = msgraph.NewClient(msgraph.Options{BaseURL: to.GraphURL, Transport: to.GraphTransport, Now: o.Now})
		if err != nil {
			return c, err
		}
	}
	if to.GmailURL == "" {
		return c, nil
	}
	google := gmail.Config{
		Endpoint: to.GmailURL, Transport: to.GmailTransport, Mailboxes: ids, Now: o.Now, Rand: o.random(),
		Tokens: func(id inbox.MailboxID) (oauth2.TokenSource, error) {
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(id)}), nil
		},
	}
	if o.Sleep != nil {
		google.Sleep = func(ctx context.Context, d time.Duration) error {
			o.Sleep(d)
			return ctx.Err()
		}
	}
	c.Gmail, err = gmail.NewClient(google)
	return c, err
}
