package graphsim

import (
	"strings"
	"sync"
)

// Stats counts what a client has asked for.
type Stats struct {
	// Requests counts every request as Graph's limits do: one for each request,
	// and for a $batch one for each request inside it.
	Requests int
	// RoundTrips counts HTTP requests; a $batch is one.
	RoundTrips int
	// MaxInFlight is the most requests at once for one mailbox, a batch counting
	// as many as the service runs at once of it.
	MaxInFlight int
	// Throttled counts requests refused with 429, by limit or by fault.
	Throttled int
	// Sent counts mails that left a mailbox through the API.
	Sent int
	// Mailboxes has the same by mailbox address. RoundTrips there counts only
	// requests that name the mailbox in their own path, so no batches.
	Mailboxes map[string]Stats
}

type statistics struct {
	mu       sync.Mutex
	total    Stats
	by       map[*mailbox]*Stats
	inFlight map[*mailbox]int
	errors   uint64
}

// Stats returns the counts so far.
func (s *Sim) Stats() Stats {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	out := s.stats.total
	out.Mailboxes = map[string]Stats{}
	for mb, st := range s.stats.by {
		out.Mailboxes[strings.ToLower(mb.address)] = *st
	}
	return out
}

// ResetStats sets all counts to zero.
func (s *Sim) ResetStats() {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.total, s.stats.by = Stats{}, nil
}

func (st *statistics) errorNumber() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.errors++
	return st.errors
}

// of gives the counts of a mailbox; the caller holds mu.
func (st *statistics) of(mb *mailbox) *Stats {
	if st.by == nil {
		st.by = map[*mailbox]*Stats{}
	}
	if st.by[mb] == nil {
		st.by[mb] = &Stats{}
	}
	return st.by[mb]
}

// add counts into the total and, if mb is not nil, into the mailbox.
func (st *statistics) add(mb *mailbox, count func(*Stats)) {
	st.mu.Lock()
	defer st.mu.Unlock()
	count(&st.total)
	if mb != nil {
		count(st.of(mb))
	}
}

// enter takes n places at a mailbox and says how many were free of the four.
func (st *statistics) enter(mb *mailbox, n int) (free int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.inFlight == nil {
		st.inFlight = map[*mailbox]int{}
	}
	free = max(0, mailboxConcurrency-st.inFlight[mb])
	st.inFlight[mb] += n
	now := st.inFlight[mb]
	one := st.of(mb)
	one.MaxInFlight = max(one.MaxInFlight, now)
	st.total.MaxInFlight = max(st.total.MaxInFlight, now)
	return free
}

func (st *statistics) leave(mb *mailbox, n int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.inFlight[mb] -= n; st.inFlight[mb] == 0 {
		delete(st.inFlight, mb)
	}
}
