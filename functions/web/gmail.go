package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Gmail takes the pushes of the Pub/Sub subscription that Gmail's watches report to, in Pub/Sub's wrapped form. All fields
// but Log are required and set before the first request; requests may come in at once.
//
// It answers
//   - 204 when the mailbox has been enqueued, and when a genuine push is of no use: it cannot be read, is too large,
//     or names a mailbox that is not ours. Anything else would bring it back until its retention ends
//   - 401 or 403 when the token is missing, bad, or not of our push account, audience or subscription
//   - 503 when Google's keys, the list of mailboxes or the queue cannot be had.
//
// The facts are Google's "Authentication for push subscriptions", "Push subscriptions" and, for the message's data, the Gmail
// API's "Configure push notifications".
type Gmail struct {
	Keys         oidc.KeySet // who signs the tokens: [GoogleKeys]
	Audience     string      // the push subscription's audience, compared exactly
	Account      string      // e-mail address of the push subscription's service account
	Subscription string      // full name: projects/P/subscriptions/S
	// Mailbox says whether a mailbox is ours. It is asked with every push, so the list may change meanwhile.
	Mailbox func(context.Context, inbox.MailboxID) (bool, error)
	Hints   pipeline.Hints
	Now     func() time.Time
	Log     *slog.Logger // nil logs nothing

	counts counters
}

// Counts is what the hook has seen so far.
func (g *Gmail) Counts() Counts { return g.counts.snapshot() }

func (g *Gmail) missing() string {
	switch {
	case g.Keys == nil:
		return "Keys"
	case g.Audience == "":
		return "Audience"
	case g.Account == "":
		return "Account"
	case g.Subscription == "":
		return "Subscription"
	case g.Mailbox == nil:
		return "Mailbox"
	case g.Hints == nil:
		return "Hints"
	case g.Now == nil:
		return "Now"
	}
	return ""
}

// push is Pub/Sub's wrapped form of a message, as far as Postroom reads it.
type push struct {
	Message struct {
		Data string `json:"data"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

// change is the data of a push. Gmail's historyId beside it is left out on purpose: the documents show a string and
// Gmail sends a number, and reading starts from the stored cursor whatever it says. Pushes with a historyId that was seen
// before are genuine, so none is discarded by it.
type change struct {
	EmailAddress string `json:"emailAddress"`
}

// ServeHTTP answers one push.
func (g *Gmail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.counts.requests.Add(1)
	if !onlyPost(w, r) {
		return
	}
	if field := g.missing(); field != "" {
		// An empty audience or account must never be one that a token can match.
		g.counts.failed.Add(1)
		g.log(r.Context(), slog.LevelError, "gmail hook: not set up", slog.String("missing", field))
		answer(w, http.StatusInternalServerError)
		return
	}
	token, ok := bearer(r.Header)
	if !ok {
		g.refuse(w, r, refusedNoToken)
		return
	}
	if why := g.checkToken(r.Context(), token); why != nil {
		g.refuse(w, r, why)
		return
	}
	body, err := readBody(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		g.rubbish(w, r, "it is over 1 MiB")
		return
	case err != nil: // the sender has gone, and has no answer to take for one
		g.counts.malformed.Add(1)
		g.log(r.Context(), slog.LevelDebug, "gmail hook: the body broke off")
		answer(w, http.StatusBadRequest)
		return
	}
	g.take(w, r, body)
}

// take does with a genuine push what it asks for.
func (g *Gmail) take(w http.ResponseWriter, r *http.Request, body []byte) {
	var p push
	if err := json.Unmarshal(body, &p); err != nil {
		g.rubbish(w, r, "its envelope cannot be read")
		return
	}
	if p.Subscription != g.Subscription {
		g.refuse(w, r, refusedElsewhere)
		return
	}
	mailbox, err := decodeChange(p.Message.Data)
	if err != nil {
		g.rubbish(w, r, err.Error())
		return
	}
	ours, err := g.Mailbox(r.Context(), mailbox)
	if err != nil {
		g.counts.failed.Add(1)
		g.log(r.Context(), slog.LevelError, "gmail hook: the mailboxes cannot be had", slog.String("err", err.Error()))
		answer(w, http.StatusServiceUnavailable)
		return
	}
	if !ours {
		// Its address may be a person's, so it is not named.
		g.counts.unknown.Add(1)
		g.log(r.Context(), slog.LevelWarn, "gmail hook: a push for a mailbox that is not ours; somebody has a watch on it in this project")
		answer(w, http.StatusNoContent)
		return
	}
	g.counts.accepted.Add(1)
	if err := g.enqueue(r.Context(), mailbox); err != nil {
		g.counts.failed.Add(1)
		g.log(r.Context(), slog.LevelError, "gmail hook: not enqueued", slog.String("mailbox", string(mailbox)), slog.String("err", err.Error()))
		answer(w, http.StatusServiceUnavailable)
		return
	}
	g.counts.enqueued.Add(1)
	g.log(r.Context(), slog.LevelInfo, "gmail hook: notified", slog.String("mailbox", string(mailbox)))
	answer(w, http.StatusNoContent)
}

func (g *Gmail) enqueue(ctx context.Context, mailbox inbox.MailboxID) error {
	err := g.Hints.Enqueue(ctx, pipeline.Hint{Mailbox: mailbox, Source: SourceGmail, At: g.Now().UTC()})
	if err != nil {
		return fmt.Errorf("enqueue hint for %s: %w", mailbox, err)
	}
	return nil
}

// decodeChange takes the mailbox out of a message's data. The documents say URL-safe base64 and Pub/Sub sends the
// standard one with padding; either is taken, padded or not. The errors quote nothing.
func decodeChange(data string) (inbox.MailboxID, error) {
	std := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(data, "="))
	raw, err := base64.RawStdEncoding.DecodeString(std)
	if err != nil {
		return "", errors.New("its data is not base64")
	}
	var c change
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", errors.New("its data cannot be read")
	}
	address := inbox.NewAddress(c.EmailAddress)
	if address == "" {
		return "", errors.New("its data names no mailbox")
	}
	return inbox.MailboxID(address), nil
}

// refuse answers a request that has not shown to be a push of ours.
func (g *Gmail) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	if why.status >= 500 {
		g.counts.failed.Add(1)
	} else {
		g.counts.refused.Add(1)
	}
	if why.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	g.log(r.Context(), why.level, "gmail hook: refused", slog.String("why", why.why))
	answer(w, why.status)
}

// rubbish acknowledges a genuine push that cannot be used.
func (g *Gmail) rubbish(w http.ResponseWriter, r *http.Request, why string) {
	g.counts.malformed.Add(1)
	g.log(r.Context(), slog.LevelWarn, "gmail hook: a push that cannot be used", slog.String("why", why))
	answer(w, http.StatusNoContent)
}

func (g *Gmail) log(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if g.Log != nil {
		g.Log.LogAttrs(ctx, level, msg, attrs...)
	}
}
