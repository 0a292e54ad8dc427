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
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// Simulation is a tenant at each vendor, simulated in this process, with the mailboxes of a manifest in them.
type Simulation struct {
	Graph *graphsim.Sim
	Gmail *gmailsim.Sim
	// The dials of latency and faults.
	GraphDial, GmailDial *fault.Dial
	// The carriers of requests, which count them.
	GraphTrips, GmailTrips *fault.Transport

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

// Simulate makes the tenants with an empty mailbox for each one of the manifest.
func Simulate(m *manifest.Manifest, o SimulationOptions) (*Simulation, error) {
	s := &Simulation{
		options:   o,
		GraphDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()}, GmailDial: &fault.Dial{Sleep: o.Sleep, Rand: o.random()},
	}
	s.Graph = &graphsim.Sim{Now: o.Now, Dial: s.GraphDial, Rand: o.random(), PlainHTTP: true}
	s.Gmail = gmailsim.New()
	s.Gmail.Now, s.Gmail.Dial, s.Gmail.Rand = o.Now, s.GmailDial, o.random()
	s.GraphTrips = &fault.Transport{Handler: s.Graph}
	s.GmailTrips = &fault.Transport{Handler: s.Gmail}
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

// Clients are the real clients, pointed at the simulated tenants and sharing their clock.
func (s *Simulation) Clients(m *manifest.Manifest) (Clients, error) {
	to := Simulators{
		GraphURL: "http://graph.simulated/v1.0", GraphTransport: s.GraphTrips,
		GmailURL: "http://gmail.simulated/", GmailTransport: s.GmailTrips,
	}
	return to.Clients(m, s.options)
}

// Simulators are where simulated tenants are, in this process or another one. A nil transport is the ordinary one.
type Simulators struct {
	GraphURL, GmailURL             string
	GraphTransport, GmailTransport http.RoundTripper
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
