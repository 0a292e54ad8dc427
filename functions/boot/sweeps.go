package boot

import (
	"hash/fnv"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// spread is a mailbox's share of a span, from 0 to less than the span: always the same for one mailbox and evenly spread
// over many. Shares of different kinds have nothing to do with one another.
func spread(kind string, id inbox.MailboxID, span time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "\x00" + string(id))) // never fails
	return time.Duration(h.Sum64() % uint64(span))
}

// sweepDue reports whether a mailbox's moment of some period lies after last and not after now. Each mailbox has one such
// moment in every period, so ticks that follow one another, whenever they come, sweep it once a period, and one that comes
// after a long pause sweeps it once.
func sweepDue(id inbox.MailboxID, period time.Duration, last, now time.Time) bool {
	moment := spread("sweep", id, period)
	return periods(now.Add(-moment), period) > periods(last.Add(-moment), period)
}

// periods is how many whole ones have gone by since 1970.
func periods(t time.Time, period time.Duration) int64 {
	return t.UnixMilli() / max(period.Milliseconds(), 1)
}
