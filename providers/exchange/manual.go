package exchange

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Manual implements provision.Admin.
func (a *Admin) Manual(s provision.Step) string {
	switch s.Fact.Aspect {
	case provision.Licence:
		return a.byHand(s)
	case provision.Existence:
		switch {
		case s.Verb == provision.Set:
			return a.byHand(s)
		case s.Verb == provision.Delete && s.Before != "shared":
			return fmt.Sprintf("it is a mailbox of kind %q, which is not deleted here; %s", s.Before, notRetired)
		}
	case provision.Quota:
		n, err := strconv.ParseInt(s.After, 10, 64)
		if licensed, known := a.licensed[s.Mailbox]; err == nil && n > unlicensed && known && !licensed {
			return licenceFor(s.Mailbox)
		}
	}
	return ""
}

// byHand is how a person does a step that we cannot do.
func (a *Admin) byHand(s provision.Step) string {
	switch s.Fact.Aspect {
	case provision.Existence:
		return fmt.Sprintf("if everybody who uses it knows, run in Exchange Online PowerShell: Set-Mailbox -Identity %s -Type %s", quote(string(s.Mailbox)), title(s.After))
	case provision.Licence:
		if s.After == "" {
			return fmt.Sprintf("in the Microsoft 365 admin center, Users > Active users > %s > Licenses and apps: take the licence away", s.Mailbox)
		}
		return licenceFor(s.Mailbox)
	}
	script := &Script{}
	by := a.Through(script)
	if by.step(context.Background(), s) != nil || len(script.steps) == 0 {
		return "ask an administrator of role Organization Management to " + s.What
	}
	lines := make([]string, len(script.steps))
	for i, st := range script.steps {
		lines[i] = st.command.String()
	}
	return "in Exchange Online PowerShell, with the role Organization Management: " + strings.Join(lines, "; ")
}

func licenceFor(m inbox.MailboxID) string {
	return fmt.Sprintf("in the Microsoft 365 admin center, Users > Active users > %s > Licenses and apps: assign Exchange Online (Plan 2), without which a shared mailbox holds 50 GB; then apply again", m)
}

func title(kind string) string {
	switch kind {
	case "user":
		return "Regular"
	case "shared":
		return "Shared"
	case "room":
		return "Room"
	}
	return "Equipment"
}
