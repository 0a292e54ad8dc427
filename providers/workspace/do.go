package workspace

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	directory "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// Do implements provision.Admin.
func (a *Admin) Do(ctx context.Context, s provision.Step) error {
	if !a.Handles(s.Provider, s.Fact.Aspect) || s.Mailbox == "" {
		return fmt.Errorf("workspace: %s of %s is nothing it administers", s.Fact.Aspect, s.Provider)
	}
	takes := s.Verb == provision.Remove || s.Verb == provision.Delete
	switch s.Fact.Aspect {
	case provision.Existence:
		if takes {
			return a.deleteAccount(ctx, s)
		}
		return a.createAccount(ctx, s)
	case provision.Alias:
		if takes {
			return a.removeAlias(ctx, s)
		}
		return a.addAlias(ctx, s)
	case provision.Licence:
		if takes || s.After == "" {
			return a.unlicense(ctx, s)
		}
		return a.license(ctx, s)
	case provision.Group:
		if takes {
			return a.deleteGroup(ctx, s)
		}
		return a.setGroup(ctx, s)
	case provision.GroupMember:
		if takes {
			return a.removeMember(ctx, s)
		}
		return a.setMember(ctx, s)
	case provision.GroupSetting:
		return a.setSetting(ctx, s)
	}
	return a.setAccount(ctx, s)
}

// with is what the step brings along of an aspect that its mailbox has once.
func with(s provision.Step, aspect provision.Aspect) (string, bool) {
	i := slices.IndexFunc(s.With, func(v provision.Value) bool { return v.Fact.Aspect == aspect && v.Fact.Subject == "" })
	if i < 0 {
		return "", false
	}
	return s.With[i].Value, true
}

// createAccount inserts the account. Its password is random and kept nowhere, since nobody is to sign in with it; it may
// not have to be changed at the next sign-in, for then nobody can be given delegation ("Delegate and collaborate on email").
func (a *Admin) createAccount(ctx context.Context, s provision.Step) error {
	what := fmt.Sprintf("create the account %s", s.Mailbox)
	name, ok := with(s, provision.Name)
	if !ok || fold(name) == "" {
		name = string(s.Mailbox[:max(0, len(s.Mailbox)-len(inbox.Address(s.Mailbox).Domain())-1)])
	}
	given, family, err := split(name)
	if err != nil {
		return err
	}
	password, err := a.password()
	if err != nil {
		return fmt.Errorf("workspace: %s: %w", what, err)
	}
	u := &directory.User{
		PrimaryEmail: string(s.Mailbox), Name: &directory.UserName{GivenName: given, FamilyName: family}, Password: password,
		ExternalIds:                []directory.UserExternalId{{Type: "custom", CustomType: markType, Value: string(s.Mailbox)}},
		IncludeInGlobalAddressList: true,
		ForceSendFields:            []string{"ChangePasswordAtNextLogin", "IncludeInGlobalAddressList"},
	}
	u.OrgUnitPath, _ = with(s, provision.OrgUnit)
	if list, ok := with(s, provision.AddressList); ok && list == hidden {
		u.IncludeInGlobalAddressList = false
	}
	made, err := a.way.users.Users.Insert(u).Context(ctx).Do()
	if google.HasCode(err, http.StatusConflict) {
		return a.adopt(ctx, what, s)
	}
	if err != nil {
		return a.refusedIfForbidden(a.explain(what, err))
	}
	a.know(&account{id: made.Id, primary: inbox.Address(s.Mailbox)})
	return nil
}

// adopt finds out who has the address that an insert met: an earlier try of ours, or somebody else.
func (a *Admin) adopt(ctx context.Context, what string, s provision.Step) error {
	address := inbox.Address(s.Mailbox)
	acc, err := a.lookup(ctx, address)
	if err != nil {
		return a.explainHeld(what, err)
	}
	if acc == nil {
		return a.whoHas(ctx, what, address)
	}
	if !acc.ours {
		return &trouble{"workspace: " + what, fmt.Errorf("somebody else has created it in the meantime"), "make a new plan, which takes it as it is"}
	}
	a.know(acc)
	return nil
}

// password is 256 random bits in characters that any policy for passwords knows.
func (a *Admin) password() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(a.config.Random, raw); err != nil {
		return "", fmt.Errorf("make a password: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// deleteAccount deletes the account with its mail. An administrator can have it back for 20 days. Its licence becomes
// free with it.
func (a *Admin) deleteAccount(ctx context.Context, s provision.Step) error {
	what := fmt.Sprintf("delete the account %s", s.Mailbox)
	acc, err := a.lookup(ctx, inbox.Address(s.Mailbox))
	if err != nil {
		return a.explainHeld(what, err)
	}
	if acc == nil {
		return nil
	}
	if acc.admin {
		return &trouble{"workspace: " + what, fmt.Errorf("it is an administrator"), "take the administrator's role from it first, if it shall really go"}
	}
	err = a.way.users.Users.Delete(acc.id).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) {
		return nil
	}
	a.forget(acc.primary)
	return a.explain(what, err)
}

// setAccount changes what the directory keeps of the account itself.
func (a *Admin) setAccount(ctx context.Context, s provision.Step) error {
	what := fmt.Sprintf("set the %s of %s", s.Fact.Aspect, s.Mailbox)
	u := &directory.User{}
	switch s.Fact.Aspect {
	case provision.Name:
		given, family, err := split(s.After)
		if err != nil {
			return err
		}
		u.Name = &directory.UserName{GivenName: given, FamilyName: family}
	case provision.OrgUnit:
		if s.After == "" {
			return fmt.Errorf("workspace: %s: no org unit is named", what)
		}
		u.OrgUnitPath = s.After
	case provision.AddressList:
		if s.After != shown && s.After != hidden {
			return fmt.Errorf("workspace: %s: %q is neither %s nor %s", what, s.After, shown, hidden)
		}
		u.IncludeInGlobalAddressList, u.ForceSendFields = s.After == shown, []string{"IncludeInGlobalAddressList"}
	}
	id, err := a.id(ctx, s.Mailbox)
	if err != nil {
		return a.explainHeld(what, err)
	}
	_, err = a.way.users.Users.Patch(id, u).Context(ctx).Do()
	return a.settling(what, s.Mailbox, err)
}

// settling explains the error of a change to an account. Just after another change Google may not find the account, or
// say that it exists already; time helps with both.
func (a *Admin) settling(what string, mailbox inbox.MailboxID, err error) error {
	if google.HasCode(err, http.StatusNotFound) && !says(err, "domain") || google.HasCode(err, http.StatusConflict) {
		a.forget(inbox.Address(mailbox))
		var e *googleapi.Error
		errors.As(err, &e)
		return &provision.NotYet{Err: fmt.Errorf("workspace: %s: the account is settling: %w", what, google.NewAnswer(e))}
	}
	return a.explain(what, err)
}
