package pipeline_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestSyncedOfAnIdleMailbox: a mailbox in which nothing happens is told from one that nobody reads, and reading it writes
// next to nothing.
func TestSyncedOfAnIdleMailbox(t *testing.T) {
	t.Parallel()
	const id = "support@contoso.com"
	began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	now := began
	writes := 0
	store := &memory.Store{Fail: func(op string) (before, after error) {
		if op == "SaveProgress" {
			writes++
		}
		return nil, nil
	}}
	policy := coretest.HistoryPolicy(id, "round-robin", 0)
	idle := &memory.Provider{}
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: idle}, true
	}}
	syncAt := func(after time.Duration) time.Time {
		t.Helper()
		now = began.Add(after)
		if _, err := p.Sync(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		progress, err := store.Mailbox(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return progress.Synced
	}
	if got := syncAt(0); !got.Equal(began) {
		t.Fatalf("after the first sync Synced is %v", got)
	}
	first := writes
	for after := time.Minute; after < 30*time.Minute; after += time.Minute {
		if got := syncAt(after); !got.Equal(began) {
			t.Fatalf("Synced is kept anew after %s", after)
		}
	}
	if got := syncAt(30*time.Minute - time.Millisecond); !got.Equal(began) || writes != first {
		t.Errorf("in less than half an hour Synced has become %v, with %d writes", got, writes-first)
	}
	if got := syncAt(30 * time.Minute); !got.Equal(now) || writes != first+1 {
		t.Errorf("after half an hour Synced is %v, with %d writes", got, writes-first)
	}
	if got := syncAt(45 * time.Minute); !got.Equal(began.Add(30 * time.Minute)) {
		t.Errorf("and a quarter later %v", got)
	}
}
