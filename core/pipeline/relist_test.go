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

// folder is a provider that first finds its folder and then lists what is in it, and never tells what has left it before.
type folder struct{ holds []inbox.Observation }

func (f *folder) Changes(_ context.Context, c inbox.Cursor) (pipeline.Page, error) {
	switch c {
	case "":
		return pipeline.Page{Next: "found", More: true}, nil
	case "found":
		return pipeline.Page{Changes: f.holds, Next: "listed", Afresh: true}, nil
	}
	return pipeline.Page{Next: "listed"}, nil
}

func (f *folder) Since(time.Time) inbox.Cursor { return "" }

func (f *folder) Fetch(_ context.Context, ids []inbox.MessageID) (out []inbox.Observation, err error) {
	for _, id := range ids {
		out = append(out, inbox.Observation{ID: id, Gone: true}) // only what has left is asked after
	}
	return out, nil
}

func (f *folder) Mark(_ context.Context, writes []pipeline.Write) (out []pipeline.Written, err error) {
	for _, w := range writes {
		out = append(out, pipeline.Written{Message: w.Message, State: inbox.State{Place: inbox.Inbox, Markers: w.Add}})
	}
	return out, nil
}

// TestListingBegunTwice: a first listing dies after its first page is committed and before the cursor behind it is kept. What
// leaves the inbox then is in no page of the listing that begins anew, and must not stay open work.
func TestListingBegunTwice(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	mail := func(id inbox.MessageID) inbox.Observation {
		return inbox.Observation{ID: id, State: &inbox.State{Place: inbox.Inbox}, Message: &inbox.Message{
			ID: id, Thread: inbox.ThreadID(id), Direction: inbox.In, At: now, From: inbox.Person{Address: "a@example.com"},
		}}
	}
	provider := &folder{holds: []inbox.Observation{mail("stays"), mail("leaves")}}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	saves := 0
	store.Fail = func(op string) (error, error) {
		if op == "SaveProgress" {
			if saves++; saves == 3 { // after the cut-over and the found folder
				return errors.New("killed"), nil
			}
		}
		return nil, nil
	}
	policy := coretest.HistoryPolicy(mailbox, "round-robin", 0)
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	if _, err := p.Sync(t.Context(), mailbox); err == nil {
		t.Fatal("the first sync was to be killed")
	}
	provider.holds = provider.holds[:1]
	if _, err := p.Sync(t.Context(), mailbox); err != nil {
		t.Fatal(err)
	}
	list, err := store.List(t.Context(), mailbox, "", 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("conversations: %v %v", list, err)
	}
	for _, c := range list {
		if open := c.Thread == "stays"; open != (c.Status == inbox.Open) {
			t.Errorf("the conversation of the mail that %s is %s", c.Thread, c.Status)
		}
	}
}
