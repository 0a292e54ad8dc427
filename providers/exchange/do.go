package exchange

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Parts of errors by which Exchange says that there is nothing to be done. The types are in the messages of the PowerShell
// module too, in whatever language these are.
var (
	there = []string{"AlreadyExistsException", "already exists", "already present", "already been added"}
	gone  = []string{"ManagementObjectNotFoundException", "couldn't be found", "couldn't find object", "isn't present", "doesn't exist", "does not exist"}
	// noEntry is gone of a right alone: that the mailbox is not found is no success.
	noEntry = []string{"isn't present", "ACE doesn't exist", "entry doesn't exist", "entry does not exist"}
)

// Do implements provision.Admin.
func (a *Admin) Do(ctx context.Context, s provision.Step) error {
	if sc, ok := a.shell.(*Script); ok {
		sc.Begin(s)
	}
	err := a.step(ctx, s)
	if err == nil {
		return nil
	}
	return fmt.Errorf("exchange: %s: %w", s.What, a.verdict(s, err))
}

// verdict makes of a refusal what apply goes by.
func (a *Admin) verdict(s provision.Step, err error) error {
	var f *Failure
	var refused *provision.Refused
	switch {
	case s.Mailbox == "" && (errors.As(err, &refused) || errors.As(err, &f) && f.unknownCmdlet()):
		// A recipient administrator may not change what apps may reach, and need not be able to.
		return &provision.ByHand{Instruction: a.byHand(s), Err: err}
	case errors.As(err, &f) && f.notFound():
		// New mailboxes and new people are known to all servers after some minutes only.
		return &provision.NotYet{Err: fmt.Errorf("%w; what was created a moment ago is found in a few minutes, and what never is, is written wrongly in the manifest", err)}
	case s.Fact.Aspect == provision.Alias && len(s.With) > 0 && errors.As(err, &f) && f.has(taken...):
		// The mailbox that it was taken from a moment ago still has it on some server.
		return &provision.NotYet{Err: err}
	case s.Fact.Aspect == provision.Quota && errors.As(err, &f) && f.has("quota"):
		return &provision.ByHand{Instruction: licenceFor(s.Mailbox), Err: err}
	}
	return err
}

// do runs one command that changes something.
func (a *Admin) do(ctx context.Context, c Command) error {
	_, err := a.one(ctx, c)
	return err
}

// set changes properties of the mailbox itself.
func (a *Admin) set(ctx context.Context, m inbox.MailboxID, name string, value any) error {
	return a.do(ctx, Command{Name: "Set-Mailbox", Parameters: map[string]any{"Identity": string(m), name: value}, Anchor: string(m), Already: []string{"already present"}})
}

func (a *Admin) step(ctx context.Context, s provision.Step) error {
	m, who, removes := s.Mailbox, s.Fact.Subject, s.Verb == provision.Remove
	switch s.Fact.Aspect {
	case provision.AppPrincipal:
		return a.doPrincipal(ctx, s)
	case provision.AppScope:
		return a.doScope(ctx, s)
	case provision.AppRole:
		return a.doRole(ctx, s)
	case provision.Existence:
		switch s.Verb {
		case provision.Create:
			return a.create(ctx, s)
		case provision.Delete, provision.Remove:
			return a.remove(ctx, m)
		}
		return &provision.ByHand{Instruction: a.byHand(s), Err: fmt.Errorf("it is a mailbox of kind %q", s.Before)}
	case provision.SignIn:
		return a.set(ctx, m, "AccountDisabled", s.After == "blocked")
	case provision.Reach:
		return a.set(ctx, m, a.mark, s.After)
	case provision.Name:
		return a.set(ctx, m, "DisplayName", s.After)
	case provision.Quota:
		return a.quota(ctx, m, s.After)
	case provision.AddressList:
		return a.set(ctx, m, "HiddenFromAddressListsEnabled", s.After == "hidden")
	case provision.SentCopies:
		property, ok := sentCopies[who]
		if !ok {
			return fmt.Errorf("sent copies are of mail sent %q or %q", "as", "on-behalf")
		}
		return a.set(ctx, m, property, s.After == "on")
	case provision.Alias:
		return a.alias(ctx, m, who, removes)
	case provision.Language, provision.TimeZone, provision.FolderNames:
		return a.regional(ctx, s)
	case provision.AutoReply:
		return a.do(ctx, Command{Name: "Set-MailboxAutoReplyConfiguration", Anchor: string(m),
			Parameters: map[string]any{"Identity": string(m), "AutoReplyState": choose(s.After == "off", "Disabled", "Enabled")}})
	case provision.Open:
		return a.open(ctx, s)
	case provision.Read:
		return a.permission(ctx, m, who, "ReadPermission", removes, nil)
	case provision.SendAs:
		return a.sendAs(ctx, m, who, removes)
	case provision.SendOnBehalf:
		change := Change{Add: []string{who}}
		if removes {
			change = Change{Remove: []string{who}}
		}
		return a.set(ctx, m, "GrantSendOnBehalfTo", change)
	case provision.Licence:
		return &provision.ByHand{Instruction: a.byHand(s), Err: errors.New("licences are not Exchange's to give")}
	}
	return fmt.Errorf("the aspect %q is not one of Exchange's", s.Fact.Aspect)
}

