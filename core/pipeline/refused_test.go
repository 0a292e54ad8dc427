package pipeline_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestRefusedIsToldOnce: what the provider refuses for good is on the timeline once, also when the writes beside it have to
// be tried again.
func TestRefusedIsToldOnce(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider, store := &memory.Provider{Address: mailbox}, &memory.Store{}
	policy := coretest.HistoryPolicy(mailbox, "round-robin", 0)
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	var both []inbox.MessageID
	for _, from := range []inbox.Address{"ann@customer.example", "bo@customer.example"} {
		now = now.Add(time.Second)
		both = append(both, provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: from}}))
	}
	provider.Refuse = func(w pipeline.Write) string {
		if w.Message == both[0] {
			return "the mail is locked"
		}
		return ""
	}
	writes := 0
	provider.Fail = func(op string) (error, error) {
		if op == "Mark.write" {
			if writes++; writes == 2 {
				return &pipeline.Throttled{After: time.Second, What: "mark"}, nil
			}
		}
		return nil, nil
	}
	if _, err := p.Sync(t.Context(), mailbox); err == nil {
		t.Fatal("the second write was to be throttled")
	}
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	known, err := store.Known(t.Context(), mailbox, both)
	if err != nil {
		t.Fatal(err)
	}
	events, err := store.Timeline(t.Context(), mailbox, known[both[0]].Conversation, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range events {
		if e.Kind == inbox.EventRefused {
			told++
		}
	}
	if told != 1 {
		t.Errorf("refused %d times on the timeline, want once: %+v", told, events)
	}
	if state, _ := provider.State(both[1]); len(state.Markers) != 1 {
		t.Errorf("the mail beside it carries %v, want its owner", state.Markers)
	}
	if left, err := store.Pending(t.Context(), mailbox, 0); err != nil || len(left) > 0 {
		t.Errorf("still to be done: %+v %v", left, err)
	}
}
