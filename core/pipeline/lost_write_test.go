package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// losing is a provider that carries out the next writes and loses the answer, just after another mail has come in.
type losing struct {
	*memory.Provider
	lose func()
}

func (l *losing) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	if l.lose == nil {
		return l.Provider.Mark(ctx, writes)
	}
	l.lose()
	l.lose = nil
	if _, err := l.Provider.Mark(ctx, writes); err != nil {
		return nil, err
	}
	return nil, errors.New("connection reset")
}

// TestLostWriteIsReadBeforeSettling: what an earlier sync wrote without hearing of it is in the last page of the next one.
// A page before that must not settle the action that explains it, or our own marker counts as somebody's claim.
func TestLostWriteIsReadBeforeSettling(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider := &losing{Provider: &memory.Provider{Address: mailbox, PageSize: 1}}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	policy := coretest.HistoryPolicy(mailbox, "manual", 0)
	p := &pipeline.Pipeline{
		Store: store, Hints: &memory.Queue{}, Now: func() time.Time { return now },
		Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: policy, Provider: provider}, true
		},
	}
	sync := func() error {
		now = now.Add(time.Minute)
		_, err := p.Sync(t.Context(), mailbox)
		return err
	}
	if err := sync(); err != nil {
		t.Fatal(err)
	}
	mail := provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: "ann@customer.example"}})
	if err := sync(); err != nil {
		t.Fatal(err)
	}
	conversation := func() inbox.Conversation {
		known, err := store.Known(t.Context(), mailbox, []inbox.MessageID{mail})
		if err != nil {
			t.Fatal(err)
		}
		id := known[mail].Conversation
		found, err := store.Conversations(t.Context(), mailbox, []inbox.ConversationID{id})
		if err != nil {
			t.Fatal(err)
		}
		return found[id]
	}
	command := func(cmd decide.Command) {
		cmd.By = inbox.ByMember("two")
		if _, err := p.Command(t.Context(), mailbox, conversation().ID, cmd); err != nil {
			t.Fatal(err)
		}
	}

	command(decide.Command{Verb: decide.Assign, Member: "one"})
	provider.lose = func() {
		provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: "bo@customer.example"}})
	}
	if err := sync(); err == nil {
		t.Fatal("the answer to the write was to be lost")
	}
	command(decide.Command{Verb: decide.Release})
	if err := sync(); err != nil {
		t.Fatal(err)
	}
	if c := conversation(); c.Owner != "" {
		t.Errorf("released by command, and %q has it", c.Owner)
	}
	if state, _ := provider.State(mail); len(state.Markers) > 0 {
		t.Errorf("the mail of a released conversation carries %v", state.Markers)
	}
}
