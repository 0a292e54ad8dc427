package workspace

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

const (
	// accountsPage is the largest page of users.list.
	accountsPage = 500
	// atOnce is how many requests for single things are under way at once. The directory takes 2,400 a minute.
	atOnce = 8
)

// accounts is what was found of a set of addresses.
type accounts struct {
	found map[inbox.Address]*account
	// failed are those that could not be read, and why: also *held, an address that is somebody's alias.
	failed map[inbox.Address]error
	// missing are those nothing is known of yet; at the end, those that have no account.
	missing map[inbox.Address]bool
	mu      sync.Mutex
}

func (s *accounts) take(a *Admin, u *directory.User) {
	acc := a.toAccount(u)
	if s.missing[acc.primary] {
		s.found[acc.primary] = acc
		delete(s.missing, acc.primary)
		a.know(acc)
	}
	for _, address := range slices.Concat(acc.aliases, acc.fixed) {
		if s.missing[address] {
			s.failed[address] = &held{address: address, by: acc.primary}
			delete(s.missing, address)
		}
	}
}

// accounts finds the accounts of these mailboxes. Shared mailboxes mostly have an org unit of their own, so that a page
// of it has them all; then the whole directory is listed; and as soon as that would cost more than asking for each
// that is still missing, each is asked for. So it costs at most about twice the cheapest way, whatever the size of the
// organisation. What a complete list does not have is not there.
func (a *Admin) accounts(ctx context.Context, want []provision.Mailbox) (*accounts, error) {
	s := &accounts{found: map[inbox.Address]*account{}, failed: map[inbox.Address]error{}, missing: map[inbox.Address]bool{}}
	units := map[string]int{}
	for _, m := range want {
		address := inbox.Address(m.Address)
		a.forget(address)
		s.missing[address] = true
		if unit := m.Facts[provision.Fact{Aspect: provision.OrgUnit}]; unit != "" {
			units[unit]++
		}
	}
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		if units[unit] < 2 {
			continue
		}
		// A unit that does not exist has nobody in it.
		if _, err := a.list(ctx, s, inUnit(unit)); err != nil && !unknownUnit(err) {
			return nil, err
		}
	}
	complete, err := a.list(ctx, s, "")
	if err != nil {
		return nil, err
	}
	if complete {
		return s, nil
	}
	return s, a.each(ctx, s)
}

// inUnit is the query for the accounts of an org unit ("Search for users").
func inUnit(path string) string {
	return "orgUnitPath='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(path) + "'"
}

func unknownUnit(err error) bool {
	var f *google.Answer
	return errors.As(err, &f) && strings.Contains(strings.ToUpper(f.Message), "INVALID_OU_ID")
}

// list reads pages of accounts as long as fewer were read than are missing, and reports whether it got to the end.
func (a *Admin) list(ctx context.Context, s *accounts, query string) (complete bool, err error) {
	what := "list the accounts"
	if query != "" {
		what += " with " + query
	}
	token := ""
	for pages := 0; len(s.missing) > max(1, pages); pages++ {
		var page *directory.Users
		err := a.read(ctx, what, func() (err error) {
			call := a.way.users.Users.List().Customer(a.organisation()).MaxResults(accountsPage).Context(ctx)
			if query != "" {
				call.Query(query)
			}
			if token != "" {
				call.PageToken(token)
			}
			page, err = call.Do()
			return err
		})
		if err != nil {
			return false, err
		}
		for _, u := range page.Users {
			s.take(a, u)
		}
		if token = page.NextPageToken; token == "" {
			return true, nil
		}
	}
	return len(s.missing) == 0, nil
}

// organisation is whose accounts are listed.
func (a *Admin) organisation() string {
	if a.config.Customer != "" {
		return a.config.Customer
	}
	return "my_customer"
}

// each asks for every one that is missing.
func (a *Admin) each(ctx context.Context, s *accounts) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, address := range slices.Sorted(maps.Keys(s.missing)) {
		g.Go(func() error {
			acc, err := a.lookup(ctx, address)
			var refused *provision.Refused
			if errors.As(err, &refused) || ctx.Err() != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			switch {
			case err != nil:
				s.failed[address] = err
				delete(s.missing, address)
			case acc != nil:
				s.found[address] = acc
				delete(s.missing, address)
				a.know(acc)
			}
			return nil
		})
	}
	return g.Wait()
}

// hasAnswer reports whether an explained error comes of an answer of Google's with this code.
func hasAnswer(err error, code int) bool {
	var f *google.Answer
	return errors.As(err, &f) && f.Code == code
}
