package boot

import (
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
}

// SimulationOptions say how the simulated world behaves. Zero fields take the machine's clock and a fixed seed.
type SimulationOptions struct {
	Now   func() time.Time
	Sleep func(time.Duration) // for the dials' latency
	Rand  *rand.Rand
}

// Simulate makes the tenants with an empty mailbox for each one of the manifest.
func Simulate(m *manifest.Manifest, o SimulationOptions) (*Simulation, error) {
	s := &Simulation{GraphDial: &fault.Dial{Sleep: o.Sleep, Rand: o.Rand}, GmailDial: &fault.Dial{Sleep: o.Sleep, Rand: o.Rand}}
	s.Graph = &graphsim.Sim{Now: o.Now, Dial: s.GraphDial, Rand: o.Rand, PlainHTTP: true}
	s.Gmail = gmailsim.New()
	s.Gmail.Now, s.Gmail.Dial, s.Gmail.Rand = o.Now, s.GmailDial, o.Rand
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

// Clients are the real clients, pointed at the simulated tenants.
func (s *Simulation) Clients(m *manifest.Manifest, now func() time.Time) (Clients, error) {
	return SimulatedClients(m, now, "http://graph.simulated/v1.0", s.GraphTrips, "http://gmail.simulated/", s.GmailTrips)
}

// SimulatedClients are the real clients for simulators at these URLs, which take any request as signed. The simulators may
// be in another process; a nil transport is the ordinary one.
func SimulatedClients(m *manifest.Manifest, now func() time.Time, graphURL string, graph http.RoundTripper, gmailURL string, google http.RoundTripper) (c Clients, err error) {
	var ids []inbox.MailboxID
	for _, mb := range m.Mailboxes() {
		ids = append(ids, mb.Policy.Mailbox)
	}
	if c.Graph, err = msgraph.NewClient(msgraph.Options{BaseURL: graphURL, Transport: graph, Now: now}); err != nil {
		return c, err
	}
	c.Gmail, err = gmail.NewClient(gmail.Config{
		Endpoint: gmailURL, Transport: google, Mailboxes: ids, Now: now,
		Tokens: func(id inbox.MailboxID) (oauth2.TokenSource, error) {
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(id)}), nil
		},
	})
	return c, err
}
