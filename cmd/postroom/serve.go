package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/infra/bolt"
)

type serveCommand struct {
	Config   string        `default:"postroom.yaml" help:"The manifest."`
	Data     string        `default:"postroom-data" help:"The directory for state and queue, one file in it. Made if missing."`
	Simulate bool          `help:"Simulate both providers in this process instead of reaching real tenants; state is thrown away at the end."`
	Poll     time.Duration `default:"30s" help:"How often a mailbox is read of which no notifications come."`
	Workers  int           `default:"4" help:"How many mailboxes are worked at once."`
	Verbose  bool          `short:"v" help:"Log every sync."`

	GraphURL string `name:"graph-url" placeholder:"URL" help:"Reach a simulated Microsoft Graph there, without credentials."`
	GmailURL string `name:"gmail-url" placeholder:"URL" help:"Reach a simulated Gmail there, without credentials."`
}

// Help is shown below the flags.
func (c *serveCommand) Help() string {
	return `State and queue are kept in one file, so the process may be killed at any moment and started again.

Credentials come from environment variables, which README.md lists. With POSTROOM_URL set, the
providers' notifications are taken at POSTROOM_LISTEN; without it every mailbox is polled.

Examples:
  POSTROOM_GRAPH_TENANT=… POSTROOM_GRAPH_CLIENT=… POSTROOM_GRAPH_CERTIFICATE=app.pem postroom serve
  postroom serve --config postroom.yaml --data /var/lib/postroom
  postroom serve --simulate --verbose`
}

// sweep is how often a mailbox is read of which notifications come: they may get lost.
const sweep = 5 * time.Minute

// collectAt is how much the heap may grow, in percent, before it is collected. Our own heap is a few MB, and collecting it at
// every doubling is a third of all the CPU; see docs/benchmarks.md. GOGC in the environment says otherwise.
const collectAt = 300

// Run serves until it is told to stop.
func (c *serveCommand) Run(a *app) error {
	if a.env("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	env, err := boot.LoadEnvironment(a.env)
	if err != nil {
		return err
	}
	m, err := readManifest(c.Config)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	s := &server{command: c, app: a, env: env, manifest: m, log: slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))}
	if c.Simulate {
		dir, err := os.MkdirTemp("", "postroom-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c.Data = dir
	}
	return s.run(a.ctx)
}

// server is one run of serve.
type server struct {
	command  *serveCommand
	app      *app
	env      boot.Environment
	manifest *manifest.Manifest
	log      *slog.Logger

	clients   boot.Clients
	mailboxes *boot.Mailboxes
	db        *bolt.DB
	bell      *boot.Bell
}

