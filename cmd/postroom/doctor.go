package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
)

type doctorCommand struct {
	tenantFlags `embed:""`
	Only        []string `placeholder:"CHECK" help:"Look at nothing else than this check, such as quota; may be repeated."`
	JSON        bool     `name:"json" help:"Print one JSON object instead."`
	Refused     string   `placeholder:"ADDRESS" help:"A mailbox of the tenant that the manifest does not have, and that must refuse the app; instead of the manifest's control."`

	Table string `placeholder:"NAME" help:"Look at this DynamoDB table of a deployment on AWS (default: POSTROOM_TABLE)."`
	Queue string `placeholder:"URL" help:"Look at this SQS queue of hints (default: POSTROOM_QUEUE)."`
	Stack string `placeholder:"NAME" help:"Look at the alarms of this stack (default: POSTROOM_STACK)."`
}

// Help is shown below the flags.
func (c *doctorCommand) Help() string {
	return `One line a check: whether it is good, what was found, and below it the way to put it right. Nothing is changed, and no mail
is read. The exit code is 1 when anything is bad; a warning is not.

Examples:
  postroom doctor
  postroom doctor --refused ceo@contoso.com     the app must not reach this mailbox
  postroom doctor --only quota --only sign-in --json
  postroom doctor --stack postroom --table postroom-Table-1ABC --queue https://sqs.eu-central-1.amazonaws.com/1/postroom.fifo`
}

// checkManifest is the name of the check that the other ones are made by.
const checkManifest = "manifest"

// examineTimeout bounds one request that goes to no provider's API.
const examineTimeout = 15 * time.Second

// problems counts what is wrong with a manifest.
func problems(file string, data []byte) (int, bool) {
	_, err := manifest.Parse(file, data)
	wrong, ok := err.(*manifest.Errors)
	if !ok {
		return 0, false
	}
	return len(wrong.List) + wrong.More, true
}

// diagnosis is what --json prints.
type diagnosis struct {
	Findings []provision.Finding `json:"findings"`
	Bad      int                 `json:"bad"`
	Warnings int                 `json:"warnings"`
	Skipped  int                 `json:"skipped"`
}

// Run looks and tells. What is bad is the answer, so it goes to stdout.
func (c *doctorCommand) Run(a *app) error {
	env, err := boot.LoadAdministration(a.env)
	if err != nil {
		return err
	}
	env.Table, env.Queue, env.Stack = cmp.Or(c.Table, env.Table), cmp.Or(c.Queue, env.Queue), cmp.Or(c.Stack, env.Stack)
	data, err := readManifestFile(c.Config)
	if err != nil {
		return err
	}
	if wrong, ok := problems(c.Config, data); ok {
		return c.tell(a, []provision.Finding{{Check: checkManifest, Verdict: provision.Bad, Says: fmt.Sprintf("%s has %s", c.Config, count(wrong, "problem", "problems")),
			Fix: "run postroom validate " + c.Config}})
	}
	w, err := readWish(c.Config, nil)
	if err != nil {
		return err
	}
	found := []provision.Finding{{Check: checkManifest, Verdict: provision.Good, Says: c.Config + " is good"}}
	checks, closer, err := c.checks(a, env, w)
	if err != nil {
		return err
	}
	defer closer.Close()
	if err := knownChecks(c.Only, checks); err != nil {
		return err
	}
	if len(c.Only) > 0 && !slices.Contains(c.Only, checkManifest) {
		found = nil
	}
	found = append(found, boot.Examine(a.ctx, checks, c.Only)...)
	if err := a.ctx.Err(); err != nil {
		return fmt.Errorf("doctor: interrupted: %w", err)
	}
	return c.tell(a, found)
}

// knownChecks refuses the name of a check that there is none of: nothing found would look like nothing wrong.
func knownChecks(only []string, checks []boot.Check) error {
	known := names(checks)
	for _, name := range only {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--only %s: there is no such check here; there are %s", printable(name, 60), strings.Join(known, ", "))
		}
	}
	return nil
}

func (c *doctorCommand) tell(a *app, found []provision.Finding) error {
	d := diagnosis{Findings: found}
	for _, f := range found {
		switch f.Verdict {
		case provision.Bad:
			d.Bad++
		case provision.Warning:
			d.Warnings++
		case provision.Skipped:
			d.Skipped++
		}
	}
	var err error
	if c.JSON {
		err = writeJSON(a.stdout, d)
	} else {
		err = d.print(a.stdout, a.tty)
	}
	if err == nil && d.Bad > 0 {
		err = errSaid{}
	}
	return err
}

// print writes a line a finding, and one with its fix.
func (d *diagnosis) print(w io.Writer, colored bool) error {
	width := 0
	for _, f := range d.Findings {
		width = max(width, cells(f.Check))
	}
	var out strings.Builder
	for _, f := range d.Findings {
		says := printable(f.Says, 600)
		if f.Mailbox != "" {
			says = printable(string(f.Mailbox), maxShown) + ": " + says
		}
		fmt.Fprintf(&out, "%s  %s  %s\n", verdictShown(f.Verdict, colored), pad(f.Check, width), says)
		if f.Fix != "" {
			fmt.Fprintf(&out, "%*s  fix: %s\n", 7+2+width, "", printable(f.Fix, 1000))
		}
	}
	counts := []string{count(len(d.Findings)-d.Bad-d.Warnings-d.Skipped, "good", "good")}
	for _, n := range []struct {
		n         int
		one, many string
	}{{d.Warnings, "warning", "warnings"}, {d.Bad, "bad", "bad"}, {d.Skipped, "not looked at", "not looked at"}} {
		if n.n > 0 {
			counts = append(counts, count(n.n, n.one, n.many))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", out.String(), strings.Join(counts, ", "))
	return err
}

// verdictShown is a verdict in seven columns.
func verdictShown(v provision.Verdict, colored bool) string {
	text, color := string(v), ""
	switch v {
	case provision.Good:
		color = "32"
	case provision.Warning:
		color = "33"
	case provision.Bad:
		color = "31"
	}
	text = pad(printable(text, 7), 7)
	if !colored || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
