package gmail_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/gmail"
)

// hanging is a source whose tokens take until open is closed.
type hanging struct {
	open  chan struct{}
	mu    sync.Mutex
	asked int
}

func (h *hanging) Token() (*oauth2.Token, error) {
	h.mu.Lock()
	h.asked++
	h.mu.Unlock()
	<-h.open
	return &oauth2.Token{AccessToken: "sim:" + box}, nil
}

// A token that does not come holds nobody up beyond the time that is left, neither who asked for it nor who waits for
// the answer. When it comes it is kept.
func TestATokenThatDoesNotComeInTime(t *testing.T) {
	d := newDesk(t)
	source := &hanging{open: make(chan struct{})}
	client, err := gmail.NewClient(gmail.Config{Transport: d.wire, Mailboxes: []inbox.MailboxID{box}, Now: d.clock.Now, Sleep: d.clock.Wait,
		Tokens: func(inbox.MailboxID) (oauth2.TokenSource, error) { return source, nil }})
	d.ok(err)
	m, err := client.Mailbox(gmail.Options{Address: box})
	d.ok(err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	ended := make(chan error)
	for range 5 {
		go func() {
			_, err := m.Changes(ctx, "")
			ended <- err
		}()
	}
	for range 5 {
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want the context's error", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a request waits for its token although its time is over")
		}
	}
	close(source.open)
	_, err = m.Changes(t.Context(), "")
	d.ok(err)
	if source.asked != 1 {
		t.Errorf("%d tokens were asked for", source.asked)
	}
}
