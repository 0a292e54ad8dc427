package msgraph_test

import (
	"context"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// An ignored backlog is not listed while Graph's filter can be trusted. Long after the time a filtered listing might stop
// at Graph's limit, so that everything is listed.
func TestSinceFiltersForAnHour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		later time.Duration
		old   bool
	}{{"at once", 0, false}, {"an hour later", 59 * time.Minute, false}, {"a day later", 24 * time.Hour, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			for n := range 30 {
				tn.receive(n)
			}
			tn.now = tn.now.Add(time.Hour)
			since := tn.now
			id := tn.receive(100)
			tn.now = tn.now.Add(c.later)
			m := tn.mailbox()
			tn.cursor = m.Since(since)
			listed := latest(tn.changes(m))
			if _, ok := listed[id]; !ok || c.old != (len(listed) == 31) || !c.old && len(listed) != 1 {
				t.Errorf("%d messages are listed", len(listed))
			}
			late := tn.receive(101)
			if got := latest(tn.changes(m)); len(got) != 1 || got[late].Message == nil {
				t.Errorf("afterwards %v", got)
			}
			// A folder whose token has expired is listed anew, whatever the filter.
			must(t, tn.ExpireDelta(support, "inbox"))
			tn.now = tn.now.Add(24 * time.Hour)
			all := latest(tn.changes(m))
			if _, ok := all[id]; !ok || len(all) != 32 {
				t.Errorf("listed anew: %d messages", len(all))
			}
		})
	}
}

func TestTotalIsOfTheFoldersListed(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	for n := range 5 {
		id := tn.receive(n)
		if n == 0 {
			must(t, tn.Move(support, string(id), "archive"))
		}
		if n == 1 {
			must(t, tn.Move(support, string(id), "deleteditems")) // not listed
		}
	}
	m := tn.mailbox()
	for at, want := range map[inbox.Cursor]int{"": 4, m.Since(tn.now): 0} {
		total := 0
		for more := true; more; {
			page, err := m.Changes(context.Background(), at)
			must(t, err)
			total += page.Total
			at, more = page.Next, page.More
		}
		if total != want {
			t.Errorf("total %d, want %d", total, want)
		}
	}
}
