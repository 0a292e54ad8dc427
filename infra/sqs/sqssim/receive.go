package sqssim

import (
	"context"
	"slices"
	"time"
)

// Receive takes up to max messages (1 to 10) that may be received now, as ReceiveMessage without waiting does: as many as
// there are of the group whose message waits longest, then of the next. They are in flight for the queue's
// visibility timeout.
func (s *Sim) Receive(queue string, max int) ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return nil, err
	}
	return s.receive(q, max, q.Visibility)
}

// wait is Receive that waits for a message as long as there is none. It ends early with ctx, without messages.
func (s *Sim) wait(ctx context.Context, queue string, max int, visibility *time.Duration, patience time.Duration) ([]Message, error) {
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		s.mu.Lock()
		q, err := s.find(queue)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		timeout := q.Visibility
		if visibility != nil {
			timeout = *visibility
		}
		got, err := s.receive(q, max, timeout)
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed, next := s.changed, s.untilVisible(q)
		s.mu.Unlock()
		if err != nil || len(got) > 0 || patience == 0 {
			return got, err
		}
		again := time.NewTimer(next)
		select {
		case <-changed:
		case <-again.C:
		case <-over.C:
			patience = 0 // look once more
		case <-ctx.Done():
			again.Stop()
			return nil, nil
		}
		again.Stop()
	}
}

// untilVisible is how long it takes until the next message in flight is visible again.
func (s *Sim) untilVisible(q *queue) time.Duration {
	now, next := s.now(), longest
	for _, m := range q.messages {
		if d := m.Visible.Sub(now); m.InFlight && d > 0 {
			next = min(next, d)
		}
	}
	return max(next, time.Millisecond)
}

func (s *Sim) receive(q *queue, max int, visibility time.Duration) ([]Message, error) {
	if max < 1 || max > 10 {
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", max)
	}
	if visibility < 0 || visibility > longest {
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", visibility/time.Second)
	}
	now := s.now()
	s.settle(q)
	blocked := map[string]bool{}
	waiting := map[string][]*message{}
	var groups []string
	for _, m := range q.messages {
		if m.InFlight {
			blocked[m.Group] = true
			continue
		}
		if waiting[m.Group] == nil {
			groups = append(groups, m.Group)
		}
		waiting[m.Group] = append(waiting[m.Group], m)
	}
	var out []Message
	for _, g := range groups {
		if blocked[g] {
			continue
		}
		for _, m := range waiting[g] {
			if len(out) == max {
				return out, nil
			}
			if q.DeadLetters != "" && m.Received >= q.MaxReceives {
				s.bury(q, m)
				continue
			}
			m.Received++
			if m.FirstReceived.IsZero() {
				m.FirstReceived = now
			}
			m.receivedAt = now
			m.Visible, m.InFlight = now.Add(visibility), visibility > 0
			m.Receipt = receipt(m.ID, m.Received)
			out = append(out, m.Message)
		}
	}
	return out, nil
}

// settle brings a queue's messages up to the present: what is too old goes, and what was in flight too long is visible.
func (s *Sim) settle(q *queue) {
	now := s.now()
	before := len(q.messages)
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return !now.Before(m.Sent.Add(q.Retention)) })
	q.expired += before - len(q.messages)
	for _, m := range q.messages {
		if m.InFlight && !now.Before(m.Visible) {
			m.InFlight = false
		}
	}
}

// Delete removes the message that was received with that receipt, as DeleteMessage does. One that has been deleted is no
// error; one whose visibility timeout has run out is, and stays.
func (s *Sim) Delete(queue, receipt string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return err
	}
	return s.delete(q, receipt)
}

func (s *Sim) delete(q *queue, receipt string) error {
	i, err := s.held(q, receipt)
	if err != nil || i < 0 {
		return err
	}
	q.messages = slices.Delete(q.messages, i, i+1)
	s.stir()
	return nil
}

// ChangeVisibility keeps the message of that receipt in flight for that long from now, as ChangeMessageVisibility does; 0
// gives it back at once.
func (s *Sim) ChangeVisibility(queue, receipt string, timeout time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return err
	}
	return s.change(q, receipt, timeout)
}

func (s *Sim) change(q *queue, receipt string, timeout time.Duration) error {
	if timeout < 0 || timeout > longest {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", timeout/time.Second)
	}
	i, err := s.held(q, receipt)
	if err != nil {
		return err
	}
	if i < 0 {
		return invalid("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
	}
	m, now := q.messages[i], s.now()
	if now.Add(timeout).After(m.receivedAt.Add(longest)) {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", timeout/time.Second)
	}
	m.Visible, m.InFlight = now.Add(timeout), timeout > 0
	s.stir()
	return nil
}

// held finds the message that is in flight with that receipt. It is -1 when the message is gone.
func (s *Sim) held(q *queue, receipt string) (int, error) {
	id, ok := readReceipt(receipt)
	if !ok {
		return 0, &apiError{Code: "ReceiptHandleIsInvalid", Type: "ReceiptHandleIsInvalid", Status: 404, Message: "The input receipt handle \"" + receipt + "\" is not a valid receipt handle."}
	}
	s.settle(q)
	i := slices.IndexFunc(q.messages, func(m *message) bool { return m.ID == id })
	if i >= 0 && (!q.messages[i].InFlight || q.messages[i].Receipt != receipt) {
		return 0, invalid("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", receipt)
	}
	return i, nil
}
