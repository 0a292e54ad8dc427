package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// past is a provider that shows a state which has been overtaken, and says that it may have been.
type past struct {
	*memory.Provider
	old     *inbox.State
	fetched int
}

func (p *past) Changes(ctx context.Context, c inbox.Cursor) (pipeline.Page, error) {
	page, err := p.Provider.Changes(ctx, c)
	for i := range page.Changes {
		if p.old != nil {
			page.Changes[i].State, page.Changes[i].Doubtful = p.old, true
		}
	}
	return page, err
}

func (p *past) Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error) {
	p.fetched += len(ids)
	return p.Provider.Fetch(ctx, ids)
}

// TestDoubtfulState: a state that may have been overtaken is no person's move until it has been fetched, and one that
// shows nothing new is not fetched at all.
func TestDoubtfulState(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider := &past{Provider: &memory.Provider{Address: mailbox, NoStamps: true}}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	policy := coretest.HistoryPolicy(mailbox, "round-robin", 0)
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	sync := func() {
		t.Helper()
		if _, err := p.Sync(t.Context(), mailbox); err != nil {
			t.Fatal(err)
		}
	}
	sync()
	now = now.Add(time.Minute)
	id := provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: "a@example.com"}})
	sync()
	owner := func() inbox.MemberID {
		list, err := store.List(t.Context(), mailbox, "", 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("conversations: %v %v", list, err)
		}
		return list[0].Owner
	}
	if owner() != "one" {
		t.Fatalf("given to %q", owner())
	}

	provider.old = &inbox.State{Place: inbox.Inbox, Markers: []inbox.Marker{"@Two"}} // long taken off again
	provider.fetched = 0
	provider.PutMarker(id, "Private")
	sync()
	if owner() != "one" || provider.fetched != 1 {
		t.Errorf("after an overtaken state its owner is %q, and %d messages were fetched", owner(), provider.fetched)
	}
	provider.old = &inbox.State{Place: inbox.Inbox, Markers: []inbox.Marker{"@One", "Private"}}
	provider.TakeMarker(id, "Private")
	sync()
	if provider.fetched != 1 {
		t.Error("a doubtful state that shows nothing new was fetched")
	}
}
