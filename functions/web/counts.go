package web

import "sync/atomic"

// Counts is what a hook has seen since the process began. An item is one notification: Graph sends many in a request,
// Gmail one.
type Counts struct {
	Requests    int64 `json:"requests"`
	Validations int64 `json:"validations"` // Graph's handshakes answered with their token
	Accepted    int64 `json:"accepted"`    // items that were genuine and about a mailbox of ours
	Enqueued    int64 `json:"enqueued"`    // hints handed to the queue, after those of one request were joined
	Lifecycle   int64 `json:"lifecycle"`   // accepted items that were about the subscription itself
	UnknownKind int64 `json:"unknownKind"` // lifecycle items of a kind that was not known when this was written
	Unknown     int64 `json:"unknown"`     // items for a subscription or a mailbox that is not ours
	Refused     int64 `json:"refused"`     // items with a wrong secret; requests with a bad token
	Malformed   int64 `json:"malformed"`   // items and requests that could not be read
	Failed      int64 `json:"failed"`      // requests answered 5xx
}

// counters are Counts in the making.
type counters struct {
	requests, validations, accepted, enqueued, lifecycle, unknownKind, unknown, refused, malformed, failed atomic.Int64
}

// snapshot reads the counters one by one; requests under way may be half in it.
func (c *counters) snapshot() Counts {
	return Counts{
		Requests:    c.requests.Load(),
		Validations: c.validations.Load(),
		Accepted:    c.accepted.Load(),
		Enqueued:    c.enqueued.Load(),
		Lifecycle:   c.lifecycle.Load(),
		UnknownKind: c.unknownKind.Load(),
		Unknown:     c.unknown.Load(),
		Refused:     c.refused.Load(),
		Malformed:   c.malformed.Load(),
		Failed:      c.failed.Load(),
	}
}
