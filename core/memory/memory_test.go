package memory_test

import (
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

func TestStore(t *testing.T) {
	t.Parallel()
	coretest.Store(t, func(*testing.T) (pipeline.Store, func() pipeline.Store) { return &memory.Store{}, nil })
}

func TestQueue(t *testing.T) {
	t.Parallel()
	coretest.Queue(t, func(_ *testing.T, visibility time.Duration) (pipeline.Queue, func() pipeline.Queue) {
		return &memory.Queue{Visibility: visibility}, nil
	})
}

func TestTimers(t *testing.T) {
	t.Parallel()
	coretest.Timers(t, nil, func(*testing.T) (pipeline.Timers, func() pipeline.Timers) { return &memory.Timers{}, nil })
}

func TestWatches(t *testing.T) {
	t.Parallel()
	coretest.Watches(t, func(*testing.T) (pipeline.Watches, func() pipeline.Watches) { return &memory.Watches{}, nil })
}

func TestJournal(t *testing.T) {
	t.Parallel()
	coretest.Journal(t, func(*testing.T) (provision.Journal, func() provision.Journal) { return &memory.Journal{}, nil })
}

func TestLocks(t *testing.T) {
	t.Parallel()
	coretest.Locks(t, func(*testing.T) (provision.Locks, func() provision.Locks) { return &memory.Locks{}, nil })
}
