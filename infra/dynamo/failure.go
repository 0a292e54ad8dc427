package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/postroom/postroom/core/pipeline"
)

// tries is how often one call is made when DynamoDB asks for patience. The SDK makes some tries of its own for most of
// these; for a transaction that met another one, and for what a batch left undone, it makes none.
const tries = 6

// firstPause is about how long to wait before the second try; each further one waits twice as long.
const firstPause = 25 * time.Millisecond

// patience is how long to leave a table alone that still asks for it after all tries.
const patience = time.Second

// try makes a call until DynamoDB no longer asks for patience, and puts what then went wrong into the port's errors.
func (t *Table) try(ctx context.Context, call func() error) error {
	var err error
	for n := range tries {
		if err := t.pause(ctx, n); err != nil {
			return err
		}
		if err = call(); err == nil || !passing(err) {
			return t.translate(err)
		}
	}
	return &pipeline.Throttled{After: patience, What: fmt.Sprintf("table %s: %s", t.name, code(err))}
}

// pause waits before the nth try, the first being 0.
func (t *Table) pause(ctx context.Context, n int) error {
	if n == 0 {
		return ctx.Err()
	}
	d := float64(firstPause << (n - 1))
	return t.sleep(ctx, time.Duration(d*(0.5+t.random())))
}

// undone says that a batch came back with a part of it not done.
var errUndone = errors.New("a part of the batch was not processed")

// throttles are the codes by which DynamoDB asks for patience, as errors and as reasons of a cancelled transaction
// (TransactWriteItems, "Errors").
var throttles = []string{
	"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "ThrottlingException", "ThrottlingError",
	"RequestLimitExceeded", "TransactionConflictException", "TransactionConflict", "TransactionInProgressException",
	"LimitExceededException",
}

// passing reports whether an error says that the same call may go well a moment later and has done nothing now.
func passing(err error) bool {
	if errors.Is(err, errUndone) {
		return true
	}
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return slices.Contains(throttles, code(err))
	}
	some := false
	for _, r := range cancelled.CancellationReasons {
		switch c := reason(r); {
		case slices.Contains(throttles, c):
			some = true
		case c != "" && c != "None":
			return false // trying again cannot change that one
		}
	}
	return some
}

const conditionFailed = "ConditionalCheckFailed"

// reason is why one item cancelled its transaction; empty or None where it did not.
func reason(r types.CancellationReason) string {
	if r.Code == nil {
		return ""
	}
	return *r.Code
}

// code is the code of an error that DynamoDB sent, else its text.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return err.Error()
}

// translate makes what only a person can mend a *pipeline.Permanent.
func (t *Table) translate(err error) error {
	if err == nil {
		return nil
	}
	switch code(err) {
	case "ResourceNotFoundException":
		return &pipeline.Permanent{
			What: fmt.Sprintf("table %s does not exist in this account and region", t.name), Err: err,
			Fix: "check POSTROOM_TABLE and the region, or deploy the table",
		}
	case "ValidationException":
		// Only its text tells a table of another shape from a call that is wrong.
		for _, said := range []string{"does not have the specified index", "does not match the schema"} {
			if strings.Contains(err.Error(), said) {
				return &pipeline.Permanent{
					What: fmt.Sprintf("table %s is not one of Postroom's, or lacks its index %q", t.name, dueIndex), Err: err,
					Fix: "check POSTROOM_TABLE, or deploy the table",
				}
			}
		}
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException":
		return &pipeline.Permanent{
			What: fmt.Sprintf("AWS does not let us use table %s", t.name), Err: err,
			Fix: "give the function's role the action that the message names, on this table, its index and its key",
		}
	case "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "InaccessibleEncryptionCredentialsException":
		return &pipeline.Permanent{
			What: fmt.Sprintf("the key of table %s cannot be used", t.name), Err: err,
			Fix: "enable the KMS key and let the function's role use it",
		}
	}
	return err
}

// failedCondition gives the item that was there when a write's condition failed, nil for none; ok is false for any other
// error.
func failedCondition(err error) (there item, ok bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}
