package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

type planCommand struct {
	tenantFlags   `embed:""`
	exchangeFlags `embed:""`
	Only          []string `placeholder:"ADDRESS" help:"Plan for no other mailbox than this one; may be repeated. The word tenant is for what concerns no single mailbox."`
	AllowRemove   bool     `help:"Let the plan take away access, addresses and data too."`
	Output        string   `name:"output" short:"o" placeholder:"FILE" help:"Write the plan to a file too, for apply to do exactly that."`
	JSON          bool     `name:"json" help:"Print the plan as one JSON object instead."`
	Markdown      bool     `help:"Print the plan as Markdown instead, for a pull request."`
	ExitCode      bool     `help:"End with the code 3 when there is anything to be done, held back or not to be read."`
}

// Help is shown below the flags.
func (c *planCommand) Help() string {
	return `The mailboxes are read and compared with the manifest; nothing is changed. What would take away access, an address or data
is held back, and shown, unless --allow-remove is given.

Examples:
  postroom plan
  postroom plan -o plan.json && postroom apply plan.json
  postroom plan --only support@contoso.com --allow-remove
  postroom plan --markdown --exit-code      in a pull request
  postroom plan --simulate                  without an account`
}

// Validate is asked while the command line is read.
func (c *planCommand) Validate() error {
	if c.JSON && c.Markdown {
		return errors.New("--json and --markdown: choose one")
	}
	return errors.Join(c.tenantFlags.Validate(), c.exchangeFlags.check(&c.tenantFlags))
}

// Run reads, compares and prints.
func (c *planCommand) Run(a *app) error {
	w, err := readWish(c.Config, c.Only)
	if err != nil {
		return err
	}
	t, err := c.tenantFlags.open(a, w.mailboxes, w.mark(), &c.exchangeFlags)
	if err != nil {
		return err
	}
	if wrote, err := t.askByScript(a, w, &c.exchangeFlags); wrote || err != nil {
		return err
	}
	plan, err := t.plan(a, w, c.AllowRemove)
	if err != nil {
		return err
	}
	if c.Output != "" {
		data, err := json.MarshalIndent(plan, "", "  ")
		if err == nil {
			err = replaceFile(c.Output, append(data, '\n'))
		}
		if err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
	}
	switch {
	case c.JSON:
		err = writeJSON(a.stdout, &plan)
	case c.Markdown:
		err = plan.Markdown(a.stdout)
	default:
		err = plan.Table(a.stdout, a.tty)
		if err == nil && c.Output != "" && len(plan.Steps) > 0 {
			_, err = fmt.Fprintf(a.stdout, "\nThe plan is in %s: postroom apply %s%s does exactly that.\n", c.Output, c.Output, c.again(&plan))
		}
	}
	if err == nil && c.ExitCode && !plan.Empty() {
		err = errLeft{}
	}
	return err
}

// again are the flags that apply needs as well.
func (c *planCommand) again(p *provision.Plan) string {
	flags := c.tenantFlags.written() + c.exchangeFlags.written()
	if p.Taking() > 0 {
		flags += " --allow-remove"
	}
	return flags
}

// wish is what a manifest asks for.
type wish struct {
	manifest  *manifest.Manifest
	source    provision.Source
	mailboxes []provision.Mailbox
	only      []inbox.MailboxID
}

// mark is the property that carries the mark of the app's reach.
func (w *wish) mark() string { return w.manifest.Mark() }

// tenantWord stands for the tenant itself where a mailbox's address may stand.
const tenantWord = "tenant"

// readWish reads the manifest, and of its mailboxes those that a command is limited to.
func readWish(file string, only []string) (*wish, error) {
	data, err := readManifestFile(file)
	if err != nil {
		return nil, err
	}
	m, err := goodManifest(file, data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	w := &wish{manifest: m, source: provision.Source{Name: file, SHA256: hex.EncodeToString(sum[:])}, mailboxes: m.Desired()}
	for _, address := range only {
		id := inbox.MailboxID(strings.ToLower(strings.TrimSpace(address)))
		if id == tenantWord {
			id = ""
		}
		if !slices.ContainsFunc(w.mailboxes, func(b provision.Mailbox) bool { return b.Address == id }) {
			if id == "" {
				return nil, fmt.Errorf("--only tenant: %s asks for nothing that concerns the tenant itself", file)
			}
			return nil, fmt.Errorf("--only %s: %s has no such mailbox", printable(address, maxShown), file)
		}
		if !slices.Contains(w.only, id) {
			w.only = append(w.only, id)
		}
	}
	return w, nil
}

// plan reads the tenants and says what is to be done.
func (t *tenants) plan(a *app, w *wish, allowRemove bool) (provision.Plan, error) {
	return t.estate.Plan(a.ctx, w.mailboxes, provision.Options{
		Manifest: w.source, Made: t.now().UTC(), AllowRemove: allowRemove, Only: w.only,
	})
}

// readPlan reads what "plan -o" wrote.
func readPlan(file string) (provision.Plan, error) {
	f, err := os.Open(file)
	if err != nil {
		return provision.Plan{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPlan+1))
	if err != nil {
		return provision.Plan{}, err
	}
	if len(data) > maxPlan {
		return provision.Plan{}, fmt.Errorf("%s: longer than any plan", file)
	}
	p, err := provision.ReadPlan(data)
	if err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// maxPlan bounds the file of a plan in bytes.
const maxPlan = 64 << 20
