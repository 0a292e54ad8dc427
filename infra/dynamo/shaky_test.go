package dynamo_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/postroom/postroom/infra/dynamo"
)

// errLost is a call of which nobody knows whether it was done.
var errLost = errors.New("connection reset")

// maxInARow is how often shaky asks for patience before it lets a call through. A Table tries more often.
const maxInARow = 3

// shaky is the engine as DynamoDB is on a bad day, with what the engine itself never does.
type shaky struct {
	dynamo.Client
	// passing is how likely a call is refused for the moment: throttled, in conflict with a transaction, or, of a batch, done
	// in part.
	passing float64

	mu     sync.Mutex
	random *rand.Rand
	inARow int
	seen   map[string]int // refusals by their kind
	calls  int
	// lose, unless nil, is asked at every call, counted from 1, whether it fails without being done or after it was done.
	lose func(call int, write bool) (before, after bool)
}

func newShaky(c dynamo.Client, seed uint64, passing float64) *shaky {
	return &shaky{Client: c, passing: passing, random: rand.New(rand.NewPCG(seed, 1)), seen: map[string]int{}}
}

// draw says what happens to a call: a number below n for a refusal of that kind, or -1, and whether it is lost.
func (s *shaky) draw(kinds []string, write bool) (kind string, before, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.lose != nil {
		before, after = s.lose(s.calls, write)
	}
	if before || after || s.inARow >= maxInARow || s.random.Float64() >= s.passing {
		s.inARow = 0
		return "", before, after
	}
	s.inARow++
	kind = kinds[s.random.IntN(len(kinds))]
	s.seen[kind]++
	return kind, false, false
}

func (s *shaky) intN(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

const (
	throttled  = "ThrottlingException"
	exceeded   = "ProvisionedThroughputExceededException"
	inConflict = "TransactionConflictException"
	inProgress = "TransactionInProgressException"
	cancelled  = "TransactionCanceledException"
	inPart     = "a part"
	notAtAll   = "nothing"
)

// shake makes one call, or not. do is given the kind of refusal that only it can make.
func shake[T any](s *shaky, kinds []string, write bool, do func(kind string) (T, error)) (out T, err error) {
	var none T
	kind, before, after := s.draw(kinds, write)
	if before {
		return none, errLost
	}
	switch kind {
	case throttled:
		return none, &smithy.GenericAPIError{Code: throttled, Message: "Throughput exceeds the current capacity"}
	case exceeded:
		return none, &types.ProvisionedThroughputExceededException{}
	case inConflict:
		return none, &types.TransactionConflictException{}
	case inProgress:
		return none, &types.TransactionInProgressException{}
	}
	out, err = do(kind)
	if after {
		return none, errLost
	}
	return out, err
}

var (
	readKinds  = []string{throttled, exceeded}
	writeKinds = []string{throttled, exceeded, inConflict}
	batchKinds = []string{throttled, exceeded, inPart, inPart, notAtAll}
)

func (s *shaky) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return shake(s, readKinds, false, func(string) (*dynamodb.GetItemOutput, error) { return s.Client.GetItem(ctx, in) })
}

func (s *shaky) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return shake(s, append(readKinds, inPart), false, func(kind string) (*dynamodb.QueryOutput, error) {
		short := *in
		if kind == inPart { // as when what is found has more than 1 MB
			short.Limit = aws.Int32(1)
		}
		return s.Client.Query(ctx, &short)
	})
}

func (s *shaky) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return shake(s, writeKinds, true, func(string) (*dynamodb.PutItemOutput, error) { return s.Client.PutItem(ctx, in) })
}

func (s *shaky) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return shake(s, writeKinds, true, func(string) (*dynamodb.UpdateItemOutput, error) { return s.Client.UpdateItem(ctx, in) })
}

func (s *shaky) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return shake(s, writeKinds, true, func(string) (*dynamodb.DeleteItemOutput, error) { return s.Client.DeleteItem(ctx, in) })
}

func (s *shaky) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return shake(s, []string{throttled, inProgress, cancelled, cancelled}, true, func(kind string) (*dynamodb.TransactWriteItemsOutput, error) {
		if kind != cancelled {
			return s.Client.TransactWriteItems(ctx, in)
		}
		reasons := make([]types.CancellationReason, len(in.TransactItems))
		for i := range reasons {
			reasons[i].Code = aws.String("None")
		}
		code := []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}[s.intN(3)]
		reasons[s.intN(len(reasons))].Code = aws.String(code)
		return nil, &types.TransactionCanceledException{CancellationReasons: reasons}
	})
}

// BatchGetItem leaves keys out, as DynamoDB does when it has too much to do or to send.
func (s *shaky) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return shake(s, batchKinds, false, func(kind string) (*dynamodb.BatchGetItemOutput, error) {
		if kind == "" {
			return s.Client.BatchGetItem(ctx, in)
		}
		now, later := map[string]types.KeysAndAttributes{}, map[string]types.KeysAndAttributes{}
		for table, ask := range in.RequestItems {
			n := s.intN(len(ask.Keys))
			if kind == notAtAll {
				n = 0
			}
			first, rest := ask, ask
			first.Keys, rest.Keys = slices.Clone(ask.Keys[:n]), slices.Clone(ask.Keys[n:])
			if n > 0 {
				now[table] = first
			}
			later[table] = rest
		}
		out := &dynamodb.BatchGetItemOutput{}
		if len(now) > 0 {
			var err error
			if out, err = s.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: now}); err != nil {
				return nil, err
			}
		}
		out.UnprocessedKeys = later
		return out, nil
	})
}

// BatchWriteItem leaves requests out.
func (s *shaky) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	return shake(s, batchKinds, true, func(kind string) (*dynamodb.BatchWriteItemOutput, error) {
		if kind == "" {
			return s.Client.BatchWriteItem(ctx, in)
		}
		now, later := map[string][]types.WriteRequest{}, map[string][]types.WriteRequest{}
		for table, all := range in.RequestItems {
			n := s.intN(len(all))
			if kind == notAtAll {
				n = 0
			}
			if n > 0 {
				now[table] = all[:n]
			}
			later[table] = all[n:]
		}
		out := &dynamodb.BatchWriteItemOutput{}
		if len(now) > 0 {
			var err error
			if out, err = s.Client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: now}); err != nil {
				return nil, err
			}
		}
		out.UnprocessedItems = later
		return out, nil
	})
}
