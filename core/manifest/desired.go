package manifest

import (
	"fmt"

	"github.com/postroom/postroom/core/provision"
)

// appRoles are what the app may do in the mailboxes of its scope ("Role Based Access Control for Applications in Exchange
// Online").
var appRoles = []string{"Application Mail.ReadWrite", "Application MailboxSettings.ReadWrite"}

// Desired is what shall be true at the providers: of the tenant at Microsoft 365 first, if the manifest names the app, then
// of each mailbox in the order of the file, then of those retired that are to be deleted, which wish no fact at all. The
// caller may change it.
func (m *Manifest) Desired() []provision.Mailbox {
	out := make([]provision.Mailbox, 0, 1+len(m.mailboxes)+len(m.retired))
	if t := m.m365; t.App != "" {
		facts := map[provision.Fact]string{
			{Aspect: provision.AppPrincipal, Subject: t.App}: t.Principal,
			{Aspect: provision.AppScope, Subject: t.Scope}:   fmt.Sprintf("%s -eq '%s'", t.Mark, t.Scope),
		}
		for _, role := range appRoles {
			facts[provision.Fact{Aspect: provision.AppRole, Subject: role}] = t.Scope
		}
		out = append(out, provision.Mailbox{Provider: M365, Facts: facts})
	}
	for i := range m.mailboxes {
		out = append(out, m.mailboxes[i].wish.Clone())
	}
	for i := range m.retired {
		out = append(out, m.retired[i].Clone())
	}
	return out
}
