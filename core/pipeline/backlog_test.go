package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// archive is a mailbox with old mail in it: eight mails, one an hour until an hour before nine, numbered from 0. Even ones
// are unread, and the last but one is archived.
type archive struct {
	*testing.T
	now      time.Time
	provider *memory.Provider
	store    *memory.Store
	policy   *decide.Policy
	spine    *pipeline.Pipeline
	old      []inbox.MessageID
}

const archived = 6

func newArchive(t *testing.T, backlog decide.Backlog, dials ...func(*memory.Provider)) *archive {
	t.Helper()
	a := &archive{T: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), provider: &memory.Provider{Address: "support@contoso.com"}}
	for _, dial := range dials {
		dial(a.provider)
	}
	for i := range 8 {
		at := a.now.Add(time.Duration(i-8) * time.Hour)
		a.old = append(a.old, a.receive(fmt.Sprintf("old%d", i), "", at, i%2 == 0))
	}
	a.provider.Move(a.old[archived], inbox.Archive)
	a.store = &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	a.policy = coretest.HistoryPolicy("support@contoso.com", "round-robin", 0)
	a.policy.Backlog = backlog
	a.spine = &pipeline.Pipeline{Store: a.store, Now: func() time.Time { return a.now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: a.policy, Provider: a.provider}, true
	}}
	return a
}

// receive puts a mail into the inbox as at that time, in answer to another one if that is named.
func (a *archive) receive(name, to string, at time.Time, unread bool) inbox.MessageID {
	m := inbox.Message{Direction: inbox.In, RFCID: "<" + name + ">", Thread: inbox.ThreadID(name), From: inbox.Person{Address: "ann@customer.example"}, Subject: name, At: at, Unread: unread}
	if to != "" {
		m.InReplyTo, m.Thread = "<"+to+">", inbox.ThreadID(to)
	}
	return a.provider.Put(m, inbox.Inbox)
}

func (a *archive) sync() {
	a.Helper()
	if _, err := a.spine.Sync(a.Context(), "support@contoso.com"); err != nil {
		a.Fatal(err)
	}
}

func (a *archive) progress() pipeline.Progress {
	a.Helper()
	p, err := a.store.Mailbox(a.Context(), "support@contoso.com")
	if err != nil {
		a.Fatal(err)
	}
	return p
}

