package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Graph takes Microsoft Graph's change and lifecycle notifications. One value serves both paths, because every item says
// itself which of the two it is. All fields but Log are required and set before the first request; requests may come
// in at once.
//
// It answers the validation handshake with the token. Notifications are answered
//   - 202 when every item that is ours has been enqueued; items that are not ours, or whose clientState is wrong, change nothing
//     about that, so a stranger learns nothing from the answer
//   - 400 when the body is no list of notifications: it has no item to blame, so there is no telling whose it was
//   - 413 when the body is over 1 MiB
//   - 503 when the store or the queue refuses. Graph then sends all of it again, so hints may be enqueued twice.
//
// The facts are Microsoft's "Receive change notifications through webhooks", "Reduce missing subscriptions and change
// notifications" (lifecycle) and, for clientState being sufficient, "Set up change notifications that include resource data".
type Graph struct {
	Watches pipeline.Watches
	Hints   pipeline.Hints
	Now     func() time.Time
	Log     *slog.Logger // nil logs nothing

	counts counters
}

// Counts is what the hook has seen so far.
func (g *Graph) Counts() Counts { return g.counts.snapshot() }

func (g *Graph) missing() string {
	switch {
	case g.Watches == nil:
		return "Watches"
	case g.Hints == nil:
		return "Hints"
	case g.Now == nil:
		return "Now"
	}
	return ""
}

// notification is what Postroom reads of an item. What it leaves out is left out on purpose: lifecycle items have no
// changeType and no resource, the form of resource varies and does not name the folder, the dates carry seven
// digits and any offset, and the truth is what the mailbox's delta returns.
type notification struct {
	SubscriptionID string `json:"subscriptionId"`
	ClientState    string `json:"clientState"`
	LifecycleEvent string `json:"lifecycleEvent"`
}

// maxStrangers bounds how many subscriptions nobody knows are looked up for one POST. The items after them are taken for
// unknown as well: a stranger cannot make us read the store tens of thousands of times. Should a hint of ours be behind them,
// the periodic sweep makes up for it.
const maxStrangers = 100

