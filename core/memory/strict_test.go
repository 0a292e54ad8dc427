package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

const support = inbox.MailboxID("support@contoso.com")

var opened = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// first is a unit that nothing is wrong with.
func first(id inbox.MessageID) pipeline.Unit {
	u := pipeline.Unit{Events: []inbox.Event{{
		Seq: 1, At: opened, Kind: inbox.EventReceived, Message: id,
		Mail: &inbox.Mail{Thread: "t1", Direction: inbox.In, At: opened, Place: inbox.Inbox},
	}}}
	conversation := inbox.NewConversationID(support, "t1", id)
	u.Conversation = inbox.Replay(conversation, support, u.Events)
	u.Joined = []inbox.Known{{ID: id, Conversation: conversation, Direction: inbox.In, At: opened, State: inbox.State{Place: inbox.Inbox}}}
	u.Actions = []pipeline.Action{{Key: string(conversation) + "/1", Conversation: conversation, Kind: pipeline.SetMarkers}}
	return u
}

// TestStoreRefusesMisuse breaks one promise of the ledger in each case.
func TestStoreRefusesMisuse(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(u *pipeline.Unit){
		"no id":                     func(u *pipeline.Unit) { u.Conversation.ID = "" },
		"another mailbox":           func(u *pipeline.Unit) { u.Conversation.Mailbox = "sales@contoso.com" },
		"a gap":                     func(u *pipeline.Unit) { u.Events[0].Seq, u.Conversation.Seq = 2, 2 },
		"seq is not the last event": func(u *pipeline.Unit) { u.Conversation.Seq = 2 },
		"not what its events make":  func(u *pipeline.Unit) { u.Conversation.Owner = "one" },
		"joins another conversation": func(u *pipeline.Unit) {
			u.Joined[0].Conversation = "other"
		},
		"joins twice":                func(u *pipeline.Unit) { u.Joined = append(u.Joined, u.Joined[0]) },
		"an action without a key":    func(u *pipeline.Unit) { u.Actions[0].Key = "" },
		"an action of another":       func(u *pipeline.Unit) { u.Actions[0].Conversation = "other" },
		"two actions with one key":   func(u *pipeline.Unit) { u.Actions = append(u.Actions, u.Actions[0]) },
		"a state of what is unknown": func(u *pipeline.Unit) { u.Seen = []inbox.Known{{ID: "m9", Conversation: u.Conversation.ID}} },
		"a message that changes sides": func(u *pipeline.Unit) {
			u.Seen = []inbox.Known{{ID: "m0", Conversation: u.Conversation.ID}}
		},
		"less than no work":     func(u *pipeline.Unit) { u.Shift.Open = map[inbox.MemberID]int{"one": -1} },
		"less than no overflow": func(u *pipeline.Unit) { u.Shift.Overflow = -1 },
		"work without an event": func(u *pipeline.Unit) { u.Events, u.Shift = nil, assign.Shift{Overflow: 1} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told error
			s := &memory.Store{OnMisuse: func(err error) { told = err }}
			ctx := context.Background()
			if err := s.Commit(ctx, support, []pipeline.Unit{first("m0")}); err != nil {
				t.Fatal(err)
			}
			u := first("m1")
			breakIt(&u)
			err := s.Commit(ctx, support, []pipeline.Unit{u})
			if !errors.Is(err, memory.ErrMisuse) || !errors.Is(told, memory.ErrMisuse) {
				t.Errorf("got %v and told of %v, want ErrMisuse", err, told)
			}
			if list, err := s.List(ctx, support, "", 0); err != nil || len(list) != 1 {
				t.Errorf("%d conversations after a misuse, %v", len(list), err)
			}
		})
	}
}

func TestStoreRefusesKeysOutOfOrder(t *testing.T) {
	t.Parallel()
	s, ctx := &memory.Store{}, context.Background()
	u := first("m1")
	u.Actions[0].Key = "c/9"
	if err := s.Commit(ctx, support, []pipeline.Unit{u}); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(ctx, support, []string{"c/9"}, nil); err != nil {
		t.Fatal(err)
	}
	e := inbox.Event{Seq: 2, At: opened, Kind: inbox.EventClosed}
	next := pipeline.Unit{Expect: 1, Events: []inbox.Event{e}, Conversation: u.Conversation.With(e), Actions: u.Actions}
	next.Actions[0].Key = "c/10"
	if err := s.Commit(ctx, support, []pipeline.Unit{next}); !errors.Is(err, memory.ErrMisuse) || !strings.Contains(err.Error(), `"c/10"`) {
		t.Errorf("got %v, want a misuse: c/10 sorts before c/9", err)
	}
	if err := s.Settle(ctx, support, nil, []inbox.Known{{ID: "m9"}}); !errors.Is(err, memory.ErrMisuse) {
		t.Errorf("settling a state of an unknown message: got %v", err)
	}
}

