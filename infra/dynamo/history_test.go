package dynamo_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/coretest/office"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
	"pgregory.net/rapid"
)

// TestHistories holds the spine to its promises on this store, with a provider in memory, while DynamoDB refuses calls,
// does batches in part, and loses calls and answers. A process whose call was lost is dead, and the next one begins with
// nothing but the table.
func TestHistories(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() *memory.Provider{
		"guarded states": func() *memory.Provider { return &memory.Provider{Guarded: true} },
		"merged labels": func() *memory.Provider {
			return &memory.Provider{Threadwise: true, Listing: memory.NameOnly, Changed: memory.StateOnly, NewIDOnSend: true, NoStamps: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newTable(t)
			var lives, refused int
			rapid.Check(t, func(rt *rapid.T) {
				m := &mortal{
					shaky: newShaky(client, rapid.Uint64().Draw(rt, "bad day"), 0.1), table: create(t, client),
					random: rand.New(rand.NewPCG(2, rapid.Uint64().Draw(rt, "deaths"))), often: 0.03,
				}
				m.shaky.lose = m.lose
				o := office.In(rt, make())
				o.Provider = beginning{o.Provider, m}
				calm := o.Calm
				o.Calm = func() {
					calm()
					m.often = 0
				}
				coretest.History(rt, o, m)
				lives, refused = lives+m.lives, refused+len(m.shaky.seen)
			})
			if lives < 2 || refused == 0 {
				t.Errorf("%d lives, %d kinds of refusal: nothing was tried", lives, refused)
			}
		})
	}
}

// mortal is a store that dies with a call that is lost, and comes back as a new process would. Only what writes in a sync
// dies: what a history reads for itself, and the commands of its people, go well.
type mortal struct {
	shaky  *shaky
	table  string
	random *rand.Rand
	often  float64

	mu      sync.Mutex // shaky asks from several goroutines
	syncing bool       // changes have been read since something was opened
	writing bool
	dead    bool
	life    *dynamo.Table
	lives   int
}

func (m *mortal) lose(int, bool) (before, after bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead || !m.writing || m.random.Float64() >= m.often {
		return m.dead, false
	}
	m.dead = true
	return m.random.IntN(2) == 0, true
}

// alive is the process that is alive.
func (m *mortal) alive() *dynamo.Table {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life == nil || m.dead {
		m.life, m.dead = dynamo.Open(m.shaky, m.table, dynamo.Options{Sleep: noSleep}), false
		m.lives++
	}
	return m.life
}

func (m *mortal) during(sync bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncing = sync
}

// beginning tells a sync from a command: only a sync reads changes.
type beginning struct {
	pipeline.Provider
	m *mortal
}

func (p beginning) Changes(ctx context.Context, c inbox.Cursor) (pipeline.Page, error) {
	p.m.during(true)
	return p.Provider.Changes(ctx, c)
}

// write is a call that the process may die in.
func (m *mortal) write(do func(*dynamo.Table) error) error {
	table := m.alive()
	m.mu.Lock()
	m.writing = m.syncing
	m.mu.Unlock()
	err := do(table)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writing = false
	if m.dead && err == nil {
		return errLost // nobody hears of it
	}
	return err
}

func (m *mortal) SaveProgress(ctx context.Context, b inbox.MailboxID, p pipeline.Progress) error {
	return m.write(func(t *dynamo.Table) error { return t.SaveProgress(ctx, b, p) })
}

func (m *mortal) Commit(ctx context.Context, b inbox.MailboxID, units []pipeline.Unit) error {
	return m.write(func(t *dynamo.Table) error { return t.Commit(ctx, b, units) })
}

func (m *mortal) Settle(ctx context.Context, b inbox.MailboxID, keys []string, seen []inbox.Known) error {
	return m.write(func(t *dynamo.Table) error { return t.Settle(ctx, b, keys, seen) })
}

func (m *mortal) Mailbox(ctx context.Context, b inbox.MailboxID) (pipeline.Progress, error) {
	m.during(false) // a sync begins with it, and so does a command
	return m.alive().Mailbox(ctx, b)
}

func (m *mortal) Pending(ctx context.Context, b inbox.MailboxID, limit int) ([]pipeline.Action, error) {
	return m.alive().Pending(ctx, b, limit)
}

func (m *mortal) Known(ctx context.Context, b inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error) {
	return m.alive().Known(ctx, b, ids)
}

func (m *mortal) Conversations(ctx context.Context, b inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	return m.alive().Conversations(ctx, b, ids)
}

func (m *mortal) Threads(ctx context.Context, b inbox.MailboxID, ids []inbox.ThreadID) (map[inbox.ThreadID][]inbox.ConversationID, error) {
	return m.alive().Threads(ctx, b, ids)
}

func (m *mortal) Messages(ctx context.Context, b inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) ([]inbox.Known, error) {
	return m.alive().Messages(ctx, b, id, after, limit)
}

func (m *mortal) Timeline(ctx context.Context, b inbox.MailboxID, id inbox.ConversationID, after int64, limit int) ([]inbox.Event, error) {
	return m.alive().Timeline(ctx, b, id, after, limit)
}

func (m *mortal) Overflowing(ctx context.Context, b inbox.MailboxID, limit int) ([]inbox.ConversationID, error) {
	return m.alive().Overflowing(ctx, b, limit)
}

func (m *mortal) Team(ctx context.Context, b inbox.MailboxID) (assign.Team, error) {
	return m.alive().Team(ctx, b)
}

func (m *mortal) Handled(ctx context.Context, b inbox.MailboxID, customers []inbox.Address) (map[inbox.Address]assign.Handled, error) {
	return m.alive().Handled(ctx, b, customers)
}

func (m *mortal) List(ctx context.Context, b inbox.MailboxID, after inbox.ConversationID, limit int) ([]inbox.Conversation, error) {
	return m.alive().List(ctx, b, after, limit)
}