// ServeHTTP answers one POST of Graph's.
func (g *Graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.counts.requests.Add(1)
	if !onlyPost(w, r) {
		return
	}
	token, asked, err := validationToken(r.URL.RawQuery)
	if err != nil {
		g.counts.malformed.Add(1)
		g.log(r.Context(), slog.LevelDebug, "graph hook: validation refused", slog.String("why", err.Error()))
		answer(w, http.StatusBadRequest)
		return
	}
	if asked {
		g.counts.validations.Add(1)
		g.log(r.Context(), slog.LevelDebug, "graph hook: validated")
		answerValidation(w, token)
		return
	}
	items, err := readNotifications(w, r)
	if err != nil {
		g.counts.malformed.Add(1)
		status := http.StatusBadRequest
		if errors.Is(err, errTooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		g.log(r.Context(), slog.LevelDebug, "graph hook: body refused", slog.Int("status", status))
		answer(w, status)
		return
	}
	p := g.verify(r.Context(), items)
	g.act(r.Context(), &p)
	g.report(r.Context(), &p)
	if p.err != nil {
		g.counts.failed.Add(1)
		answer(w, http.StatusServiceUnavailable)
		return
	}
	answer(w, http.StatusAccepted)
}

// readNotifications decodes the body. Fields of a wrong type are as good as absent, so one odd item does not cost the others.
func readNotifications(w http.ResponseWriter, r *http.Request) ([]notification, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	var envelope struct {
		Value []notification `json:"value"`
	}
	wrongType := (*json.UnmarshalTypeError)(nil) // everything else has been decoded when this comes back
	if err := json.Unmarshal(body, &envelope); err != nil && !errors.As(err, &wrongType) {
		return nil, err
	}
	if envelope.Value == nil {
		return nil, errors.New("no list of notifications")
	}
	return envelope.Value, nil
}

// post is one POST of notifications on its way.
type post struct {
	mailboxes []inbox.MailboxID          // those with something to do, in the order of their first item
	sources   map[inbox.MailboxID]string // Hint.Source of each
	lifecycle []lifecycle                // what has become of subscriptions
	refused   []string                   // ids of subscriptions of ours whose secret was wrong, at most maxNamed
	nRefused  int
	unknown   int
	malformed int
	newKind   string // a lifecycle event nobody knew when this was written
	err       error  // what a repetition of the POST may mend
}

// maxNamed bounds the list of ids in a log line.
const maxNamed = 5

// verify sorts the items into those that are ours and those that are not.
func (g *Graph) verify(ctx context.Context, items []notification) post {
	p := post{}
	known := map[string]pipeline.Watch{}
	strangers := map[string]bool{}
	for _, n := range items {
		if n.SubscriptionID == "" {
			p.malformed++
			continue
		}
		watch, ok := known[n.SubscriptionID]
		if !ok && !strangers[n.SubscriptionID] && len(strangers) < maxStrangers {
			var err error
			watch, ok, err = g.Watches.Watch(ctx, n.SubscriptionID)
			if err != nil {
				// The store is not well; what has been verified so far is enqueued all the same.
				p.err = fmt.Errorf("look up subscription: %w", err)
				break
			}
			if ok {
				known[n.SubscriptionID] = watch
			} else {
				strangers[n.SubscriptionID] = true
			}
		}
		switch {
		case !ok:
			p.unknown++
		case !genuine(n.ClientState, watch):
			p.nRefused++
			if len(p.refused) < maxNamed {
				p.refused = append(p.refused, watch.ID)
			}
		default:
			g.counts.accepted.Add(1)
			p.accept(n, watch)
		}
	}
	g.counts.unknown.Add(int64(p.unknown))
	g.counts.refused.Add(int64(p.nRefused))
	g.counts.malformed.Add(int64(p.malformed))
	g.counts.lifecycle.Add(int64(len(p.lifecycle)))
	return p
}

// genuine compares clientState with what the subscription was made with, in constant time. An item without clientState is
// never genuine, and neither is one for a watch without a secret, such as Gmail's: nothing is known to hash to zeros.
func genuine(clientState string, watch pipeline.Watch) bool {
	sum := sha256.Sum256([]byte(clientState))
	same := subtle.ConstantTimeCompare(sum[:], watch.Secret[:]) == 1
	return same && clientState != ""
}

// accept notes what a genuine item calls for. Whatever else it says, the mailbox may have changed.
func (p *post) accept(n notification, watch pipeline.Watch) {
	source := SourceGraph
	if n.LifecycleEvent != "" {
		event := lifecycle{watch: watch, event: n.LifecycleEvent}
		p.lifecycle = append(p.lifecycle, event)
		source = event.source()
	}
	had, seen := p.sources[watch.Mailbox]
	if !seen {
		p.mailboxes = append(p.mailboxes, watch.Mailbox)
	}
	if !seen || had == SourceGraph { // the rarer cause is the one worth reading in the log
		if p.sources == nil {
			p.sources = map[inbox.MailboxID]string{}
		}
		p.sources[watch.Mailbox] = source
	}
}

// act enqueues one hint a mailbox and then writes down what has become of subscriptions. A subscription that is gone is
// forgotten only after its mailbox has a hint: were it the other way round, the repetition of a POST that failed in
// between would come from a subscription nobody knows.
func (g *Graph) act(ctx context.Context, p *post) {
	at := g.Now().UTC()
	for _, mailbox := range p.mailboxes {
		err := g.Hints.Enqueue(ctx, pipeline.Hint{Mailbox: mailbox, Source: p.sources[mailbox], At: at})
		if err != nil {
			// The other mailboxes are tried all the same: one the queue refuses holds up only itself.
			p.err = errors.Join(p.err, fmt.Errorf("enqueue hint for %s: %w", mailbox, err))
			continue
		}
		g.counts.enqueued.Add(1)
	}
	if p.err != nil {
		return // the repetition brings the lifecycle items again
	}
	for _, e := range inOrder(p.lifecycle) {
		known, err := e.write(ctx, g.Watches, at)
		if err != nil {
			p.err = errors.Join(p.err, err)
		}
		if !known {
			g.counts.unknownKind.Add(1)
			p.newKind = e.event
		}
	}
}

// report writes the request's one log line, at the level of the worst there was.
func (g *Graph) report(ctx context.Context, p *post) {
	level := slog.LevelDebug
	attrs := []slog.Attr{slog.Any("mailboxes", p.mailboxes)}
	if len(p.mailboxes) > 0 {
		level = slog.LevelInfo
	}
	if n := p.unknown; n > 0 {
		attrs = append(attrs, slog.Int("unknown", n))
	}
	if n := p.malformed; n > 0 {
		attrs = append(attrs, slog.Int("malformed", n))
	}
	if len(p.lifecycle) > 0 {
		attrs = append(attrs, slog.Int("lifecycle", len(p.lifecycle)))
	}
	if p.newKind != "" {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("unknownKind", p.newKind[:min(len(p.newKind), 64)]))
	}
	if p.nRefused > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Int("refused", p.nRefused), slog.Any("subscriptions", p.refused))
	}
	if p.err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("err", p.err.Error()))
	}
	g.log(ctx, level, "graph hook: notified", attrs...)
}

func (g *Graph) log(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if g.Log != nil {
		g.Log.LogAttrs(ctx, level, msg, attrs...)
	}
}
