package pipeline_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestIgnoredMailIsNotWrittenOn: where a write can touch a thread as a whole, the ignored mail in it stays as it is. Postroom
// would never take off again what it put there.
func TestIgnoredMailIsNotWrittenOn(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{Mode: decide.BacklogIgnore}, func(p *memory.Provider) { p.Threadwise = true })
	a.sync()
	a.now = a.now.Add(time.Hour)
	for _, name := range []string{"again", "and again", "and once more"} {
		a.receive(name, "old3", a.now, true)
	}
	a.sync()
	list, err := a.store.List(t.Context(), "support@contoso.com", "", 10)
	if err != nil || len(list) != 1 || list[0].Received != 3 {
		t.Fatalf("kept %+v: %v", list, err)
	}
	a.spine.Hints = &memory.Queue{}
	if _, err := a.spine.Command(t.Context(), "support@contoso.com", list[0].ID, decide.Command{Verb: decide.Close, By: inbox.ByMember("one")}); err != nil {
		t.Fatal(err)
	}
	a.sync()
	if got := a.marked(); got != "again and again and once more" {
		t.Errorf("wrote on %s", got)
	}
}

// TestTheClockWasAhead: what comes in after the first listing is new, although it is dated a little before the first look by a
// clock that was ahead. It is work, whatever the backlog.
func TestTheClockWasAhead(t *testing.T) {
	t.Parallel()
	for _, mode := range []decide.BacklogMode{decide.BacklogIgnore, decide.BacklogRegister, decide.BacklogTriageUnread} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := newArchive(t, decide.Backlog{Mode: mode})
			for _, id := range a.old {
				a.provider.Delete(id)
			}
			before := a.receive("before", "", a.now.Add(-5*time.Minute), false)
			a.sync()
			a.receive("after", "", a.now.Add(-4*time.Minute), false)
			a.sync()
			if got := a.books(); got != "after open+, before closed" {
				t.Errorf("kept %s", got)
			}
			// Nor does a listing from nothing make it old, or news of what was known.
			a.provider.Expire()
			a.provider.Move(before, inbox.Archive)
			a.receive("meanwhile", "", a.now.Add(-3*time.Minute), false)
			a.sync()
			if got := a.books(); got != "after open+, before closed, meanwhile open+" {
				t.Errorf("listed again: kept %s", got)
			}
		})
	}
}

// TestNewDuringTheListing: the same of what comes in while the first listing lasts, where the provider tells that it has.
func TestNewDuringTheListing(t *testing.T) {
	t.Parallel()
	a := newArchive(t, decide.Backlog{}, func(p *memory.Provider) {
		p.News, p.Listing, p.Changed, p.PageSize = true, memory.NameOnly, memory.StateOnly, 3
	})
	came := false
	a.provider.Fail = func(op string) (before, after error) {
		if op == "Fetch" && !came {
			came = true
			a.receive("during", "", a.now.Add(-4*time.Minute), true)
		}
		return nil, nil
	}
	a.sync()
	if got, want := a.books(), "during open+, "+backlogs[0].books; got != want {
		t.Errorf("kept %s", got)
	}
}

// TestBacklogOfTheFirstLook: what becomes of old mail is decided once. Another word in the manifest makes neither work nor
// records of it later, at a moment that nobody has chosen: when it is moved, or when the provider has lost its place.
func TestBacklogOfTheFirstLook(t *testing.T) {
	t.Parallel()
	for _, from := range backlogs {
		for _, to := range backlogs {
			t.Run(from.backlog.String()+" to "+to.backlog.String(), func(t *testing.T) {
				t.Parallel()
				a := newArchive(t, from.backlog)
				junk := a.receive("junk", "", a.now.Add(-time.Hour), true)
				a.provider.Move(junk, inbox.Junk)
				a.sync()
				a.policy.Backlog = to.backlog
				if from.backlog.Mode == decide.BacklogIgnore { // else it is taken up so
					a.provider.Move(a.old[archived], inbox.Inbox)
				}
				a.sync()
				a.provider.Expire()
				a.now = a.now.Add(48 * time.Hour)
				a.sync()
				if got := a.books(); got != from.books {
					t.Errorf("kept %s\nwant %s", got, from.books)
				}
				if from.backlog.Mode != decide.BacklogRegister && from.backlog.Mode != "" {
					return
				}
				a.provider.Move(junk, inbox.Inbox)
				a.sync()
				if got := a.books(); got != "junk closed, "+from.books {
					t.Errorf("kept %s", got)
				}
			})
		}
	}
}

