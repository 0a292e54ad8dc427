package provision_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

type site struct {
	provider inbox.Provider
	mailbox  inbox.MailboxID
}

type facts = map[provision.Fact]string

// tenant is a tenant of both providers in memory, with its journal, its lock and its clock. What is done shows in readings
// only after lag. At one of its calls it can die: nothing answers any more until it is revived, and the effect of that call
// may have happened or not.
type tenant struct {
	mu      sync.Mutex
	now     time.Time
	lag     time.Duration
	truth   map[site]facts
	history []moment
	unread  map[site]map[provision.Aspect]string
	unseen  map[site]facts

	manual func(provision.Step) string
	before func(provision.Step) error // in place of the effect
	after  func(provision.Step) error // once it has happened
	onCall func()

	calls int
	dieAt int  // call at which it dies; 0: never
	late  bool // it dies after the effect of that call
	dead  bool

	file    map[site]facts // for the monitor: the wish
	had     map[site]facts // and what was there when it began
	alarms  []string
	changes []provision.Step
	reads   int

	entries []provision.Entry
	holder  string
	until   time.Time
	waited  time.Duration
}

type moment struct {
	at    time.Time
	truth map[site]facts
}

type killed struct{}

func newTenant(have []provision.Mailbox) *tenant {
	t := &tenant{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), truth: map[site]facts{}, unread: map[site]map[provision.Aspect]string{}, unseen: map[site]facts{}}
	for _, m := range have {
		at := site{m.Provider, m.Address}
		t.truth[at] = maps.Clone(m.Facts)
		t.unread[at] = maps.Clone(m.Unread)
		t.unseen[at] = maps.Clone(m.Unseen)
		if t.truth[at] == nil {
			t.truth[at] = facts{}
		}
	}
	t.history = []moment{{time.Time{}, t.copyTruth()}}
	return t
}

func (t *tenant) copyTruth() map[site]facts {
	out := make(map[site]facts, len(t.truth))
	for at, f := range t.truth {
		out[at] = maps.Clone(f)
	}
	return out
}

// watch arms the monitor.
func (t *tenant) watch(want []provision.Mailbox) {
	t.file, t.had = map[site]facts{}, t.copyTruth()
	for _, w := range want {
		t.file[site{w.Provider, w.Address}] = w.Facts
	}
}

// call counts a call and dies where it is due. It tells whether the effect is to happen before that.
func (t *tenant) call(effect func()) {
	if t.dead {
		panic(killed{})
	}
	t.calls++
	if t.onCall != nil {
		t.mu.Unlock()
		t.onCall()
		t.mu.Lock()
	}
	if t.calls != t.dieAt {
		effect()
		return
	}
	t.dead = true
	if t.late {
		effect()
	}
	panic(killed{})
}

// revive lets it answer again, after the lock of whoever died has run out.
func (t *tenant) revive() {
	t.dead, t.dieAt = false, 0
	t.now = t.now.Add(time.Hour)
}

func (t *tenant) Handles(provider inbox.Provider, aspect provision.Aspect) bool { return true }

func (t *tenant) Manual(s provision.Step) string {
	if t.manual == nil {
		return ""
	}
	return t.manual(s)
}

func (t *tenant) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) (out []provision.Mailbox, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.call(func() {
		t.reads++
		shown := t.history[0].truth
		for _, m := range t.history {
			if !m.at.After(t.now.Add(-t.lag)) {
				shown = m.truth
			}
		}
		asked := map[site]bool{}
		tenants := false
		one := func(at site) provision.Mailbox {
			m := provision.Mailbox{Address: at.mailbox, Provider: at.provider, Facts: facts{}, Unread: map[provision.Aspect]string{}, Unseen: maps.Clone(t.unseen[at])}
			for f, v := range shown[at] {
				if _, blind := t.unread[at][f.Aspect]; !blind && (only == nil || slices.Contains(only, f.Aspect)) {
					m.Facts[f] = v
				}
			}
			for a, why := range t.unread[at] {
				if only == nil || slices.Contains(only, a) {
					m.Unread[a] = why
				}
			}
			return m
		}
		for _, w := range want {
			at := site{w.Provider, w.Address}
			asked[at] = true
			tenants = tenants || w.Address == ""
			out = append(out, one(at))
		}
		for at, f := range shown {
			if _, marked := f[provision.Fact{Aspect: provision.Reach}]; tenants && marked && !asked[at] {
				out = append(out, one(at))
			}
		}
	})
	return out, nil
}

