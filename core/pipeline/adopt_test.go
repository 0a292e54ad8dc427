package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// TestMemberLeavesTheManifest: what somebody had open when they left goes to those who are there.
func TestMemberLeavesTheManifest(t *testing.T) {
	t.Parallel()
	const mailbox, mails = "support@contoso.com", 500
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	provider := &memory.Provider{Address: mailbox}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	policy := coretest.HistoryPolicy(mailbox, assign.RoundRobin, 0)
	p := &pipeline.Pipeline{Store: store, Hints: &memory.Queue{}, Now: func() time.Time { return now }, Mailboxes: func(inbox.MailboxID) (pipeline.Mailbox, bool) {
		return pipeline.Mailbox{Policy: policy, Provider: provider}, true
	}}
	for i := range mails {
		provider.Receive(inbox.Message{At: now, From: inbox.Person{Address: inbox.Address(fmt.Sprintf("c%d@example.com", i))}})
	}
	sync := func() pipeline.Report {
		t.Helper()
		now = now.Add(time.Minute)
		report, err := p.Sync(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	sync()
	owners := func() map[inbox.MemberID]int {
		list, err := store.List(t.Context(), mailbox, "", 2*mails)
		if err != nil {
			t.Fatal(err)
		}
		n := map[inbox.MemberID]int{}
		for _, c := range list {
			n[c.Owner]++
		}
		return n
	}
	if n := owners(); n["one"] != mails/2 || n["two"] != mails/2 {
		t.Fatalf("owners %v", n)
	}

	without := *policy
	without.Members = slices.DeleteFunc(slices.Clone(policy.Members), func(m decide.Member) bool { return m.ID == "two" })
	without.Assign.Agents = slices.DeleteFunc(slices.Clone(policy.Assign.Agents), func(m assign.Member) bool { return m.ID == "two" })
	policy = &without
	sync()
	if n := owners(); n["one"] != mails {
		t.Errorf("after two has left, owners %v", n)
	}
	if report := sync(); report.Events > 0 {
		t.Errorf("the next sync decided %d things more", report.Events)
	}
}
