package workspace

import (
	"errors"
	"fmt"
	"net/http"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

func (x *examining) account(m *provision.Mailbox) {
	if x.closed[ScopeUsers] {
		x.say(checkAccount, m, provision.Skipped, "accounts cannot be read", "")
		return
	}
	address := inbox.Address(m.Address)
	acc := x.found.found[address]
	if err := x.found.failed[address]; err != nil {
		var h *held
		if errors.As(err, &h) {
			err = h.trouble("it has no account of its own")
		}
		x.fail(checkAccount, m, err)
		return
	}
	person := "(Admin console: Directory > Users > " + string(address) + ")"
	switch {
	case acc == nil:
		x.say(checkAccount, m, provision.Bad, "there is no such account", "postroom apply creates it")
		return
	case acc.archived:
		x.say(checkAccount, m, provision.Bad, "the account is archived, so that it takes no mail", "unarchive it "+person)
	case acc.locked:
		says := "the account is suspended, so that it takes no mail"
		if acc.why != "" {
			says += ": " + acc.why
		}
		x.say(checkAccount, m, provision.Bad, says, "reactivate it "+person)
	case acc.changes:
		x.say(checkAccount, m, provision.Bad, "its password has to be changed at the next sign-in, and until then nobody can be made its delegate",
			"reset the password without asking for a change "+person)
	case acc.admin:
		x.say(checkAccount, m, provision.Warning, "the account is an administrator, and so is whoever works it", "take the role from it "+person)
	default:
		x.say(checkAccount, m, provision.Good, "the account is there and in use", "")
	}
	if acc.ready {
		x.say(checkMailbox, m, provision.Good, "its mailbox is set up", "")
	} else {
		x.say(checkMailbox, m, provision.Bad, "it has no mailbox", "write licence in the manifest and apply, or give it a licence with Gmail "+person+"; a new one takes some minutes")
	}
}

func (x *examining) licence(m *provision.Mailbox) {
	value, ok := m.Facts[licenceFact]
	if !ok || value == "" || x.found == nil || x.found.found[inbox.Address(m.Address)] == nil {
		return
	}
	if x.closed[ScopeLicensing] {
		x.say(checkLicence, m, provision.Skipped, "licences cannot be read", "")
		return
	}
	product, sku, err := parseLicence(value)
	if err != nil {
		x.fail(checkLicence, m, err)
		return
	}
	has, err := x.licensed(product)
	if err != nil {
		x.fail(checkLicence, m, err)
		return
	}
	if has[inbox.Address(m.Address)] == sku {
		x.say(checkLicence, m, provision.Good, "it has the licence "+value, "")
		return
	}
	x.say(checkLicence, m, provision.Bad, "it does not have the licence "+value, "postroom apply assigns it, if one is free (Admin console: Billing > Subscriptions)")
}

// licensed reads the licences of all mailboxes for one product, once.
func (x *examining) licensed(product string) (map[inbox.Address]string, error) {
	if has, ok := x.held[product]; ok {
		return has, nil
	}
	skus := map[inbox.Address]string{}
	for i := range x.want {
		p, sku, err := parseLicence(x.want[i].Facts[licenceFact])
		if address := inbox.Address(x.want[i].Address); err == nil && p == product && x.found.found[address] != nil {
			skus[address] = sku
		}
	}
	has, err := x.licences(x.ctx, product, skus)
	if err == nil {
		x.held[product] = has
	}
	return has, err
}

// front looks whether mail to the group comes to the account.
func (x *examining) front(m *provision.Mailbox) {
	group := frontOf(m)
	subject := provision.GroupMembership(group, inbox.Address(m.Address))
	if _, delivers := m.Facts[provision.Fact{Aspect: provision.GroupMember, Subject: subject}]; group == "" || !delivers {
		return
	}
	if x.closed[ScopeGroups] {
		x.say(checkFront, m, provision.Skipped, "groups cannot be read", "")
		return
	}
	var member *directory.Member
	err := x.read(x.ctx, "read the membership of "+string(m.Address)+" in "+string(group), func() (err error) {
		member, err = x.way.groups.Members.Get(string(group), string(m.Address)).Context(x.ctx).Do()
		return err
	})
	switch {
	case hasAnswer(err, http.StatusNotFound):
		x.say(checkFront, m, provision.Bad, fmt.Sprintf("mail to %s does not come to it: it is no member", group), "postroom apply makes it one")
	case err != nil:
		x.fail(checkFront, m, err)
	case member.DeliverySettings != "" && member.DeliverySettings != allMail:
		x.say(checkFront, m, provision.Bad, fmt.Sprintf("mail to %s does not come to it: its delivery is %s", group, member.DeliverySettings),
			"postroom apply lets it have all mail")
	default:
		x.say(checkFront, m, provision.Good, fmt.Sprintf("mail to %s comes to it", group), "")
	}
}
