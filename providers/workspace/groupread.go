package workspace

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// glance is what a reading asks of one group, and what it found.
type glance struct {
	name, settings, members bool
	behind                  inbox.Address // the account that is to get the group's mail; may be ""

	mu     sync.Mutex
	facts  map[provision.Fact]string // Group and GroupMember
	values map[string]string         // of Groups Settings
	failed map[provision.Aspect]error
}

func (l *glance) note(aspect provision.Aspect, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed[aspect] = err
	}
}

func (l *glance) put(f provision.Fact, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts[f] = value
}

func (l *glance) has(aspect provision.Aspect, subject string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.facts[provision.Fact{Aspect: aspect, Subject: subject}]
	return ok
}

// glances are the groups of a reading, by address.
type glances map[inbox.Address]*glance

func (g glances) at(address inbox.Address) *glance {
	if g[address] == nil {
		g[address] = &glance{facts: map[provision.Fact]string{}, failed: map[provision.Aspect]error{}}
	}
	return g[address]
}

// groups reads those that are named in the wishes: nothing tells which group is in front of an account.
func (r *reading) groups(ctx context.Context) error {
	of := glances{}
	r.each(func(want, _ *provision.Mailbox) {
		front := frontOf(want)
		if front != "" {
			r.admin.fronts[want.Address] = front
		}
		for f := range want.Facts {
			group, who, isMember := membership(f)
			if team := teamOf(want, f); team != "" && r.asked(provision.GroupMember) {
				of.at(team).members = true
			}
			switch {
			case !r.asked(f.Aspect):
			case f.Aspect == provision.Group:
				of.at(inbox.Address(f.Subject)).name = true
			case f.Aspect == provision.GroupSetting && front != "":
				of.at(front).settings = true
			case isMember:
				if who == inbox.Address(want.Address) {
					of.at(group).behind = who
				}
			}
		}
	})
	if err := r.admin.glance(ctx, of); err != nil {
		return err
	}
	r.each(func(want, have *provision.Mailbox) { r.ofGroups(want, have, of) })
	return nil
}

// ofGroups notes what the groups of one mailbox are like.
func (r *reading) ofGroups(want, have *provision.Mailbox, of glances) {
	front := of[frontOf(want)]
	for f, wished := range want.Facts {
		if team := teamOf(want, f); team != "" && r.asked(provision.GroupMember) {
			r.ofTeam(have, of[team])
		}
		l := front
		switch {
		case !r.asked(f.Aspect):
			continue
		case f.Aspect == provision.Group:
			l = of[inbox.Address(f.Subject)]
		case f.Aspect != provision.GroupSetting:
			continue
		}
		if l == nil {
			continue
		}
		if err := l.failed[f.Aspect]; err != nil {
			r.unread(have, err, f.Aspect)
			continue
		}
		switch f.Aspect {
		case provision.Group:
			if name, ok := l.facts[f]; ok {
				if sameName(wished, name) {
					name = wished
				}
				have.Facts[f] = name
			}
		case provision.GroupSetting:
			if value, ok := l.values[f.Subject]; ok {
				have.Facts[f] = value
			}
		}
	}
}

// ofTeam notes who is in a group.
func (r *reading) ofTeam(have *provision.Mailbox, l *glance) {
	if err := l.failed[provision.GroupMember]; err != nil {
		r.unread(have, err, provision.GroupMember)
		return
	}
	for member, role := range l.facts {
		if member.Aspect == provision.GroupMember {
			have.Facts[member] = role
		}
	}
}

// teamOf is the group whose members are the manifest's by this fact of a wish: one that somebody shall be in, or one that is
// to open the mailbox, also when nobody is named who shall be in it. It is "" for other facts.
func teamOf(m *provision.Mailbox, f provision.Fact) inbox.Address {
	if group, _, ok := membership(f); ok {
		return group
	}
	if _, ours := m.Facts[provision.Fact{Aspect: provision.Group, Subject: f.Subject}]; ours && f.Aspect == provision.Open {
		return inbox.Address(f.Subject)
	}
	return ""
}

// frontOf is the group wished in front of a mailbox, "" if none: the one that the account shall be a member of, for a
// mailbox may also have a group whose members are its delegates.
func frontOf(m *provision.Mailbox) inbox.Address {
	var front inbox.Address
	for f := range m.Facts {
		if f.Aspect != provision.Group {
			continue
		}
		group := inbox.Address(f.Subject)
		_, delivers := m.Facts[provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(group, inbox.Address(m.Address))}]
		if delivers {
			return group
		}
		if front == "" || group < front {
			front = group
		}
	}
	return front
}

// membership takes the subject of a GroupMember apart.
func membership(f provision.Fact) (group, member inbox.Address, ok bool) {
	g, m, ok := strings.Cut(f.Subject, "/")
	return inbox.Address(g), inbox.Address(m), ok && f.Aspect == provision.GroupMember && g != "" && m != ""
}

// glance reads the groups, several at once. What cannot be read is noted; it fails only with the context.
func (a *Admin) glance(ctx context.Context, of glances) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, address := range slices.Sorted(maps.Keys(of)) {
		l := of[address]
		if l.name {
			g.Go(func() error {
				found, err := a.group(ctx, address)
				l.note(provision.Group, err)
				if found != nil {
					l.put(provision.Fact{Aspect: provision.Group, Subject: string(address)}, fold(found.Name))
				}
				return ctx.Err()
			})
		}
		if l.settings {
			g.Go(func() error {
				values, err := a.settings(ctx, address)
				l.note(provision.GroupSetting, err)
				l.values = values
				return ctx.Err()
			})
		}
		if l.members {
			g.Go(func() error {
				err := a.members(ctx, address, l.put)
				if subject := provision.GroupMembership(address, l.behind); err == nil && l.has(provision.GroupMember, subject) {
					err = a.delivery(ctx, address, l)
				}
				l.note(provision.GroupMember, err)
				return ctx.Err()
			})
		}
	}
	return g.Wait()
}
