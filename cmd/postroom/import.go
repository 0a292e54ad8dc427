package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

type importCommand struct {
	Address []string `arg:"" help:"The address of a mailbox that exists; several may be given."`

	tenantFlags `embed:""`
	Output      string `name:"output" short:"o" placeholder:"FILE" help:"Write a manifest of just these mailboxes to a new file, instead of adding them to the manifest."`
	Provider    string `enum:",m365,gmail" default:"" placeholder:"m365|gmail" help:"Where the mailboxes are, where both could be."`
}

// Help is shown below the flags.
func (c *importCommand) Help() string {
	return `What is true of the mailboxes is read and written down, so that the next plan has nothing to do for them: people with access
become members, with the role that fits their rights. Without a manifest, or with -o, a new file is written; else the mailboxes
are added to the manifest, of which nothing else changes. Then a plan is made to see whether it is empty.

Examples:
  postroom import support@contoso.com jobs@contoso.com
  postroom import support@contoso.com -o support.yaml
  postroom import hello@contoso.com --provider gmail`
}

// Run reads the mailboxes and writes them down.
func (c *importCommand) Run(a *app) error {
	file, old, err := c.into()
	if err != nil {
		return err
	}
	mark, zone := "", machineZone(a.env)
	if m, err := readManifest(c.Config); err == nil { // which -o does not touch
		zone = m.Location.String()
	}
	if old != nil {
		m, err := goodManifest(file, old)
		if err != nil {
			return err
		}
		mark = m.Mark()
	}
	found, err := c.read(a, mark, zone)
	if err != nil {
		return err
	}
	var notes []string
	o := manifest.WriteOptions{Tell: func(note string) { notes = append(notes, note) }}
	data, verb := []byte(nil), "added to "
	if old == nil {
		verb = "written to "
		data, err = manifest.Write(found, o)
	} else {
		data, err = manifest.Insert(file, old, found, o)
	}
	if err != nil {
		return err
	}
	if err := c.save(file, old, data); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s %s%s.\n", count(len(found), "mailbox is", "mailboxes are"), verb, file)
	for _, note := range notes {
		fmt.Fprintf(a.stdout, "  %s\n", printable(note, 1000))
	}
	return c.check(a, file)
}

// into is the file to write, with its content where it is there already and is to be added to.
func (c *importCommand) into() (file string, old []byte, err error) {
	if file = c.Output; file != "" {
		if _, err := os.Lstat(file); err == nil {
			return "", nil, fmt.Errorf("%s is there already: name another file, or leave -o out to add to the manifest", file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
		return file, nil, nil
	}
	old, err = os.ReadFile(c.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return c.Config, nil, nil
	}
	return c.Config, old, err
}

// save writes the manifest: a new file only where there is none, and one that was added to only if nobody has changed it
// meanwhile.
func (c *importCommand) save(file string, old, data []byte) error {
	if old == nil {
		return createFile(file, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, old) {
		return errors.Join(err, fmt.Errorf("%s has changed meanwhile: nothing was written; run it again", file))
	}
	return replaceFile(file, data)
}

// read finds the mailboxes, at the provider that has them. A time zone that is several here and one to Exchange is taken for
// the given one where that is among them.
func (c *importCommand) read(a *app, mark, zone string) ([]provision.Mailbox, error) {
	at := []inbox.Provider{inbox.M365, inbox.Gmail}
	if c.Provider != "" {
		at = []inbox.Provider{inbox.Provider(c.Provider)}
	}
	where := map[inbox.MailboxID][]provision.Mailbox{}
	var closed []error
	for _, provider := range at {
		want := make([]provision.Mailbox, len(c.Address))
		for i, address := range c.Address {
			if !plainAddress(address) {
				return nil, fmt.Errorf("%s is no address", printable(address, maxShown))
			}
			want[i] = provision.Mailbox{Address: inbox.MailboxID(strings.ToLower(address)), Provider: provider}
			if provider == inbox.M365 { // the other one has no time zones, and without a wish tells everything
				want[i].Facts = map[provision.Fact]string{{Aspect: provision.TimeZone}: zone}
			}
		}
		t, err := c.open(a, want, mark, &exchangeFlags{})
		if err != nil {
			closed = append(closed, err)
			continue
		}
		have, err := t.estate.Read(a.ctx, want, nil)
		if err != nil {
			return nil, err
		}
		for _, m := range have {
			if m.Exists() && slices.ContainsFunc(want, func(w provision.Mailbox) bool { return w.Address == m.Address }) {
				where[m.Address] = append(where[m.Address], m)
			}
		}
	}
	if len(closed) == len(at) {
		return nil, errors.Join(closed...)
	}
	var found []provision.Mailbox
	for _, address := range c.Address {
		id := inbox.MailboxID(strings.ToLower(address))
		switch list := where[id]; {
		case len(list) > 1:
			return nil, fmt.Errorf("both Microsoft 365 and Google Workspace have a mailbox %s: say --provider", id)
		case len(list) == 0:
			return nil, errors.Join(append([]error{fmt.Errorf("there is no mailbox %s", id)}, closed...)...)
		case !slices.ContainsFunc(found, func(m provision.Mailbox) bool { return m.Address == id }):
			found = append(found, list[0])
		}
	}
	return found, nil
}

// check makes a plan for what was written: nothing shall have to be done.
func (c *importCommand) check(a *app, file string) error {
	w, err := readWish(file, c.Address)
	if err != nil {
		return err
	}
	var of []provision.Mailbox // of their providers alone, for there may be no identity for the others
	for _, m := range w.mailboxes {
		if slices.Contains(w.only, m.Address) {
			of = append(of, m)
		}
	}
	w.mailboxes = of
	t, err := c.open(a, of, w.mark(), &exchangeFlags{})
	if err != nil {
		return err
	}
	plan, err := t.plan(a, w, false)
	if err != nil {
		return err
	}
	if plan.Empty() {
		_, err = fmt.Fprintln(a.stdout, "A plan for it is empty: everything is as it was written.")
		return err
	}
	fmt.Fprintf(a.stdout, "A plan for it is not empty:\n\n")
	if err := plan.Table(a.stdout, a.tty); err != nil {
		return err
	}
	return errLeft{}
}
