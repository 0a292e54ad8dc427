package boot

import (
	"context"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph"
)

// The names of the checks that are made of what the manifest wishes.
const (
	CheckCredentials = "credentials" // of the identities that work the mail
	CheckIdentity    = "identity"    // of those that administer the tenants
)

// graphChecks are what package msgraph calls its findings.
var graphChecks = []string{"graph-token", "graph-consent", "graph-clock", "graph-reach", "graph-purpose", "graph-control", "graph-subscription"}

// exchangeChecks are what package exchange calls its own, and so on.
var (
	exchangeChecks  = []string{"exchange-role", "mailbox", "sign-in", "sent-copies", "team", "other-rights", "auto-mapping", "quota", "reach", "control"}
	gmailChecks     = []string{gmail.CheckReach, gmail.CheckSettings, gmail.CheckDelegates, gmail.CheckControl, gmail.CheckStorage}
	workspaceChecks = []string{
		"workspace-access", "workspace-org-unit", "workspace-account", "workspace-mailbox", "workspace-licence", "workspace-front", "workspace-delegation",
	}
)

// Patients are what [TenantChecks] looks at. Parts that are not there are not looked at.
type Patients struct {
	Clients Clients          // work the mail
	Ways    *Administrations // administer the tenants
	Want    []provision.Mailbox
	// Control is a mailbox of each tenant that must refuse the app.
	Control map[inbox.Provider]inbox.Address
	URL     string // where Graph's notifications go, as far as it is known
	Polled  bool   // nobody is to be told of changes
}

// TenantChecks look at the tenants through the providers' own examinations. A provider at which nothing is wished is not
// looked at.
func TenantChecks(p Patients) (all []Check) {
	if p.Clients.Graph != nil && slices.ContainsFunc(p.Want, func(m provision.Mailbox) bool { return m.Provider == inbox.M365 }) {
		e := &msgraph.Examination{Client: p.Clients.Graph, Control: p.Control[inbox.M365]}
		if p.URL != "" {
			e.NotificationURL = p.URL + web.GraphPath
		}
		all = append(all, Check{Names: graphChecks, Look: func(ctx context.Context) []provision.Finding { return asPolled(e.Examine(ctx, p.Want), p.Polled) }})
	}
	if p.Ways != nil && p.Ways.Exchange != nil {
		var controls []inbox.MailboxID
		if c := p.Control[inbox.M365]; c != "" {
			controls = append(controls, inbox.MailboxID(c))
		}
		all = append(all, Check{Names: exchangeChecks, Look: func(ctx context.Context) []provision.Finding { return p.Ways.Exchange.Examine(ctx, p.Want, controls) }})
	}
	if p.Clients.Gmail != nil {
		e := &gmail.Examination{Client: p.Clients.Gmail, Control: p.Control[inbox.Gmail]}
		if p.Ways != nil {
			e.Settings = p.Ways.Settings
		}
		all = append(all, Check{Names: gmailChecks, Look: func(ctx context.Context) []provision.Finding { return e.Examine(ctx, p.Want) }})
	}
	if p.Ways != nil && p.Ways.Workspace != nil {
		all = append(all, Check{Names: workspaceChecks, Look: func(ctx context.Context) []provision.Finding { return p.Ways.Workspace.Examine(ctx, p.Want) }})
	}
	return all
}

// asPolled leaves out that nobody is told of changes where nobody is to be.
func asPolled(all []provision.Finding, polled bool) []provision.Finding {
	for i, f := range all {
		if polled && f.Check == "graph-subscription" && f.Verdict == provision.Warning {
			all[i] = provision.Finding{Check: f.Check, Mailbox: f.Mailbox, Verdict: provision.Skipped, Says: "it is polled: POSTROOM_URL is not set"}
		}
	}
	return all
}

// Told is a check that was made already.
func Told(name string, verdict provision.Verdict, says, fix string) Check {
	return Check{Names: []string{name}, Look: func(context.Context) []provision.Finding {
		return one(provision.Finding{Check: name, Verdict: verdict, Says: says, Fix: fix})
	}}
}
