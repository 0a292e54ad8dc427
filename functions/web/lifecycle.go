package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

// Hint.Source of the hooks' hints. A lifecycle event's is SourceLifecycle followed by the event.
const (
	SourceGraph     = "graph"
	SourceGmail     = "gmail"
	SourceLifecycle = "graph-lifecycle:"
)

// The lifecycle events that Graph documents ("Reduce missing subscriptions and change notifications").
const (
	eventReauthorize = "reauthorizationRequired"
	eventRemoved     = "subscriptionRemoved"
	eventMissed      = "missed"
)

// lifecycle is what Graph says has become of one of our subscriptions.
type lifecycle struct {
	watch pipeline.Watch
	event string
}

func (l lifecycle) source() string {
	switch l.event {
	case eventReauthorize, eventRemoved, eventMissed:
		return SourceLifecycle + l.event
	}
	return strings.TrimSuffix(SourceLifecycle, ":")
}

// inOrder gives each event once, removals last, so that nothing else in the same POST brings a removed watch back.
func inOrder(events []lifecycle) []lifecycle {
	seen := map[lifecycle]bool{}
	var first, last []lifecycle
	for _, e := range events {
		switch {
		case seen[e]:
		case e.event == eventRemoved:
			last = append(last, e)
		default:
			first = append(first, e)
		}
		seen[e] = true
	}
	return append(first, last...)
}

// write makes the event durable as what is now true of the watch, so that it survives the coalescing of hints and whoever
// renews watches needs to know of no events:
//   - reauthorizationRequired: the watch lapses now. Renewing it extends and reauthorizes in one call.
//   - subscriptionRemoved: there is no watch any more, so the mailbox needs a new one.
//   - missed: the watch is as it was; the hint that every item causes is the reading that is asked for.
//
// It may be repeated. Racing a renewal it can at most cause one renewal more. known is false for a kind of event that is
// not in the list.
func (l lifecycle) write(ctx context.Context, watches pipeline.Watches, now time.Time) (known bool, err error) {
	switch l.event {
	case eventReauthorize:
		w := l.watch
		if w.Expires.After(now) {
			w.Expires = now
		}
		if err := watches.SaveWatch(ctx, w); err != nil {
			return true, fmt.Errorf("mark the subscription of %s for renewal: %w", w.Mailbox, err)
		}
	case eventRemoved:
		if err := watches.DropWatch(ctx, l.watch.ID); err != nil {
			return true, fmt.Errorf("forget the removed subscription of %s: %w", l.watch.Mailbox, err)
		}
	case eventMissed:
	default:
		return false, nil
	}
	return true, nil
}
