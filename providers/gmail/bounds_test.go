package gmail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/gmail"
)

// A redirect would take the token along to another host.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	m := alone(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "gmail.googleapis.com" {
			t.Errorf("%s gets the header %q", r.URL.Host, r.Header.Get("Authorization"))
		}
		return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"https://evil.test/"}}, Body: http.NoBody, Request: r}, nil
	}), new(clock.Clock))
	if _, err := m.Changes(t.Context(), ""); err == nil {
		t.Error("a redirect is taken for an answer")
	}
}

// stalled is a body that never comes.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (s stalled) Close() error { return nil }

// A mailbox is worked by one consumer, so an answer that stands still would hold it up for ever.
func TestAnswerThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := alone(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: stalled{r.Context()}, Request: r}, nil
		}), new(clock.Clock))
		limit, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if _, err := m.Changes(limit, ""); err == nil || time.Since(began) > 10*time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// The same goes for a token that does not come.
func TestTokenThatDoesNotCome(t *testing.T) {
	key := serviceKey(t)
	synctest.Test(t, func(t *testing.T) {
		limit, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		tokens, err := gmail.ServiceAccount(key, roundTrip(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-limit.Done():
				return nil, limit.Err()
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		source, err := tokens(box)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := source.Token(); err == nil || time.Since(began) > 10*time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// endless is a JSON text that does not end.
func endless(begin string) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(begin), letters{}))
}

type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

// What a stranger writes is read up to a bound: a thread that is too large message by message, and of a message that is
// too large its header.
func TestFetchTooLarge(t *testing.T) {
	t.Parallel()
	const header = `"threadId":"t","labelIds":["INBOX"],"payload":{"mimeType":"text/plain","headers":[{"name":"Subject","value":"hello"}]`
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		body := io.NopCloser(strings.NewReader(fmt.Sprintf(`{"id":"%s",%s}}`, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], header)))
		switch {
		case strings.HasSuffix(r.URL.Path, "/profile"):
			body = io.NopCloser(strings.NewReader(`{"historyId":"5"}`))
		case strings.HasSuffix(r.URL.Path, "/messages"):
			body = io.NopCloser(strings.NewReader(`{"messages":[{"id":"a","threadId":"t"},{"id":"b","threadId":"t"},{"id":"c","threadId":"t"}]}`))
		case strings.HasSuffix(r.URL.Path, "/threads/t"):
			body = endless(`{"messages":[{"id":"`)
		case strings.HasSuffix(r.URL.Path, "/messages/b") && r.URL.Query().Get("format") == "full":
			body = endless(`{"id":"b",` + header + `,"body":{"data":"`)
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
	})
	m := behind(t, gmail.Config{Transport: wire}, gmail.Options{Needs: rules.Needs{Body: true}})
	if _, err := m.Changes(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	got, err := m.Fetch(t.Context(), []inbox.MessageID{"a", "b", "c"})
	if err != nil || len(got) != 3 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	for _, o := range got {
		if o.Message == nil || o.Message.Subject != "hello" || o.State == nil || o.State.Place != inbox.Inbox {
			t.Errorf("%s: %+v", o.ID, o)
		}
	}
}

// A list that is too large is an error, and no reason to think that the mailbox has nothing in it.
func TestListTooLarge(t *testing.T) {
	t.Parallel()
	m := alone(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: endless(`{"historyId":"5","emailAddress":"`), Request: r}, nil
	}), new(clock.Clock))
	var tooLarge *http.MaxBytesError
	if _, err := m.Changes(t.Context(), ""); !errors.As(err, &tooLarge) {
		t.Errorf("got %v", err)
	}
}
