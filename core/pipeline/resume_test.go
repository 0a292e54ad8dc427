package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// round is a provider that reads two places in one round, as the folders of a Graph mailbox are: a cursor between the two
// has passed the first for this round.
type round struct{ first, second inbox.Observation }

func (r *round) Changes(_ context.Context, c inbox.Cursor) (pipeline.Page, error) {
	if c == "second" {
		return pipeline.Page{Changes: []inbox.Observation{r.second}, Next: "end"}, nil
	}
	return pipeline.Page{Changes: []inbox.Observation{r.first}, Next: "second", More: true}, nil
}

func (r *round) Since(time.Time) inbox.Cursor { return "" }

func (r *round) Fetch(context.Context, []inbox.MessageID) ([]inbox.Observation, error) {
	return nil, errors.New("nothing needs fetching")
}

func (r *round) Mark(_ context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	var out []pipeline.Written
	for _, w := range writes {
		out = append(out, pipeline.Written{Message: w.Message, State: inbox.State{Place: inbox.Inbox, Markers: w.Add}})
	}
	return out, nil
}

// TestResumedSyncReadsAgain: a sync that is cut off between two places of a round, and taken up again, must see what came
// in at the first place meanwhile; the hint that woke it may have been for just that.
func TestResumedSyncReadsAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	mail := func(id inbox.MessageID) inbox.Observation {
		return inbox.Observation{ID: id, State: &inbox.State{Place: inbox.Inbox}, Message: &inbox.Message{
			ID: id, Thread: inbox.ThreadID(id), Direction: inbox.In, At: now, From: inbox.Person{Address: "a@example.com"},
		}}
	}
	provider := &round{first: mail("first"), second: mail("second")}
	saves := 0
	store := &memory.Store{}
	store.Fail = func(op string) (error, error) {
		if op == "SaveProgress" {
			if saves++; saves == 2 { // the first keeps the cut-over, the second the cursor between the two places
				return nil, errors.New("killed")
			}
		}
		return nil, nil
	}
	policy := coretest.HistoryPolicy("support@contoso.com", "round-robin", 0)
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	if _, err := p.Sync(t.Context(), "support@contoso.com"); err == nil {
		t.Fatal("the first sync was to be killed")
	}
	provider.first = mail("meanwhile")
	if _, err := p.Sync(t.Context(), "support@contoso.com"); err != nil {
		t.Fatal(err)
	}
	known, err := store.Known(t.Context(), "support@contoso.com", []inbox.MessageID{"first", "second", "meanwhile"})
	if err != nil || len(known) != 3 {
		t.Errorf("known: %v %v", known, err)
	}
}