func (t *tenant) Do(ctx context.Context, s provision.Step) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Manual != "" {
		t.alarm("asked to do what a person has to do: %s", s.What)
	}
	t.call(func() {
		if t.before != nil {
			if err = t.before(s); err != nil {
				return
			}
		}
		if err = t.effect(s); err == nil && t.after != nil {
			err = t.after(s)
		}
	})
	return err
}

var errInUse = errors.New("the address is in use")

// effect is what the provider does with a step.
func (t *tenant) effect(s provision.Step) error {
	at := site{s.Provider, s.Mailbox}
	existence := provision.Fact{Aspect: provision.Existence}
	if s.Verb == provision.Create && s.Fact.Aspect == provision.Existence {
		if t.truth[at] == nil {
			t.truth[at] = facts{}
		}
		if _, ok := t.truth[at][existence]; ok {
			return nil
		}
		if t.used(s.Provider, string(s.Mailbox), "") {
			return errInUse
		}
		t.truth[at][existence] = s.After
		for _, v := range s.With {
			t.truth[at][v.Fact] = v.Value
		}
		if s.Provider == inbox.M365 {
			// What a new mailbox has from the start.
			t.truth[at][provision.Fact{Aspect: provision.SignIn}] = "allowed"
			t.truth[at][provision.Fact{Aspect: provision.AutoReply}] = "on"
			t.truth[at][provision.Fact{Aspect: provision.Marker, Subject: "closed"}] = "green"
		}
		t.changed(s)
		return nil
	}
	f := t.truth[at]
	group := s.Fact.Aspect == provision.Group || s.Fact.Aspect == provision.GroupMember || s.Fact.Aspect == provision.GroupSetting
	if _, ok := f[existence]; !ok && s.Mailbox != "" && !group && s.Verb != provision.Delete && s.Fact.Aspect != provision.Reach {
		return &provision.NotYet{Err: errors.New("no such mailbox yet")}
	}
	if f == nil {
		return nil
	}
	key := s.Fact
	for have := range f {
		if have.Aspect == s.Fact.Aspect && strings.EqualFold(have.Subject, s.Fact.Subject) {
			key = have
		}
	}
	before, there := f[key]
	switch s.Verb {
	case provision.Delete:
		for have := range f {
			if have.Aspect != provision.Group && have.Aspect != provision.GroupMember && have.Aspect != provision.GroupSetting {
				delete(f, have)
			}
		}
	case provision.Remove:
		delete(f, key)
	default:
		switch s.Fact.Aspect {
		case provision.Alias, provision.Group:
			if !there && t.used(s.Provider, s.Fact.Subject, s.Mailbox) {
				return errInUse
			}
		case provision.Quota:
			if n, _ := strconv.ParseInt(s.After, 10, 64); n > 50<<30 && f[provision.Fact{Aspect: provision.Licence}] == "" {
				return errors.New("needs a licence")
			}
		case provision.AppRole:
			if _, ok := f[provision.Fact{Aspect: provision.AppScope, Subject: s.After}]; !ok {
				return errors.New("no such scope")
			}
			t.monitorApp(s)
		case provision.Marker:
			if there && s.After == "" {
				return nil // adopted in the color that it has
			}
		case provision.Sender:
			if s.After == "default" {
				for have := range f {
					if have.Aspect == provision.Sender {
						f[have] = ""
					}
				}
			}
		}
		t.monitorGrant(at, s, there)
		if there && before != s.After && s.Fact.Aspect == provision.Open {
			// AutoMapping is changed by taking the right and giving it anew; it can die in between.
			delete(f, key)
			t.changed(s)
			if t.dieAt == t.calls && t.late {
				panic(killed{})
			}
		}
		f[key] = s.After
	}
	t.changed(s)
	return nil
}

// used reports whether an address belongs to something else than the mailbox.
func (t *tenant) used(provider inbox.Provider, address string, but inbox.MailboxID) bool {
	for at, f := range t.truth {
		if at.provider != provider {
			continue
		}
		if _, ok := f[provision.Fact{Aspect: provision.Existence}]; ok && string(at.mailbox) == address {
			return true
		}
		for have := range f {
			if (have.Aspect == provision.Alias || have.Aspect == provision.Group) && have.Subject == address && at.mailbox != but {
				return true
			}
		}
	}
	return false
}

func (t *tenant) changed(s provision.Step) {
	t.changes = append(t.changes, s)
	t.history = append(t.history, moment{t.now, t.copyTruth()})
	t.monitor()
}

