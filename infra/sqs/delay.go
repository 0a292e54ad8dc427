package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// MaxDelay is the longest Delay. SQS keeps a message in flight for at most 12 hours from its receive and refuses what
// goes beyond ("Amazon SQS visibility timeout"); Lambda may have held the message for a while before Delay is called.
const MaxDelay = 12*time.Hour - 15*time.Minute

// Delay makes the messages of a delivery come again after that time and no sooner, rounded up to whole seconds and cut
// to MaxDelay; 0 or less is at once. Their group waits with them. The caller must also report them as batch item
// failures, or Lambda deletes them.
//
// Messages whose visibility timeout has run out are no longer ours to delay, and that is no error. After an error some
// messages may be delayed: as one of them holds up its whole group, the delivery then comes no sooner than
// the queue's visibility timeout.
func (q *Queue) Delay(ctx context.Context, d Delivery, after time.Duration) error {
	if err := q.delay(ctx, d.Messages, seconds(after)); err != nil {
		whose := "a message that cannot be read"
		if d.Err == nil {
			whose = string(d.Batch.Mailbox)
		}
		return fmt.Errorf("sqs: delay the hints of %s: %w", whose, err)
	}
	return nil
}

func (q *Queue) delay(ctx context.Context, messages []Message, timeout int32) error {
	var failed []error
	for chunk := range slices.Chunk(messages, batchSize) {
		in := &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: &q.URL}
		for i, m := range chunk {
			id := strconv.Itoa(i)
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: &id, ReceiptHandle: &m.Receipt, VisibilityTimeout: timeout,
			})
		}
		out, err := q.Client.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return errors.Join(append(failed, q.typed("sqs:ChangeMessageVisibility", err))...)
		}
		for _, f := range out.Failed {
			if !stale(f) {
				failed = append(failed, q.typed("sqs:ChangeMessageVisibility", entryError(f)))
			}
		}
	}
	return errors.Join(failed...)
}

// stale reports whether a receipt handle was refused because its receive is over. FIFO queues say so with
// InvalidParameterValue ("Value … for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired").
func stale(f types.BatchResultErrorEntry) bool {
	switch value(f.Code) {
	case "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight", "ReceiptHandleIsInvalid":
		return true
	case "InvalidParameterValue":
		return strings.Contains(value(f.Message), "parameter ReceiptHandle")
	}
	return false
}
