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
// was replaced is read anew then, without a new deployment. Its methods may be called at once; the value is made by
// one of the callers while the others wait.
type kept[T any] struct {
	fresh func(context.Context) (T, error)
	now   func() time.Time
	life  time.Duration // how long it is kept at most; 0: without end

	mu      sync.Mutex
	has     bool
	value   T
	refused error
	since   time.Time // of value or refused
}

// get gives the value. A failure that only somebody can end, *pipeline.Permanent, is remembered for a moment.
func (k *kept[T]) get(ctx context.Context) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if k.has && (k.life == 0 || now.Sub(k.since) < k.life) {
		return k.value, nil
	}
	var none T
	if k.refused != nil && now.Sub(k.since) < keptRefusal {
		return none, k.refused
	}
	k.has, k.value, k.refused = false, none, nil
	value, err := k.fresh(ctx)
	if err != nil {
		var permanent *pipeline.Permanent
		if errors.As(err, &permanent) {
			k.refused, k.since = err, now
		}
		return none, err
	}
	k.has, k.value, k.since = true, value, now
	return value, nil
}

// failed says that the value did not do. It is made anew at the next use, unless it is less than a minute old.
func (k *kept[T]) failed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.has && k.now().Sub(k.since) >= keptLeast {
		var none T
		k.has, k.value = false, none
	}
}
