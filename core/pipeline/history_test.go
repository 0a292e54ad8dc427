package pipeline_test

import (
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/coretest/office"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"pgregory.net/rapid"
)

// TestHistories holds the spine to its promises in random histories with a provider in memory, which is told to be like
// the one vendor or the other. The same histories run against both vendors' simulators in functions/boot.
func TestHistories(t *testing.T) {
	t.Parallel()
	t.Run("guarded states", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			coretest.History(t, office.In(t, &memory.Provider{Guarded: true}), store(t))
		})
	})
	t.Run("merged labels", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			coretest.History(t, office.In(t, &memory.Provider{Threadwise: true, Listing: memory.NameOnly, Changed: memory.StateOnly, NewIDOnSend: true, NoStamps: true, News: true}), store(t))
		})
	})
	t.Run("every state shown", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			coretest.History(t, office.In(t, &memory.Provider{Guarded: true, Steps: true, Repeat: 0.3}), store(t))
		})
	})
}

func store(t *rapid.T) pipeline.Store {
	return &memory.Store{OnMisuse: func(err error) { t.Errorf("misuse: %v", err) }}
}
