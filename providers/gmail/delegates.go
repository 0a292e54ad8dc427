package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// How far a delegate is, if not accepted ("Delegate", verificationStatus, in the API reference). One that a service account
// makes is accepted at once; these come of invitations in the web client. Whoever has another status, such as one that is
// not in the reference yet, is taken for accepted: nobody is overlooked who may open the mailbox.
const (
	delegatePending  = "pending"
	delegateRejected = "rejected"
	delegateExpired  = "expired"
)

func accepted(status string) bool {
	return status != delegatePending && status != delegateRejected && status != delegateExpired
}

// readDelegates: a person who has been invited and may yet accept counts as having access where nobody wishes it, so that
// the invitation is withdrawn; and as not having it where it is wished, so that the delegate is made anew.
func (s *Settings) readDelegates(ctx context.Context, m *Mailbox, r *reading) error {
	list, err := m.delegates(ctx)
	if err != nil {
		return err
	}
	for address, status := range list {
		_, wished := r.wish(provision.Open, address)
		if accepted(status) || status == delegatePending && !wished {
			r.put(provision.Open, address, "")
		}
	}
	for f := range r.want.Facts {
		if f.Aspect == provision.Open && isGroup(r.want.Facts, f.Subject) {
			r.got.Unseen[f] = fmt.Sprintf("the API does not show a group as delegate, so nobody can tell whether %s is one: %s",
				f.Subject, delegateGroup(m.account.address, f.Subject))
		}
	}
	return nil
}

// delegates are addresses with their status. Google leaves the list out where there are none.
func (m *Mailbox) delegates(ctx context.Context) (map[string]string, error) {
	answer, err := m.account.users.Settings.Delegates.List(m.user()).Context(ctx).Do()
	if err != nil {
		return nil, m.account.explain("list delegates", err)
	}
	list := map[string]string{}
	for _, d := range answer.Delegates {
		if d != nil && d.DelegateEmail != "" {
			list[string(inbox.NewAddress(d.DelegateEmail))] = d.VerificationStatus
		}
	}
	return list, nil
}

func (s *Settings) doDelegate(ctx context.Context, m *Mailbox, step provision.Step) error {
	who := step.Fact.Subject
	if step.Verb == provision.Remove {
		return m.removeDelegate(ctx, who)
	}
	list, err := m.delegates(ctx)
	if err != nil {
		return err
	}
	if status, there := list[who]; there {
		if accepted(status) {
			return nil
		}
		if err := m.removeDelegate(ctx, who); err != nil {
			return err
		}
	}
	_, err = m.account.users.Settings.Delegates.Create(m.user(), &api.Delegate{DelegateEmail: who}).Context(ctx).Do()
	if err == nil || google.HasCode(err, http.StatusConflict) {
		return nil
	}
	return m.refusedDelegate(who, m.account.explain("add a delegate", err))
}

// removeDelegate also takes back an invitation. One who is none is no error.
func (m *Mailbox) removeDelegate(ctx context.Context, who string) error {
	err := m.account.users.Settings.Delegates.Delete(m.user(), who).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) {
		return nil
	}
	return m.account.explain("remove a delegate", err)
}

// delegationOff is how Gmail says that the administrator lets nobody delegate.
var delegationOff = regexp.MustCompile(`(?i)delegation .*(disabled|not enabled|not allowed|turned off)|(disabled|not allowed) .*delegat`)

// refusedDelegate finds what a person can do about Gmail's no.
func (m *Mailbox) refusedDelegate(who string, err error) error {
	var f *google.Answer
	if !errors.As(err, &f) || f.Code >= http.StatusInternalServerError {
		return err
	}
	switch text := f.Message; {
	case strings.Contains(text, "cannot have any more delegates"):
		return &provision.ByHand{Err: err, Instruction: fmt.Sprintf("give the team of %s one group as delegate in place of single people: "+
			"write delegate-group: GROUP@DOMAIN under the mailbox in the manifest and apply with --allow-remove: Postroom puts the team into the "+
			"group and takes the single delegates away; then at once, for until then nobody of them opens the mailbox, %s",
			m.user(), delegateGroup(m.account.address, "the group"))}
	case delegationOff.MatchString(text):
		return &provision.ByHand{Err: err, Instruction: "in the Admin console open Apps > Google Workspace > Gmail > User settings > Mail delegation, " +
			"choose the organisational units of the mailbox and of its people, and switch on " +
			`"Let users delegate access to their mailbox to other users in the domain"; it may take a day to act. Then apply again`}
	case strings.Contains(strings.ToLower(text), "invalid delegate"):
		return &provision.ByHand{Err: err, Instruction: fmt.Sprintf("Gmail takes the primary address of an account of the same organisation only. "+
			"Should %s be an alias, or the account be gone, correct the manifest; should it be a group, write it as delegate-group, and %s",
			who, delegateGroup(m.account.address, who))}
	}
	return err
}

// delegateGroup is how a person makes a group a delegate.
func delegateGroup(mailbox inbox.MailboxID, group string) string {
	return fmt.Sprintf("in the Admin console under Apps > Google Workspace > Gmail > User settings > Mail delegation let users grant their mailbox "+
		"access to a Google group, for the organisational units of the mailbox and of its people; then %s, open Settings > See all settings > "+
		"Accounts > Grant access to your account > Add another account, and enter %s", signIn(mailbox), group)
}

// signIn is how a person gets into an account whose password nobody knows. One that has to be changed at the next sign-in
// stands against delegation.
func signIn(mailbox inbox.MailboxID) string {
	return fmt.Sprintf("sign in to Gmail as %s (where nobody knows its password, reset it in the Admin console under Directory > Users > %s > "+
		"Reset password, without asking for a change at the next sign-in)", mailbox, mailbox)
}

// isGroup reports whether the facts of a mailbox tell that an address is a group's.
func isGroup(facts map[provision.Fact]string, address string) bool {
	if _, ok := facts[provision.Fact{Aspect: provision.Group, Subject: address}]; ok {
		return true
	}
	for f := range facts {
		if f.Aspect == provision.GroupMember && strings.HasPrefix(f.Subject, address+"/") {
			return true
		}
	}
	return false
}
