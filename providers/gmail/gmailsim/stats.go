package gmailsim

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts since the start. Throttled requests are counted in Requests too; a request above the concurrency
// limit or hit by a fault costs no units, one above the quota does.
type Stats struct {
	Requests    int // round trips
	QuotaUnits  int
	MaxInFlight int
	Throttled   int // answered 429, or 403 for quota
	Methods     map[string]int
	Mailboxes   map[string]MailboxStats
	Push        PushStats
}

// MailboxStats is the share of one mailbox. MinuteUnits is the most units used in one minute of the clock.
type MailboxStats struct {
	Requests, QuotaUnits, MaxInFlight, MinuteUnits int
	Methods                                        map[string]int
}

type counters struct {
	nonce atomic.Uint64

	mu       sync.Mutex
	total    Stats
	inFlight int
	perBox   map[string]*boxCounters
}

type boxCounters struct {
	MailboxStats
	inFlight int
	minute   int64
	used     int // in that minute
}

func (c *counters) box(address string) *boxCounters {
	if c.perBox == nil {
		c.perBox = map[string]*boxCounters{}
		c.total.Methods = map[string]int{}
	}
	b := c.perBox[address]
	if b == nil {
		b = &boxCounters{MailboxStats: MailboxStats{Methods: map[string]int{}}}
		c.perBox[address] = b
	}
	return b
}

// enter counts a request and says how many the mailbox now has under way.
func (c *counters) enter(address string, m *method) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := "unknown"
	if m != nil {
		name = m.name
	}
	b := c.box(address)
	c.total.Requests++
	c.total.Methods[name]++
	b.Requests++
	b.Methods[name]++
	c.inFlight++
	b.inFlight++
	c.total.MaxInFlight = max(c.total.MaxInFlight, c.inFlight)
	b.MaxInFlight = max(b.MaxInFlight, b.inFlight)
	return b.inFlight
}

func (c *counters) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
	c.box(address).inFlight--
}

func (c *counters) throttle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Throttled++
}

// charge adds units and says how many the mailbox has used in this minute.
func (c *counters) charge(address string, units int, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.box(address)
	if minute := now.Unix() / 60; minute != b.minute {
		b.minute, b.used = minute, 0
	}
	b.used += units
	b.QuotaUnits += units
	b.MinuteUnits = max(b.MinuteUnits, b.used)
	c.total.QuotaUnits += units
	return b.used
}

// Stats is a snapshot of the counters.
func (s *Sim) Stats() Stats {
	c := &s.count
	c.mu.Lock()
	out := c.total
	out.Methods = maps.Clone(c.total.Methods)
	out.Mailboxes = make(map[string]MailboxStats, len(c.perBox))
	for address, b := range c.perBox {
		m := b.MailboxStats
		m.Methods = maps.Clone(m.Methods)
		out.Mailboxes[address] = m
	}
	c.mu.Unlock()

	s.pushes.mu.Lock()
	defer s.pushes.mu.Unlock()
	out.Push = s.pushes.stats
	out.Push.Waiting = len(s.pushes.waiting)
	return out
}
