package boot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

const (
	// keptLeast is how long a value is kept though it has failed, so that a wrong secret costs one reading a minute.
	keptLeast = time.Minute
	// keptRefusal is how long it is remembered that a value cannot be had until somebody acts: the mailboxes of one batch
	// share the answer.
	keptRefusal = 20 * time.Second
)

// kept is a value that is made on first use and kept for the life of the process, or until it has failed: a secret that
// was replaced is read anew then, without a new deployment. Where that cannot be done at the moment the value goes on, as
// it may have failed for one mailbox and do for the others. Its methods may be called at once; the value is made by
// one of the callers while the others wait.
type kept[T any] struct {
	fresh func(context.Context) (T, error)
	now   func() time.Time
	life  time.Duration // how long it is kept before it is made anew; 0: without end

	mu      sync.Mutex
	has     bool
	value   T
	old     bool // value has failed
	refused error
	since   time.Time // of value or refused
	tried   time.Time // when value could not be made anew
}

// get gives the value. A failure that only somebody can end, *pipeline.Permanent, is remembered for a moment.
func (k *kept[T]) get(ctx context.Context) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	good := k.has && !k.old && (k.life == 0 || now.Sub(k.since) < k.life)
	if good || k.has && now.Sub(k.tried) < keptLeast {
		return k.value, nil
	}
	var none T
	if k.refused != nil && now.Sub(k.since) < keptRefusal {
		return none, k.refused
	}
	value, err := k.fresh(ctx)
	var permanent *pipeline.Permanent
	switch {
	case err == nil:
		k.has, k.value, k.old, k.refused, k.since = true, value, false, nil, now
		return value, nil
	case errors.As(err, &permanent):
		k.has, k.value, k.old, k.refused, k.since = false, none, false, err, now
	case k.has:
		k.tried = now
		return k.value, nil
	}
	return none, err
}

// failed says that the value did not do. It is made anew at the next use, unless it is less than a minute old.
func (k *kept[T]) failed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.old = k.old || k.has && k.now().Sub(k.since) >= keptLeast
}
