package boot

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/web"
)

// hookTimeout is how long Graph waits for the answer to its handshake ("Receive change notifications through webhooks").
const hookTimeout = 10 * time.Second

// HookCheck asks the hooks at base for their answer as Graph does before it makes a subscription: a token is posted and has
// to come back as plain text. An empty base means that mailboxes are polled.
func HookCheck(client *http.Client, base string, random io.Reader) Check {
	return Check{Names: []string{CheckHook}, Look: func(ctx context.Context) []provision.Finding {
		if base == "" {
			return one(provision.Finding{Check: CheckHook, Verdict: provision.Skipped, Says: "mailboxes are polled: POSTROOM_URL is not set"})
		}
		f := provision.Finding{Check: CheckHook, Verdict: provision.Good, Says: base + web.GraphPath + " answers Graph's handshake from this machine"}
		if err := handshake(ctx, client, base, random); err != nil {
			f.Verdict, f.Says = provision.Bad, err.Error()
			f.Fix = "let POSTROOM_URL lead to the process that serves, and let what stands before it pass on /hooks/graph, /hooks/graph/lifecycle and /hooks/gmail with their query unchanged"
		}
		return one(f)
	}}
}

func handshake(ctx context.Context, client *http.Client, base string, random io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	var secret [16]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return err
	}
	// Characters that a proxy may decode or drop are in it, as they are in Graph's.
	token := "Validation: Testing client application reachability for " + hex.EncodeToString(secret[:])
	for _, path := range []string{web.GraphPath, web.GraphLifecyclePath} {
		at := base + path
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"?validationToken="+url.QueryEscape(token), nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(r)
		if err != nil {
			return fmt.Errorf("%s cannot be reached: %s", at, reason(err))
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		resp.Body.Close()
		switch {
		case err != nil:
			return fmt.Errorf("%s breaks off its answer: %s", at, reason(err))
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("%s answers %d to Graph's handshake, not 200", at, resp.StatusCode)
		case string(body) != token:
			return fmt.Errorf("%s answers Graph's handshake with something else than its token", at)
		case !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain"):
			return fmt.Errorf("%s answers Graph's handshake as %q, not as text/plain", at, resp.Header.Get("Content-Type"))
		}
	}
	return nil
}

// reason leaves the method and the URL out of an HTTP client's error, for the sentence has them.
func reason(err error) string {
	if u, ok := err.(*url.Error); ok {
		if u.Timeout() {
			return "no answer in time"
		}
		return u.Err.Error()
	}
	return err.Error()
}
