// Package sqssim simulates FIFO queues of Amazon SQS in memory, spoken over HTTP in the AWS JSON 1.0 protocol, so that
// the real SDK client and a built function can be tested without AWS.
//
// A [Sim] is a plain [http.Handler] with wire structs of its own. It keeps to what the SQS Developer Guide and API
// reference say: order per message group and no further message of a group while one is in flight (but several of a
// group in one receive), the five-minute deduplication window, a visibility timeout for each receive and its limit of
// twelve hours, receive counts, retention, and a dead-letter queue with its way back. Time and faults are
// injected. What tests and an event source mapping need is there as Go methods as well.
//
// It has no standard queues, no message attributes, no policies and no signatures: credentials are not looked
// at. What it does not simulate answers 501 with code NotSimulated rather than something made up.
package sqssim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

const (
	// Account owns every queue, in Region.
	Account = "000000000000"
	Region  = "us-east-1"

	deduplication = 5 * time.Minute // "Using the message deduplication ID in Amazon SQS"
	longest       = 12 * time.Hour  // a message may be in flight, "Amazon SQS visibility timeout"
)

// Sim is the queues of one account. The zero value has none and is ready. Exported fields are set before the first
// request; all methods may be called at once from many goroutines.
type Sim struct {
	// Now is the clock; nil is [time.Now]. A receive that waits for a message looks at it again when something is sent,
	// given back or deleted, and after as much real time as it then lacks.
	Now func() time.Time
	// Dial adds latency and faults; nil adds none. A rule's Path is the action, like "/SendMessage". InnerThrottle hits one
	// entry of a batch, as "/SendMessageBatch/" and its group, and comes back as a failure that is not the
	// sender's. Since SQS names no time, neither do its refusals.
	Dial *fault.Dial

	mu      sync.Mutex
	queues  map[string]*queue
	refused map[string]string // action → error code
	tasks   []task
	count   int           // makes ids
	changed chan struct{} // closed when something has become different
}

// Queue describes a queue.
type Queue struct {
	Name       string        // ends in .fifo
	Visibility time.Duration // after a receive; 0 is 30 s
	Retention  time.Duration // 0 is 4 days
	// DeadLetters names the queue that a message goes to when it would be received more than MaxReceives times; "" is none.
	DeadLetters string
	MaxReceives int
	// ContentBased makes a deduplication id of the body where a message has none.
	ContentBased bool
	// PerGroup makes deduplication ids count within their group only, as high throughput demands.
	PerGroup bool
}

// queue is a Queue with its messages.
type queue struct {
	Queue
	groups  map[string][]*message // in the order they were sent; none is empty
	byID    map[string]*message
	window  map[string]sent // by deduplication key
	recent  []string        // keys of window, oldest first
	created time.Time
	expired int
}

// AddQueue makes an empty queue. The one for its dead letters must be there already. Adding it again with the same
// description changes nothing.
func (s *Sim) AddQueue(q Queue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(q)
}

func (s *Sim) add(q Queue) error {
	if q.Visibility == 0 {
		q.Visibility = 30 * time.Second
	}
	if q.Retention == 0 {
		q.Retention = 4 * 24 * time.Hour
	}
	if !strings.HasSuffix(q.Name, ".fifo") || len(q.Name) > 80 {
		return invalid("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	}
	if q.Visibility < 0 || q.Visibility > longest || q.Retention < time.Minute || q.Retention > 14*24*time.Hour {
		return invalidAttribute("Invalid value for the parameter VisibilityTimeout or MessageRetentionPeriod.")
	}
	if (q.DeadLetters == "") != (q.MaxReceives == 0) || q.MaxReceives < 0 || q.MaxReceives > 1000 {
		return invalidAttribute("Value for parameter RedrivePolicy is invalid.")
	}
	if q.DeadLetters != "" && s.queues[q.DeadLetters] == nil {
		return invalidAttribute("Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
	}
	if old := s.queues[q.Name]; old != nil {
		if old.Queue != q {
			return &apiError{Code: "QueueAlreadyExists", Type: "QueueNameExists", Status: 400, Message: "A queue already exists with the same name and a different value for some attribute"}
		}
		return nil
	}
	if s.queues == nil {
		s.queues = map[string]*queue{}
	}
	s.queues[q.Name] = &queue{Queue: q, groups: map[string][]*message{}, byID: map[string]*message{}, window: map[string]sent{}, created: s.now()}
	return nil
}

// Refuse makes every request of an action ("SendMessage") fail with that code of an error, like AccessDenied, until it is
// called with the code "".
func (s *Sim) Refuse(action, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = map[string]string{}
	}
	s.refused[action] = code
}

// ARN is the name of a queue in policies and events.
func ARN(queue string) string { return "arn:aws:sqs:" + Region + ":" + Account + ":" + queue }

// URL is the queue's URL where the simulator is reached at base, without a slash at its end.
func URL(base, queue string) string { return base + "/" + Account + "/" + queue }

func (s *Sim) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// find gives a queue by its name or URL.
func (s *Sim) find(url string) (*queue, error) {
	name := url[strings.LastIndexByte(url, '/')+1:]
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, &apiError{Code: "AWS.SimpleQueueService.NonExistentQueue", Type: "QueueDoesNotExist", Status: 400, Message: "The specified queue does not exist."}
}

// findARN is find by ARN.
func (s *Sim) findARN(arn string) (*queue, error) {
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if ARN(name) == arn {
			return s.queues[name], nil
		}
	}
	return nil, &apiError{Code: "ResourceNotFoundException", Type: "ResourceNotFoundException", Status: 404, Message: "The resource that you specified for the SourceArn parameter doesn't exist."}
}

// stir wakes the receives that wait. s.mu is held.
func (s *Sim) stir() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// id makes an id in the shape of a UUID. s.mu is held.
func (s *Sim) id() string {
	s.count++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", s.count>>32, s.count&0xffffffff)
}

var _ http.Handler = (*Sim)(nil)
