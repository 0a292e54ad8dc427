package boot

import (
	"context"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/identity"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/workspace"
)

// Administers reports whether the deployment has an identity that administers the provider's mailboxes.
func (d Deployment) Administers(provider inbox.Provider) bool {
	switch provider {
	case inbox.M365:
		return d.ExchangeCredential != "" || d.SimulatedExchange != ""
	case inbox.Gmail:
		return d.WorkspaceCredential != "" || d.SimulatedWorkspace != ""
	}
	return false
}

// Administrations makes the ways to administer the tenants, by the identities that the deployment has for it. It sends nothing;
// what is wrong with an identity, the first request says. Where the deployment names a simulated tenant, no credential is used.
func (c *Credentials) Administrations(o AdministrationOptions) (*Administrations, error) {
	d := c.deployment
	if o.Now == nil {
		o.Now = c.from.Now
	}
	if d.SimulatedGraph != "" || d.SimulatedGmail != "" || d.SimulatedExchange != "" || d.SimulatedWorkspace != "" {
		to := Simulators{
			GraphURL: d.SimulatedGraph, GraphTransport: c.from.Transport, GmailURL: d.SimulatedGmail, GmailTransport: c.from.Transport,
			ExchangeURL: d.SimulatedExchange, ExchangeTransport: c.from.Transport, WorkspaceURL: d.SimulatedWorkspace, WorkspaceTransport: c.from.Transport,
		}
		return to.Administrations(o)
	}
	out := &Administrations{}
	m365, google := o.at()
	if m365 {
		if err := c.exchange(out, o); err != nil {
			return nil, err
		}
	}
	if len(google) == 0 {
		return out, nil
	}
	var err error
	out.Workspace, err = workspace.New(workspace.Config{Tokens: c.workspaceTokens(), Transport: c.from.Transport, Now: o.Now, Wait: o.Wait})
	if err != nil {
		return nil, err
	}
	out.Settings, err = gmail.NewSettings(gmail.Config{Tokens: c.settingsTokens(), Transport: c.from.Transport, Mailboxes: google, Now: o.Now, Sleep: o.Wait})
	return out, err
}

// exchange makes both halves of the administration at Microsoft 365: Exchange by the app that is for it, and the categories by
// the one that works the mail.
func (c *Credentials) exchange(out *Administrations, o AdministrationOptions) error {
	d := c.deployment
	root, err := exchange.CloudNamed(d.GraphCloud)
	if err != nil {
		return misconfigured("Exchange", "set POSTROOM_GRAPH_CLOUD to global, usgov, usgov-dod or china")
	}
	admin := d
	admin.GraphClient, admin.GraphCredential, admin.GraphSecret, admin.GraphLapses = d.ExchangeClient, d.ExchangeCredential, d.ExchangeSecret, d.ExchangeLapses
	credential := (&Credentials{deployment: admin, from: c.from}).graphCredential()
	shell, err := exchange.NewEndpoint(exchange.Options{
		Tenant: d.GraphTenant, Cloud: root, Credential: credential, Transport: c.from.Transport, Now: o.Now, Wait: o.Wait,
	})
	if err != nil {
		return err
	}
	cloud, err := msgraph.CloudNamed(d.GraphCloud)
	if err != nil {
		return err
	}
	graph, err := msgraph.NewClient(msgraph.Options{Cloud: cloud, Credential: c.graph, Transport: c.from.Transport, Now: o.Now})
	if err != nil {
		return err
	}
	return out.microsoft(o, shell, graph)
}

// workspaceTokens act for the administrator that the deployment names.
func (c *Credentials) workspaceTokens() workspace.Tokens {
	d := c.deployment
	if d.WorkspaceCredential == "federated" {
		return func(scopes ...string) (oauth2.TokenSource, error) {
			tokens, err := c.workspaceFederation(scopes)
			if err != nil {
				return nil, err
			}
			return tokens(inbox.MailboxID(d.WorkspaceAdmin))
		}
	}
	return func(scopes ...string) (oauth2.TokenSource, error) {
		key, err := c.workspaceKey()
		if err != nil {
			return nil, err
		}
		tokens, err := workspace.ServiceAccount(key, d.WorkspaceAdmin, c.from.Transport)
		if err != nil {
			return nil, c.noWorkspaceKey(err)
		}
		return tokens(scopes...)
	}
}

// settingsTokens act for the mailboxes themselves, whose settings no administrator has.
func (c *Credentials) settingsTokens() gmail.Tokens {
	return func(mailbox inbox.MailboxID) (oauth2.TokenSource, error) {
		if c.deployment.WorkspaceCredential == "federated" {
			tokens, err := c.workspaceFederation(gmail.SettingsScopes())
			if err != nil {
				return nil, err
			}
			return tokens(mailbox)
		}
		key, err := c.workspaceKey()
		if err != nil {
			return nil, err
		}
		tokens, err := gmail.ServiceAccount(key, c.from.Transport, gmail.SettingsScopes()...)
		if err != nil {
			return nil, c.noWorkspaceKey(err)
		}
		return tokens(mailbox)
	}
}

func (c *Credentials) workspaceFederation(scopes []string) (gmail.Tokens, error) {
	d := c.deployment
	tokens, err := gmail.Federation{
		Provider: d.WorkspaceProvider, Account: d.WorkspaceAccount, Scopes: scopes, Transport: c.from.Transport, Now: c.from.Now,
		Proof: identity.Caller{Credentials: c.from.AWS, Region: c.from.Region, Now: c.from.Now}.Proof,
	}.Tokens()
	if err != nil {
		return nil, &pipeline.Permanent{What: "the deployment's credential for Google Workspace", Err: err,
			Fix: "correct POSTROOM_WORKSPACE_PROVIDER and POSTROOM_WORKSPACE_ACCOUNT"}
	}
	return tokens, nil
}

// workspaceKey is read for each kind of token, a few times in an invocation, so that a new one is taken up at once.
func (c *Credentials) workspaceKey() ([]byte, error) {
	if c.deployment.WorkspaceCredential != "key" {
		return nil, misconfigured("Google Workspace", "set POSTROOM_WORKSPACE_CREDENTIAL to federated or key")
	}
	ctx, cancel := context.WithTimeout(context.Background(), secretTime)
	defer cancel()
	return identity.Secret(ctx, c.from.Secrets, c.deployment.WorkspaceSecret)
}

func (c *Credentials) noWorkspaceKey(err error) error {
	return &pipeline.Permanent{What: "the key in " + c.deployment.WorkspaceSecret, Err: err, Fix: "store the downloaded file in that secret as it is"}
}

// Wait waits by the machine's clock, or until the context ends, whose error it gives then. Any number may wait at once.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
