package gmail

import (
	"context"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
)

// tokens keeps the token of one mailbox. Its methods may be called at once.
type tokens struct {
	mailbox inbox.MailboxID
	source  Tokens

	one  chan struct{} // has a place for who uses the fields below
	from oauth2.TokenSource
	last *oauth2.Token
}

func newTokens(mailbox inbox.MailboxID, source Tokens) *tokens {
	return &tokens{mailbox: mailbox, source: source, one: make(chan struct{}, 1)}
}

// token gives a token that is valid still. One is asked for at a time. A source takes no context and may take long: who
// has no time left leaves, and what then comes of it is kept for the next.
func (t *tokens) token(ctx context.Context) (*oauth2.Token, error) {
	select {
	case t.one <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t.last.Valid() {
		defer t.leave()
		return t.last, nil
	}
	done := make(chan error, 1)
	var fresh *oauth2.Token
	go func() {
		defer t.leave()
		err := t.renew()
		fresh = t.last
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, &tokenError{err}
		}
		return fresh, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *tokens) leave() { <-t.one }

// renew asks the source.
func (t *tokens) renew() error {
	if t.from == nil {
		from, err := t.source(t.mailbox)
		if err != nil {
			return err
		}
		t.from = from
	}
	fresh, err := t.from.Token()
	if err != nil {
		return err
	}
	t.last = fresh
	return nil
}

// refused forgets the source that gave this token, unless another request has done so already.
func (t *tokens) refused(ctx context.Context, access string) {
	select {
	case t.one <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer t.leave()
	if t.last != nil && t.last.AccessToken == access {
		t.from, t.last = nil, nil
	}
}

// tokenError says that a request was never sent because it could not be signed.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return fmt.Sprintf("get a token: %v", e.err) }
func (e *tokenError) Unwrap() error { return e.err }
