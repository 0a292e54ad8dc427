package dynamo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

const support = inbox.MailboxID("support@contoso.com")

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// TestMain runs fewer histories than rapid would by itself, as each call goes through the engine; .ci/histories runs more.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

var tables atomic.Int64

// newTable makes an empty table in the engine and gives its name and the real client.
func newTable(t testing.TB) (*dynamodb.Client, string) {
	t.Helper()
	client := engine.Start(t)
	return client, create(t, client)
}

func create(t testing.TB, client *dynamodb.Client) string {
	t.Helper()
	name := fmt.Sprint("postroom-", tables.Add(1))
	shape := dynamo.Definition(name)
	shape.StreamSpecification = nil // nobody reads it here, and the engine's writes get slower with every record in it
	if _, err := client.CreateTable(context.Background(), shape); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// noSleep lets tries follow on one another at once.
func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// opened is a new table and how to open it again, as another process would.
func opened(t *testing.T) (*dynamo.Table, func() *dynamo.Table) {
	t.Helper()
	client, name := newTable(t)
	open := func() *dynamo.Table { return dynamo.Open(client, name, dynamo.Options{}) }
	return open(), open
}

func TestStore(t *testing.T) {
	t.Parallel()
	coretest.Store(t, func(t *testing.T) (pipeline.Store, func() pipeline.Store) {
		table, open := opened(t)
		return table, func() pipeline.Store { return open() }
	})
}

func TestWatches(t *testing.T) {
	t.Parallel()
	coretest.Watches(t, func(t *testing.T) (pipeline.Watches, func() pipeline.Watches) {
		table, open := opened(t)
		return table, func() pipeline.Watches { return open() }
	})
}

func TestTimers(t *testing.T) {
	t.Parallel()
	coretest.Timers(t, nil, func(t *testing.T) (pipeline.Timers, func() pipeline.Timers) {
		table, open := opened(t)
		return table, func() pipeline.Timers { return open() }
	})
}
