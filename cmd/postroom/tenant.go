package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/bolt"
)

const (
	// provisionName is the file in the data directory with the journal of what was provisioned, and the lock.
	provisionName = "provision.db"
	// simulatedName is the file in the data directory that keeps the tenants of --simulate from one command to the next.
	simulatedName = "simulated.json"
)

// tenantFlags say whose mailboxes a command looks at and changes.
type tenantFlags struct {
	Config   string `default:"postroom.yaml" help:"The manifest."`
	Data     string `default:"postroom-data" help:"The directory for the journal of changes and the lock. Made if missing."`
	Simulate bool   `help:"Simulate the tenants in this process, and keep them in the data directory from one command to the next. No account is needed."`

	GraphURL     string `name:"graph-url" placeholder:"URL" help:"Reach a simulated Microsoft Graph there, without credentials."`
	ExchangeURL  string `name:"exchange-url" placeholder:"URL" help:"Reach a simulated Exchange Online there, without credentials."`
	GmailURL     string `name:"gmail-url" placeholder:"URL" help:"Reach a simulated Gmail there, without credentials."`
	WorkspaceURL string `name:"workspace-url" placeholder:"URL" help:"Reach a simulated Google Workspace there, without credentials."`
}

// Validate is asked while the command line is read.
func (t *tenantFlags) Validate() error {
	if t.Simulate && t.simulators() {
		return errors.New("--simulate simulates in this process: leave --graph-url, --exchange-url, --gmail-url and --workspace-url out")
	}
	return nil
}

func (t *tenantFlags) simulators() bool {
	return t.GraphURL != "" || t.ExchangeURL != "" || t.GmailURL != "" || t.WorkspaceURL != ""
}

// written are the flags as they are written, for a command that is to be tried next.
func (t *tenantFlags) written() string {
	var b strings.Builder
	for _, f := range []struct{ name, value, usual string }{
		{"config", t.Config, "postroom.yaml"}, {"data", t.Data, "postroom-data"}, {"graph-url", t.GraphURL, ""},
		{"exchange-url", t.ExchangeURL, ""}, {"gmail-url", t.GmailURL, ""}, {"workspace-url", t.WorkspaceURL, ""},
	} {
		if f.value != f.usual {
			fmt.Fprintf(&b, " --%s %s", f.name, f.value)
		}
	}
	if t.Simulate {
		b.WriteString(" --simulate")
	}
	return b.String()
}

// tenants are the way to administer the mailboxes of a manifest.
type tenants struct {
	ways   *boot.Administrations
	estate provision.Estate
	flags  string // that led here
	now    func() time.Time
	wait   func(context.Context, time.Duration) error
	// keep notes down what has become of simulated tenants; nil for others.
	keep func(context.Context) error
	// world is the simulated tenants of this process; nil for others.
	world *boot.Simulation
}

// open makes the way to the tenants. It sends nothing to real ones.
func (t *tenantFlags) open(a *app, want []provision.Mailbox, mark string, e *exchangeFlags) (*tenants, error) {
	out := &tenants{flags: t.written(), now: a.now, wait: a.wait}
	shell, err := e.shell(a.now(), a.env("POSTROOM_GRAPH_TENANT"))
	if err != nil {
		return nil, err
	}
	o := boot.AdministrationOptions{Want: want, Mark: mark, Shell: shell, Now: a.now, Wait: a.wait}
	switch {
	case t.Simulate:
		err = t.simulate(a, out, o)
	case t.simulators():
		to := boot.Simulators{GraphURL: t.GraphURL, ExchangeURL: t.ExchangeURL, GmailURL: t.GmailURL, WorkspaceURL: t.WorkspaceURL}
		out.ways, err = to.Administrations(o)
	default:
		env, err2 := boot.LoadAdministration(a.env)
		if err2 != nil {
			return nil, err2
		}
		out.ways, err = env.Administrations(o)
	}
	if err != nil {
		return nil, err
	}
	if shell != nil {
		out.ways.Script = applyScript
	}
	out.estate = out.ways.Estate()
	return out, nil
}

// simulate makes the tenants anew from what was kept of them. Their clock goes on while a command waits, so that nobody has
// to wait for simulated delays.
func (t *tenantFlags) simulate(a *app, out *tenants, o boot.AdministrationOptions) (err error) {
	hand := clock.At(a.now())
	out.now, out.wait = hand.Now, hand.Wait
	o.Now, o.Wait = out.now, out.wait
	path := filepath.Join(t.Data, simulatedName)
	kept, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out.world = boot.SimulateTenants(boot.SimulationOptions{Now: out.now, Sleep: hand.Advance})
	if err := out.world.Restore(a.ctx, kept, o); err != nil {
		return fmt.Errorf("%s: %w: delete it to begin with empty tenants", path, err)
	}
	if out.ways, err = out.world.Administrations(o); err != nil {
		return err
	}
	out.keep = func(ctx context.Context) error {
		kept, err := out.world.Dump(ctx, kept, o)
		if err == nil {
			err = t.makeData()
		}
		if err == nil {
			err = replaceFile(path, kept)
		}
		return err
	}
	return nil
}

func (t *tenantFlags) makeData() error {
	if err := os.MkdirAll(t.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	return nil
}

// provisionFile opens the journal and the lock in the data directory.
func (t *tenantFlags) provisionFile() (*bolt.Provision, error) {
	if err := t.makeData(); err != nil {
		return nil, err
	}
	return bolt.OpenProvision(filepath.Join(t.Data, provisionName))
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err} // the name that somebody has given, not one of the moment
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// createFile writes a file that must not be there yet, through write.
func createFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		os.Remove(path)
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
