package coretest

import (
	"context"
	"errors"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// errKilled ends a sync as a kill would: whatever the call that met it did, the caller never hears of it.
var errKilled = errors.New("killed")

// Trip lets something happen at one call of a sync to any of its ports, counted over all of them: the process is killed
// just before the call or just after it, or Act runs in between, as people and other processes do.
type Trip struct {
	Call  int // which call, 1 is the first; 0 is none
	Kill  Kill
	Act   func()
	calls int
	dead  bool
}

// Kill says when, around the call, the process dies.
type Kill int

// The kills.
const (
	Survive    Kill = iota
	KillBefore      // the call never happens
	KillAfter       // the call happens, and nobody hears of it
)

func trip[T any](t *Trip, f func() (T, error)) (out T, err error) {
	var none T
	if t.dead {
		return none, errKilled
	}
	t.calls++
	if t.calls != t.Call {
		return f()
	}
	if t.Act != nil {
		t.Act()
	}
	if t.Kill == KillBefore {
		t.dead = true
		return none, errKilled
	}
	out, err = f()
	if t.Kill == KillAfter {
		t.dead = true
		return none, errKilled
	}
	return out, err
}

func tripErr(t *Trip, f func() error) error {
	_, err := trip(t, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// trippedProvider is a provider whose calls count.
type trippedProvider struct {
	pipeline.Provider
	trip *Trip
}

func (p trippedProvider) Changes(ctx context.Context, c inbox.Cursor) (pipeline.Page, error) {
	return trip(p.trip, func() (pipeline.Page, error) { return p.Provider.Changes(ctx, c) })
}

func (p trippedProvider) Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error) {
	return trip(p.trip, func() ([]inbox.Observation, error) { return p.Provider.Fetch(ctx, ids) })
}

func (p trippedProvider) Mark(ctx context.Context, w []pipeline.Write) ([]pipeline.Written, error) {
	return trip(p.trip, func() ([]pipeline.Written, error) { return p.Provider.Mark(ctx, w) })
}

// trippedStore is a store whose calls count.
type trippedStore struct {
	pipeline.Store
	trip *Trip
}

func (s trippedStore) Mailbox(ctx context.Context, m inbox.MailboxID) (pipeline.Progress, error) {
	return trip(s.trip, func() (pipeline.Progress, error) { return s.Store.Mailbox(ctx, m) })
}

func (s trippedStore) SaveProgress(ctx context.Context, m inbox.MailboxID, p pipeline.Progress) error {
	return tripErr(s.trip, func() error { return s.Store.SaveProgress(ctx, m, p) })
}

func (s trippedStore) Commit(ctx context.Context, m inbox.MailboxID, u []pipeline.Unit) error {
	return tripErr(s.trip, func() error { return s.Store.Commit(ctx, m, u) })
}

func (s trippedStore) Pending(ctx context.Context, m inbox.MailboxID, limit int) ([]pipeline.Action, error) {
	return trip(s.trip, func() ([]pipeline.Action, error) { return s.Store.Pending(ctx, m, limit) })
}

func (s trippedStore) Settle(ctx context.Context, m inbox.MailboxID, keys []string, seen []inbox.Known) error {
	return tripErr(s.trip, func() error { return s.Store.Settle(ctx, m, keys, seen) })
}

func (s trippedStore) Known(ctx context.Context, m inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error) {
	return trip(s.trip, func() (map[inbox.MessageID]inbox.Known, error) { return s.Store.Known(ctx, m, ids) })
}

func (s trippedStore) Conversations(ctx context.Context, m inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error) {
	return trip(s.trip, func() (map[inbox.ConversationID]inbox.Conversation, error) { return s.Store.Conversations(ctx, m, ids) })
}

func (s trippedStore) Messages(ctx context.Context, m inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) ([]inbox.Known, error) {
	return trip(s.trip, func() ([]inbox.Known, error) { return s.Store.Messages(ctx, m, id, after, limit) })
}

func (s trippedStore) Team(ctx context.Context, m inbox.MailboxID) (assign.Team, error) {
	return trip(s.trip, func() (assign.Team, error) { return s.Store.Team(ctx, m) })
}
