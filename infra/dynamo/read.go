package dynamo

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// All reads are strongly consistent but that of the index of timers, which cannot be.

// maxBatchGet and maxBatchWrite are how many items one call may name (BatchGetItem, BatchWriteItem).
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
)

// abreast is how many calls of one operation are under way at once.
const abreast = 8

// get reads one item, nil where there is none.
func (t *Table) get(ctx context.Context, k key) (it item, err error) {
	err = t.try(ctx, func() error {
		out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: k.item(), ConsistentRead: aws.Bool(true)})
		if err == nil {
			it = out.Item
		}
		return err
	})
	return it, err
}

// batchGet reads items by their keys, which may repeat. What is not there is left out.
func (t *Table) batchGet(ctx context.Context, keys []key) (map[key]item, error) {
	found := make(map[key]item, len(keys))
	asked := make(map[key]bool, len(keys))
	var all []item
	for _, k := range keys {
		if !asked[k] {
			asked[k] = true
			all = append(all, k.item())
		}
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for len(all) > 0 {
		part := all[:min(maxBatchGet, len(all))]
		all = all[len(part):]
		g.Go(func() error {
			return t.getPart(ctx, part, func(it item) {
				mu.Lock()
				defer mu.Unlock()
				found[keyOf(it)] = it
			})
		})
	}
	return found, g.Wait()
}

// getPart reads one call's worth, and again what the call leaves out because it is too much at once.
func (t *Table) getPart(ctx context.Context, left []item, do func(item)) error {
	return t.try(ctx, func() error {
		for len(left) > 0 {
			out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				t.name: {Keys: left, ConsistentRead: aws.Bool(true)},
			}})
			if err != nil {
				return err
			}
			for _, it := range out.Responses[t.name] {
				do(it)
			}
			before := len(left)
			left = out.UnprocessedKeys[t.name].Keys
			if len(left) == before {
				return errUndone
			}
		}
		return nil
	})
}

// span is a range of one partition, in order: the items from the first key to the last, both included.
type span struct {
	part, from, to string
	// about is how many items will do, 0 where all are wanted.
	about int
}

// under are all items whose keys begin with a prefix that ends with #.
func under(part, prefix string) span {
	return span{part: part, from: prefix, to: prefix[:len(prefix)-1] + "$"} // $ follows on #
}

// walk reads a span until do says that it has enough.
func (t *Table) walk(ctx context.Context, s span, do func(item) (more bool, err error)) error {
	in := &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("p = :p AND s BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":p": text(s.part), ":from": text(s.from), ":to": text(s.to)},
	}
	if s.about > 0 {
		in.Limit = aws.Int32(int32(min(s.about, 1000)))
	}
	for {
		out, err := t.query(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range out.Items {
			if more, err := do(it); err != nil || !more {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func (t *Table) query(ctx context.Context, in *dynamodb.QueryInput) (out *dynamodb.QueryOutput, err error) {
	err = t.try(ctx, func() error {
		out, err = t.client.Query(ctx, in)
		return err
	})
	return out, err
}

// write puts and deletes items one by one, in batches: not as a whole, and whatever was there before.
func (t *Table) write(ctx context.Context, requests []types.WriteRequest) error {
	for len(requests) > 0 {
		left := requests[:min(maxBatchWrite, len(requests))]
		requests = requests[len(left):]
		err := t.try(ctx, func() error {
			for len(left) > 0 {
				out, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.name: left}})
				if err != nil {
					return err
				}
				before := len(left)
				if left = out.UnprocessedItems[t.name]; len(left) == before {
					return errUndone
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func putRequest(it item) types.WriteRequest {
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: it}}
}

func deleteRequest(k key) types.WriteRequest {
	return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.item()}}
}
