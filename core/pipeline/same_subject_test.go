package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// counting is a store that notes the most conversations that were asked for at once.
type counting struct {
	*memory.Store
	most int
}

func (c *counting) Conversations(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	c.most = max(c.most, len(ids))
	return c.Store.Conversations(ctx, mailbox, ids)
}

// TestManyStrangersWithOneSubject: where equal subjects are one thread of the provider's, what one more mail costs does not
// grow with the years, and the customer who wrote lately is still found in the crowd.
func TestManyStrangersWithOneSubject(t *testing.T) {
	t.Parallel()
	const mailbox, strangers = "support@contoso.com", 2500
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider, store := &memory.Provider{Address: mailbox, Guarded: true, PageSize: 100}, &counting{Store: &memory.Store{}}
	policy := coretest.HistoryPolicy(mailbox, "manual", 0)
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	receive := func(customer int) inbox.MessageID {
		now = now.Add(time.Second)
		return provider.Receive(inbox.Message{
			At: now, Subject: "Invoice", Thread: "subject Invoice", ThreadIsHint: true,
			From: inbox.Person{Address: inbox.Address(fmt.Sprintf("c%d@example.com", customer))},
		})
	}
	var last inbox.MessageID
	for i := range strangers {
		last = receive(i)
	}
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	store.most = 0
	again := receive(strangers - 1)
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	if store.most > 1000 {
		t.Errorf("one mail more asks for %d conversations", store.most)
	}
	known, err := store.Known(t.Context(), mailbox, []inbox.MessageID{last, again})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := known[last].Conversation, known[again].Conversation; a == "" || a != b {
		t.Errorf("the last customer's two mails are in conversations %q and %q", a, b)
	}
}
