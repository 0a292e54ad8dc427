package google

import (
	"context"
	"fmt"

	"golang.org/x/oauth2"
)

// Tokens keeps one token, of one subject and scope, for all requests that it signs.
type Tokens struct {
	scope  string
	source func() (oauth2.TokenSource, error)

	one  chan struct{} // has a place for who uses the fields below
	from oauth2.TokenSource
	last *oauth2.Token
}

// NewTokens keeps what the source gives. source is called before the first token, and again when Google has refused one;
// one call of it, or of what it gave, is under way at a time. scope is named in errors; it may be empty.
func NewTokens(scope string, source func() (oauth2.TokenSource, error)) *Tokens {
	return &Tokens{scope: scope, source: source, one: make(chan struct{}, 1)}
}

// token gives a token that is valid still. A source takes no context and may take long: who has no time left leaves, and
// what then comes of it is kept for the next.
func (t *Tokens) token(ctx context.Context) (*oauth2.Token, error) {
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
			return nil, &TokenError{Scope: t.scope, Err: err}
		}
		return fresh, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *Tokens) leave() { <-t.one }

// renew asks the source.
func (t *Tokens) renew() error {
	if t.from == nil {
		from, err := t.source()
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
func (t *Tokens) refused(ctx context.Context, access string) {
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

// TokenError says that a request was never sent because it could not be signed.
type TokenError struct {
	Scope string // empty where the Tokens were made without one
	Err   error  // the source's own; that of an oauth2 source may quote a whole answer
}

// Error says it with the source's own words.
func (e *TokenError) Error() string {
	if e.Scope == "" {
		return fmt.Sprintf("get a token: %v", e.Err)
	}
	return fmt.Sprintf("get a token for %s: %v", e.Scope, e.Err)
}

// Unwrap gives the source's error.
func (e *TokenError) Unwrap() error { return e.Err }
