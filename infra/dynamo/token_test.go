package dynamo_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// unheard is a connection that is slow, with an SDK that has lost patience with it: each first transaction is done, and what
// comes back is what its tries after the first met.
type unheard struct {
	dynamo.Client
	answer error
	tokens []string
}

func (u *unheard) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if in.ClientRequestToken != nil {
		u.tokens = append(u.tokens, *in.ClientRequestToken)
	}
	out, err := u.Client.TransactWriteItems(ctx, in, o...)
	if answer := u.answer; answer != nil && err == nil {
		u.answer = nil
		return nil, answer
	}
	return out, err
}

// TestTriedAgain makes a transaction once more that was done before: it must be known by its token, and be no conflict with
// itself.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	for n, answer := range []error{
		&types.TransactionInProgressException{},
		&smithy.GenericAPIError{Code: "ThrottlingException"},
	} {
		u := &unheard{Client: client, answer: answer}
		d := dynamo.Open(u, name, dynamo.Options{Sleep: noSleep})
		unit := coretest.Arrival(support, n)
		if n == 0 { // the team's item is there, so that there is one transaction
			u.answer = nil
			if err := d.Commit(t.Context(), support, []pipeline.Unit{coretest.Arrival(support, 2)}); err != nil {
				t.Fatal(err)
			}
			u.answer = answer
		}
		if err := d.Commit(t.Context(), support, []pipeline.Unit{unit}); err != nil {
			t.Errorf("after %v: %v", answer, err)
		}
		halves(t, d, "after a transaction was made again")
	}
}

// TestCancelledHasNewToken makes a transaction once more that was cancelled: by a token of its own, for nobody promises that
// the old one would not be answered as before.
func TestCancelledHasNewToken(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d := dynamo.Open(client, name, dynamo.Options{Sleep: noSleep})
	if err := d.Commit(t.Context(), support, []pipeline.Unit{coretest.Arrival(support, 0)}); err != nil {
		t.Fatal(err)
	}
	u := &unheard{Client: &cancelling{Client: client, times: 2}}
	if err := dynamo.Open(u, name, dynamo.Options{Sleep: noSleep}).Commit(t.Context(), support, []pipeline.Unit{coretest.Arrival(support, 1)}); err != nil {
		t.Fatal(err)
	}
	if len(u.tokens) != 3 || u.tokens[0] == u.tokens[1] || u.tokens[1] == u.tokens[2] {
		t.Errorf("three tries had the tokens %q", u.tokens)
	}
}

// cancelling cancels the first transactions, as those in conflict with another are.
type cancelling struct {
	dynamo.Client
	times int
}

func (c *cancelling) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if c.times == 0 {
		return c.Client.TransactWriteItems(ctx, in, o...)
	}
	c.times--
	reasons := make([]types.CancellationReason, len(in.TransactItems))
	code := "TransactionConflict"
	reasons[0].Code = &code
	return nil, &types.TransactionCanceledException{CancellationReasons: reasons}
}
