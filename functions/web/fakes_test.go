package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// queue keeps hints. It refuses everything with err, and the mailboxes in refuses.
type queue struct {
	mu      sync.Mutex
	hints   []pipeline.Hint
	err     error
	refuses map[inbox.MailboxID]error
}

func (q *queue) Enqueue(ctx context.Context, h pipeline.Hint) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.err != nil {
		return q.err
	}
	if err := q.refuses[h.Mailbox]; err != nil {
		return err
	}
	q.hints = append(q.hints, h)
	return nil
}

func (q *queue) mailboxes() []inbox.MailboxID {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []inbox.MailboxID
	for _, h := range q.hints {
		all = append(all, h.Mailbox)
	}
	return all
}

// watches keeps watches, counts how often it is read, and refuses what it is told to.
type watches struct {
	mu      sync.Mutex
	byID    map[string]pipeline.Watch
	lookups int
	saves   int
	lookErr map[string]error
	saveErr error
	dropErr error
}

func (s *watches) Watch(_ context.Context, id string) (pipeline.Watch, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	if err := s.lookErr[id]; err != nil {
		return pipeline.Watch{}, false, err
	}
	w, ok := s.byID[id]
	return w, ok, nil
}

func (s *watches) SaveWatch(_ context.Context, w pipeline.Watch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saveErr != nil {
		return s.saveErr
	}
	s.saves++
	s.byID[w.ID] = w
	return nil
}

func (s *watches) DropWatch(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropErr != nil {
		return s.dropErr
	}
	delete(s.byID, id)
	return nil
}

func (s *watches) WatchesOf(_ context.Context, mailbox inbox.MailboxID) ([]pipeline.Watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []pipeline.Watch
	for _, w := range s.byID {
		if w.Mailbox == mailbox {
			all = append(all, w)
		}
	}
	return all, nil
}

const (
	supportID     = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
	supportSecret = "support-state-3fd1"
	salesID       = "0d1c2b3a-2dc5-4530-97cd-4e7ae6534c08"
	salesSecret   = "sales-state-9b77"
	emptyID       = "22222222-2dc5-4530-97cd-4e7ae6534c09" // a subscription made, by mistake, with an empty clientState
	gmailWatchID  = "help@fabrikam.com"                    // a Gmail watch is kept beside Graph's, without a secret
)

func newWatches() *watches {
	s := &watches{byID: map[string]pipeline.Watch{}, lookErr: map[string]error{}}
	for _, w := range []pipeline.Watch{
		{ID: supportID, Mailbox: "support@contoso.com", Secret: sha256.Sum256([]byte(supportSecret))},
		{ID: salesID, Mailbox: "sales@contoso.com", Secret: sha256.Sum256([]byte(salesSecret))},
		{ID: emptyID, Mailbox: "sales@contoso.com", Secret: sha256.Sum256(nil)},
		{ID: gmailWatchID, Mailbox: gmailWatchID},
	} {
		w.Expires, w.Renewed = noon.Add(6*24*time.Hour), noon.Add(-time.Hour)
		s.byID[w.ID] = w
	}
	return s
}

// logged is a log to be read back: what it holds is compared with what must not be there.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func serve(t testing.TB, h http.Handler, r *http.Request) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}