// books are what is kept: of each mail its subject, the status of its conversation, and whether somebody has it.
func (a *archive) books() string {
	a.Helper()
	list, err := a.store.List(a.Context(), "support@contoso.com", "", 100)
	if err != nil {
		a.Fatal(err)
	}
	var lines []string
	for _, c := range list {
		line := c.Subject + " " + string(c.Status)
		if c.Owner != "" {
			line += "+"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// marked are the subjects of the mails that Postroom has written on.
func (a *archive) marked() string {
	var names []string
	for _, w := range a.provider.Markings() {
		for _, m := range a.provider.Messages() {
			if m.ID == w.Message && !slices.Contains(names, m.Subject) {
				names = append(names, m.Subject)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

var backlogs = []struct {
	backlog      decide.Backlog
	books, wrote string
}{
	{decide.Backlog{}, "old0 closed, old1 closed, old2 closed, old3 closed, old4 closed, old5 closed, old6 closed, old7 closed", ""},
	{decide.Backlog{Mode: decide.BacklogRegister}, "old0 closed, old1 closed, old2 closed, old3 closed, old4 closed, old5 closed, old6 closed, old7 closed", ""},
	{decide.Backlog{Mode: decide.BacklogIgnore}, "", ""},
	{decide.Backlog{Mode: decide.BacklogTriageUnread}, "old0 open+, old1 closed, old2 open+, old3 closed, old4 open+, old5 closed, old6 closed, old7 closed", "old0 old2 old4"},
	{decide.Backlog{Mode: decide.BacklogTriageSince, Since: time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)}, "old0 closed, old1 closed, old2 closed, old3 closed, old4 open+, old5 open+, old6 closed, old7 open+", "old4 old5 old7"},
	{decide.Backlog{Mode: decide.BacklogTriageAll}, "old0 open+, old1 open+, old2 open+, old3 open+, old4 open+, old5 open+, old6 closed, old7 open+", "old0 old1 old2 old3 old4 old5 old7"},
}

// TestFirstListing: what was there becomes what the backlog says and nothing else, in whatever detail the provider tells, and
// stays so when everything is listed again. Each old mail's timeline names the mode.
func TestFirstListing(t *testing.T) {
	t.Parallel()
	for _, c := range backlogs {
		for name, dial := range map[string]func(*memory.Provider){
			"as Graph": func(p *memory.Provider) { p.Guarded = true },
			"as Gmail": func(p *memory.Provider) { p.Listing, p.Changed, p.PageSize = memory.NameOnly, memory.StateOnly, 3 },
		} {
			t.Run(c.backlog.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				a := newArchive(t, c.backlog, dial)
				a.sync()
				check := func(when string) {
					t.Helper()
					if got := a.books(); got != c.books {
						t.Errorf("%s: kept\n%s\nwant\n%s", when, got, c.books)
					}
					if got := a.marked(); got != c.wrote {
						t.Errorf("%s: wrote on %q, want %q", when, got, c.wrote)
					}
				}
				check("first")
				a.provider.Expire()
				a.now = a.now.Add(48 * time.Hour)
				a.sync()
				check("listed again")
				list, err := a.store.List(t.Context(), "support@contoso.com", "", 100)
				if err != nil {
					t.Fatal(err)
				}
				for _, conv := range list {
					events, err := a.store.Timeline(t.Context(), "support@contoso.com", conv.ID, 0, 100)
					if err != nil {
						t.Fatal(err)
					}
					if why := strings.Join(events[0].Why, "; "); why != "there before Postroom; backlog: "+c.backlog.String() {
						t.Errorf("%s: the timeline says %q", conv.Subject, why)
					}
				}
			})
		}
	}
}

// TestIgnoredMail: what is ignored costs neither reading nor keeping, however it is moved about later; a new mail in its
// thread is work like any other.
func TestIgnoredMail(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{Mode: decide.BacklogIgnore}, func(p *memory.Provider) { p.Listing, p.Changed = memory.NameOnly, memory.StateOnly })
	a.sync()
	if n := a.provider.Calls("Fetch"); n > 0 {
		t.Errorf("%d fetches", n)
	}
	a.now = a.now.Add(time.Hour)
	a.provider.Move(a.old[0], inbox.Archive)
	a.provider.Move(a.old[archived], inbox.Inbox)
	a.provider.PutMarker(a.old[1], "@One")
	a.provider.Delete(a.old[2])
	a.sync()
	if got := a.books(); got != "" {
		t.Errorf("old mail became news: %s", got)
	}
	reply := a.receive("again", "old3", a.now, true)
	a.sync()
	if got := a.books(); got != "again open+" {
		t.Errorf("kept %s", got)
	}
	if state, _ := a.provider.State(reply); len(state.Markers) != 1 {
		t.Errorf("the answer carries %v", state.Markers)
	}
	a.provider.Expire()
	a.now = a.now.Add(48 * time.Hour)
	a.sync()
	if got := a.books(); got != "again open+" || a.marked() != "again" {
		t.Errorf("listed again: kept %s, wrote on %s", got, a.marked())
	}
}

// TestNewMailIsNotIgnored: mail that comes after the first look is work although the listing begins later, for want of
// consent say; and what this machine's clock takes for a little older than the first look is kept, for the clock may be ahead.
func TestNewMailIsNotIgnored(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{Mode: decide.BacklogIgnore})
	closed := true
	a.provider.Fail = func(op string) (before, after error) {
		if closed {
			return errors.New("no consent"), nil
		}
		return nil, nil
	}
	if _, err := a.spine.Sync(t.Context(), "support@contoso.com"); err == nil {
		t.Fatal("the first look was to fail")
	}
	began := a.now
	a.receive("after", "", began.Add(time.Second), true)
	a.receive("skewed", "", began.Add(-9*time.Minute), true)
	a.receive("long ago", "", began.Add(-11*time.Minute), true)
	a.now = a.now.Add(72 * time.Hour)
	closed = false
	a.sync()
	if got := a.books(); got != "after open+, skewed closed" {
		t.Errorf("kept %s", got)
	}
	// Mail that comes in while Postroom runs is new then.
	a.receive("late but skewed", "old1", began.Add(-time.Second), true)
	a.sync()
	if got := a.books(); got != "after open+, late but skewed open+, skewed closed" {
		t.Errorf("kept %s", got)
	}
}

// TestListingTellsHowFarItIs: while the mailbox is listed for the first time, what is kept beside the cursor tells how far it
// is, also after a kill; afterwards there is nothing to tell.
func TestListingTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	for _, kill := range []string{"Commit", "SaveProgress"} {
		t.Run(kill, func(t *testing.T) {
			t.Parallel()
			a := newArchive(t, decide.Backlog{}, func(p *memory.Provider) { p.PageSize = 2 })
			calls, dieAt := map[string]int{}, 0
			a.store.Fail = func(op string) (before, after error) {
				calls[op]++
				if op == kill && calls[op] == dieAt {
					return errors.New("killed"), nil
				}
				return nil, nil
			}
			var told []string
			for range 20 {
				dieAt = calls[kill] + 3
				_, err := a.spine.Sync(t.Context(), "support@contoso.com")
				p := a.progress()
				told = append(told, fmt.Sprintf("%d of %d", p.Listing.Read, p.Listing.Of))
				if err == nil {
					break
				}
				if p.Listed || p.Listing.Of != 8 && p.Cursor != "" || p.Listing.Read%2 != 0 {
					t.Errorf("midway it tells %+v", p)
				}
			}
			if p := a.progress(); !p.Listed || p.Listing != (pipeline.Listing{}) {
				t.Errorf("at the end it tells %+v", p)
			}
			if len(told) < 2 || !slices.IsSortedFunc(told[:len(told)-1], strings.Compare) || told[len(told)-2] != "6 of 8" && told[len(told)-2] != "4 of 8" {
				t.Errorf("it told %q", told)
			}
			if got := a.books(); got != backlogs[0].books {
				t.Errorf("kept %s", got)
			}
		})
	}
}

// TestOldDatesThatComeIn: a mail with an old date that is brought into the mailbox while Postroom runs, as out of quarantine
// or by a migration, is not lost where the provider tells that it has come in.
func TestOldDatesThatComeIn(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{Mode: decide.BacklogIgnore}, func(p *memory.Provider) {
		p.News, p.Listing, p.Changed = true, memory.NameOnly, memory.StateOnly
	})
	a.sync()
	a.receive("quarantined", "", a.now.Add(-24*time.Hour), true)
	a.provider.Move(a.old[0], inbox.Archive)
	a.sync()
	if got := a.books(); got != "quarantined closed" || a.marked() != "" {
		t.Errorf("kept %s, wrote on %q", got, a.marked())
	}
}
