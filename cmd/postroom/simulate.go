package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/fault"
)

type simulateCommand struct {
	Config    string        `default:"postroom.yaml" help:"The manifest whose mailboxes are simulated."`
	Graph     string        `default:"127.0.0.1:8031" help:"Where the simulated Microsoft Graph listens."`
	Gmail     string        `default:"127.0.0.1:8032" help:"Where the simulated Gmail listens."`
	Exchange  string        `default:"127.0.0.1:8033" help:"Where the simulated administration of Exchange Online listens."`
	Workspace string        `default:"127.0.0.1:8034" help:"Where the simulated administration of Google Workspace listens."`
	Empty     bool          `help:"Begin with the people of the manifest and none of its mailboxes, for apply to make them."`
	Latency   time.Duration `help:"How long every request takes."`
}

// Help is shown below the flags.
func (c *simulateCommand) Help() string {
	return `Mailboxes are empty at first and live in memory. Mail and people's moves come by HTTP, at any of the addresses:
  POST /simulate/mail?mailbox=ADDRESS             the body is a mail (RFC 5322); answers its id
  POST /simulate/mark?mailbox=&id=&marker=&on=1   somebody puts a category or label on; on=0 takes it off
  GET  /simulate/stats                            requests, round trips and quota units so far

Examples:
  postroom simulate --config postroom.yaml &
  postroom serve --config postroom.yaml --graph-url http://127.0.0.1:8031/v1.0 --gmail-url http://127.0.0.1:8032/ -v

  postroom simulate --empty &
  postroom apply --graph-url http://127.0.0.1:8031/v1.0 --exchange-url http://127.0.0.1:8033 \
      --gmail-url http://127.0.0.1:8032/ --workspace-url http://127.0.0.1:8034/`
}

// world is the tenants, with the mailboxes of the manifest or only its people.
func (c *simulateCommand) world(ctx context.Context, m *manifest.Manifest) (*boot.Simulation, error) {
	if !c.Empty {
		return boot.Simulate(m, boot.SimulationOptions{})
	}
	world := boot.SimulateTenants(boot.SimulationOptions{})
	return world, world.Restore(ctx, nil, boot.AdministrationOptions{Want: m.Desired()})
}

// Run serves the simulators until it is told to stop.
func (c *simulateCommand) Run(a *app) error {
	m, err := readManifest(c.Config)
	if err != nil {
		return err
	}
	world, err := c.world(a.ctx, m)
	if err != nil {
		return err
	}
	for _, dial := range []*fault.Dial{world.GraphDial, world.GmailDial, world.ExchangeDial, world.WorkspaceDial} {
		dial.Latency = c.Latency
	}
	ctx, stop := context.WithCancelCause(a.ctx)
	defer stop(nil)
	var group sync.WaitGroup
	for _, s := range []struct {
		name, address string
		sim           http.Handler
	}{
		{"Microsoft Graph", c.Graph, world.Graph}, {"Gmail", c.Gmail, world.Gmail},
		{"Exchange Online", c.Exchange, world.Exchange}, {"Google Workspace", c.Workspace, world.Workspace},
	} {
		listener, err := net.Listen("tcp", s.address)
		if err != nil {
			return fmt.Errorf("listen for %s: %w", s.name, err)
		}
		fmt.Fprintf(a.stdout, "%s simulated at http://%s\n", s.name, listener.Addr())
		mux := http.NewServeMux()
		mux.Handle("/", s.sim)
		mux.Handle("/simulate/", puppets{world, m})
		group.Go(func() {
			if err := serveHTTP(ctx, listener, mux); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	<-ctx.Done()
	group.Wait()
	if a.ctx.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// puppets lets somebody outside write mail and make people's moves in the simulated mailboxes.
type puppets struct {
	world    *boot.Simulation
	manifest *manifest.Manifest
}

func (p puppets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	mailbox := strings.ToLower(q.Get("mailbox"))
	var answer any
	var err error
	switch r.Method + " " + r.URL.Path {
	case "POST /simulate/mail":
		var raw []byte
		if raw, err = io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20)); err == nil {
			answer, err = p.receive(mailbox, raw)
		}
	case "POST /simulate/mark":
		err = p.mark(mailbox, q.Get("id"), q.Get("marker"), q.Get("on") != "0")
	case "GET /simulate/stats":
		answer = map[string]any{"graph": p.world.Graph.Stats(), "gmail": p.world.Gmail.Stats(), "exchange": p.world.Exchange.Cmdlets(), "workspace": p.world.Workspace.Requests()}
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer) // the connection's failure is the caller's
}

func (p puppets) provider(mailbox string) (manifest.Provider, error) {
	for _, mb := range p.manifest.Mailboxes() {
		if mb.Policy.Mailbox == inbox.MailboxID(mailbox) {
			return mb.Provider, nil
		}
	}
	return "", fmt.Errorf("the manifest has no mailbox %q", mailbox)
}

func (p puppets) receive(mailbox string, raw []byte) (string, error) {
	provider, err := p.provider(mailbox)
	if err != nil {
		return "", err
	}
	if provider == manifest.Gmail {
		return p.world.Gmail.Receive(mailbox, raw)
	}
	return p.world.Graph.Receive(mailbox, raw)
}

func (p puppets) mark(mailbox, id, marker string, on bool) error {
	provider, err := p.provider(mailbox)
	switch {
	case err != nil:
		return err
	case provider == manifest.Gmail && on:
		return p.world.Gmail.AddLabel(mailbox, id, marker)
	case provider == manifest.Gmail:
		return p.world.Gmail.RemoveLabel(mailbox, id, marker)
	case on:
		return p.world.Graph.AddCategory(mailbox, id, marker)
	}
	return p.world.Graph.RemoveCategory(mailbox, id, marker)
}
