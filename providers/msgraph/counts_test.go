package msgraph_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

// backlog puts n unread mails with a header as long as real ones into the inbox.
func (tn *tenant) backlog(n int) {
	tn.t.Helper()
	for i := range n {
		raw := []byte(fmt.Sprintf("Authentication-Results: spf=pass smtp.mailfrom=customer.test; dkim=pass header.d=customer.test; dmarc=pass\r\n"+
			"X-MS-Exchange-Organization-SCL: 1\r\nX-MS-Exchange-CrossTenant-Id: %036d\r\nThread-Index: AdoNn8QzXkqkN5o6T1iW4kQ0b%05d==\r\n"+
			"X-Microsoft-Antispam-Message-Info: %0600d\r\nUser-Agent: Mail/1\r\n", i, i, i))
		raw = append(raw, email(i, fmt.Sprintf("Customer %d <c%d@customer.test>", i, i), fmt.Sprintf("Question %d", i))...)
		_, err := tn.ReceiveAt(support, "inbox", raw, noon.Add(-time.Duration(i)*time.Minute), false)
		must(tn.t, err)
	}
}

// assign reads all there is and puts a marker on each message; it returns how many there were. A message that was
// marked while a later page was still to come is in that page again, and gets no second marker.
func (tn *tenant) assign(m *msgraph.Mailbox) int {
	tn.t.Helper()
	marker := map[inbox.MessageID]inbox.Marker{}
	for {
		page, err := m.Changes(context.Background(), tn.cursor)
		must(tn.t, err)
		var writes []pipeline.Write
		for _, o := range page.Changes {
			if marker[o.ID] == "" {
				marker[o.ID] = inbox.Marker(fmt.Sprintf("@%d", len(marker)%8))
			}
			writes = append(writes, write(o, []inbox.Marker{marker[o.ID]}, nil))
		}
		done, err := m.Mark(context.Background(), writes)
		must(tn.t, err)
		for _, w := range done {
			if w.Outcome != pipeline.Done {
				tn.t.Fatalf("%s ended with outcome %d: %s", w.Message, w.Outcome, w.Why)
			}
		}
		tn.cursor = page.Next
		if !page.More {
			return len(marker)
		}
	}
}

func TestBacklogCosts(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.backlog(1000)
	tn.ResetStats()
	equal(t, "messages", tn.assign(tn.mailbox()), 1000)
	s := tn.Stats()
	t.Logf("%.3f requests and %.3f round trips a message, %d at once", float64(s.Requests)/1000, float64(s.RoundTrips)/1000, s.MaxInFlight)
	if s.Requests > 1100 {
		t.Errorf("%d requests for 1,000 messages, want 1,100 at most", s.Requests)
	}
	if s.RoundTrips > 80 {
		t.Errorf("%d round trips for 1,000 messages, want 80 at most", s.RoundTrips)
	}
	if s.MaxInFlight > 4 {
		t.Errorf("%d requests at once, want 4 at most", s.MaxInFlight)
	}
	equal(t, "throttled", s.Throttled, 0)
}

func TestOneMailCosts(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	m := tn.mailbox()
	tn.receive(1)
	tn.assign(m)
	tn.changes(m)
	id := tn.receive(2)
	tn.ResetStats()
	equal(t, "messages", tn.assign(m), 1)
	equal(t, "round trips from hint to marker", tn.Stats().RoundTrips, 2)
	equalSet(t, "categories", tn.categories(id), "@0")
}

// Values for one mailbox share its one slot, however many goroutines use them.
func TestNeverMoreThanFourAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, func(s *graphsim.Sim) { s.NoConcurrencyLimit = true })
	tn.backlog(60)
	all := tn.changes(tn.mailbox())
	var ids []inbox.MessageID
	for _, o := range all {
		ids = append(ids, o.ID)
	}
	var wg sync.WaitGroup
	failed := make(chan error, 16)
	for range 8 {
		m := tn.mailbox()
		wg.Go(func() {
			if _, err := m.Fetch(context.Background(), ids); err != nil {
				failed <- err
			}
			if _, err := m.Changes(context.Background(), ""); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if got := tn.Stats().MaxInFlight; got > 4 {
		t.Errorf("%d requests at once, want 4 at most", got)
	}
	equal(t, "round trips at once", tn.trips.MaxInFlight(), 1)
}

// BenchmarkBacklog measures the adapter together with the simulator, which runs in the same process: about a quarter of
// the figure is the simulator's.
func BenchmarkBacklog(b *testing.B) {
	const n = 1000
	var spent time.Duration
	var allocs uint64
	for b.Loop() {
		b.StopTimer()
		tn := bare(b)
		tn.backlog(n)
		m := tn.mailbox()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cpu := processTime(b)
		b.StartTimer()
		tn.assign(m)
		b.StopTimer()
		spent += processTime(b) - cpu
		runtime.ReadMemStats(&after)
		allocs += after.Mallocs - before.Mallocs
		b.StartTimer()
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N)/n, "cpu_us/message")
	b.ReportMetric(float64(allocs)/float64(b.N)/n, "allocs/message")
}

func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
