// Package sqs keeps hints in an SQS FIFO queue and turns the records that Lambda receives from it back into batches.
//
// # One mailbox at a time
//
// The queue is FIFO and a message's group is its mailbox. As long as a message of a group is in flight, SQS hands out
// no other of that group, so one consumer works a mailbox at a time, and a mailbox that always fails holds up only
// itself. The groups make the queue as wide as there are mailboxes, provided it is created with DeduplicationScope
// messageGroup and FifoThroughputLimit perMessageGroupId ("High throughput for FIFO queues in Amazon SQS"); else all
// mailboxes share 300 requests a second.
//
// A group id has at most 128 characters, all of them ASCII and visible. [Group] is the mailbox's address where that
// fits, so that the console shows whose message it is, and else a hash; the body always has the mailbox.
//
// # The five-minute trap
//
// A FIFO queue swallows a message whose deduplication id it has taken within the last five minutes, even when the
// earlier one has been received and deleted since ("Using the message deduplication ID in Amazon SQS"). With an id made
// of the content, or of the mailbox and the minute, this happens: hint 1 is received, its sync reads the mailbox, a mail
// comes in, hint 2 is sent and swallowed, and the mail waits for the next sweep. So nothing is deduplicated by content:
// every hint gets a random id of its own, and only the same send tried again by the SDK, after an answer that
// was lost, has the same one. Coalescing is done where it is safe, on what has been received: all the hints of a
// mailbox in one batch are one [Delivery] and one sync.
//
// # What comes back
//
// A sync that fails leaves its messages undeleted (a partial batch response), and [Queue.Delay] sets the moment they
// come again: exactly after the time that the provider named, for that is all a typed *pipeline.Throttled is for.
// Without Delay they come after the queue's own visibility timeout.
//
// A message that has been received as often as the redrive policy's maxReceiveCount is not received once more but goes to
// the dead-letter queue, which raises an alarm. Once the cause is mended, StartMessageMoveTask brings it back as a new
// message, its receives counted anew. Until then only its hint is missing, not the mail: the sweeps go on.
//
// A record that nobody can read becomes a delivery with Err set. The caller logs it and hands it back at once (Delay by
// 0), so that its receive count runs up in seconds and it reaches the dead-letter queue without holding up its group.
// It is never taken for done.
package sqs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/pipeline"
)

// Client is what Queue needs of the SDK's client. The SDK tries a request again by itself after a broken connection, a
// 5xx and throttling.
type Client interface {
	SendMessage(ctx context.Context, in *sdk.SendMessageInput, options ...func(*sdk.Options)) (*sdk.SendMessageOutput, error)
	SendMessageBatch(ctx context.Context, in *sdk.SendMessageBatchInput, options ...func(*sdk.Options)) (*sdk.SendMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(ctx context.Context, in *sdk.ChangeMessageVisibilityBatchInput, options ...func(*sdk.Options)) (*sdk.ChangeMessageVisibilityBatchOutput, error)
}

// Queue sends hints to one queue and steers when they come again. Its fields are set before the first call; its
// methods may be called at once.
type Queue struct {
	Client Client
	URL    string
	// Random makes deduplication ids; nil is [crypto/rand.Reader]. It is read from at once by several goroutines.
	Random io.Reader
	// Wait passes the time between two tries of what a batch left unsent; nil waits that long or until ctx ends.
	Wait func(ctx context.Context, d time.Duration) error
}

var _ pipeline.Hints = (*Queue)(nil)

// Enqueue returns once SQS has the hint on several machines. After an error the hint may be in the queue or not.
// *[pipeline.Throttled] and *[pipeline.Permanent] say what to do about it.
func (q *Queue) Enqueue(ctx context.Context, h pipeline.Hint) error {
	m, err := q.message(h)
	if err != nil {
		return fmt.Errorf("sqs: enqueue a hint for %s: %w", h.Mailbox, err)
	}
	_, err = q.Client.SendMessage(ctx, &sdk.SendMessageInput{
		QueueUrl:               &q.URL,
		MessageBody:            &m.body,
		MessageGroupId:         &m.group,
		MessageDeduplicationId: &m.id,
	})
	if err != nil {
		return fmt.Errorf("sqs: enqueue a hint for %s: %w", h.Mailbox, q.typed("sqs:SendMessage", err))
	}
	return nil
}

// message is a hint as it is sent.
type message struct {
	hint            pipeline.Hint
	body, group, id string
}

func (q *Queue) message(h pipeline.Hint) (message, error) {
	body, err := encode(h)
	if err != nil {
		return message{}, err
	}
	random := q.Random
	if random == nil {
		random = rand.Reader
	}
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return message{}, fmt.Errorf("make a deduplication id: %w", err)
	}
	return message{hint: h, body: string(body), group: Group(h.Mailbox), id: hex.EncodeToString(id[:])}, nil
}

// encode writes a hint as a message body. It refuses what [decode] would.
func encode(h pipeline.Hint) ([]byte, error) {
	body, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	_, err = decode(string(body))
	return body, err
}

func (q *Queue) wait(ctx context.Context, d time.Duration) error {
	if q.Wait != nil {
		return q.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// seconds is d as SQS takes it: whole seconds, rounded up so that nothing comes too soon.
func seconds(d time.Duration) int32 {
	return int32((min(max(d, 0), MaxDelay) + time.Second - 1) / time.Second)
}

var _ Client = (*sdk.Client)(nil)
