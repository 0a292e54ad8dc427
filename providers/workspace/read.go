package workspace

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// Read implements provision.Admin. Accounts cost a request for each 500 of their org unit, or one for each; licences one
// a second for each 1,000 of the organisation, or one for each account while all have the one that is wished; a group one
// for itself, one for its settings and one for each 200 members.
func (a *Admin) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	asked := func(aspect provision.Aspect) bool { return only == nil || slices.Contains(only, aspect) }
	r := &reading{admin: a, asked: asked}
	for _, m := range want {
		have := provision.Mailbox{Address: m.Address, Provider: m.Provider, Facts: map[provision.Fact]string{}, Unread: map[provision.Aspect]string{}}
		r.have = append(r.have, have)
		if m.Provider == inbox.Gmail && m.Address != "" {
			r.want = append(r.want, inFull(m))
			r.place = append(r.place, len(r.have)-1)
		}
	}
	for _, step := range []func(context.Context) error{r.accounts, r.licences, r.groups} {
		if len(r.want) == 0 {
			break
		}
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r.have, nil
}

// reading is one Read.
type reading struct {
	admin *Admin
	asked func(provision.Aspect) bool
	have  []provision.Mailbox // all that was asked for, in that order
	want  []provision.Mailbox // those that are accounts
	place []int               // where they are in have
}

// inFull is the wish with what it has for a new mailbox alone: that is read back as well, once it was brought about.
func inFull(m provision.Mailbox) provision.Mailbox {
	if len(m.AtCreation) == 0 {
		return m
	}
	full := map[provision.Fact]string{}
	maps.Copy(full, m.Facts)
	m.Facts = full
	for f, value := range m.AtCreation {
		if m.Facts[f] == "" {
			m.Facts[f] = value
		}
	}
	return m
}

// each calls f with what is wished of each account, and what was found so far.
func (r *reading) each(f func(want, have *provision.Mailbox)) {
	for i := range r.want {
		f(&r.want[i], &r.have[r.place[i]])
	}
}

// ofAccount are the aspects that users.get shows.
var ofAccount = []provision.Aspect{provision.Existence, provision.Name, provision.OrgUnit, provision.AddressList, provision.Alias}

func (r *reading) accounts(ctx context.Context) error {
	if !slices.ContainsFunc(ofAccount, r.asked) {
		return nil
	}
	s, err := r.admin.accounts(ctx, r.want)
	if err != nil {
		return err
	}
	r.each(func(want, have *provision.Mailbox) {
		address := inbox.Address(want.Address)
		if acc := s.found[address]; acc != nil {
			acc.facts(have, want, r.asked)
		} else if err := s.failed[address]; err != nil {
			var h *held
			if errors.As(err, &h) {
				err = h.trouble("the mailbox has no account of its own")
			}
			r.unread(have, err, append(slices.Clone(ofAccount), provision.Licence)...)
		}
	})
	return nil
}

// unread notes why these aspects could not be read.
func (r *reading) unread(have *provision.Mailbox, err error, list ...provision.Aspect) {
	for _, aspect := range list {
		if r.asked(aspect) {
			have.Unread[aspect] = err.Error()
		}
	}
}

// How often and how long reading waits for Google: there is no later for it, as there is for a step. Together it is more
// than the minute that Google counts requests in.
const (
	readTries = 7
	patience  = 2 * time.Minute // a longer time that Google names is not waited out
)

// read does what only reads, waiting out what passes, and explains its error.
func (a *Admin) read(ctx context.Context, what string, do func() error) error {
	for try := 1; ; try++ {
		err := a.explain(what, do())
		var later *provision.NotYet
		if !errors.As(err, &later) || try == readTries || later.After > patience {
			return err
		}
		if err := a.config.Wait(ctx, max(later.After, google.Backoff(try-1))); err != nil {
			return err
		}
	}
}

// readOne reads one thing by get: nil where Google does not know it.
func readOne[T any](ctx context.Context, a *Admin, what string, get func(...googleapi.CallOption) (*T, error)) (*T, error) {
	var one *T
	err := a.read(ctx, what, func() (err error) {
		one, err = get()
		return err
	})
	switch {
	case hasAnswer(err, http.StatusNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return one, nil
}
