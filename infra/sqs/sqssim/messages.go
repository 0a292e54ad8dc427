package sqssim

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

type sendEntry struct {
	ID                     string `json:"Id"`
	MessageBody            string
	MessageGroupID         string `json:"MessageGroupId"`
	MessageDeduplicationID string `json:"MessageDeduplicationId"`
	DelaySeconds           int
}

// sendResult answers a send; Id only in a batch.
type sendResult struct {
	ID               string `json:"Id,omitempty"`
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string
	SequenceNumber   string
}

type sendRequest struct {
	QueueURL string `json:"QueueUrl"`
	sendEntry
}

func (s *Sim) sendMessage(in *sendRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return s.sendOne(q, in.sendEntry)
}

func (s *Sim) sendOne(q *queue, e sendEntry) (*sendResult, error) {
	if e.DelaySeconds != 0 {
		return nil, invalid("Value %d for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.", e.DelaySeconds)
	}
	id, sequence, err := s.send(q, e.MessageBody, e.MessageGroupID, e.MessageDeduplicationID)
	if err != nil {
		return nil, err
	}
	return &sendResult{ID: e.ID, MessageID: id, MD5OfMessageBody: md5Hex(e.MessageBody), SequenceNumber: sequence}, nil
}

type sendBatchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendEntry
}

func (s *Sim) sendMessageBatch(in *sendBatchRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	bytes := 0
	for _, e := range in.Entries {
		bytes += len(e.MessageBody)
	}
	if bytes > maxBytes {
		return nil, batchError("BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.")
	}
	return batch(in.Entries, func(e sendEntry) string { return e.ID }, func(e sendEntry) (any, error) {
		if s.hitsEntry("/SendMessageBatch/" + e.MessageGroupID) {
			return nil, &apiError{Code: "InternalError", Server: true, Message: "The entry was not taken. Try again."}
		}
		return s.sendOne(q, e)
	})
}

// hitsEntry asks the dial whether an entry of a batch fails.
func (s *Sim) hitsEntry(path string) bool {
	if s.Dial == nil {
		return false
	}
	rule, hit := s.Dial.NextInner(http.MethodPost, path)
	return hit && rule.Kind == fault.InnerThrottle
}

type receiveRequest struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             int
	AttributeNames              []string
	MessageSystemAttributeNames []string
}

type receivedMessage struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	MD5OfBody     string
	Attributes    map[string]string `json:",omitempty"`
}

type receiveResponse struct {
	Messages []receivedMessage `json:",omitempty"`
}

func (s *Sim) receiveMessage(r *http.Request) (any, error) {
	in, err := read[receiveRequest](r)
	if err != nil {
		return nil, err
	}
	number := 1
	if in.MaxNumberOfMessages != nil {
		number = *in.MaxNumberOfMessages
	}
	var visibility *time.Duration
	if in.VisibilityTimeout != nil {
		d := timeout(*in.VisibilityTimeout)
		visibility = &d
	}
	if in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > 20 {
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", in.WaitTimeSeconds)
	}
	got, err := s.wait(r.Context(), in.QueueURL, number, visibility, time.Duration(in.WaitTimeSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	var out receiveResponse
	for _, m := range got {
		attributes := m.attributes()
		maps.DeleteFunc(attributes, func(name, _ string) bool { return !slices.Contains(names, name) && !slices.Contains(names, "All") })
		out.Messages = append(out.Messages, receivedMessage{
			MessageID: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, MD5OfBody: md5Hex(m.Body), Attributes: attributes,
		})
	}
	return out, nil
}

type receiptEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

type receiptRequest struct {
	QueueURL string `json:"QueueUrl"`
	receiptEntry
}

type receiptBatchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []receiptEntry
}

func (s *Sim) deleteMessage(in *receiptRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.delete(q, in.ReceiptHandle)
}

func (s *Sim) deleteMessageBatch(in *receiptBatchRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return batch(in.Entries, func(e receiptEntry) string { return e.ID }, func(e receiptEntry) (any, error) {
		return batchEntryID{e.ID}, s.delete(q, e.ReceiptHandle)
	})
}

func (s *Sim) changeMessageVisibility(in *receiptRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.changeOne(q, in.receiptEntry, "VisibilityTimeout")
}

func (s *Sim) changeMessageVisibilityBatch(in *receiptBatchRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return batch(in.Entries, func(e receiptEntry) string { return e.ID }, func(e receiptEntry) (any, error) {
		return batchEntryID{e.ID}, s.changeOne(q, e, "ChangeMessageVisibilityBatchRequestEntry.VisibilityTimeout")
	})
}

func (s *Sim) changeOne(q *queue, e receiptEntry, parameter string) error {
	if e.VisibilityTimeout == nil {
		return missing(parameter)
	}
	return s.change(q, e.ReceiptHandle, timeout(*e.VisibilityTimeout))
}

// timeout is a number of seconds; one that is out of bounds stays so, however large it is.
func timeout(seconds int) time.Duration {
	return time.Duration(min(max(seconds, -1), int(longest/time.Second)+1)) * time.Second
}
