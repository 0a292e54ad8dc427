package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/pipeline"
)

// tickRecord is the record in which Tick keeps what one run leaves to the next. Its size does not depend on the mailboxes.
const tickRecord = "tick"

// tickState is what is in it.
type tickState struct {
	Last     time.Time `json:"last,omitzero"`      // every sweep up to then has been enqueued
	Manifest string    `json:"manifest,omitempty"` // the version whose mailboxes have been taken up
	Since    time.Time `json:"since,omitzero"`     // when they were
	Checked  time.Time `json:"checked,omitzero"`   // when it was last seen that every mailbox has its timer
	Target   string    `json:"target,omitempty"`   // whom watches tell
	// Paused says until when a provider wants to be left alone.
	Paused map[manifest.Provider]time.Time `json:"paused,omitempty"`
}

// load reads the state. What cannot be understood is taken for none: that costs one needless look at every mailbox.
func (r *tickRun) load(ctx context.Context) error {
	value, version, err := r.Records.Record(ctx, tickRecord)
	if err != nil {
		return fmt.Errorf("what the last tick left: %w", err)
	}
	r.state, r.version = tickState{}, version
	if version == 0 {
		return nil
	}
	if err := json.Unmarshal(value, &r.state); err != nil {
		r.Log.ErrorContext(ctx, "what the last tick left cannot be read, every mailbox is looked at anew", "error", err.Error())
		r.state = tickState{}
	}
	return nil
}

// keep changes the state and stores it. When another run has stored one meanwhile, that one is changed.
func (r *tickRun) keep(ctx context.Context, change func(*tickState)) error {
	const tries = 5
	for range tries {
		next := r.state
		next.Paused = map[manifest.Provider]time.Time{}
		maps.Copy(next.Paused, r.state.Paused)
		maps.DeleteFunc(next.Paused, func(_ manifest.Provider, until time.Time) bool { return until.Before(r.began) })
		change(&next)
		value, err := json.Marshal(next)
		if err != nil {
			return err
		}
		err = r.Records.SaveRecord(ctx, tickRecord, value, r.version)
		if err == nil {
			r.state, r.version = next, r.version+1
			return nil
		}
		if !errors.Is(err, pipeline.ErrConflict) {
			return fmt.Errorf("keep what this tick leaves: %w", err)
		}
		if err := r.load(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("keep what this tick leaves: %d tries: %w", tries, pipeline.ErrConflict)
}

// trouble is what is known of a mailbox whose watch could not be had. It is kept in a record of the mailbox's own, which is
// there only for mailboxes that once had trouble.
type trouble struct {
	Tries int       `json:"tries,omitempty"` // in a row
	Next  time.Time `json:"next,omitzero"`   // not to be tried before

	version int64
}

func (r *tickRun) trouble(ctx context.Context, name string) (t trouble, err error) {
	value, version, err := r.Records.Record(ctx, name)
	if err != nil {
		return t, err
	}
	if version > 0 && json.Unmarshal(value, &t) != nil {
		t = trouble{} // then it is tried at once
	}
	t.version = version
	return t, nil
}

// saveTrouble stores t. When another run was faster, what it has stored stays.
func (r *tickRun) saveTrouble(ctx context.Context, name string, t trouble) error {
	value, err := json.Marshal(t)
	if err == nil {
		err = r.Records.SaveRecord(ctx, name, value, t.version)
	}
	if errors.Is(err, pipeline.ErrConflict) {
		return nil
	}
	return err
}
