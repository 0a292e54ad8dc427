package dynamo_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// TestRecord swaps a record of the deployment's own.
func TestRecord(t *testing.T) {
	t.Parallel()
	d, reopen := opened(t)
	ctx := t.Context()
	if value, version, err := d.Record(ctx, "tick"); value != nil || version != 0 || err != nil {
		t.Errorf("a record that is not there: %q, %d, %v", value, version, err)
	}
	for version, value := range [][]byte{[]byte("one"), {0, 0xff}, bytes.Repeat([]byte("x"), 300_000)} {
		if err := d.SaveRecord(ctx, "tick", value, int64(version)); err != nil {
			t.Fatal(err)
		}
		for _, stale := range []int64{0, int64(version), int64(version) + 2} {
			if err := d.SaveRecord(ctx, "tick", []byte("stale"), stale); !errors.Is(err, pipeline.ErrConflict) || !strings.Contains(err.Error(), "tick") {
				t.Errorf("of version %d instead of %d: got %v, want a conflict", stale, version+1, err)
			}
		}
		got, now, err := reopen().Record(ctx, "tick")
		if !bytes.Equal(got, value) || now != int64(version)+1 || err != nil {
			t.Errorf("%d bytes of version %d are there (%v), want %d of version %d", len(got), now, err, len(value), version+1)
		}
	}
	if value, version, err := d.Record(ctx, "manifest"); value != nil || version != 0 || err != nil {
		t.Errorf("another record: %q, %d, %v", value, version, err)
	}
}

// TestPointerLeftBehind is a thread's pointer to a conversation whose commit failed.
func TestPointerLeftBehind(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	s := newShaky(client, 1, 0)
	d := dynamo.Open(s, name, dynamo.Options{Sleep: noSleep})
	u := coretest.Arrival(support, 1)
	s.lose = func(call int, _ bool) (bool, bool) { return call == 2, false } // the transaction
	if err := d.Commit(t.Context(), support, []pipeline.Unit{u}); !errors.Is(err, errLost) {
		t.Fatalf("got %v, want that the call was lost", err)
	}
	if n := len(items(t, client, name, "u#")); n != 1 {
		t.Fatalf("%d pointers are left behind, want one for this test to be one", n)
	}
	threads := []inbox.ThreadID{u.Conversation.Thread}
	if found, err := d.Threads(t.Context(), support, threads); len(found) != 0 || err != nil {
		t.Errorf("the thread has %v (%v), want nothing", found, err)
	}
	s.lose = nil
	if err := d.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
		t.Fatal(err)
	}
	if found, err := d.Threads(t.Context(), support, threads); len(found[threads[0]]) != 1 || err != nil {
		t.Errorf("the thread has %v (%v), want one conversation", found, err)
	}
}

// TestPartitions holds which partitions what is read and written lies in, as the roles of functions name them.
func TestPartitions(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(client, name, dynamo.Options{})
	for _, x := range deeds() {
		if err := x.do(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.SetTimer(t.Context(), pipeline.Timer{Mailbox: support, Name: "watch", Due: epoch}); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, it := range items(t, client, name, "") {
		found[it["p"].(*types.AttributeValueMemberS).Value+" "+it["s"].(*types.AttributeValueMemberS).Value[:1]] = true
		if _, indexed := it["d"]; indexed != (it["s"].(*types.AttributeValueMemberS).Value == "n#watch") {
			t.Errorf("item %v is in the index: %v", it, indexed)
		}
	}
	for _, want := range []string{
		"m#support@contoso.com c", "m#support@contoso.com i", "m#support@contoso.com t", "m#support@contoso.com u", "m#support@contoso.com h",
		"m#support@contoso.com o", "m#support@contoso.com p", "t#support@contoso.com n", "t#support@contoso.com w", "w#s1 w", "z#tick z",
	} {
		if !found[want] {
			t.Errorf("there is no %s", want)
		}
		delete(found, want)
	}
	if len(found) > 0 {
		t.Errorf("what is also there: %v", found)
	}
}

// TestDefinition creates the table as the templates do.
func TestDefinition(t *testing.T) {
	t.Parallel()
	client, name := engine.Start(t), "as-deployed"
	if _, err := client.CreateTable(t.Context(), dynamo.Definition(name)); err != nil {
		t.Fatal(err)
	}
	got, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	table := got.Table
	if table.BillingModeSummary == nil || table.BillingModeSummary.BillingMode != types.BillingModePayPerRequest {
		t.Errorf("it is billed by %+v", table.BillingModeSummary)
	}
	if table.StreamSpecification == nil || table.StreamSpecification.StreamViewType != types.StreamViewTypeNewAndOldImages {
		t.Errorf("its stream is %+v", table.StreamSpecification)
	}
	if n := len(table.GlobalSecondaryIndexes); n != 1 || *table.GlobalSecondaryIndexes[0].IndexName != "due" {
		t.Errorf("it has %d indexes", n)
	}
}

// TestOrderWithoutAClock holds that what is pending comes in the order of its commits where the clock stands still, and,
// within a conversation, also where another process's clock is behind.
func TestOrderWithoutAClock(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	stopped := dynamo.Open(client, name, dynamo.Options{Now: func() time.Time { return epoch }})
	behind := dynamo.Open(client, name, dynamo.Options{Now: func() time.Time { return epoch.Add(-time.Hour) }})
	var want []pipeline.Action
	for n := range 8 {
		u := coretest.Arrival(support, n)
		if err := stopped.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		want = append(want, u.Actions...)
	}
	pending(t, stopped, 0, want)
	next := answer(coretest.Arrival(support, 7), 1)
	if err := behind.Commit(t.Context(), support, []pipeline.Unit{next}); err != nil {
		t.Fatal(err)
	}
	pending(t, stopped, 0, append(want, next.Actions...))
}
