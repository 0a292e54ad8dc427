package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// hurried is a provider whose caller runs out of time after every so many writes, as a function does at its deadline.
type hurried struct {
	*memory.Provider
	few   int
	stop  context.CancelFunc
	wrote int
}

func (h *hurried) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	if len(writes) <= h.few {
		h.wrote += len(writes)
		return h.Provider.Mark(ctx, writes)
	}
	ended, err := h.Provider.Mark(ctx, writes[:h.few])
	h.wrote += h.few
	h.stop()
	return ended, errors.Join(err, context.Canceled)
}

// punctual is a store that does nothing for a caller whose time is up, as one over a network does.
type punctual struct{ *memory.Store }

func (s punctual) Settle(ctx context.Context, id inbox.MailboxID, keys []string, seen []inbox.Known) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Store.Settle(ctx, id, keys, seen)
}

// TestCutShort cuts every sync off amid its writes. What has been written by then is not written again, so that each goes
// on where the last one had come to.
func TestCutShort(t *testing.T) {
	t.Parallel()
	const mailbox, mails = "support@contoso.com", 10
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider := &hurried{Provider: &memory.Provider{Address: mailbox}, few: 3}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	policy := coretest.HistoryPolicy(mailbox, "least-loaded", 0)
	p := &pipeline.Pipeline{
		Store: punctual{store}, Hints: &memory.Queue{}, Now: func() time.Time { return now },
		Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: policy, Provider: provider}, true
		},
	}
	for n := range mails {
		provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: inbox.Address(fmt.Sprintf("c%d@customer.example", n))}})
	}
	for left := mails; left > 0; left -= provider.few {
		var ctx context.Context
		ctx, provider.stop = context.WithCancel(t.Context())
		now = now.Add(time.Minute)
		if _, err := p.Sync(ctx, mailbox); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		provider.stop()
		actions, err := store.Pending(t.Context(), mailbox, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := carried(t.Context(), store, mailbox)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(mails, mails-left+provider.few); seen != want {
			t.Errorf("after a sync that was cut off %d mails are known to carry their marker, want %d (%d actions are left)", seen, want, len(actions))
		}
	}
	if provider.wrote != mails {
		t.Errorf("%d mails took %d writes", mails, provider.wrote)
	}
}

// carried counts the messages that are known to carry a marker.
func carried(ctx context.Context, store *memory.Store, mailbox inbox.MailboxID) (n int, err error) {
	conversations, err := store.List(ctx, mailbox, "", 1000)
	if err != nil {
		return 0, err
	}
	for _, c := range conversations {
		messages, err := store.Messages(ctx, mailbox, c.ID, "", 1000)
		if err != nil {
			return 0, err
		}
		for _, k := range messages {
			if len(k.State.Markers) > 0 {
				n++
			}
		}
	}
	return n, nil
}
