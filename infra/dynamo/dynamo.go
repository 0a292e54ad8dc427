package dynamo

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Client is what a Table calls of *dynamodb.Client.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table is a table of that shape. It is a pipeline.Store, a pipeline.Watches and a pipeline.Timers at once, and keeps the
// deployment's own records; all its methods may be called at once, by any number of processes.
type Table struct {
	client Client
	name   string
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	random func() float64

	mu    sync.Mutex
	last  int64                   // the newest order that was given out
	stale map[staleEntry]struct{} // see Pending
}

var (
	_ pipeline.Store   = (*Table)(nil)
	_ pipeline.Watches = (*Table)(nil)
	_ pipeline.Timers  = (*Table)(nil)
)

// Options tune a Table; the zero value is good.
type Options struct {
	// Now is the clock that pending actions are ordered by; nil is time.Now. Clocks of several processes need not agree:
	// those of one conversation are in the order of its commits in any case.
	Now func() time.Time
	// Sleep waits between two tries, until ctx is done; nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random gives numbers in [0, 1) that spread tries over time; nil is math/rand.
	Random func() float64
}

// Open uses the table of that name. It sends nothing: what is wrong with the table is told by the first call.
func Open(client Client, table string, o Options) *Table {
	t := &Table{client: client, name: table, now: o.Now, sleep: o.Sleep, random: o.Random, stale: map[staleEntry]struct{}{}}
	if t.now == nil {
		t.now = time.Now
	}
	if t.sleep == nil {
		t.sleep = sleep
	}
	if t.random == nil {
		t.random = rand.Float64
	}
	return t
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// order gives out n numbers in a row and returns the first, each higher than floor and than all before: the time in
// nanoseconds as long as that goes on.
func (t *Table) order(n int, floor int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := max(t.now().UnixNano(), t.last+1, floor+1)
	t.last = first + int64(n) - 1
	return first
}

// box is one mailbox's part of the table.
type box struct {
	*Table
	mailbox inbox.MailboxID
	spills  bool // the team's item lists as many conversations with pending actions as it may
}

func (b box) key(s string) key { return key{mailboxPart(b.mailbox), s} }
