package sqssim

import "time"

// task is a StartMessageMoveTask that has run.
type task struct {
	Source, Destination string // ARNs
	Started             time.Time
	Moved               int
}

// bury moves a message to the dead-letter queue. It keeps its id and its count of receives; its age begins anew ("Setting-up
// dead-letter queue retention in Amazon SQS").
func (s *Sim) bury(q *queue, m *message) {
	q.remove(m)
	dead := m.Message
	dead.DeadFrom = q.Name
	s.append(s.queues[q.DeadLetters], dead)
}

// Redrive moves all that can be received in a dead-letter queue to where it came from, as StartMessageMoveTask without
// a destination does, and reports how many messages that were. Unlike there it is over when it returns. They are new
// messages to their queue, with new ids ("Learn how to configure a dead-letter queue redrive in Amazon SQS").
func (s *Sim) Redrive(deadLetters string) (moved int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(deadLetters)
	if err != nil {
		return 0, err
	}
	t, err := s.move(ARN(q.Name), "")
	return t.Moved, err
}

func (s *Sim) move(source, destination string) (task, error) {
	from, err := s.findARN(source)
	if err != nil {
		return task{}, err
	}
	isTarget := false
	for _, q := range s.queues {
		isTarget = isTarget || q.DeadLetters == from.Name
	}
	if !isTarget {
		return task{}, invalid("Source queue must be configured as a Dead Letter Queue.")
	}
	var to *queue
	if destination != "" {
		if to, err = s.findARN(destination); err != nil {
			return task{}, err
		}
	}
	s.expire(from)
	t := task{Source: source, Destination: destination, Started: s.now()}
	for _, m := range from.all() {
		target := to
		if target == nil {
			target = s.queues[m.DeadFrom]
		}
		if m.inFlight(t.Started) || target == nil {
			continue
		}
		from.remove(m)
		s.append(target, Message{Body: m.Body, Group: m.Group, Deduplication: m.Deduplication})
		t.Moved++
	}
	s.tasks = append(s.tasks, t)
	return t, nil
}
