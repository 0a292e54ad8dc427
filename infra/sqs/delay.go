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
		failed = append(failed, q.delayBatch(ctx, chunk, timeout))
	}
	return errors.Join(failed...)
}

// delayBatch delays up to ten messages. Those that SQS fails to delay for no fault of ours are tried again, alone.
func (q *Queue) delayBatch(ctx context.Context, messages []Message, timeout int32) error {
	var ours, theirs []error
	for try := range batchTries {
		if try > 0 {
			if err := q.wait(ctx, betweenTries<<(try-1)); err != nil {
				theirs = append(theirs, err)
				break
			}
		}
		in := &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: &q.URL}
		for i, m := range messages {
			id := strconv.Itoa(i)
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: &id, ReceiptHandle: &m.Receipt, VisibilityTimeout: timeout,
			})
		}
		out, err := q.Client.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			theirs = []error{q.typed("sqs:ChangeMessageVisibility", err)}
			break
		}
		theirs = nil
		var left []Message
		for _, f := range out.Failed {
			at, err := strconv.Atoi(value(f.Id))
			switch cause := q.typed("sqs:ChangeMessageVisibility", entryError(f)); {
			case stale(f):
			case f.SenderFault || err != nil || at < 0 || at >= len(messages):
				ours = append(ours, cause)
			default:
				theirs, left = append(theirs, cause), append(left, messages[at])
			}
		}
		if messages = left; len(messages) == 0 {
			break
		}
	}
	return errors.Join(append(ours, theirs...)...)
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
