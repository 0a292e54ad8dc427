package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/workspace"
)

// Administrations are the ways to administer the tenants. Those of a vendor that nothing is wished at are nil.
type Administrations struct {
	Shell     exchange.Shell // runs Exchange's cmdlets
	Exchange  *exchange.Admin
	Graph     *msgraph.Administration
	Workspace *workspace.Admin
	Settings  *gmail.Settings
	// Script, where set, is the file in which steps at Exchange are written down for an administrator to run; Shell then
	// answers from what such a script has read.
	Script string
}

// Estate is all of them together.
func (a *Administrations) Estate() provision.Estate {
	var e provision.Estate
	switch {
	case a.Exchange != nil && a.Script != "":
		e.Admins = append(e.Admins, scripted{a.Exchange, a.Script}, a.Graph)
	case a.Exchange != nil:
		e.Admins = append(e.Admins, a.Exchange, a.Graph)
	}
	if a.Workspace != nil {
		e.Admins = append(e.Admins, a.Workspace, a.Settings)
	}
	return e
}

// AdministrationOptions say what administrations are for. Zero fields take the machine's clock, and wait by it.
type AdministrationOptions struct {
	Want []provision.Mailbox // which vendors there are, and which mailboxes at Google may be reached
	Mark string              // the property that carries the mark of the app's reach; empty: exchange.DefaultMark
	// Shell runs Exchange's cmdlets instead of the endpoint.
	Shell exchange.Shell
	Now   func() time.Time
	Wait  func(context.Context, time.Duration) error
}

// at says which vendors something is wished at, and of which mailboxes at Google.
func (o AdministrationOptions) at() (m365 bool, google []inbox.MailboxID) {
	for _, m := range o.Want {
		switch {
		case m.Provider == inbox.M365:
			m365 = true
		case m.Provider == inbox.Gmail && m.Address != "":
			google = append(google, m.Address)
		}
	}
	return m365, google
}

// microsoft makes both halves of a tenant's administration at Microsoft 365.
func (a *Administrations) microsoft(o AdministrationOptions, shell exchange.Shell, graph *msgraph.Client) (err error) {
	a.Shell, a.Graph = shell, &msgraph.Administration{Client: graph, Wait: o.Wait}
	a.Exchange, err = exchange.New(shell, o.Mark)
	return err
}

// Administrations makes the ways to the real tenants. It sends nothing; errors hold no secret.
func (a Administration) Administrations(o AdministrationOptions) (*Administrations, error) {
	out := &Administrations{}
	m365, google := o.at()
	if m365 {
		shell := o.Shell
		if shell == nil {
			endpoint, err := a.endpoint(o)
			if err != nil {
				return nil, err
			}
			shell = endpoint
		}
		graph, err := a.graph()
		if err == nil {
			err = out.microsoft(o, shell, graph)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(google) > 0 {
		if err := a.google(out, o, google); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a Administration) endpoint(o AdministrationOptions) (*exchange.Endpoint, error) {
	app, err := a.exchangeApp()
	if err != nil {
		return nil, err
	}
	root, err := exchange.CloudNamed(a.GraphCloud)
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_GRAPH_CLOUD: %w", err)
	}
	credential, err := appCredential(app, "EXCHANGE", a.ExchangeSecret, a.ExchangeCertificate, a.ExchangeCertificatePassword)
	if err != nil {
		return nil, err
	}
	return exchange.NewEndpoint(exchange.Options{Tenant: a.GraphTenant, Cloud: root, Credential: credential, Now: o.Now, Wait: o.Wait})
}

func (a Administration) google(out *Administrations, o AdministrationOptions, mailboxes []inbox.MailboxID) error {
	if a.WorkspaceKey == "" || a.WorkspaceAdmin == "" {
		return errors.New("the manifest has mailboxes at Google: set POSTROOM_WORKSPACE_KEY to the file of the key of the service account that administers " +
			"Google Workspace, and POSTROOM_WORKSPACE_ADMIN to the administrator it acts as (docs/provisioning.md)")
	}
	key, err := readKey("POSTROOM_WORKSPACE_KEY", a.WorkspaceKey)
	if err != nil {
		return err
	}
	directory, err := workspace.ServiceAccount(key, string(a.WorkspaceAdmin), nil)
	if err != nil {
		return fmt.Errorf("POSTROOM_WORKSPACE_KEY: %w", err)
	}
	settings, err := gmail.ServiceAccount(key, nil, gmail.SettingsScopes()...)
	if err != nil {
		return fmt.Errorf("POSTROOM_WORKSPACE_KEY: %w", err)
	}
	if out.Workspace, err = workspace.New(workspace.Config{Tokens: directory, Now: o.Now, Wait: o.Wait}); err != nil {
		return err
	}
	out.Settings, err = gmail.NewSettings(gmail.Config{Tokens: settings, Mailboxes: mailboxes, Now: o.Now, Sleep: o.Wait})
	return err
}

// Administrations makes the ways to the simulators, which take any request as signed. It fails when something is wished at a
// vendor one of whose simulators is not named, because the real one is never meant.
func (to Simulators) Administrations(o AdministrationOptions) (*Administrations, error) {
	out := &Administrations{}
	m365, google := o.at()
	if m365 {
		shell := o.Shell
		switch {
		case to.GraphURL == "":
			return nil, errors.New("the manifest has mailboxes at Microsoft 365: name a simulated Microsoft Graph too")
		case to.ExchangeURL == "" && shell == nil:
			return nil, errors.New("the manifest has mailboxes at Microsoft 365: name a simulated Exchange Online too")
		case shell == nil:
			endpoint, err := exchange.NewEndpoint(exchange.Options{
				Tenant: simulatedTenant, BaseURL: to.ExchangeURL, Transport: to.ExchangeTransport, Now: o.Now, Wait: o.Wait,
			})
			if err != nil {
				return nil, err
			}
			shell = endpoint
		}
		graph, err := msgraph.NewClient(msgraph.Options{BaseURL: to.GraphURL, Transport: to.GraphTransport, Now: o.Now})
		if err == nil {
			err = out.microsoft(o, shell, graph)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(google) == 0 {
		return out, nil
	}
	if to.GmailURL == "" || to.WorkspaceURL == "" {
		return nil, errors.New("the manifest has mailboxes at Google: name a simulated Gmail and a simulated Google Workspace too")
	}
	token := func(name string) oauth2.TokenSource {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + name})
	}
	var err error
	out.Workspace, err = workspace.New(workspace.Config{
		Endpoints: workspace.At(to.WorkspaceURL), Transport: to.WorkspaceTransport, Now: o.Now, Wait: o.Wait,
		Tokens: func(...string) (oauth2.TokenSource, error) { return token("admin"), nil },
	})
	if err != nil {
		return nil, err
	}
	out.Settings, err = gmail.NewSettings(gmail.Config{
		Endpoint: to.GmailURL, Transport: to.GmailTransport, Mailboxes: google, Now: o.Now, Sleep: o.Wait,
		Tokens: func(id inbox.MailboxID) (oauth2.TokenSource, error) { return token(string(id)), nil },
	})
	return out, err
}

// simulatedTenant is the id of the simulated tenant at Microsoft 365.
const simulatedTenant = "11111111-2222-3333-4444-555555555555"
