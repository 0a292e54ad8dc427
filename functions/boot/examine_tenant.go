package boot

import (
	"context"
	"fmt"

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
	CheckMembers     = "members"
)

// graphChecks are what package msgraph calls its findings.
var graphChecks = []string{"graph-token", "graph-consent", "graph-clock", "graph-reach", "graph-purpose", "graph-control", "graph-subscription"}

// gmailChecks are what package gmail calls its own.
var gmailChecks = []string{gmail.CheckReach, gmail.CheckSettings, gmail.CheckDelegates, gmail.CheckControl, gmail.CheckStorage}

// Patients are what [TenantChecks] looks at. Parts that are not there are not looked at.
type Patients struct {
	Clients Clients          // work the mail
	Ways    *Administrations // administer the tenants
	Want    []provision.Mailbox
	// Control is a mailbox of each tenant that must refuse the app.
	Control map[inbox.Provider]inbox.Address
	URL     string // where Graph's notifications go; empty: mailboxes are polled
}

// TenantChecks look at the tenants through the providers' own examinations.
func TenantChecks(p Patients) (all []Check) {
	if p.Clients.Graph != nil {
		e := &msgraph.Examination{Client: p.Clients.Graph, Control: p.Control[inbox.M365]}
		if p.URL != "" {
			e.NotificationURL = p.URL + web.GraphPath
		}
		all = append(all, Check{Names: graphChecks, Look: func(ctx context.Context) []provision.Finding { return e.Examine(ctx, p.Want) }})
	}
	if p.Clients.Gmail != nil {
		e := &gmail.Examination{Client: p.Clients.Gmail, Control: p.Control[inbox.Gmail]}
		if p.Ways != nil {
			e.Settings = p.Ways.Settings
		}
		all = append(all, Check{Names: gmailChecks, Look: func(ctx context.Context) []provision.Finding { return e.Examine(ctx, p.Want) }})
	}
	return append(all, membersCheck(p.Want))
}

// manyMembers is how many people Microsoft advises to use a shared mailbox at once ("About shared mailboxes"); Gmail's own
// number is in package gmail.
const manyMembers = 25

// membersCheck counts the people who may open each mailbox at Microsoft 365 by the wish.
func membersCheck(want []provision.Mailbox) Check {
	return Check{Names: []string{CheckMembers}, Look: func(context.Context) (all []provision.Finding) {
		for _, m := range want {
			if m.Provider != inbox.M365 || m.Address == "" {
				continue
			}
			n := 0
			for f := range m.Facts {
				if f.Aspect == provision.Open {
					n++
				}
			}
			f := provision.Finding{Check: CheckMembers, Mailbox: m.Address, Verdict: provision.Good, Says: fmt.Sprintf("%d may open it", n)}
			if n > manyMembers {
				f.Verdict, f.Says = provision.Warning, fmt.Sprintf("%d may open it, and Microsoft advises that at most %d use a shared mailbox at once", n, manyMembers)
				f.Fix = "split the team over several mailboxes, or take those out who need not open it"
			}
			all = append(all, f)
		}
		return all
	}}
}

// Told is a check that was made already.
func Told(name string, verdict provision.Verdict, says, fix string) Check {
	return Check{Names: []string{name}, Look: func(context.Context) []provision.Finding {
		return one(provision.Finding{Check: name, Verdict: verdict, Says: says, Fix: fix})
	}}
}
