package sqssim

// Counts is how many messages of a queue are in which state.
type Counts struct {
	Waiting  int // may be received, or wait for another of their group
	InFlight int
	Expired  int // were lost to the retention period since the queue was made
}

// Counts tells them for one queue.
func (s *Sim) Counts(queue string) (Counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return Counts{}, err
	}
	return s.counts(q), nil
}

func (s *Sim) counts(q *queue) Counts {
	s.expire(q)
	c, now := Counts{Expired: q.expired}, s.now()
	for _, m := range q.byID {
		if m.inFlight(now) {
			c.InFlight++
		} else {
			c.Waiting++
		}
	}
	return c
}

// Peek lists a queue's messages in the order they were sent, and changes nothing about them.
func (s *Sim) Peek(queue string) ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return nil, err
	}
	s.expire(q)
	var out []Message
	for _, m := range q.all() {
		seen := m.Message
		seen.InFlight = m.inFlight(s.now())
		out = append(out, seen)
	}
	return out, nil
}
