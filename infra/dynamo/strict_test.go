package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// strict refuses what DynamoDB refuses, whatever the engine does ("Service, account, and table quotas", "Expressions",
// "TransactWriteItems").
type strict struct{ dynamo.Client }

type attributes = map[string]types.AttributeValue

func invalid(format string, args ...any) error {
	return fmt.Errorf("ValidationException: "+format, args...)
}

// checkKey holds that a key is text of the length that keys may have.
func checkKey(k attributes) error {
	for name, most := range map[string]int{"p": 2048, "s": 1024} {
		v, ok := k[name].(*types.AttributeValueMemberS)
		if !ok || v.Value == "" || len(v.Value) > most || !utf8.ValidString(v.Value) {
			return invalid("the key has no good %s", name)
		}
	}
	return nil
}

// checkItem holds that an item may be put: its size, and in the index's keys only what they may hold.
func checkItem(it attributes) error {
	_, d := it["d"]
	_, dIsText := it["d"].(*types.AttributeValueMemberS)
	_, due := it["t"]
	_, dueIsNumber := it["t"].(*types.AttributeValueMemberN)
	if d != dIsText || due != dueIsNumber {
		return invalid("a key of the index is of another type")
	}
	if n := dynamo.ItemSize(it); n > 400<<10 {
		return invalid("an item of %d bytes", n)
	}
	return checkKey(it)
}

var (
	word      = regexp.MustCompile(`[#:]?[A-Za-z_][A-Za-z0-9_]*`)
	operators = map[string]bool{
		"SET": true, "ADD": true, "REMOVE": true, "AND": true, "OR": true, "BETWEEN": true,
		"size": true, "attribute_not_exists": true, "if_not_exists": true,
	}
)

// checkExpressions holds that expressions are not too long, use all names and values that are given and none that is not,
// and name no attribute that could be a reserved word: none of those has a single letter.
func checkExpressions(names map[string]string, values attributes, expressions ...*string) error {
	if names != nil && len(names) == 0 || values != nil && len(values) == 0 {
		return invalid("names or values are given and empty")
	}
	used := map[string]bool{}
	for _, e := range expressions {
		if e == nil {
			continue
		}
		if *e == "" || len(*e) > 4096 {
			return invalid("an expression of %d bytes", len(*e))
		}
		count := 0
		for _, w := range word.FindAllString(*e, -1) {
			used[w] = true
			switch {
			case operators[w]:
				count++
			case w[0] == '#' && names[w] == "", w[0] == ':' && values[w] == nil:
				return invalid("%s is used and not given", w)
			case w[0] != '#' && w[0] != ':' && len(w) > 1:
				return invalid("%s may be a reserved word", w)
			}
		}
		for _, c := range *e {
			if c == '=' || c == '<' {
				count++
			}
		}
		if count > 300 {
			return invalid("%d operators", count)
		}
	}
	for n := range names {
		if !used[n] {
			return invalid("name %s is not used", n)
		}
	}
	for v := range values {
		if !used[v] {
			return invalid("value %s is not used", v)
		}
	}
	return nil
}

// checkOnce holds that a call names no item twice, and how many it names.
func checkOnce(keys []attributes, most int) error {
	seen := map[string]bool{}
	for _, k := range keys {
		if err := checkKey(k); err != nil {
			return err
		}
		name := k["p"].(*types.AttributeValueMemberS).Value + "\n" + k["s"].(*types.AttributeValueMemberS).Value
		if seen[name] {
			return invalid("%q is named twice", name)
		}
		seen[name] = true
	}
	if len(keys) == 0 || len(keys) > most {
		return invalid("%d items in one call", len(keys))
	}
	return nil
}

func (s strict) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := checkKey(in.Key); err != nil {
		return nil, err
	}
	return s.Client.GetItem(ctx, in, o...)
}

func (s strict) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if err := errors.Join(checkItem(in.Item), checkExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ConditionExpression)); err != nil {
		return nil, err
	}
	return s.Client.PutItem(ctx, in, o...)
}

func (s strict) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	err := checkExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ConditionExpression, in.UpdateExpression)
	if err := errors.Join(checkKey(in.Key), err); err != nil {
		return nil, err
	}
	return s.Client.UpdateItem(ctx, in, o...)
}