func (s *server) run(ctx context.Context) error {
	if err := s.connect(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.command.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	// A batch that is out when the process dies comes back when the file is opened, so nothing need come back earlier: a
	// first listing may take hours at a provider's quota.
	var err error
	s.db, err = bolt.Open(filepath.Join(s.command.Data, databaseName), bolt.Options{Visibility: 24 * time.Hour})
	if err != nil {
		return err
	}
	defer s.db.Close()
	s.bell = boot.NewBell(s.db)
	s.log.Info("serving", "mailboxes", len(s.mailboxes.IDs()), "data", s.command.Data, "notifications", s.env.URL != "")

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	start := func(what string, f func(context.Context) error) {
		group.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	if s.env.URL != "" {
		listener, err := net.Listen("tcp", s.env.Listen)
		if err != nil {
			return fmt.Errorf("listen for notifications at POSTROOM_LISTEN: %w", err)
		}
		start("hooks", func(ctx context.Context) error { return s.hooks(ctx, listener) })
	}
	start("questions", s.questions)
	clock := s.clock()
	start("clock", func(ctx context.Context) error { return s.tick(ctx, clock) })
	start("worker", func(ctx context.Context) error { return s.worker(clock).Run(ctx, s.command.Workers, s.bell.Rings()) })
	<-ctx.Done()
	group.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	s.log.Info("stopped")
	return nil
}

// connect makes the ways to the tenants, real or simulated.
func (s *server) connect() (err error) {
	switch c := s.command; {
	case c.Simulate:
		world, err2 := boot.Simulate(s.manifest, boot.SimulationOptions{Now: s.app.now})
		if err2 != nil {
			return err2
		}
		s.clients, err = world.Clients(s.manifest)
		if err == nil {
			err = deliverDemoMail(world, s.manifest, s.app.now())
		}
	case c.GraphURL != "" || c.GmailURL != "":
		to := boot.Simulators{GraphURL: c.GraphURL, GmailURL: c.GmailURL}
		s.clients, err = to.Clients(s.manifest, boot.SimulationOptions{})
	default:
		s.clients, err = s.env.Clients(s.manifest)
	}
	if err != nil {
		return err
	}
	s.mailboxes, err = boot.Open(s.manifest, s.clients)
	return err
}

func (s *server) worker(clock *boot.Clock) *boot.Worker {
	return &boot.Worker{
		Early: clock.Early,
		Queue: s.db, Mailboxes: s.mailboxes, Now: s.app.now, Log: s.log, Random: mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())),
		Pipeline: &pipeline.Pipeline{Store: s.db, Hints: s.bell, Mailboxes: s.mailboxes.Get, Now: s.app.now},
		Synced: func(b pipeline.Batch, r pipeline.Report, err error) {
			if err == nil {
				s.log.Debug("synced", "mailbox", b.Mailbox, "hints", len(b.Hints), "source", b.Hints[0].Source,
					"messages", r.Messages, "events", r.Events, "writes", r.Writes, "resynced", r.Resynced)
			}
		},
	}
}

func (s *server) clock() *boot.Clock {
	return &boot.Clock{
		Mailboxes: s.mailboxes, Hints: s.bell, Watches: s.db, Clients: s.clients, Now: s.app.now, Log: s.log,
		Poll: s.command.Poll, Sweep: max(sweep, s.command.Poll), URL: s.env.URL, Topic: s.env.GoogleTopic, Rand: rand.Reader,
	}
}

// tick lets the clock do what is due, a little more often than mailboxes are polled.
func (s *server) tick(ctx context.Context, clock *boot.Clock) error {
	every := time.NewTicker(min(max(s.command.Poll/4, 10*time.Millisecond), time.Second))
	defer every.Stop()
	for {
		clock.Tick(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// hooks takes the providers' notifications until ctx ends.
func (s *server) hooks(ctx context.Context, listener net.Listener) error {
	graph := &web.Graph{Watches: s.db, Hints: s.bell, Now: s.app.now, Log: s.log}
	var google *web.Gmail
	if s.env.GoogleTopic != "" {
		audience := s.env.GoogleAudience
		if audience == "" {
			audience = s.env.URL + web.GmailPath
		}
		google = &web.Gmail{
			Keys: web.GoogleKeys(nil, s.app.now), Audience: audience, Account: s.env.GooglePushAccount, Subscription: s.env.GoogleSubscription,
			Mailbox: s.mailboxes.Ours, Hints: s.bell, Now: s.app.now, Log: s.log,
		}
	}
	mux, err := web.Mux(graph, google)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, listener, mux)
}

// serveHTTP serves until ctx ends, and then lets requests under way finish.
func serveHTTP(ctx context.Context, listener net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return srv.Shutdown(last)
}

// questions answers the why and status of another process while this one has the file. Mail is worked without them too.
func (s *server) questions(ctx context.Context) error {
	listener, err := listenForQuestions(s.command.Data)
	if err != nil {
		s.log.Warn("why and status cannot ask while this runs", "error", err.Error())
		return nil
	}
	return answerQuestions(ctx, listener, &records{store: s.db, watch: s.db, mailboxes: s.mailboxes.IDs(), waiting: s.db.Waiting})
}
