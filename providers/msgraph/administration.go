package msgraph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Administration is what Graph has of a tenant's administration: the category lists of its mailboxes. It implements
// provision.Admin for the aspect Marker at Microsoft 365.
type Administration struct {
	Client *Client
	// Wait passes the time that Graph names when it throttles a reading; nil does not wait, and what was throttled is
	// not read. Do never waits.
	Wait func(ctx context.Context, d time.Duration) error
}

// A throttled reading is tried this many times in all, and never waited for longer than this at once.
const (
	maxReadTries = 4
	maxReadWait  = 2 * time.Minute
)

// Handles implements provision.Admin.
func (a *Administration) Handles(provider inbox.Provider, aspect provision.Aspect) bool {
	return provider == inbox.M365 && aspect == provision.Marker
}

// Read implements provision.Admin: the categories of each mailbox with their colors, twenty mailboxes a round trip. A
// category that is wished for comes under the wish's name, whatever its letter case at the mailbox, since Outlook takes
// both for one. A mailbox that Graph does not show has none: it is not there, or so new that Graph has not taken note of it.
// Where the app is not let to the mailbox, as long as a change of its scope gets around, the aspect is unread.
func (a *Administration) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	out := make([]provision.Mailbox, len(want))
	var places []int
	var addresses []string
	for i, w := range want {
		out[i] = provision.Mailbox{Address: w.Address, Provider: w.Provider, Facts: map[provision.Fact]string{}}
		if w.Address == "" || !a.Handles(w.Provider, provision.Marker) || only != nil && !slices.Contains(only, provision.Marker) {
			continue
		}
		address, err := pathAddress(string(w.Address))
		if err != nil {
			unread(&out[i], err.Error())
			continue
		}
		places, addresses = append(places, i), append(addresses, address)
	}
	lists, err := a.lists(ctx, addresses)
	if err != nil {
		return nil, fmt.Errorf("graph: read categories: %w", a.Client.steer(ctx, "the mailboxes", err))
	}
	for n, list := range lists {
		at := places[n]
		if list.err == nil {
			found(&out[at], &want[at], list.items)
			continue
		}
		var api *apiError
		if errors.As(list.err, &api) && api.noMailbox() {
			continue
		}
		err := a.Client.steer(ctx, addresses[n], list.err)
		if refused(err) {
			return nil, fmt.Errorf("graph: read the categories of %s: %w", addresses[n], err)
		}
		unread(&out[at], err.Error())
	}
	return out, nil
}

// lists reads the category lists, and those that were throttled again after their time.
func (a *Administration) lists(ctx context.Context, addresses []string) ([]categoryList, error) {
	out := make([]categoryList, len(addresses))
	left := make([]int, len(addresses))
	for i := range left {
		left[i] = i
	}
	for try := 1; len(left) > 0; try++ {
		some := make([]string, len(left))
		for i, at := range left {
			some[i] = addresses[at]
		}
		lists, err := a.Client.categoryLists(ctx, some)
		after, throttled := a.Client.throttledFor(err)
		if err != nil && !throttled {
			return nil, err
		}
		var again []int
		for i, at := range left {
			if err != nil { // the round itself was throttled
				again = left
				break
			}
			out[at] = lists[i]
			if d, one := a.Client.throttledFor(lists[i].err); one {
				again, after = append(again, at), max(after, d)
			}
		}
		if left = again; len(left) == 0 {
			break
		}
		if a.Wait == nil || try == maxReadTries || after > maxReadWait {
			return out, err
		}
		if err := a.Wait(ctx, after); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// found notes a mailbox's categories, under the wish's names where the wish has them.
func found(have, want *provision.Mailbox, items []wireItem) {
	wished := map[string]provision.Fact{} // by folded name
	for f := range want.Facts {
		if f.Aspect == provision.Marker {
			wished[strings.ToLower(f.Subject)] = f
		}
	}
	for i := range items {
		if items[i].DisplayName == "" {
			continue
		}
		f, ok := wished[strings.ToLower(items[i].DisplayName)]
		if !ok {
			f = provision.Fact{Aspect: provision.Marker, Subject: items[i].DisplayName}
		}
		have.Facts[f] = colorNamed(items[i].Color)
	}
}

// colorNamed is the color of a preset; one that Outlook has got since comes as it is.
func colorNamed(preset string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.ToLower(preset), "preset"))
	if err != nil || n < 0 || n >= len(colors) {
		return strings.ToLower(preset)
	}
	return colors[n]
}

// Do implements provision.Admin: it makes sure that the category is in the list, in its color, as Prepare does.
func (a *Administration) Do(ctx context.Context, s provision.Step) error {
	if !a.Handles(s.Provider, s.Fact.Aspect) || s.Mailbox == "" {
		return fmt.Errorf("graph: %s of %s at %s is none of Graph's", s.Fact.Aspect, s.Mailbox, s.Provider)
	}
	if s.Verb != provision.Add && s.Verb != provision.Set {
		return fmt.Errorf("graph: %s category %q of %s: categories are never taken away", s.Verb, s.Fact.Subject, s.Mailbox)
	}
	m, err := a.Client.Mailbox(MailboxOptions{Address: s.Mailbox})
	if err != nil {
		return err
	}
	err = m.bringInLine(ctx, []inbox.Style{{Marker: inbox.Marker(s.Fact.Subject), Color: s.After}})
	if err != nil {
		return fmt.Errorf("graph: category %q of %s: %w", s.Fact.Subject, m.address, a.Client.steer(ctx, m.address, err))
	}
	return nil
}

// Manual implements provision.Admin: every step can be done.
func (a *Administration) Manual(provision.Step) string { return "" }

func unread(m *provision.Mailbox, why string) {
	m.Unread = map[provision.Aspect]string{provision.Marker: why}
}
