package sqs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/postroom/postroom/core/pipeline"
)

// NotEnqueuedError names the hints that [Queue.EnqueueAll] could not enqueue, or does not know to have been enqueued:
// sending them again is always right. It unwraps to the causes.
type NotEnqueuedError struct {
	Hints []pipeline.Hint // in the order they were given
	Of    int             // how many were given
	Err   error
}

// Error names at most ten mailboxes, so that a log line stays one.
func (e *NotEnqueuedError) Error() string {
	var names []string
	for _, h := range e.Hints {
		if name := string(h.Mailbox); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	more := ""
	if len(names) > 10 {
		more = fmt.Sprintf(" and %d more mailboxes", len(names)-10)
		names = names[:10]
	}
	return fmt.Sprintf("sqs: %d of %d hints were not enqueued, for %s%s: %v",
		len(e.Hints), e.Of, strings.Join(names, ", "), more, e.Err)
}

// Unwrap gives the causes.
func (e *NotEnqueuedError) Unwrap() error { return e.Err }

// failures collects what could not be enqueued. Its methods may be called at once.
type failures struct {
	mu      sync.Mutex
	list    []failure
	stopped error
}

// failure is why the hint at that place was not enqueued.
type failure struct {
	at  int
	err error
}

func (f *failures) add(err error, entries ...entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if permanent := (*pipeline.Permanent)(nil); f.stopped == nil && errors.As(err, &permanent) {
		f.stopped = err
	}
	for _, e := range entries {
		f.list = append(f.list, failure{e.at, err})
	}
}

// permanent is the failure, if there was one, for which the rest need not be tried.
func (f *failures) permanent() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// of is the error of an EnqueueAll of hints, with each cause once.
func (f *failures) of(hints []pipeline.Hint) error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortFunc(f.list, func(a, b failure) int { return a.at - b.at })
	e := &NotEnqueuedError{Of: len(hints)}
	var causes []error
	for _, x := range f.list {
		e.Hints = append(e.Hints, hints[x.at])
		if !slices.ContainsFunc(causes, func(c error) bool { return c.Error() == x.err.Error() }) {
			causes = append(causes, x.err)
		}
	}
	e.Err = errors.Join(causes...)
	return e
}
