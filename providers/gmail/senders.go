package gmail

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// defaultSender is the value of the Sender that the web client proposes.
const defaultSender = "default"

// readSenders reads the addresses that the account sends from, and the signature of the default one. An address that
// nobody has confirmed yet cannot be sent from, and is none.
func (s *Settings) readSenders(ctx context.Context, m *Mailbox, r *reading) error {
	list, err := m.senders(ctx)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.IsDefault {
			r.readSignature(a.Signature)
		}
		if !confirmed(a) {
			continue
		}
		value := ""
		if a.IsDefault {
			value = defaultSender
		}
		r.put(provision.Sender, string(inbox.NewAddress(a.SendAsEmail)), value)
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

// find is nil if there is none.
func find(list []*api.SendAs, is func(*api.SendAs) bool) *api.SendAs {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}

func (s *Settings) doSender(ctx context.Context, m *Mailbox, step provision.Step) error {
	if step.Verb == provision.Remove {
		return fmt.Errorf("gmail: send-as addresses of %s are only added", m.user())
	}
	address := step.Fact.Subject
	named := func(a *api.SendAs) bool { return strings.EqualFold(a.SendAsEmail, address) }
	list, err := m.senders(ctx)
	if err != nil {
		return err
	}
	a := find(list, named)
	if a == nil {
		a, err = m.account.users.Settings.SendAs.Create(m.user(), &api.SendAs{
			SendAsEmail: address, TreatAsAlias: true, // without a name of its own it has that of the primary address
		}).Context(ctx).Do()
		if google.HasCode(err, http.StatusConflict) {
			if list, err = m.senders(ctx); err != nil {
				return err
			}
			a = find(list, named)
		}
		if err != nil {
			return m.account.explain("add a send-as address", err)
		}
	}
	if a != nil && !confirmed(a) {
		return &provision.ByHand{
			Err: fmt.Errorf("gmail: nobody has confirmed yet that %s sends from %s", m.user(), address),
			Instruction: fmt.Sprintf("open the mail from Gmail that has come to %s and follow its link; if it is gone, %s, "+
				`open Settings > See all settings > Accounts > Send mail as, and choose "verify" beside the address. Then apply again`, address, signIn(m.account.address)),
		}
	}
	if a == nil || step.After != defaultSender || a.IsDefault {
		return nil
	}
	next := &api.SendAs{IsDefault: true}
	if now := find(list, isDefault); now != nil {
		// The mailbox's signature is that of its default sender, and shall be the same afterwards.
		next.Signature, next.ForceSendFields = now.Signature, []string{"Signature"}
	}
	_, err = m.account.users.Settings.SendAs.Patch(m.user(), a.SendAsEmail, next).Context(ctx).Do()
	return m.account.explain("make a send-as address the default", err)
}

func isDefault(a *api.SendAs) bool { return a.IsDefault }
