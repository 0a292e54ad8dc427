package sqssim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

type queueURL struct {
	QueueURL string `json:"QueueUrl"`
}

func here(r *http.Request) string { return "http://" + r.Host }

func (s *Sim) getQueueURL(r *http.Request) (any, error) {
	in, err := read[struct{ QueueName string }](r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueName)
	if err != nil {
		return nil, err
	}
	return queueURL{URL(here(r), q.Name)}, nil
}

type redrivePolicy struct {
	DeadLetterTargetARN string `json:"deadLetterTargetArn"`
	MaxReceiveCount     number `json:"maxReceiveCount"`
}

// number is an integer that templates write with or without quotes.
type number int

// UnmarshalJSON reads 5 and "5".
func (n *number) UnmarshalJSON(b []byte) error {
	if unquoted, err := strconv.Unquote(string(b)); err == nil {
		b = []byte(unquoted)
	}
	i, err := strconv.Atoi(string(b))
	*n = number(i)
	return err
}

func (s *Sim) createQueue(r *http.Request) (any, error) {
	in, err := read[struct {
		QueueName  string
		Attributes map[string]string
	}](r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := Queue{Name: in.QueueName}
	if in.Attributes["FifoQueue"] != "true" {
		return nil, notSimulated("a standard queue")
	}
	for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
		if err := s.set(&q, name, in.Attributes[name]); err != nil {
			return nil, err
		}
	}
	if err := s.add(q); err != nil {
		return nil, err
	}
	return queueURL{URL(here(r), q.Name)}, nil
}

// set puts one attribute of CreateQueue into a description.
func (s *Sim) set(q *Queue, name, value string) error {
	bad := invalidAttribute("Invalid value for the parameter " + name + ".")
	switch name {
	case "FifoQueue", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled":
	case "VisibilityTimeout", "MessageRetentionPeriod":
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 {
			return bad
		}
		if name == "VisibilityTimeout" {
			q.Visibility = time.Duration(n) * time.Second
		} else {
			q.Retention = time.Duration(n) * time.Second
		}
	case "ContentBasedDeduplication":
		q.ContentBased = value == "true"
	case "DeduplicationScope":
		if value != "queue" && value != "messageGroup" {
			return bad
		}
		q.PerGroup = value == "messageGroup"
	case "FifoThroughputLimit":
		if value != "perQueue" && value != "perMessageGroupId" {
			return bad
		}
	case "RedrivePolicy":
		var p redrivePolicy
		if err := json.Unmarshal([]byte(value), &p); err != nil {
			return bad
		}
		dead, err := s.findARN(p.DeadLetterTargetARN)
		if err != nil {
			return invalidAttribute("Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
		}
		q.DeadLetters, q.MaxReceives = dead.Name, int(p.MaxReceiveCount)
	default:
		return notSimulated("attribute " + name)
	}
	return nil
}

type attributesRequest struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

func (s *Sim) getQueueAttributes(in *attributesRequest) (any, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	c, itoa := s.counts(q), strconv.Itoa
	all := map[string]string{
		"QueueArn":                              ARN(q.Name),
		"FifoQueue":                             "true",
		"ApproximateNumberOfMessages":           itoa(c.Waiting),
		"ApproximateNumberOfMessagesNotVisible": itoa(c.InFlight),
		"ApproximateNumberOfMessagesDelayed":    "0",
		"VisibilityTimeout":                     itoa(int(q.Visibility / time.Second)),
		"MessageRetentionPeriod":                itoa(int(q.Retention / time.Second)),
		"ContentBasedDeduplication":             strconv.FormatBool(q.ContentBased),
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
	}
	if q.DeadLetters != "" {
		policy, err := json.Marshal(redrivePolicy{ARN(q.DeadLetters), number(q.MaxReceives)})
		if err != nil {
			return nil, err
		}
		all["RedrivePolicy"] = string(policy)
	}
	if q.PerGroup {
		all["DeduplicationScope"], all["FifoThroughputLimit"] = "messageGroup", "perMessageGroupId"
	}
	maps.DeleteFunc(all, func(name, _ string) bool {
		return !slices.Contains(in.AttributeNames, name) && !slices.Contains(in.AttributeNames, "All")
	})
	return map[string]any{"Attributes": all}, nil
}

type moveRequest struct {
	SourceARN      string `json:"SourceArn"`
	DestinationARN string `json:"DestinationArn"`
}

func (s *Sim) startMessageMoveTask(in *moveRequest) (any, error) {
	if _, err := s.move(in.SourceARN, in.DestinationARN); err != nil {
		return nil, err
	}
	return map[string]string{"TaskHandle": s.id()}, nil
}

type movesRequest struct {
	SourceARN  string `json:"SourceArn"`
	MaxResults *int
}

type moveResult struct {
	Status                            string
	SourceARN                         string `json:"SourceArn"`
	DestinationARN                    string `json:"DestinationArn,omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	StartedTimestamp                  int64
}

func (s *Sim) listMessageMoveTasks(in *movesRequest) (any, error) {
	if _, err := s.findARN(in.SourceARN); err != nil {
		return nil, err
	}
	most := 1
	if in.MaxResults != nil {
		most = *in.MaxResults
	}
	results := []moveResult{}
	for _, t := range slices.Backward(s.tasks) { // the newest first
		if t.Source == in.SourceARN && len(results) < most {
			results = append(results, moveResult{"COMPLETED", t.Source, t.Destination, t.Moved, t.Moved, t.Started.UnixMilli()})
		}
	}
	return map[string]any{"Results": results}, nil
}
