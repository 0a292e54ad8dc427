package engine_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// TestMeter holds the counts to what AWS's pages say, "DynamoDB read and write operations" and "How it works: transactions".
func TestMeter(t *testing.T) {
	t.Parallel()
	m, err := engine.NewMeter(engine.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(m)
	defer server.Close()
	c, ctx := engine.Client(server.URL), t.Context()
	if _, err := c.CreateTable(ctx, dynamo.Definition("meter")); err != nil {
		t.Fatal(err)
	}
	str := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	item := func(id string, bytes int, indexed string) map[string]types.AttributeValue {
		it := map[string]types.AttributeValue{"p": str(id), "s": str("s"), "v": str(strings.Repeat("x", bytes-len("ps"+"s"+id+"v")))}
		if indexed != "" {
			it["d"], it["t"] = str("shard"), &types.AttributeValueMemberN{Value: indexed}
		}
		return it
	}
	put := func(it map[string]types.AttributeValue, condition string) func() error {
		return func() error {
			in := &dynamodb.PutItemInput{TableName: aws.String("meter"), Item: it}
			if condition != "" {
				in.ConditionExpression = &condition
			}
			_, err := c.PutItem(ctx, in)
			return err
		}
	}
	transact := func(items ...types.TransactWriteItem) func() error {
		return func() error {
			_, err := c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
			return err
		}
	}
	putting := func(it map[string]types.AttributeValue, condition string) types.TransactWriteItem {
		p := &types.Put{TableName: aws.String("meter"), Item: it}
		if condition != "" {
			p.ConditionExpression = &condition
		}
		return types.TransactWriteItem{Put: p}
	}
	const absent = "attribute_not_exists(p)"
	for _, tt := range []struct {
		name        string
		do          func() error
		write, read float64
		fails       bool
	}{
		{"1 KB", put(item("a", 1024, ""), ""), 1, 0, false},
		{"a byte more", put(item("a", 1025, ""), ""), 2, 0, false},
		{"a large one replaced by a small one", put(item("a", 100, ""), ""), 2, 0, false},
		{"a condition that fails", put(item("a", 1500, ""), absent), 2, 0, true},
		{"into the index", put(item("t", 100, "1"), ""), 2, 0, false},
		{"elsewhere in the index", put(item("t", 100, "2"), ""), 3, 0, false},
		{"where it was in the index", put(item("t", 100, "2"), ""), 1, 0, false},
		{"out of the index", put(item("t", 100, ""), ""), 2, 0, false},
		{"a transaction", transact(putting(item("b", 100, ""), ""), putting(item("c", 1100, ""), "")), 6, 0, false},
		{"a cancelled transaction", transact(putting(item("b", 100, ""), absent), putting(item("c", 1100, ""), "")), 6, 0, true},
		{"a strongly consistent read", func() error {
			_, err := c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("meter"), Key: map[string]types.AttributeValue{"p": str("c"), "s": str("s")}, ConsistentRead: aws.Bool(true)})
			return err
		}, 0, 1, false},
		{"what is not there", func() error {
			_, err := c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("meter"), Key: map[string]types.AttributeValue{"p": str("no"), "s": str("s")}})
			return err
		}, 0, 0.5, false},
	} {
		m.Take()
		if err := tt.do(); (err != nil) != tt.fails {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := m.Take(); got.WriteUnits != tt.write || got.ReadUnits != tt.read {
			t.Errorf("%s: %v write units and %v read units, want %v and %v", tt.name, got.WriteUnits, got.ReadUnits, tt.write, tt.read)
		}
	}
}
