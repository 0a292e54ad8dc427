package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// crossed is a provider with revisions at which somebody moves the mail and gives it a category of their own just before
// it is written on; and the process dies just after.
type crossed struct {
	*memory.Provider
	die context.CancelFunc
}

func (c *crossed) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	ended, err := c.Provider.Mark(ctx, writes)
	for i := range ended {
		s := &ended[i].State
		s.Place, s.Markers, s.Revision = inbox.Trash, append(slices.Clone(s.Markers), "Private"), "after the write"
	}
	c.die()
	return ended, err
}

// TestRevisionOfWhatWasNotKept: what is kept of a mail that somebody has changed in the moment of our write is what we
// wrote, so that their change is still to be seen. It is not what the mail carries, so it has no revision: the next write
// made from it would pass for one that knows everything, and take their category off.
func TestRevisionOfWhatWasNotKept(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ctx, die := context.WithCancel(t.Context())
	provider := &crossed{&memory.Provider{Address: mailbox}, die}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	p := &pipeline.Pipeline{
		Store: store, Hints: &memory.Queue{}, Now: func() time.Time { return now },
		Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: coretest.HistoryPolicy(mailbox, "least-loaded", 0), Provider: provider}, true
		},
	}
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	id := provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: "ann@customer.example"}})
	_, _ = p.Sync(ctx, mailbox) // it dies
	known, err := store.Known(t.Context(), mailbox, []inbox.MessageID{id})
	if err != nil {
		t.Fatal(err)
	}
	state := known[id].State
	if len(state.Markers) == 0 {
		t.Fatal("the write was not kept at all")
	}
	if !inbox.HasMarker(state.Markers, "Private") && state.Revision != "" {
		t.Errorf("a state without the person's category is kept under the revision that has it: %+v", state)
	}
}
