package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestManyActionsLeftBehind: a provider that refused every write for a long time leaves many actions behind. One sync
// carries them all out when it takes writes again.
func TestManyActionsLeftBehind(t *testing.T) {
	t.Parallel()
	const mailbox, mails = "support@contoso.com", 12_000
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	throttled := true
	provider := &memory.Provider{Address: mailbox, PageSize: 1000}
	provider.Fail = func(op string) (error, error) {
		if op == "Mark" && throttled {
			return &pipeline.Throttled{After: time.Minute, What: "mark"}, nil
		}
		return nil, nil
	}
	policy := coretest.HistoryPolicy(mailbox, "round-robin", 0)
	p := &pipeline.Pipeline{Store: &memory.Store{}, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	for i := range mails {
		provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: inbox.Address(fmt.Sprintf("c%d@example.com", i))}})
	}
	for range mails/1000 + 1 {
		if _, err := p.Sync(t.Context(), mailbox); err == nil {
			t.Fatal("the writes were to be refused")
		}
	}
	throttled = false
	if report, err := p.Sync(t.Context(), mailbox); err != nil || report.Writes != mails {
		t.Errorf("%d of %d markers set: %v", report.Writes, mails, err)
	}
}