func (a *Admin) alias(ctx context.Context, m inbox.MailboxID, alias string, removes bool) error {
	proxy := "smtp:" + alias
	switch {
	case alias == string(m):
		return errors.New("the address of the mailbox itself is no alias")
	case removes && ownDomain(alias):
		return errors.New("an address under onmicrosoft.com is Microsoft's own; it stays")
	case removes:
		return a.set(ctx, m, "EmailAddresses", Change{Remove: []string{proxy}})
	}
	return a.set(ctx, m, "EmailAddresses", Change{Add: []string{proxy}})
}

// open gives or takes FullAccess. Auto-mapping can only be chosen when the right is given, so to change it the right is taken
// first; and it is remembered afterwards, so that what is remembered was true.
func (a *Admin) open(ctx context.Context, s provision.Step) error {
	m, who := s.Mailbox, s.Fact.Subject
	on, off := memoryPrefix+who+"=on", memoryPrefix+who+"=off"
	if s.Verb != provision.Add {
		if err := a.permission(ctx, m, who, "FullAccess", true, nil); err != nil {
			return err
		}
		if s.Verb == provision.Remove {
			return a.set(ctx, m, "ExtensionCustomAttribute5", Change{Remove: []string{on, off}})
		}
	}
	mapped := s.After != "unmapped"
	if err := a.permission(ctx, m, who, "FullAccess", false, &mapped); err != nil {
		return err
	}
	add, drop := on, off
	if !mapped {
		add, drop = off, on
	}
	return a.set(ctx, m, "ExtensionCustomAttribute5", Change{Add: []string{add}, Remove: []string{drop}})
}

// permission gives or takes one right of FullAccess and ReadPermission.
func (a *Admin) permission(ctx context.Context, m inbox.MailboxID, who, right string, removes bool, mapped *bool) error {
	c := Command{Name: "Add-MailboxPermission", Anchor: string(m), Already: there,
		Parameters: map[string]any{"Identity": string(m), "User": who, "AccessRights": []string{right}, "InheritanceType": "All"}}
	if removes {
		c.Name, c.Already = "Remove-MailboxPermission", noEntry
	}
	if mapped != nil {
		c.Parameters["AutoMapping"] = *mapped
	}
	return a.do(ctx, c)
}

func (a *Admin) sendAs(ctx context.Context, m inbox.MailboxID, who string, removes bool) error {
	c := Command{Name: "Add-RecipientPermission", Anchor: string(m), Already: there,
		Parameters: map[string]any{"Identity": string(m), "Trustee": who, "AccessRights": []string{"SendAs"}}}
	if removes {
		c.Name, c.Already = "Remove-RecipientPermission", noEntry
	}
	return a.do(ctx, c)
}

// unlicensed is the size in bytes that a shared mailbox has without a licence ("About shared mailboxes").
const unlicensed = 50 << 30

// quota sets the three limits as Exchange's own defaults have them to one another: a mailbox of 50 GB warns at 45 and sends no
// more at 49.
func (a *Admin) quota(ctx context.Context, m inbox.MailboxID, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("a quota of %q bytes is none", value)
	}
	bytes := func(percent int64) string { return strconv.FormatInt(n/100*percent+n%100*percent/100, 10) }
	return a.do(ctx, Command{Name: "Set-Mailbox", Anchor: string(m), Parameters: map[string]any{"Identity": string(m),
		"IssueWarningQuota": bytes(90), "ProhibitSendQuota": bytes(98), "ProhibitSendReceiveQuota": value}})
}

// regional sets language, time zone or folder names. A date format that the new language does not have makes Exchange refuse
// the language, so both formats become the language's own.
func (a *Admin) regional(ctx context.Context, s provision.Step) error {
	c := Command{Name: "Set-MailboxRegionalConfiguration", Parameters: map[string]any{"Identity": string(s.Mailbox)}, Anchor: string(s.Mailbox)}
	switch s.Fact.Aspect {
	case provision.Language:
		c.Parameters["Language"], c.Parameters["DateFormat"], c.Parameters["TimeFormat"] = s.After, nil, nil
	case provision.TimeZone:
		windows, ok := windowsZone(s.After)
		if !ok {
			return fmt.Errorf("no Windows time zone is %q: write another IANA name in the manifest, such as that of the next large city", s.After)
		}
		c.Parameters["TimeZone"] = windows
	default:
		if s.After != "localised" {
			return errors.New("the folders' names can only be put into the language of the mailbox")
		}
		c.Parameters["LocalizeDefaultFolderName"] = true
	}
	return a.do(ctx, c)
}

// Through is the same administration by another shell, with what this one has read: to plan by the Answers of one script and
// write the next.
func (a *Admin) Through(shell Shell) *Admin {
	b := *a
	b.shell = shell
	return &b
}

// with finds a value that a step has at hand.
func with(s provision.Step, aspect provision.Aspect) string {
	for _, v := range s.With {
		if v.Fact.Aspect == aspect {
			return v.Value
		}
	}
	return ""
}
