package boot_test

import (
	"testing"
	"time"
)

// TestEarlyNotification: Graph's delta may lag behind its notification. Nobody sends a second one, and mail is not to wait
// for the next sweep.
func TestEarlyNotification(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.worker.Early = s.clock.Early
	s.clock.Tick(s.ctx)
	s.work()
	s.advance(time.Minute)

	s.Graph.DeltaLag = 20 * time.Second
	id, err := s.Graph.Receive(support, []byte("From: a@example.com\r\nSubject: Late\r\nMessage-ID: <late@example.com>\r\n\r\nHello\r\n"))
	s.must(err)
	s.deliver()
	s.work()
	s.deliver()
	s.work()
	marked := func() bool {
		m, err := s.Graph.Message(support, id)
		s.must(err)
		return len(m.Categories) > 0
	}
	if marked() {
		t.Fatal("the delta was to lag")
	}
	s.advance(29 * time.Second)
	s.clock.Tick(s.ctx)
	if done := s.work(); len(done) > 0 {
		t.Errorf("looked again too early: %v", done)
	}
	s.advance(2 * time.Second)
	s.clock.Tick(s.ctx)
	s.work()
	if !marked() {
		t.Error("the mail waits for the sweep")
	}

	// What a sweep finds unchanged is no reason to look again.
	s.deliver()
	s.work()
	s.advance(sweep)
	s.clock.Tick(s.ctx)
	s.work()
	s.advance(time.Minute)
	s.clock.Tick(s.ctx)
	if done := s.work(); len(done) > 0 {
		t.Errorf("a sweep that found nothing was followed by another: %v", done)
	}
}