func (s strict) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	if err := errors.Join(checkKey(in.Key), checkExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ConditionExpression)); err != nil {
		return nil, err
	}
	return s.Client.DeleteItem(ctx, in, o...)
}

func (s strict) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if err := checkExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.KeyConditionExpression); err != nil {
		return nil, err
	}
	from, some := in.ExpressionAttributeValues[":from"].(*types.AttributeValueMemberS)
	to, _ := in.ExpressionAttributeValues[":to"].(*types.AttributeValueMemberS)
	switch {
	case some && (from.Value > to.Value || len(from.Value) > 1024 || len(to.Value) > 1024):
		return nil, invalid("a range from %.40q to %.40q", from.Value, to.Value)
	case in.Limit != nil && *in.Limit < 1, in.IndexName != nil && aws.ToBool(in.ConsistentRead):
		return nil, invalid("a limit of %d, consistent: %v", aws.ToInt32(in.Limit), aws.ToBool(in.ConsistentRead))
	}
	return s.Client.Query(ctx, in, o...)
}

func (s strict) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	for _, table := range in.RequestItems {
		if err := checkOnce(table.Keys, 100); err != nil {
			return nil, err
		}
	}
	return s.Client.BatchGetItem(ctx, in, o...)
}

func (s strict) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	for _, table := range in.RequestItems {
		var keys []attributes
		for _, r := range table {
			if r.DeleteRequest != nil {
				keys = append(keys, r.DeleteRequest.Key)
				continue
			}
			if err := checkItem(r.PutRequest.Item); err != nil {
				return nil, err
			}
			keys = append(keys, r.PutRequest.Item)
		}
		if err := checkOnce(keys, 25); err != nil {
			return nil, err
		}
	}
	return s.Client.BatchWriteItem(ctx, in, o...)
}

func (s strict) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	var keys []attributes
	size := 0
	for _, it := range in.TransactItems {
		var err error
		switch {
		case it.Put != nil:
			keys, size = append(keys, it.Put.Item), size+dynamo.ItemSize(it.Put.Item)
			err = errors.Join(checkItem(it.Put.Item), checkExpressions(it.Put.ExpressionAttributeNames, it.Put.ExpressionAttributeValues, it.Put.ConditionExpression))
		case it.Delete != nil:
			keys = append(keys, it.Delete.Key)
			err = checkExpressions(it.Delete.ExpressionAttributeNames, it.Delete.ExpressionAttributeValues, it.Delete.ConditionExpression)
		case it.Update != nil:
			keys = append(keys, it.Update.Key)
			err = checkExpressions(it.Update.ExpressionAttributeNames, it.Update.ExpressionAttributeValues, it.Update.ConditionExpression, it.Update.UpdateExpression)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := checkOnce(keys, 100); err != nil {
		return nil, err
	}
	if n := len(aws.ToString(in.ClientRequestToken)); size > 4<<20 || n == 0 || n > 36 {
		return nil, invalid("a transaction of %d bytes with a token of %d", size, n)
	}
	return s.Client.TransactWriteItems(ctx, in, o...)
}

// TestStrict runs the suites of the ports on a table that is as strict as DynamoDB.
func TestStrict(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) func() *dynamo.Table {
		client, name := newTable(t)
		return func() *dynamo.Table { return dynamo.Open(strict{client}, name, dynamo.Options{}) }
	}
	t.Run("store", func(t *testing.T) {
		coretest.Store(t, func(t *testing.T) (pipeline.Store, func() pipeline.Store) {
			d := open(t)
			return d(), func() pipeline.Store { return d() }
		})
	})
	t.Run("watches", func(t *testing.T) {
		coretest.Watches(t, func(t *testing.T) (pipeline.Watches, func() pipeline.Watches) {
			d := open(t)
			return d(), func() pipeline.Watches { return d() }
		})
	})
	t.Run("timers", func(t *testing.T) {
		coretest.Timers(t, nil, func(t *testing.T) (pipeline.Timers, func() pipeline.Timers) {
			d := open(t)
			return d(), func() pipeline.Timers { return d() }
		})
	})
}