func (t *tenant) alarm(format string, a ...any) {
	t.alarms = append(t.alarms, fmt.Sprintf(format, a...))
}

var rights = []provision.Aspect{provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf, provision.GroupMember}

// person is whom a fact gives something; empty where it gives nobody anything.
func person(f provision.Fact) string {
	if !slices.Contains(rights, f.Aspect) {
		return ""
	}
	if f.Aspect == provision.GroupMember {
		_, member, _ := strings.Cut(f.Subject, "/")
		return member
	}
	return f.Subject
}

// monitor: nobody ever holds more than they held before or the file gives them.
func (t *tenant) monitor() {
	if t.file == nil {
		return
	}
	for at, f := range t.truth {
		for have := range f {
			if person(have) == "" && have.Aspect != provision.Reach && have.Aspect != provision.AppRole {
				continue
			}
			_, had := t.had[at][have]
			_, given := t.file[at][have]
			if !had && !given {
				t.alarm("%s: %v is neither in the file nor was it there", at.mailbox, have)
			}
		}
	}
}

// monitorGrant: nobody is given anything while they hold what the file does not give them.
func (t *tenant) monitorGrant(at site, s provision.Step, there bool) {
	who := person(s.Fact)
	if t.file == nil || who == "" || there {
		return
	}
	groups := map[string]bool{}
	for f := range t.file[at] {
		if f.Aspect == provision.GroupMember {
			group, _, _ := strings.Cut(f.Subject, "/")
			groups[group] = true
		}
	}
	for have := range t.truth[at] {
		if person(have) != who {
			continue
		}
		if group, _, _ := strings.Cut(have.Subject, "/"); have.Aspect == provision.GroupMember && !groups[group] {
			continue // a group whose members are nobody's business
		}
		if _, given := t.file[at][have]; !given {
			t.alarm("%s: %s while %s still holds %s", at.mailbox, s.What, who, have.Aspect)
		}
	}
}

// monitorApp: the app is given no role while a mailbox beyond the file carries its mark.
func (t *tenant) monitorApp(s provision.Step) {
	if t.file == nil {
		return
	}
	for at, f := range t.truth {
		reach := provision.Fact{Aspect: provision.Reach}
		if _, marked := f[reach]; marked {
			if _, given := t.file[at][reach]; !given {
				t.alarm("%s while %s carries the mark", s.What, at.mailbox)
			}
		}
	}
}

func (t *tenant) Record(ctx context.Context, entries []provision.Entry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t.call(func() {
		for _, e := range entries {
			if !slices.ContainsFunc(t.entries, func(old provision.Entry) bool { return old.Key == e.Key && old.Stage == e.Stage }) {
				t.entries = append(t.entries, e)
			}
		}
	})
	return nil
}

func (t *tenant) Entries(ctx context.Context, mailbox inbox.MailboxID, cursor string, limit int) ([]provision.Entry, string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []provision.Entry
	for _, e := range t.entries {
		if e.Mailbox == mailbox {
			out = append(out, e)
		}
	}
	from, _ := strconv.Atoi(cursor)
	to := min(from+limit, len(out))
	if to == len(out) {
		return out[from:to], "", nil
	}
	return out[from:to], strconv.Itoa(to), nil
}

func (t *tenant) Lock(ctx context.Context, holder string, now, until time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	t.call(func() {
		if t.holder != "" && t.holder != holder && now.Before(t.until) {
			err = &provision.Locked{Holder: t.holder, Until: t.until}
			return
		}
		t.holder, t.until = holder, until
	})
	return err
}

func (t *tenant) Unlock(ctx context.Context, holder string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dead && t.holder == holder {
		t.holder = ""
	}
	return nil
}

func (t *tenant) wait(ctx context.Context, d time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.now.Add(d)
	t.waited += d
	return ctx.Err()
}

func (t *tenant) estate() *provision.Estate {
	return &provision.Estate{Admins: []provision.Admin{t}}
}

func (t *tenant) run(holder string) *provision.Run {
	return &provision.Run{
		Estate: t.estate(), Journal: t, Locks: t, Holder: holder, By: "tester", Wait: t.wait,
		Now: func() time.Time {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.now
		},
	}
}

// apply runs until the end or the tenant's death.
func (t *tenant) apply(ctx context.Context, holder string, want []provision.Mailbox, p provision.Plan) (r provision.Report, err error, died bool) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case killed:
			died = true
		default:
			panic(x)
		}
	}()
	r, err = t.run(holder).Apply(ctx, want, p)
	return r, err, false
}
