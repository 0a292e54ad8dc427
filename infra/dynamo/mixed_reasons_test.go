package dynamo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// mixing adds, to the reasons of the first transaction, that items of some kind met another transaction; where nothing else
// cancels it, it is cancelled for that.
type mixing struct {
	dynamo.Client
	prefix string // of the sort keys of such items
	done   bool
}

func sortKey(it types.TransactWriteItem) string {
	var k attributes
	switch {
	case it.Put != nil:
		k = it.Put.Item
	case it.Update != nil:
		k = it.Update.Key
	case it.Delete != nil:
		k = it.Delete.Key
	}
	return k["s"].(*types.AttributeValueMemberS).Value
}

func (m *mixing) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if m.done {
		return m.Client.TransactWriteItems(ctx, in, o...)
	}
	m.done = true
	// What else is wrong with the transaction is found by making one that must fail, as nothing may be written.
	probe := *in
	first := in.TransactItems[0]
	never := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: tableOf(first), Key: attributes{"p": &types.AttributeValueMemberS{Value: "probe"}, "s": &types.AttributeValueMemberS{Value: "probe"}},
		ConditionExpression: aws.String("attribute_exists(p)"),
	}}
	probe.TransactItems = append(append([]types.TransactWriteItem(nil), in.TransactItems...), never)
	probe.ClientRequestToken = nil
	_, err := m.Client.TransactWriteItems(ctx, &probe)
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return nil, errors.New("the probe did not fail")
	}
	cancelled.CancellationReasons = cancelled.CancellationReasons[:len(in.TransactItems)]
	for i, it := range in.TransactItems {
		if r := &cancelled.CancellationReasons[i]; strings.HasPrefix(sortKey(it), m.prefix) && aws.ToString(r.Code) != "ConditionalCheckFailed" {
			r.Code = aws.String("TransactionConflict")
		}
	}
	return nil, cancelled
}

func tableOf(it types.TransactWriteItem) *string {
	switch {
	case it.Put != nil:
		return it.Put.TableName
	case it.Update != nil:
		return it.Update.TableName
	}
	return it.Delete.TableName
}

// TestMixedReasons cancels transactions for reasons that ask for patience and others that patience cannot mend at once.
func TestMixedReasons(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(client, name, dynamo.Options{})
	var units []pipeline.Unit
	for n := range 3 {
		units = append(units, coretest.Arrival(support, n))
	}
	through := func(prefix string) *dynamo.Table {
		return dynamo.Open(&mixing{Client: client, prefix: prefix}, name, dynamo.Options{Sleep: noSleep})
	}
	// The team's item has to be made, and the conversation meets another transaction.
	if err := through("c#").Commit(t.Context(), support, units[:1]); err != nil {
		t.Errorf("the first commit of a mailbox: %v", err)
	}
	// The second conversation is there already; the first meets another transaction, and so does the team.
	if err := d.Commit(t.Context(), support, units[2:]); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"c#", "t", "i#"} {
		if err := through(prefix).Commit(t.Context(), support, units[1:]); !errors.Is(err, pipeline.ErrConflict) {
			t.Errorf("a conflict beside %s: %v", prefix, err)
		}
	}
	known, err := d.Conversations(t.Context(), support, []inbox.ConversationID{units[1].Conversation.ID})
	if err != nil || len(known) != 1 {
		t.Errorf("the unit before the one in conflict: %v, %v", known, err)
	}
	// The conversation's item was written meanwhile, which is no conflict, and the team meets another transaction.
	next := answer(units[0], 1)
	late := &settling{mixing: mixing{Client: client, prefix: "t"}, do: func() {
		if err := d.Settle(t.Context(), support, []string{units[0].Actions[0].Key}, nil); err != nil {
			t.Error(err)
		}
	}}
	if err := dynamo.Open(late, name, dynamo.Options{Sleep: noSleep}).Commit(t.Context(), support, []pipeline.Unit{next}); err != nil {
		t.Errorf("a commit beside a settlement: %v", err)
	}
	halves(t, d, "after mixed reasons")
	pending(t, d, 0, []pipeline.Action{units[2].Actions[0], units[1].Actions[0], next.Actions[0]})
}

// settling settles before the first transaction.
type settling struct {
	mixing
	do func()
}

func (s *settling) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if s.do != nil {
		s.do()
		s.do = nil
	}
	return s.mixing.TransactWriteItems(ctx, in, o...)
}
