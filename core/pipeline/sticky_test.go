package pipeline_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestStickyWithinOneSync: who handled a customer is known at once, so that it makes no difference whether two of the
// customer's mails are read in one sync or in two.
func TestStickyWithinOneSync(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	for _, between := range []bool{false, true} {
		now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		provider, store := &memory.Provider{Address: mailbox}, &memory.Store{}
		policy := coretest.HistoryPolicy(mailbox, "round-robin", 0)
		p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: policy, Provider: provider}, true
		}}
		sync := func() {
			now = now.Add(time.Minute)
			if _, err := p.Sync(t.Context(), mailbox); err != nil {
				t.Fatal(err)
			}
		}
		receive := func(subject string) inbox.MessageID {
			now = now.Add(time.Minute)
			return provider.Receive(inbox.Message{At: now, Subject: subject, From: inbox.Person{Address: "ann@customer.example"}})
		}
		sync()
		first := receive("Parcel")
		now = now.Add(time.Minute)
		provider.Answer(first, inbox.Person{Address: "one@staff.example"}, now)
		if between {
			sync()
		}
		second := receive("Invoice")
		sync()
		state, _ := provider.State(second)
		if len(state.Markers) != 1 || state.Markers[0] != "@One" {
			t.Errorf("a sync between: %v: the customer's second mail carries %v, want @One, who answered the first", between, state.Markers)
		}
	}
}
