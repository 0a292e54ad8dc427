package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
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
