package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

type applyCommand struct {
	File string `arg:"" optional:"" help:"A plan that plan -o has written. Without it one is made, shown and asked about."`

	tenantFlags   `embed:""`
	exchangeFlags `embed:""`
	Only          []string      `placeholder:"ADDRESS" help:"Change no other mailbox than this one; may be repeated."`
	AllowRemove   bool          `help:"Take away access, addresses and data too."`
	Yes           bool          `short:"y" help:"Do not ask."`
	Patience      time.Duration `default:"10m" help:"How long a step is waited for that the provider cannot do yet or does not show yet."`
	JSON          bool          `name:"json" help:"Print the report as one JSON object instead."`
}

// Help is shown below the flags.
func (c *applyCommand) Help() string {
	return `What is done is exactly what was shown. With a FILE the mailboxes are read again first, and a plan that is not what would be
planned now is refused. Every step is read back; at the end the mailboxes are compared once more.

Ctrl-C stops between two steps. Nothing is lost by that or by a crash: the same command goes on from there.

Exit codes:
  0  the mailboxes are as the manifest says
  1  a step failed, or it was stopped; what was done stays
  3  done, and something is left: for a person, held back, or not shown by the provider yet

Examples:
  postroom apply
  postroom apply plan.json
  postroom apply --yes --allow-remove --only support@contoso.com
  postroom apply --simulate                without an account`
}

// Validate is asked while the command line is read.
func (c *applyCommand) Validate() error {
	switch {
	case c.Patience < 0:
		return fmt.Errorf("--patience %v: how long is a time, such as 10m", c.Patience)
	case c.File != "" && len(c.Only) > 0:
		return errors.New("--only: a plan out of a file is applied as a whole; make it with plan --only")
	}
	return errors.Join(c.tenantFlags.Validate(), c.exchangeFlags.check(&c.tenantFlags))
}

// Run applies.
func (c *applyCommand) Run(a *app) error {
	w, err := readWish(c.Config, c.Only)
	if err != nil {
		return err
	}
	var plan provision.Plan
	if c.File != "" {
		if plan, err = c.read(w); err != nil {
			return err
		}
	}
	t, err := c.tenantFlags.open(a, w.mailboxes, w.mark(), &c.exchangeFlags)
	if err != nil {
		return err
	}
	if wrote, err := t.askByScript(a, w, &c.exchangeFlags); wrote || err != nil {
		return err
	}
	if c.File != "" {
		report, err := c.apply(a, t, w, plan)
		return c.tell(a, t, w, report, err)
	}
	if plan, ok := c.stopped(w); ok {
		fmt.Fprintf(c.words(a), "Going on with the plan of %s, which has not come to its end.\n\n", plan.Made.In(w.manifest.Location).Format(clockLayout))
		report, err := c.agreedAndApplied(a, t, w, plan)
		switch {
		case errors.Is(err, provision.ErrStale):
			fmt.Fprintf(c.words(a), "It does not fit any more: %s.\n\n", printable(err.Error(), 500))
		case err == nil && ended(&report) && c.AllowRemove && !plan.AllowRemove && !c.JSON:
			fmt.Fprintf(a.stdout, "That one is done. What it held back:\n\n")
		default:
			return c.tell(a, t, w, report, err)
		}
	}
	if plan, err = t.plan(a, w, c.AllowRemove); err != nil {
		return err
	}
	report, err := c.agreedAndApplied(a, t, w, plan)
	return c.tell(a, t, w, report, err)
}

// ended reports whether nothing of an applied plan is left to the same command.
func ended(r *provision.Report) bool { return r.Stopped == "" && r.Undone() == nil }

// agreedAndApplied asks about a plan that was made here, and applies it. It is kept until it has come to its end, without a
// step that failed: what a new mailbox gets is in this plan alone once the mailbox is there.
func (c *applyCommand) agreedAndApplied(a *app, t *tenants, w *wish, plan provision.Plan) (provision.Report, error) {
	if agreed, err := c.agreed(a, &plan); err != nil || !agreed {
		return provision.Report{}, err
	}
	path := filepath.Join(c.Data, underWayName)
	data, err := json.Marshal(&plan)
	if err == nil {
		err = c.makeData()
	}
	if err == nil {
		err = replaceFile(path, data)
	}
	if err != nil {
		return provision.Report{}, fmt.Errorf("keep the plan until it is done: %w", err)
	}
	report, err := c.apply(a, t, w, plan)
	if errors.Is(err, provision.ErrStale) || err == nil && ended(&report) {
		err = errors.Join(err, os.Remove(path))
	}
	return report, err
}

