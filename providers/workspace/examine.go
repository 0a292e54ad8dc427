package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// The checks, as findings name them.
const (
	checkAccess     = "workspace-access"     // the administrator to act for is let to each API that the wishes need
	checkUnit       = "workspace-org-unit"   // the organizational units exist
	checkAccount    = "workspace-account"    // the account is there and in use
	checkMailbox    = "workspace-mailbox"    // and has a mailbox
	checkLicence    = "workspace-licence"    // and the licence it shall have
	checkFront      = "workspace-front"      // the group in front of it delivers to it
	checkDelegation = "workspace-delegation" // people may be given mailboxes at all
)

// examining is one examination under way.
type examining struct {
	*Admin
	ctx      context.Context
	want     []provision.Mailbox // accounts that exist by the wish
	found    *accounts
	held     map[string]map[inbox.Address]string // the SKUs, by product
	closed   map[string]bool                     // scopes that are refused
	findings []provision.Finding
}

// Examine looks at the tenant and at those mailboxes of want that are at Google and exist by the wish, and says what
// stands in their way. It changes nothing and may be repeated. The findings come in an order that is always the same: the
// access, the organizational units, the mailboxes as in want, the setting for delegation. That a role lacks the privilege
// to change something shows only when it is changed.
func (a *Admin) Examine(ctx context.Context, want []provision.Mailbox) []provision.Finding {
	x := &examining{Admin: a, ctx: ctx, closed: map[string]bool{}, held: map[string]map[inbox.Address]string{}}
	for _, m := range want {
		if _, exists := m.Facts[provision.Fact{Aspect: provision.Existence}]; m.Provider == inbox.Gmail && m.Address != "" && exists {
			x.want = append(x.want, m)
		}
	}
	if len(x.want) == 0 {
		return nil
	}
	x.access()
	x.units()
	for i := range x.want {
		m := &x.want[i]
		x.account(m)
		x.licence(m)
		x.front(m)
	}
	x.delegation()
	return x.findings
}

func (x *examining) say(check string, m *provision.Mailbox, verdict provision.Verdict, says, fix string) {
	f := provision.Finding{Check: check, Verdict: verdict, Says: says, Fix: fix}
	if m != nil {
		f.Mailbox = m.Address
	}
	x.findings = append(x.findings, f)
}

// fail reports an error as a finding: one that only time can help with says nothing about the tenant.
func (x *examining) fail(check string, m *provision.Mailbox, err error) {
	says, fix := fixOf(err)
	verdict := provision.Bad
	var later *provision.NotYet
	if errors.As(err, &later) || x.ctx.Err() != nil {
		verdict = provision.Skipped
	}
	x.say(check, m, verdict, says, fix)
}

// wishes reports whether any mailbox has the aspect in its wish, and gives one such fact.
func (x *examining) wishes(aspect provision.Aspect) (provision.Fact, string, bool) {
	for i := range x.want {
		facts := slices.SortedFunc(maps.Keys(x.want[i].Facts), func(a, b provision.Fact) int {
			return cmp.Or(cmp.Compare(a.Aspect, b.Aspect), cmp.Compare(a.Subject, b.Subject))
		})
		for _, f := range facts {
			if f.Aspect == aspect {
				return f, x.want[i].Facts[f], true
			}
		}
	}
	return provision.Fact{}, "", false
}

// access makes one reading request of each API that the wishes need.
func (x *examining) access() {
	try := func(scope, what string, do func() error) {
		err := do()
		if err != nil {
			x.closed[scope] = true
			x.fail(checkAccess, nil, err)
			return
		}
		x.say(checkAccess, nil, provision.Good, what+" can be read", "")
	}
	try(ScopeUsers, "accounts", func() (err error) {
		x.found, err = x.accounts(x.ctx, x.want)
		return err
	})
	group, _, inFront := x.wishes(provision.Group)
	member, _, isMember := x.wishes(provision.GroupMember)
	if inFront || isMember {
		address := inbox.Address(group.Subject)
		if !inFront {
			address, _, _ = membership(member)
		}
		try(ScopeGroups, "groups", func() error {
			_, err := x.group(x.ctx, address)
			var h *held
			if errors.As(err, &h) {
				return nil
			}
			return err
		})
	}
	if _, _, ok := x.wishes(provision.GroupSetting); ok && inFront {
		try(ScopeGroupsSettings, "groups' settings", func() error {
			_, err := x.settings(x.ctx, inbox.Address(group.Subject))
			return err
		})
	}
	if _, value, ok := x.wishes(provision.Licence); ok {
		try(ScopeLicensing, "licences", func() error {
			product, sku, err := parseLicence(value)
			if err != nil {
				return err
			}
			return x.read(x.ctx, "read a licence", func() error {
				_, err := x.way.licences.LicenseAssignments.Get(product, sku, string(x.want[0].Address)).Context(x.ctx).Do()
				if hasCode(err, http.StatusNotFound) {
					return nil
				}
				return err
			})
		})
	}
}

func (x *examining) units() {
	if x.closed[ScopeUsers] {
		return
	}
	seen := map[string]bool{}
	for i := range x.want {
		unit := x.want[i].Facts[provision.Fact{Aspect: provision.OrgUnit}]
		if unit == "" || seen[unit] {
			continue
		}
		seen[unit] = true
		err := x.read(x.ctx, "look into the organizational unit "+unit, func() error {
			_, err := x.way.users.Users.List().Customer(x.organisation()).Query(inUnit(unit)).MaxResults(1).Context(x.ctx).Do()
			return err
		})
		switch {
		case err == nil:
			x.say(checkUnit, nil, provision.Good, "the organizational unit "+unit+" exists", "")
		case unknownUnit(err):
			_, fix := fixOf(err)
			x.say(checkUnit, nil, provision.Bad, "there is no organizational unit "+unit, fix)
		default:
			x.fail(checkUnit, nil, err)
		}
	}
}

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
			fmt.Sprintf("set its subscription to each e-mail (Admin console: Directory > Groups > %s > Members)", group))
	default:
		x.say(checkFront, m, provision.Good, fmt.Sprintf("mail to %s comes to it", group), "")
	}
}

// delegation says what no API tells.
func (x *examining) delegation() {
	if _, _, ok := x.wishes(provision.Open); ok {
		x.say(checkDelegation, nil, provision.Skipped, "no API tells whether mail delegation is on, for the accounts and for the people",
			"switch it on in the Admin console under Apps > Google Workspace > Gmail > User settings > Mail delegation, for the organizational units of both; it is off to begin with")
	}
}
