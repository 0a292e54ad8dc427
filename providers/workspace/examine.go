package workspace

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
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
				var e *googleapi.Error
				if google.HasCode(err, http.StatusNotFound) || errors.As(err, &e) && unknownUser(google.NewAnswer(e)) {
					return nil // it can be read, and there is none
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

// delegation says what no API tells.
func (x *examining) delegation() {
	if _, _, ok := x.wishes(provision.Open); ok {
		x.say(checkDelegation, nil, provision.Skipped, "no API tells whether mail delegation is on, for the accounts and for the people",
			"switch it on in the Admin console under Apps > Google Workspace > Gmail > User settings > Mail delegation, for the organizational units of both; it is off to begin with")
	}
}
