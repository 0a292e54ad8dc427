package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/dynamo"
)

// examination is what doctor's checks are made of.
type examination struct {
	command *doctorCommand
	app     *app
	env     boot.Administration
	wish    *wish
	close   []io.Closer
}

// Close lets go of what the checks held.
func (x *examination) Close() error {
	var failed error
	for _, c := range x.close {
		failed = errors.Join(failed, c.Close())
	}
	return failed
}

// checks are all that can be looked at from here, in the order in which they are told.
func (c *doctorCommand) checks(a *app, env boot.Administration, w *wish) ([]boot.Check, io.Closer, error) {
	x := &examination{command: c, app: a, env: env, wish: w}
	tenants, err := x.tenants()
	if err != nil {
		return nil, nil, err
	}
	all := append(x.credentials(), tenants...)
	if c.Simulate {
		return all, x, nil
	}
	web := &http.Client{Timeout: examineTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	all = append(all, boot.HookCheck(web, env.URL, rand.Reader), x.watches(), boot.ClockCheck(web, x.clocks(), a.now))
	onAWS, err := x.aws()
	return append(all, onAWS...), x, err
}

// credentials look when those of the environment end.
func (x *examination) credentials() []boot.Check {
	if x.command.Simulate || x.command.simulators() && x.env.GraphCertificate == "" && x.env.ExchangeCertificate == "" {
		return nil
	}
	endings, err := x.env.Endings(x.wish.manifest)
	all := []boot.Check{boot.LapseCheck(endings, x.app.now)}
	if err != nil {
		all = append(all, boot.Told(boot.CheckLapse, provision.Bad, err.Error(), ""))
	}
	return all
}

// tenants look at the tenants, as far as there are identities for it.
func (x *examination) tenants() ([]boot.Check, error) {
	c, m := x.command, x.wish.manifest
	p := boot.Patients{Want: x.wish.mailboxes, URL: x.env.URL, Polled: x.env.URL == "" && x.env.Table == "", Control: m.Controls()}
	if c.Refused != "" {
		p.Control = map[inbox.Provider]inbox.Address{}
		for _, b := range m.Mailboxes() {
			p.Control[b.Provider] = inbox.Address(c.Refused)
		}
	}
	var all []boot.Check
	t, err := c.open(x.app, x.wish.mailboxes, x.wish.mark(), &exchangeFlags{})
	switch {
	case err == nil:
		p.Ways = t.ways
	case c.Simulate || c.simulators():
		return nil, err
	default:
		all = append(all, boot.Told(boot.CheckIdentity, provision.Skipped, "nothing is administered from here", err.Error()))
	}
	switch {
	case c.Simulate:
		p.Clients, err = t.world.Clients(m)
	case c.simulators():
		to := boot.Simulators{GraphURL: c.GraphURL, GmailURL: c.GmailURL}
		p.Clients, err = to.Clients(m, boot.SimulationOptions{Now: x.app.now})
	default:
		p.Clients, err = x.env.Clients(m)
	}
	if err != nil {
		all = append(all, boot.Told(boot.CheckCredentials, provision.Bad, "the mail cannot be worked from here", err.Error()))
	}
	return append(all, boot.TenantChecks(p)...), nil
}

// clocks are whose Date this machine's clock is compared with, beside what Graph's own check does.
func (x *examination) clocks() []string {
	if x.command.simulators() {
		if x.command.GmailURL != "" {
			return []string{x.command.GmailURL}
		}
		return nil
	}
	for _, b := range x.wish.manifest.Mailboxes() {
		if b.Provider == manifest.Gmail {
			return []string{"https://gmail.googleapis.com/"}
		}
	}
	return nil
}

// watches looks at those that were kept: by the deployment, by a process that serves, or in its file.
func (x *examination) watches() boot.Check {
	m, url, topic, now := x.wish.manifest, x.env.URL, x.env.GoogleTopic, x.app.now
	if x.env.Table != "" {
		c, err := config.LoadDefaultConfig(x.app.ctx)
		if err != nil {
			return boot.WatchCheck(m, nil, err.Error(), url, topic, now)
		}
		table := dynamo.Open(dynamodb.NewFromConfig(c), x.env.Table, dynamo.Options{Now: now})
		return boot.WatchCheck(m, table.WatchesOf, "", url, topic, now)
	}
	asked, closer, err := openAnswers(x.app.ctx, x.command.Data, mailboxIDs(m))
	if err != nil {
		return boot.WatchCheck(m, nil, err.Error(), url, topic, now)
	}
	x.close = append(x.close, closer)
	of := func(ctx context.Context, id inbox.MailboxID) ([]pipeline.Watch, error) { return asked.watches(ctx, id) }
	return boot.WatchCheck(m, of, "", url, topic, now)
}

// aws looks at a deployment, with the credentials that AWS's own tools take.
func (x *examination) aws() ([]boot.Check, error) {
	if x.env.Table == "" && x.env.Queue == "" && x.env.Stack == "" {
		return nil, nil
	}
	c, err := config.LoadDefaultConfig(x.app.ctx)
	if err != nil {
		return nil, err
	}
	var all []boot.Check
	if x.env.Table != "" {
		all = append(all, boot.TableCheck(dynamodb.NewFromConfig(c), x.env.Table))
	}
	if x.env.Queue != "" {
		all = append(all, boot.QueueCheck(sqs.NewFromConfig(c), x.env.Queue))
	}
	if x.env.Stack != "" {
		all = append(all, boot.AlarmsCheck(cloudwatch.NewFromConfig(c), x.env.Stack))
	}
	return all, nil
}

// names lists the checks, each once.
func names(checks []boot.Check) []string {
	known := map[string]bool{checkManifest: true}
	for _, c := range checks {
		for _, name := range c.Names {
			known[name] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}
