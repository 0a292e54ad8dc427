package sqssim

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Message is a message as it is now, or was when it was received.
type Message struct {
	ID            string
	Body          string
	Group         string
	Deduplication string
	Sequence      string // grows within a group
	Sent          time.Time
	FirstReceived time.Time
	Received      int    // how often
	Receipt       string // of the last receive
	InFlight      bool
	Visible       time.Time // when it may be received again
	DeadFrom      string    // the queue that it was a dead letter of
}

// message is a Message with what SQS does not tell. Its InFlight is not kept up: inFlight tells.
type message struct {
	Message
	order      int
	receivedAt time.Time
}

func (m *message) inFlight(now time.Time) bool { return now.Before(m.Visible) }

// sent is what a repeated send is answered with.
type sent struct {
	id, sequence string
	until        time.Time
}

// attributes are the system attributes of a received message.
func (m *Message) attributes() map[string]string {
	a := map[string]string{
		"SenderId":                         "AROAEXAMPLE:function",
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Received),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
		"MessageGroupId":                   m.Group,
		"MessageDeduplicationId":           m.Deduplication,
		"SequenceNumber":                   m.Sequence,
	}
	if m.DeadFrom != "" {
		a["DeadLetterQueueSourceArn"] = ARN(m.DeadFrom)
	}
	return a
}

// Record is a received message as Lambda's event source mapping hands it to a function that reads the named queue.
func (m Message) Record(queue string) events.SQSMessage {
	return events.SQSMessage{
		MessageId:         m.ID,
		ReceiptHandle:     m.Receipt,
		Body:              m.Body,
		Md5OfBody:         md5Hex(m.Body),
		Attributes:        m.attributes(),
		MessageAttributes: map[string]events.SQSMessageAttribute{},
		EventSourceARN:    ARN(queue),
		EventSource:       "aws:sqs",
		AWSRegion:         Region,
	}
}

// Send puts a message into a queue, as SendMessage does. A deduplication id that the queue has taken within five minutes
// gives the first message's ID and Sequence and puts in nothing.
func (s *Sim) Send(queue, body, group, deduplication string) (id, sequence string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return "", "", err
	}
	return s.send(q, body, group, deduplication)
}

func (s *Sim) send(q *queue, body, group, dedup string) (id, sequence string, err error) {
	if err := checkBody(body); err != nil {
		return "", "", err
	}
	if group == "" {
		return "", "", missing("MessageGroupId")
	}
	if !token(group) {
		return "", "", invalid("Value %s for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.", group)
	}
	if dedup == "" {
		if !q.ContentBased {
			return "", "", invalid("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		sum := sha256.Sum256([]byte(body))
		dedup = hex.EncodeToString(sum[:])
	}
	if !token(dedup) {
		return "", "", invalid("Value %s for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.", dedup)
	}
	now := s.now()
	for len(q.recent) > 0 && !now.Before(q.window[q.recent[0]].until) {
		delete(q.window, q.recent[0])
		q.recent = q.recent[1:]
	}
	key := dedup
	if q.PerGroup {
		key = group + " " + dedup // neither has a space
	}
	if before, ok := q.window[key]; ok {
		return before.id, before.sequence, nil
	}
	m := s.append(q, Message{Body: body, Group: group, Deduplication: dedup})
	q.window[key] = sent{id: m.ID, sequence: m.Sequence, until: now.Add(deduplication)}
	q.recent = append(q.recent, key)
	return m.ID, m.Sequence, nil
}

// append puts a message at the end, with a new place in the order and, where it has none, a new id.
func (s *Sim) append(q *queue, m Message) *message {
	if m.ID == "" {
		m.ID = s.id()
	}
	s.count++
	m.Sequence = fmt.Sprintf("188%017d", s.count)
	m.Sent = s.now()
	m.Receipt, m.Visible = "", time.Time{}
	stored := &message{Message: m, order: s.count}
	q.groups[m.Group] = append(q.groups[m.Group], stored)
	q.byID[m.ID] = stored
	s.stir()
	return stored
}

// remove takes a message out.
func (q *queue) remove(m *message) {
	group := slices.DeleteFunc(q.groups[m.Group], func(o *message) bool { return o == m })
	if q.groups[m.Group] = group; len(group) == 0 {
		delete(q.groups, m.Group)
	}
	delete(q.byID, m.ID)
}

// all lists a queue's messages in the order they were sent.
func (q *queue) all() []*message {
	return slices.SortedFunc(maps.Values(q.byID), byOrder)
}

func byOrder(a, b *message) int { return a.order - b.order }

// maxBytes is what one message, or one batch, may have ("Amazon SQS message quotas").
const maxBytes = 1 << 20

func checkBody(body string) error {
	if body == "" {
		return missing("MessageBody")
	}
	if len(body) > maxBytes {
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxBytes)
	}
	bad := strings.IndexFunc(body, func(r rune) bool {
		return r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
	if bad >= 0 {
		return &apiError{Code: "InvalidMessageContents", Type: "InvalidMessageContents", Status: 400, Message: "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"}
	}
	return nil
}

// token reports whether s may be a group's or a deduplication id.
func token(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// receipt is the handle of a message's nth receive.
func receipt(id string, n int) string {
	return "AQEB" + base64.StdEncoding.EncodeToString([]byte(id+" "+strconv.Itoa(n)))
}

// readReceipt is the id that a handle was made of.
func readReceipt(handle string) (id string, ok bool) {
	encoded, ok := strings.CutPrefix(handle, "AQEB")
	if !ok {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	id, n, ok := strings.Cut(string(raw), " ")
	if _, err := strconv.Atoi(n); err != nil || !ok {
		return "", false
	}
	return id, true
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
