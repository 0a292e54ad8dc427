package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Mapping is an event source mapping from an SQS queue to a function that reports batch item failures. Its methods may be
// called at once.
type Mapping struct {
	Client *sqs.Client
	URL    string // of the queue
	// Function is invoked with up to Batch messages; 0 is 10, as many as a FIFO queue allows.
	Function *Function
	Batch    int
	// Taken, unless nil, is told of every batch before it is handed out, and Invoked of what came of it before what is done
	// is deleted.
	Taken, Invoked func(Delivered)

	mu    sync.Mutex
	stats MappingStats
}

// Delivered is what came of one batch.
type Delivered struct {
	Messages []types.Message
	Failed   []string // message ids that go back to the queue
	Err      error    // the function's failure: all go back
	Result
}

// MappingStats counts since the start.
type MappingStats struct {
	Receives    int // requests to the queue that brought something
	Empty       int // and those that brought nothing
	Invocations int
	Messages    int // handed out, each time they were
	Failures    int // messages that went back
	Deletes     int // requests
}

// Stats is a snapshot of the counters.
func (m *Mapping) Stats() MappingStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

func (m *Mapping) count(f func(*MappingStats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.stats)
}

// sqsEvent is what Lambda hands to a function; testdata has the captured form.
type sqsEvent struct {
	Records []sqsRecord `json:"Records"`
}

type sqsRecord struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes map[string]any    `json:"messageAttributes"`
	MD5OfBody         string            `json:"md5OfBody"`
	EventSource       string            `json:"eventSource"`
	EventSourceARN    string            `json:"eventSourceARN"`
	AWSRegion         string            `json:"awsRegion"`
}

func (m *Mapping) event(messages []types.Message) sqsEvent {
	var e sqsEvent
	place := strings.Split(m.URL, "/") // …/ACCOUNT/NAME
	arn := "arn:aws:sqs:" + Region + ":" + strings.Join(place[max(0, len(place)-2):], ":")
	for _, msg := range messages {
		e.Records = append(e.Records, sqsRecord{
			MessageID: aws.ToString(msg.MessageId), ReceiptHandle: aws.ToString(msg.ReceiptHandle), Body: aws.ToString(msg.Body),
			Attributes: msg.Attributes, MessageAttributes: map[string]any{}, MD5OfBody: aws.ToString(msg.MD5OfBody),
			EventSource: "aws:sqs", EventSourceARN: arn, AWSRegion: Region,
		})
	}
	return e
}

// Step takes one batch through the function. It is false when the queue had none to give. An error is the queue's: a failure
// of the function leaves its messages in the queue until their visibility timeout is over.
func (m *Mapping) Step(ctx context.Context) (bool, error) {
	batch := m.Batch
	if batch == 0 {
		batch = 10
	}
	got, err := m.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &m.URL, MaxNumberOfMessages: int32(batch),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return false, fmt.Errorf("local: poll the queue: %w", err)
	}
	if len(got.Messages) == 0 {
		m.count(func(s *MappingStats) { s.Empty++ })
		return false, nil
	}
	d := Delivered{Messages: got.Messages}
	if m.Taken != nil {
		m.Taken(d)
	}
	d.Result, d.Err = m.Function.Invoke(ctx, m.event(got.Messages))
	d.Failed = failures(d.Payload, d.Err, got.Messages)
	m.count(func(s *MappingStats) {
		s.Receives++
		s.Invocations++
		s.Messages += len(got.Messages)
		s.Failures += len(d.Failed)
	})
	if m.Invoked != nil {
		m.Invoked(d)
	}
	return true, m.forget(ctx, d)
}

// failures gives the ids of the messages that go back ("Handling errors for an SQS event source in Lambda", conditions of
// success and failure): all of them when the answer cannot be read or names a message that was not in the batch.
func failures(payload []byte, failed error, batch []types.Message) []string {
	all := func() (ids []string) {
		for _, msg := range batch {
			ids = append(ids, aws.ToString(msg.MessageId))
		}
		return ids
	}
	if failed != nil {
		return all()
	}
	if len(payload) == 0 || string(payload) == "null" {
		return nil
	}
	var a struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return all()
	}
	in := map[string]bool{}
	for _, id := range all() {
		in[id] = true
	}
	var ids []string
	for _, f := range a.BatchItemFailures {
		if !in[f.ItemIdentifier] {
			return all()
		}
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

// forget deletes what did not fail.
func (m *Mapping) forget(ctx context.Context, d Delivered) error {
	back := map[string]bool{}
	for _, id := range d.Failed {
		back[id] = true
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &m.URL}
	for _, msg := range d.Messages {
		if !back[aws.ToString(msg.MessageId)] {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: msg.MessageId, ReceiptHandle: msg.ReceiptHandle})
		}
	}
	if len(in.Entries) == 0 {
		return nil
	}
	m.count(func(s *MappingStats) { s.Deletes++ })
	if _, err := m.Client.DeleteMessageBatch(ctx, in); err != nil {
		return fmt.Errorf("local: delete from the queue: %w", err)
	}
	return nil
}

// Drain works with n pollers at once until none has anything to do and the queue has nothing to give. While one is at
// work the others ask again each time a batch is done, because the messages behind it in its groups are free then.
func (m *Mapping) Drain(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	turn := sync.NewCond(&sync.Mutex{})
	busy, done := n, 0
	poll := func() {
		turn.L.Lock()
		defer turn.L.Unlock()
		for ctx.Err() == nil {
			seen := done
			turn.L.Unlock()
			worked, err := m.Step(ctx)
			turn.L.Lock()
			if err != nil {
				stop(err)
			}
			if worked {
				done++
				turn.Broadcast()
				continue
			}
			busy--
			for busy > 0 && done == seen && ctx.Err() == nil {
				turn.Wait()
			}
			if done == seen {
				break
			}
			busy++
		}
		turn.Broadcast()
	}
	var group sync.WaitGroup
	for range n {
		group.Go(poll)
	}
	group.Wait()
	return context.Cause(ctx)
}
