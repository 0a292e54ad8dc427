package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/rules"
)

// TestDrainLooksPastWhatNobodyCanTake: any number of older conversations that wait for somebody with a skill do not keep
// a younger one from whoever has room.
func TestDrainLooksPastWhatNobodyCanTake(t *testing.T) {
	t.Parallel()
	const mailbox, older = "support@contoso.com", 450
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider := &memory.Provider{Address: mailbox, PageSize: 1000}
	policy := coretest.HistoryPolicy(mailbox, "round-robin", 1)
	policy.Assign.Agents[0].Skills = []string{"billing"}
	policy.Assign.Agents[0].Away = []assign.Span{{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
	set, err := rules.Compile([]rules.Rule{{Name: "bills", When: rules.When{Subject: rules.Condition{Any: []string{"bill"}}}, Then: rules.Then{Skill: "billing"}}})
	if err != nil {
		t.Fatal(err)
	}
	policy.Rules = set
	store := &memory.Store{}
	p := &pipeline.Pipeline{Store: store, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	sync := func() {
		t.Helper()
		if _, err := p.Sync(t.Context(), mailbox); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(subject string, n int) inbox.MessageID {
		now = now.Add(time.Second)
		return provider.Receive(inbox.Message{At: now, Subject: subject, From: inbox.Person{Address: inbox.Address(fmt.Sprintf("%s%d@example.com", subject, n))}})
	}
	for i := range older {
		receive("bill", i)
	}
	first, second := receive("hello", 1), receive("hello", 2)
	sync()
	owner := func(id inbox.MessageID) inbox.MemberID {
		t.Helper()
		known, err := store.Known(t.Context(), mailbox, []inbox.MessageID{id})
		if err != nil {
			t.Fatal(err)
		}
		c, err := store.Conversations(t.Context(), mailbox, []inbox.ConversationID{known[id].Conversation})
		if err != nil {
			t.Fatal(err)
		}
		return c[known[id].Conversation].Owner
	}
	if a, b := owner(first), owner(second); a != "two" || b != "lead" {
		t.Fatalf("%q and %q have the two, want two, who then is at the cap, and the lead", a, b)
	}
	provider.Move(first, inbox.Archive)
	sync()
	if got := owner(second); got != "two" {
		t.Errorf("%q has it, want two, who has room again", got)
	}
}