// TestBacklogInMidListing: a first listing that dies half-way goes on as it began.
func TestBacklogInMidListing(t *testing.T) {
	t.Parallel()
	for _, c := range backlogs {
		t.Run(c.backlog.String(), func(t *testing.T) {
			t.Parallel()
			a := newArchive(t, c.backlog, func(p *memory.Provider) { p.PageSize = 3 })
			calls, last, other := 0, 2, decide.BacklogIgnore
			if c.backlog.Mode == decide.BacklogIgnore { // which lists nothing
				last, other = 1, decide.BacklogTriageAll
			}
			a.provider.Fail = func(op string) (before, after error) {
				if op == "Changes" {
					if calls++; calls == last {
						return errors.New("killed"), nil
					}
				}
				return nil, nil
			}
			if _, err := a.spine.Sync(t.Context(), "support@contoso.com"); err == nil {
				t.Fatal("it was to die")
			}
			a.policy.Backlog = decide.Backlog{Mode: other}
			a.sync()
			if got := a.books(); got != c.books {
				t.Errorf("kept %s\nwant %s", got, c.books)
			}
		})
	}
}

// TestOutage: a mailbox that was out of the manifest for months, so that the provider has forgotten the cursor, comes back
// under the cut-over of the first look. What came meanwhile is work unless it has been dealt with; what is older stays
// what it was.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, c := range backlogs {
		for name, dial := range map[string]func(*memory.Provider){
			"as Graph": func(p *memory.Provider) { p.Guarded = true },
			"as Gmail": func(p *memory.Provider) {
				p.Listing, p.Changed, p.PageSize, p.News = memory.NameOnly, memory.StateOnly, 3, true
			},
		} {
			t.Run(c.backlog.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				a := newArchive(t, c.backlog, dial)
				a.sync()
				mailboxes := a.spine.Mailboxes
				a.spine.Mailboxes = func(inbox.MailboxID) (pipeline.Mailbox, bool) { return pipeline.Mailbox{}, false }
				if _, err := a.spine.Sync(t.Context(), "support@contoso.com"); err == nil {
					t.Fatal("a mailbox that is not in the manifest was read")
				}
				a.now = a.now.AddDate(0, 3, 0)
				at := a.now.AddDate(0, -1, 0)
				a.receive("new", "", at, false)
				a.provider.Move(a.receive("done", "", at, false), inbox.Archive)
				a.provider.Answer(a.receive("answered", "", at, false), inbox.Person{}, at.Add(time.Hour))
				a.provider.Answer(a.old[1], inbox.Person{}, at) // to the customer of a mail that may be ignored
				a.receive("once more", "old5", at, false)
				a.provider.Expire()
				a.spine.Mailboxes = mailboxes
				a.sync()
				got := a.books()
				want := []string{"new open+", "done closed", "answered waiting+"}
				switch c.backlog.Mode {
				case decide.BacklogIgnore:
					want = []string{"Re: old1 waiting, answered waiting+, done closed, new open+, once more open+"}
				case decide.BacklogRegister:
					want = append(want, "old0 closed, old1 waiting, ", "old4 closed, old5 open+, old6 closed")
				}
				for _, w := range want {
					if !strings.Contains(got, w) {
						t.Errorf("kept %s, want %s in it", got, w)
					}
				}
				a.sync()
				if again := a.books(); again != got {
					t.Errorf("kept %s, then %s", got, again)
				}
			})
		}
	}
}
