package sqssim

import (
	"context"
	"maps"
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
		changed := s.changed
		if err != nil || len(got) > 0 || patience == 0 {
			s.mu.Unlock()
			return got, err
		}
		next := s.untilVisible(q)
		s.mu.Unlock()
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
	for _, m := range q.byID {
		if d := m.Visible.Sub(now); d > 0 {
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
	s.expire(q)
	groups := slices.SortedFunc(maps.Values(q.groups), func(a, b []*message) int { return byOrder(a[0], b[0]) })
	var out []Message
	for _, group := range groups {
		if slices.ContainsFunc(group, func(m *message) bool { return m.inFlight(now) }) {
			continue
		}
		for _, m := range slices.Clone(group) { // bury takes out of it
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
			m.receivedAt, m.Visible = now, now.Add(visibility)
			m.Receipt = receipt(m.ID, m.Received)
			got := m.Message
			got.InFlight = m.inFlight(now)
			out = append(out, got)
		}
	}
	return out, nil
}

// expire removes what is older than the queue keeps.
func (s *Sim) expire(q *queue) {
	now := s.now()
	var old []*message
	for _, group := range q.groups {
		for _, m := range group {
			if now.Before(m.Sent.Add(q.Retention)) {
				break
			}
			old = append(old, m)
		}
	}
	for _, m := range old {
		q.remove(m)
	}
	q.expired += len(old)
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
	m, err := s.held(q, receipt)
	if err != nil || m == nil {
		return err
	}
	q.remove(m)
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
	m, err := s.held(q, receipt)
	if err != nil {
		return err
	}
	if m == nil {
		return invalid("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
	}
	now := s.now()
	if now.Add(timeout).After(m.receivedAt.Add(longest)) {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", timeout/time.Second)
	}
	m.Visible = now.Add(timeout)
	s.stir()
	return nil
}

// held finds the message that is in flight with that receipt. It is nil when the message is gone.
func (s *Sim) held(q *queue, receipt string) (*message, error) {
	id, ok := readReceipt(receipt)
	if !ok {
		return nil, &apiError{Code: "ReceiptHandleIsInvalid", Type: "ReceiptHandleIsInvalid", Status: 404, Message: "The input receipt handle \"" + receipt + "\" is not a valid receipt handle."}
	}
	s.expire(q)
	m := q.byID[id]
	if m != nil && (!m.inFlight(s.now()) || m.Receipt != receipt) {
		return nil, invalid("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", receipt)
	}
	return m, nil
}
