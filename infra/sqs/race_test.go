package sqs_test

import (
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

// Consumers take turns on a few mailboxes over the wire while hints come in and answers are lost. No two of them ever work
// the same mailbox, and after the last hint of each mailbox there comes a delivery.
func TestConsumersAtOnce(t *testing.T) {
	t.Parallel()
	const mailboxes, each, consumers = 3, 60, 4
	s := newSite(t)
	s.sim.Dial.Add(fault.Rule{Kind: fault.Lost, Path: "/SendMessage", Rate: 0.2})

	var mu sync.Mutex
	out := map[inbox.MailboxID]bool{}
	begun, answered := map[inbox.MailboxID]int{}, map[inbox.MailboxID]int{}
	consume := func() bool {
		got, err := s.client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
			QueueUrl: &s.queue.URL, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			t.Error(err)
			return false
		}
		var messages []sqssim.Message
		for _, m := range got.Messages {
			messages = append(messages, sqssim.Message{ID: *m.MessageId, Receipt: *m.ReceiptHandle, Body: *m.Body, Group: m.Attributes["MessageGroupId"], Received: received(m)})
		}
		for _, d := range sqs.Deliveries(recordsOf(messages)) {
			box := d.Batch.Mailbox
			mu.Lock()
			if out[box] {
				t.Errorf("two consumers have %s", box)
			}
			out[box] = true
			answered[box] = begun[box]
			again := d.Batch.Tries == 0 && answered[box]%3 == 0
			mu.Unlock()
			runtime.Gosched() // the others' chance to take the same
			mu.Lock()
			out[box] = false
			mu.Unlock()
			if again {
				err = s.queue.Delay(t.Context(), d, 0)
			} else {
				for _, m := range d.Messages {
					if _, err := s.client.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &s.queue.URL, ReceiptHandle: aws.String(m.Receipt)}); err != nil {
						t.Error(err)
					}
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
		return len(got.Messages) > 0
	}

	var producers, workers sync.WaitGroup
	for _, box := range []inbox.MailboxID{"a@x", "b@x", "ö@x"} {
		producers.Go(func() {
			for range each {
				mu.Lock()
				begun[box]++
				mu.Unlock()
				err := s.queue.Enqueue(t.Context(), hint(box, "graph"))
				for err != nil { // three answers in a row were lost: the sender sends again, as a provider does
					err = s.queue.EnqueueAll(t.Context(), []pipeline.Hint{hint(box, "graph")})
				}
			}
		})
	}
	stop := make(chan struct{})
	for range consumers {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					consume()
				}
			}
		})
	}
	producers.Wait()
	close(stop)
	workers.Wait()
	for consume() {
	}
	for box, n := range begun {
		if n != each || answered[box] != each {
			t.Errorf("%s: %d hints, answered up to %d", box, n, answered[box])
		}
	}
	if c := s.counts(hints); len(begun) != mailboxes || c != (sqssim.Counts{}) || s.counts(dead) != (sqssim.Counts{}) {
		t.Errorf("%d mailboxes, left over %+v", len(begun), c)
	}
}

func received(m types.Message) int {
	n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		panic(err)
	}
	return n
}
