package gmail

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// defaultSender is the value of the Sender that the web client proposes.
const defaultSender = "default"

// readSenders reads the addresses that the account sends from, and the signature of the default one. An address that
// nobody has confirmed yet cannot be sent from, and is none. That an address is the default one is told only where the
// wish says that it shall be, or says nothing: no address can be made other than default, except by making another so.
func (s *Settings) readSenders(ctx context.Context, m *Mailbox, r *reading) error {
	list, err := m.senders(ctx)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.IsDefault {
			r.readSignature(a.Signature)
		}
		address := string(inbox.NewAddress(a.SendAsEmail))
		if !confirmed(a) {
			continue
		}
		value := ""
		if wish, wished := r.wish(provision.Sender, address); a.IsDefault && (!wished || wish == defaultSender) {
			value = defaultSender
		}
		r.put(provision.Sender, address, value)
	}
	return nil
}

// confirmed: the primary address carries no status.
func confirmed(a *api.SendAs) bool { return a.IsPrimary || a.VerificationStatus != "pending" }

func (m *Mailbox) senders(ctx context.Context) ([]*api.SendAs, error) {
	answer, err := m.account.users.Settings.SendAs.List(m.user()).Context(ctx).Do()
	if err != nil {
		return nil, m.account.explain("list send-as addresses", err)
	}
	list := make([]*api.SendAs, 0, len(answer.SendAs))
	for _, a := range answer.SendAs {
		if a != nil && a.SendAsEmail != "" {
			list = append(list, a)
		}
	}
	return list, nil
}

// sender is nil if the account cannot send from the address.
func (m *Mailbox) sender(ctx context.Context, is func(*api.SendAs) bool) (*api.SendAs, error) {
	list, err := m.senders(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if is(a) {
			return a, nil
		}
	}
	return nil, nil
}

func (s *Settings) doSender(ctx context.Context, m *Mailbox, step provision.Step) error {
	if step.Verb == provision.Remove {
		return fmt.Errorf("gmail: send-as addresses of %s are only added", m.user())
	}
	address := step.Fact.Subject
	named := func(a *api.SendAs) bool { return strings.EqualFold(a.SendAsEmail, address) }
	a, err := m.sender(ctx, named)
	if err != nil {
		return err
	}
	if a == nil {
		a, err = m.account.users.Settings.SendAs.Create(m.user(), &api.SendAs{
			SendAsEmail: address, DisplayName: displayName(step), TreatAsAlias: true,
		}).Context(ctx).Do()
		if hasCode(err, http.StatusConflict) {
			a, err = m.sender(ctx, named)
		}
		if err != nil {
			return m.account.explain("add a send-as address", err)
		}
	}
	if a != nil && !confirmed(a) {
		return &provision.ByHand{
			Err: fmt.Errorf("gmail: nobody has confirmed yet that %s sends from %s", m.user(), address),
			Instruction: fmt.Sprintf("open the mail from Gmail that has come to %s and follow its link; if it is gone, sign in to Gmail as %s, "+
				`open Settings > See all settings > Accounts > Send mail as, and choose "verify" beside the address. Then apply again`, address, m.user()),
		}
	}
	if a == nil || step.After != defaultSender || a.IsDefault {
		return nil
	}
	_, err = m.account.users.Settings.SendAs.Patch(m.user(), a.SendAsEmail, &api.SendAs{IsDefault: true}).Context(ctx).Do()
	return m.account.explain("make a send-as address the default", err)
}

// displayName is the mailbox's, if the step has it at hand. With none, Gmail writes the one of the primary address.
func displayName(step provision.Step) string {
	for _, v := range step.With {
		if v.Fact.Aspect == provision.Name {
			return v.Value
		}
	}
	return ""
}
