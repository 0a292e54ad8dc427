package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// TestAtOnce lets several processes commit to a few long conversations, settle in them and store states, while others
// read what is pending, on a table that refuses calls.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	s := newShaky(client, 3, 0.1)
	open := func() *dynamo.Table { return dynamo.Open(s, name, dynamo.Options{Sleep: noSleep}) }
	const conversations, writers, rounds = 3, 4, 12
	var starts []pipeline.Unit
	for n := range conversations {
		starts = append(starts, coretest.Arrival(support, n))
	}
	if err := open().Commit(t.Context(), support, starts); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	committed := map[string]bool{} // keys of actions, and whether they are settled
	for _, u := range starts {
		committed[u.Actions[0].Key] = false
	}
	var all sync.WaitGroup
	for w := range writers {
		random := rand.New(rand.NewPCG(11, uint64(w)))
		all.Go(func() {
			d := open()
			for round := range rounds {
				u := starts[random.IntN(conversations)]
				c := u.Conversation
				// A mail, decided anew as often as somebody else was quicker.
				for {
					found, err := d.Conversations(t.Context(), support, []inbox.ConversationID{c.ID})
					if err != nil {
						t.Error(err)
						return
					}
					next := answer(pipeline.Unit{Conversation: found[c.ID]}, 1000*w+round)
					key := next.Actions[0].Key
					if err = d.Commit(t.Context(), support, []pipeline.Unit{next}); errors.Is(err, pipeline.ErrConflict) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					committed[key] = false
					mu.Unlock()
					break
				}
				// The state of some message, and some action that is pending.
				messages, err1 := d.Messages(t.Context(), support, c.ID, "", 0)
				pending, err2 := d.Pending(t.Context(), support, 7)
				if err := errors.Join(err1, err2); err != nil || len(messages) == 0 {
					t.Error(len(messages), err)
					return
				}
				k := messages[random.IntN(len(messages))]
				k.State.Markers = []inbox.Marker{"@One", inbox.Marker(fmt.Sprint("by ", w))}
				var keys []string
				if len(pending) > 3 {
					keys = append(keys, pending[random.IntN(len(pending))].Key)
				}
				if err := d.Settle(t.Context(), support, keys, []inbox.Known{k}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, key := range keys {
					committed[key] = true
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	d := open()
	pending, err := d.Pending(t.Context(), support, 0)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, a := range pending {
		left[a.Key] = true
	}
	for key, settled := range committed {
		if settled == left[key] {
			t.Errorf("action %s is settled: %v, pending: %v", key, settled, left[key])
		}
	}
	for key := range left {
		if _, ok := committed[key]; !ok {
			t.Errorf("action %s is pending and was never committed", key)
		}
	}
	mails := 0
	for _, u := range starts {
		timeline, err1 := d.Timeline(t.Context(), support, u.Conversation.ID, 0, 0)
		messages, err2 := d.Messages(t.Context(), support, u.Conversation.ID, "", 0)
		c, err3 := d.Conversations(t.Context(), support, []inbox.ConversationID{u.Conversation.ID})
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		now := c[u.Conversation.ID]
		if replayed := inbox.Replay(now.ID, support, timeline); fmt.Sprint(replayed) != fmt.Sprint(now) || len(messages) != now.Received {
			t.Errorf("%d events make %+v, kept is %+v with %d messages", len(timeline), replayed, now, len(messages))
		}
		mails += now.Received
	}
	if mails != conversations+writers*rounds {
		t.Errorf("%d mails are there, want %d", mails, conversations+writers*rounds)
	}
	if len(s.seen) < 5 {
		t.Errorf("only %v was refused", s.seen)
	}
}

// meanwhile lets something happen just before an update is made.
type meanwhile struct {
	dynamo.Client
	act func()
}

func (m *meanwhile) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if act := m.act; act != nil {
		m.act = nil
		act()
	}
	return m.Client.UpdateItem(ctx, in)
}

// TestTidyBesideACommit takes conversations without actions out of the list while one of them gets a new action.
func TestTidyBesideACommit(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(client, name, dynamo.Options{})
	var units []pipeline.Unit
	var keys []string
	for n := range 10 {
		u := coretest.Arrival(support, n)
		units, keys = append(units, u), append(keys, u.Actions[0].Key)
	}
	if err := errors.Join(d.Commit(t.Context(), support, units), d.Settle(t.Context(), support, keys, nil)); err != nil {
		t.Fatal(err)
	}
	next := answer(units[3], 1)
	m := &meanwhile{Client: client, act: func() {
		if err := d.Commit(t.Context(), support, []pipeline.Unit{next}); err != nil {
			t.Error(err)
		}
	}}
	if _, err := dynamo.Open(m, name, dynamo.Options{}).Pending(t.Context(), support, 0); err != nil {
		t.Fatal(err)
	}
	if m.act != nil {
		t.Fatal("nothing was taken out of the list, so this shows nothing")
	}
	pending(t, d, 0, next.Actions)
	pending(t, dynamo.Open(client, name, dynamo.Options{}), 0, next.Actions)
}
