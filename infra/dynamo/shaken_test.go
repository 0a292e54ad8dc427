package dynamo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// shaken is a new table on a bad day.
func shaken(t *testing.T) (*dynamo.Table, func() *dynamo.Table) {
	t.Helper()
	client, name := newTable(t)
	s := newShaky(client, 7, 0.3)
	open := func() *dynamo.Table { return dynamo.Open(s, name, dynamo.Options{Sleep: noSleep}) }
	return open(), open
}

// TestStoreShaken and the next two run the conformance suites with every refusal of DynamoDB's that passes.
func TestStoreShaken(t *testing.T) {
	t.Parallel()
	coretest.Store(t, func(t *testing.T) (pipeline.Store, func() pipeline.Store) {
		table, open := shaken(t)
		return table, func() pipeline.Store { return open() }
	})
}

func TestWatchesShaken(t *testing.T) {
	t.Parallel()
	coretest.Watches(t, func(t *testing.T) (pipeline.Watches, func() pipeline.Watches) {
		table, open := shaken(t)
		return table, func() pipeline.Watches { return open() }
	})
}

func TestTimersShaken(t *testing.T) {
	t.Parallel()
	coretest.Timers(t, nil, func(t *testing.T) (pipeline.Timers, func() pipeline.Timers) {
		table, open := shaken(t)
		return table, func() pipeline.Timers { return open() }
	})
}

// refusing answers every call with one error.
type refusing struct {
	dynamo.Client
	err   error
	calls int
}

func (r *refusing) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	r.calls++
	return nil, r.err
}

func (r *refusing) TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	r.calls++
	return nil, r.err
}

func (r *refusing) BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	return &dynamodb.BatchWriteItemOutput{}, nil
}

// TestRefusals holds which errors the caller gets for what DynamoDB says.
func TestRefusals(t *testing.T) {
	t.Parallel()
	code := func(c string) error { return &smithy.GenericAPIError{Code: c, Message: "said DynamoDB"} }
	cancel := func(codes ...string) error {
		e := &types.TransactionCanceledException{}
		for _, c := range codes {
			e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: &c})
		}
		return e
	}
	isThrottled := func(err error) bool {
		var want *pipeline.Throttled
		return errors.As(err, &want) && want.After > 0
	}
	isPermanent := func(err error) bool {
		var want *pipeline.Permanent
		return errors.As(err, &want) && want.Fix != ""
	}
	isOther := func(err error) bool {
		return !isThrottled(err) && !isPermanent(err) && !errors.Is(err, pipeline.ErrConflict)
	}
	for _, tt := range []struct {
		name string
		err  error
		is   func(error) bool
		many bool // it is tried several times
	}{
		{"throttling", code("ThrottlingException"), isThrottled, true},
		{"exceeded", &types.ProvisionedThroughputExceededException{}, isThrottled, true},
		{"conflict with a transaction", cancel("None", "TransactionConflict"), isThrottled, true},
		{"throttled in a transaction", cancel("ThrottlingError"), isThrottled, true},
		{"no table", &types.ResourceNotFoundException{}, isPermanent, false},
		{"no right", code("AccessDeniedException"), isPermanent, false},
		{"no key", code("KMSDisabledException"), isPermanent, false},
		{"refused as wrong", cancel("None", "ValidationError"), isOther, false},
		{"wrong and in conflict", cancel("TransactionConflict", "ItemCollectionSizeLimitExceeded"), isOther, false},
		{"lost", errLost, isOther, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for call, do := range map[string]func(*dynamo.Table) error{
				"a read": func(d *dynamo.Table) error { _, err := d.Team(t.Context(), support); return err },
				"a transaction": func(d *dynamo.Table) error {
					return d.Commit(t.Context(), support, []pipeline.Unit{coretest.Arrival(support, 1)})
				},
			} {
				r := &refusing{err: tt.err}
				var slept []time.Duration
				d := dynamo.Open(r, "postroom", dynamo.Options{Random: func() float64 { return 0.5 }, Sleep: func(_ context.Context, d time.Duration) error {
					slept = append(slept, d)
					return nil
				}})
				if err := do(d); err == nil || !tt.is(err) || tt.many != (r.calls > 1) {
					t.Errorf("%s: got %v after %d calls", call, err, r.calls)
				}
				for i := 1; i < len(slept); i++ {
					if slept[i] != 2*slept[i-1] {
						t.Errorf("%s: pauses %v, want each twice as long", call, slept)
						break
					}
				}
			}
		})
	}
}

// TestNoTable says what to do, with the engine's own error.
func TestNoTable(t *testing.T) {
	t.Parallel()
	client, _ := newTable(t)
	d := dynamo.Open(client, "postroom-nowhere", dynamo.Options{})
	for name, err := range map[string]error{
		"commit": d.Commit(t.Context(), support, []pipeline.Unit{coretest.Arrival(support, 1)}),
		"timer":  d.SetTimer(t.Context(), pipeline.Timer{Mailbox: support, Name: "watch", Due: epoch}),
	} {
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || permanent.Fix == "" {
			t.Errorf("%s: got %v, want a *pipeline.Permanent that says how to mend it", name, err)
		}
	}
}

// TestImpatient ends a wait with its context.
func TestImpatient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := &refusing{err: &types.ProvisionedThroughputExceededException{}}
	d := dynamo.Open(r, "postroom", dynamo.Options{Random: func() float64 { cancel(); return 1 }})
	if _, err := d.Team(ctx, support); !errors.Is(err, context.Canceled) || r.calls != 1 {
		t.Errorf("got %v after %d calls, want that it was cancelled while it waited", err, r.calls)
	}
}
