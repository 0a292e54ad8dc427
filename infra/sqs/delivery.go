package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Delivery is the part of a Lambda event that one sync answers: all records of one mailbox. It is done, delayed or left
// as a whole.
type Delivery struct {
	// Batch has the mailbox and its hints, oldest first. Tries is how often the oldest has been received before;
	// Receipt is the id of its message.
	Batch    pipeline.Batch
	Messages []Message // in the order of Batch.Hints
	// Err says why the record cannot be read. There is then one message and no batch.
	Err error
}

// Message names one message of the queue.
type Message struct {
	ID      string // as batchItemFailures names it
	Receipt string // good for this receive only
}

// Deliveries sorts the records of one event by mailbox, in the order of each mailbox's first record. Every record is in
// exactly one delivery.
func Deliveries(records []events.SQSMessage) []Delivery {
	var out []Delivery
	place := map[inbox.MailboxID]int{}
	for _, r := range records {
		m := Message{ID: r.MessageId, Receipt: r.ReceiptHandle}
		h, err := decode(r.Body)
		if group, ok := r.Attributes["MessageGroupId"]; err == nil && ok && group != Group(h.Mailbox) {
			err = errors.New("it is not in its mailbox's message group, so another consumer may have the mailbox")
		}
		if err != nil {
			out = append(out, Delivery{Messages: []Message{m}, Err: fmt.Errorf("sqs: message %q is no hint: %w", r.MessageId, err)})
			continue
		}
		i, ok := place[h.Mailbox]
		if !ok {
			i = len(out)
			place[h.Mailbox] = i
			out = append(out, Delivery{Batch: pipeline.Batch{Mailbox: h.Mailbox, Tries: tries(r), Receipt: r.MessageId}})
		}
		d := &out[i]
		d.Batch.Hints = append(d.Batch.Hints, h)
		d.Messages = append(d.Messages, m)
	}
	return out
}

// tries is how often a record has been received before this time.
func tries(r events.SQSMessage) int {
	received, err := strconv.Atoi(r.Attributes["ApproximateReceiveCount"])
	if err != nil || received < 1 {
		return 0
	}
	return received - 1
}

// maxBody bounds what is parsed. A hint has some hundred bytes.
const maxBody = 16 << 10

// decode reads a message body. Fields it does not know are of a newer version and ignored.
func decode(body string) (pipeline.Hint, error) {
	if len(body) > maxBody {
		return pipeline.Hint{}, fmt.Errorf("its body has %d bytes, more than %d", len(body), maxBody)
	}
	if !utf8.ValidString(body) {
		return pipeline.Hint{}, errors.New("its body is not UTF-8")
	}
	var h pipeline.Hint
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		return pipeline.Hint{}, errors.New("its body is not the JSON of a hint") // the parser's words may quote the body
	}
	if h.Mailbox == "" {
		return pipeline.Hint{}, errors.New("it names no mailbox")
	}
	return h, nil
}