// TestStoreFails holds what a failure leaves: nothing, all, or the units before it.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, test := range []struct {
		op            string
		before, after error
		want          int // units that are there
	}{
		{"Commit", broken, nil, 0},
		{"Commit", nil, broken, 3},
		{"Commit.unit", broken, nil, 1},
		{"Commit.unit", nil, broken, 2},
	} {
		s := &memory.Store{Fail: func(op string) (before, after error) {
			if op == test.op {
				return test.before, test.after
			}
			return nil, nil
		}}
		ctx := context.Background()
		err := s.Commit(ctx, support, []pipeline.Unit{first("m1"), first("m2"), first("m3")})
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want the failure", test.op, err)
		}
		if list, err := s.List(ctx, support, "", 0); err != nil || len(list) != test.want {
			t.Errorf("%s %v %v: %d units are there, want %d (%v)", test.op, test.before, test.after, len(list), test.want, err)
		}
	}
	s := &memory.Store{Fail: func(string) (before, after error) { return nil, broken }}
	if team, err := s.Team(context.Background(), support); !errors.Is(err, broken) || team.Open != nil {
		t.Errorf("an answer that was lost: %v, %v", team, err)
	}
}

// TestProviderRecords holds what a test can ask the provider about our writes.
func TestProviderRecords(t *testing.T) {
	t.Parallel()
	p, ctx := &memory.Provider{}, context.Background()
	id := p.Receive(inbox.Message{At: opened})
	p.PutMarker(id, "Lunch")
	broken := errors.New("broken")
	p.Fail = func(op string) (before, after error) {
		if op == "Mark.write" {
			return nil, broken
		}
		return nil, nil
	}
	w := pipeline.Write{Message: id, Add: []inbox.Marker{"@One"}, Remove: []inbox.Marker{"Waiting"}}
	if done, err := p.Mark(ctx, []pipeline.Write{w}); len(done) != 0 || !errors.Is(err, broken) {
		t.Errorf("a lost write is reported as %v, %v", done, err)
	}
	p.Fail = nil
	done, err := p.Mark(ctx, []pipeline.Write{w})
	if err != nil || len(done) != 1 || done[0].Outcome != pipeline.Done {
		t.Errorf("the second try: %v, %v", done, err)
	}
	if m := p.Markings(); len(m) != 1 || m[0].String() != "m000001 +@One" {
		t.Errorf("markings %v, want one", m)
	}
	if p.IdleMarkings() != 1 || p.Calls("Mark") != 2 || p.Calls("Fetch") != 0 {
		t.Errorf("%d idle, %d calls of Mark, %d of Fetch", p.IdleMarkings(), p.Calls("Mark"), p.Calls("Fetch"))
	}
}

// TestProviderRefusesMisuse breaks one promise of Mark in each case.
func TestProviderRefusesMisuse(t *testing.T) {
	t.Parallel()
	var told int
	p, ctx := &memory.Provider{OnMisuse: func(error) { told++ }}, context.Background()
	a := p.Receive(inbox.Message{At: opened, Thread: "t1"})
	b := p.Receive(inbox.Message{At: opened, Thread: "t1"})
	sent, _ := p.Answer(a, inbox.Person{}, opened)
	one, none := []inbox.Marker{"@One"}, []inbox.Marker(nil)
	bad := [][]pipeline.Write{
		{{Message: ""}},
		{{Message: a, Add: one}, {Message: a, Remove: one}},
		{{Message: a, Add: one, Remove: []inbox.Marker{"@ONE"}}},
		{{Message: a, Thread: "another", Add: one}},
		{{Message: sent, Add: one}},
		{{Message: a, Add: one, WholeThread: true}},
		{{Message: a, Thread: "t1", Add: one, WholeThread: true}, {Message: b, Thread: "t1", Add: none, WholeThread: true}},
		{{Message: a, Thread: "t1", Add: one, WholeThread: true}, {Message: b, Thread: "t1", Add: one}},
	}
	for i, writes := range bad {
		if _, err := p.Mark(ctx, writes); !errors.Is(err, memory.ErrMisuse) {
			t.Errorf("case %d: got %v, want ErrMisuse", i, err)
		}
	}
	if _, err := p.Changes(ctx, "0.0.99"); !errors.Is(err, memory.ErrMisuse) {
		t.Errorf("a cursor that was never given out: got %v", err)
	}
	if _, err := p.Fetch(ctx, []inbox.MessageID{a, a}); !errors.Is(err, memory.ErrMisuse) {
		t.Errorf("one message twice: got %v", err)
	}
	if told != len(bad)+2 || len(p.Markings()) != 0 {
		t.Errorf("told of %d misuses, %d markings", told, len(p.Markings()))
	}
}