// underWayName is the file in the data directory with the plan that is being applied.
const underWayName = "applying.json"

// stopped is the plan that the last apply has not brought to its end, if it is about the same and may be applied.
func (c *applyCommand) stopped(w *wish) (provision.Plan, bool) {
	plan, err := readPlan(filepath.Join(c.Data, underWayName))
	if err != nil { // there is none as a rule, and what cannot be read is made anew
		return plan, false
	}
	return plan, plan.Manifest.SHA256 == w.source.SHA256 && slices.Equal(plan.Only, w.only) && (plan.Taking() == 0 || c.AllowRemove)
}

// words are for a person, and go nowhere beside a report that is for a program.
func (c *applyCommand) words(a *app) io.Writer {
	if c.JSON {
		return io.Discard
	}
	return a.stdout
}

// read takes a plan out of a file.
func (c *applyCommand) read(w *wish) (provision.Plan, error) {
	plan, err := readPlan(c.File)
	switch {
	case err != nil:
		return plan, err
	case plan.Manifest.SHA256 != w.source.SHA256:
		return plan, fmt.Errorf("%s was made for another content of %s: %w", c.File, c.Config, provision.ErrStale)
	case plan.Taking() > 0 && !c.AllowRemove:
		return plan, fmt.Errorf("%s takes away access, addresses or data in %s: look at it, and say --allow-remove", c.File, count(plan.Taking(), "step", "steps"))
	}
	return plan, nil
}

// agreed shows the plan, unless its report alone is wanted, and asks whether to go on.
func (c *applyCommand) agreed(a *app, plan *provision.Plan) (bool, error) {
	if !c.JSON {
		if err := plan.Table(a.stdout, a.tty); err != nil {
			return false, err
		}
	}
	switch {
	case len(plan.Steps) == 0:
		if !plan.Empty() {
			return false, errLeft{}
		}
		return false, nil
	case c.Yes:
		return true, nil
	case !a.asks || c.JSON:
		return false, errors.New("nobody can be asked here whether to do it: look at the plan, and say --yes")
	}
	fmt.Fprintf(a.stdout, "\nDo it? [y/N] ")
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(a.stdout, "Nothing was changed.")
	return false, errSaid{}
}

func (c *applyCommand) apply(a *app, t *tenants, w *wish, plan provision.Plan) (provision.Report, error) {
	file, err := c.provisionFile()
	if err != nil {
		return provision.Report{}, err
	}
	by := boot.By(a.env)
	holder, err := newHolder(by)
	if err != nil {
		return provision.Report{}, err
	}
	show := newProgress(a, c.JSON)
	run := &provision.Run{
		Estate: &t.estate, Journal: file, Locks: file, Holder: holder, By: by, Now: t.now, Wait: t.wait,
		Patience: cmp.Or(c.Patience, time.Nanosecond), Tell: show.tell,
	}
	report, err := run.Apply(a.ctx, w.mailboxes, plan)
	show.end()
	if t.keep != nil { // also when it was stopped: what was done is done
		err = errors.Join(err, t.keep(context.WithoutCancel(a.ctx)))
	}
	return report, err
}

// newHolder names a run in the lock. Whoever is kept out reads it.
func newHolder(by string) (string, error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return by + " (" + hex.EncodeToString(random[:]) + ")", nil
}

// tell prints the report and gives the way to end.
func (c *applyCommand) tell(a *app, t *tenants, w *wish, r provision.Report, failed error) error {
	switch {
	case errors.Is(failed, provision.ErrStale):
		return failed
	case len(r.Ended) == 0 && errors.Is(failed, context.Canceled):
		return errors.New("stopped before anything was done")
	case len(r.Ended) == 0 && (failed != nil || !c.JSON):
		return failed // or there was nothing to be done, and the plan has said so
	}
	var err error
	if c.JSON {
		err = writeJSON(a.stdout, &r)
	} else {
		err = r.Table(a.stdout, a.tty)
	}
	switch {
	case err != nil:
		return err
	case errors.Is(failed, context.Canceled):
		return errSaid{} // the report's last line is about it
	case failed != nil:
		return failed
	case r.Stopped != "" || r.Count(provision.Broke) > 0:
		return errSaid{}
	}
	if err := t.writeScript(a, w, &r); err != nil {
		return err
	}
	if !r.Complete() || r.Left != nil && !r.Left.Empty() {
		return errLeft{}
	}
	return nil
}
