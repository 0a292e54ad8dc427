package dynamo_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// beforeActions does something once, before the actions with items of their own are read.
type beforeActions struct {
	dynamo.Client
	once sync.Once
	do   func()
}

func (b *beforeActions) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if from, ok := in.ExpressionAttributeValues[":from"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(from.Value, "a#") {
		b.once.Do(b.do)
	}
	return b.Client.Query(ctx, in, o...)
}

// TestCommitWhilePendingIsRead commits an action of a conversation that the team's item lists in vain, while somebody who
// has just seen that reads on. The action has an item of its own, as the team's item is full, and that must stay.
func TestCommitWhilePendingIsRead(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	open := func(c dynamo.Client) *dynamo.Table { return dynamo.Open(strict{c}, name, dynamo.Options{}) }
	s := open(client)
	var units []pipeline.Unit
	for n := range dynamo.MaxPending + 30 {
		units = append(units, coretest.Arrival(support, n))
	}
	full := units[:dynamo.MaxPending-1]
	for _, part := range [][]pipeline.Unit{full, units[len(full) : len(units)-1], units[len(units)-1:]} {
		if err := s.Commit(t.Context(), support, part); err != nil {
			t.Fatal(err)
		}
	}
	var settled []string
	for _, u := range units[:10] {
		settled = append(settled, u.Actions[0].Key)
	}
	if err := s.Settle(t.Context(), support, settled, nil); err != nil {
		t.Fatal(err)
	}
	next := answer(units[0], 7000)
	reader := open(&beforeActions{Client: client, do: func() {
		if err := s.Commit(t.Context(), support, []pipeline.Unit{next}); err != nil {
			t.Error(err)
		}
	}})
	if _, err := reader.Pending(t.Context(), support, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first may tidy up
		found, err := open(client).Pending(t.Context(), support, 0)
		if err != nil {
			t.Fatal(err)
		}
		there := false
		for _, a := range found {
			there = there || a.Key == next.Actions[0].Key
		}
		if want := len(units) - len(settled) + 1; !there || len(found) != want {
			t.Fatalf("%d actions are pending, want %d; the newest is among them: %v", len(found), want, there)
		}
	}
}
