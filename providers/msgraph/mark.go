package msgraph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// maxMarkTries is how often a write is tried while other programs keep changing the message.
const maxMarkTries = 4

var errContended = errors.New("messages kept changing while categories were set")

// Mark sets categories, twenty messages a round trip. Graph can only replace a message's whole list, so each write
// names the etag that its list is based on. When that is old, the message is read: if nobody changed a marker of ours,
// the list is made anew from what people have on it now; else the outcome is Changed. A write without a revision reads
// first.
//
// After a request is throttled, no further ones are made: the error is *pipeline.Throttled with the longest wait that
// was named, beside the writes that did come to an end. A mailbox that denies access is *pipeline.Permanent.
func (m *Mailbox) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	out := make([]pipeline.Written, 0, len(writes))
	for some := range slices.Chunk(writes, batchSize) {
		done, err := m.markSome(ctx, some)
		out = append(out, done...)
		if err != nil {
			return out, m.explain("set categories in", err)
		}
	}
	return out, nil
}

// marking is one write under way.
type marking struct {
	write *pipeline.Write
	base  inbox.State // what the list to write is made from
	read  bool        // base is too old to write on
}

// markSome does up to a $batch of writes.
func (m *Mailbox) markSome(ctx context.Context, writes []pipeline.Write) (out []pipeline.Written, err error) {
	pending := make([]*marking, len(writes))
	for i := range writes {
		w := &writes[i]
		pending[i] = &marking{write: w, base: w.State, read: w.State.Revision == ""}
	}
	for try := 0; len(pending) > 0; try++ {
		if try == maxMarkTries {
			return out, errContended
		}
		var ended []pipeline.Written
		var failed error
		if pending, ended, failed = m.refresh(ctx, pending); failed == nil {
			out = append(out, ended...)
			pending, ended, failed = m.patch(ctx, pending)
		}
		out = append(out, ended...)
		if failed != nil {
			return out, failed
		}
	}
	return out, nil
}

// refresh reads the messages whose state is too old and keeps what is still to be written.
func (m *Mailbox) refresh(ctx context.Context, all []*marking) (rest []*marking, ended []pipeline.Written, err error) {
	var old []*marking
	for _, k := range all {
		if k.read {
			old = append(old, k)
		} else {
			rest = append(rest, k)
		}
	}
	if len(old) == 0 {
		return rest, nil, nil
	}
	if err := m.needPlaces(ctx); err != nil {
		return nil, nil, err
	}
	answers, err := m.markRound(ctx, old, func(k *marking) (*abstractions.RequestInformation, error) {
		return m.stateRequest(ctx, k.write.Message)
	})
	if err != nil {
		return nil, nil, err
	}
	for i, k := range old {
		if a := &answers[i]; a.refusal() != nil || a.status == 0 {
			w, failed := k.end(a)
			if err = m.client.graver(err, failed); failed == nil {
				ended = append(ended, w)
			}
			continue
		}
		now := stateOf(&answers[i].body.wireItem, m.place(answers[i].body.ParentFolder))
		switch was, is, shall := m.ownOn(k, k.write.State.Markers), m.ownOn(k, now.Markers), m.ownOn(k, k.list(k.write.State.Markers)); {
		case slices.Equal(is, shall):
			ended = append(ended, pipeline.Written{Message: k.write.Message, Outcome: pipeline.Done, State: now})
		case slices.Equal(is, was):
			k.base, k.read = now, false
			rest = append(rest, k)
		default:
			ended = append(ended, pipeline.Written{Message: k.write.Message, Outcome: pipeline.Changed, State: now})
		}
	}
	return rest, ended, err
}

// patch writes the lists and keeps the messages that somebody else changed first.
func (m *Mailbox) patch(ctx context.Context, all []*marking) (rest []*marking, ended []pipeline.Written, err error) {
	var due []*marking
	for _, k := range all {
		if slices.Equal(k.list(k.base.Markers), k.base.Markers) {
			ended = append(ended, pipeline.Written{Message: k.write.Message, Outcome: pipeline.Done, State: k.base})
			continue
		}
		due = append(due, k)
	}
	if len(due) == 0 {
		return nil, ended, nil
	}
	answers, err := m.markRound(ctx, due, func(k *marking) (*abstractions.RequestInformation, error) {
		return m.categoriesRequest(ctx, k)
	})
	if err != nil {
		return nil, ended, err
	}
	for i, k := range due {
		a := &answers[i]
		refusal := a.refusal()
		switch {
		case a.status != 0 && refusal == nil:
			ended = append(ended, pipeline.Written{Message: k.write.Message, Outcome: pipeline.Done, State: m.written(k, a)})
		case refusal != nil && refusal.conflict():
			k.read = true
			rest = append(rest, k)
		default:
			w, failed := k.end(a)
			if err = m.client.graver(err, failed); failed == nil {
				ended = append(ended, w)
			}
		}
	}
	return rest, ended, err
}

func (m *Mailbox) markRound(ctx context.Context, some []*marking, request func(*marking) (*abstractions.RequestInformation, error)) ([]inner, error) {
	requests := make([]*abstractions.RequestInformation, len(some))
	for i, k := range some {
		r, err := request(k)
		if err != nil {
			return nil, err
		}
		requests[i] = r
	}
	return m.round(ctx, requests)
}

func (m *Mailbox) categoriesRequest(ctx context.Context, k *marking) (*abstractions.RequestInformation, error) {
	list := k.list(k.base.Markers)
	names := make([]string, len(list))
	for i, name := range list {
		names[i] = string(name)
	}
	message := models.NewMessage()
	message.SetCategories(names)
	headers := prefer()
	headers.Add("If-Match", k.base.Revision)
	return m.client.users(m.address).Messages().ByMessageId(string(k.write.Message)).ToPatchRequestInformation(ctx, message,
		&users.ItemMessagesMessageItemRequestBuilderPatchRequestConfiguration{Headers: headers})
}

// written is the state after a successful write, from Graph's answer to it.
func (m *Mailbox) written(k *marking, a *inner) inbox.State {
	item := &a.body.wireItem
	place := k.base.Place
	m.mu.Lock()
	if len(m.places) > 0 && item.ParentFolder != "" {
		p, ok := m.places[item.ParentFolder]
		if !ok {
			p = inbox.Elsewhere
		}
		place = p
	}
	m.mu.Unlock()
	s := stateOf(item, place)
	if item.Categories == nil {
		s.Markers = k.list(k.base.Markers)
		slices.Sort(s.Markers)
	}
	return s
}

// end is the outcome of a request that will never succeed, or the error that ends the call.
func (k *marking) end(a *inner) (pipeline.Written, error) {
	w := pipeline.Written{Message: k.write.Message}
	refusal := a.refusal()
	switch {
	case a.status == 0:
		return w, errNoAnswer
	case refusal.gone():
		w.Outcome = pipeline.Missing
	case refusal.status >= 500, refusal.throttled(), refusal.noMailbox(), refusal.mailboxDenied():
		return w, refusal
	default:
		w.Outcome, w.State, w.Why = pipeline.Refused, k.write.State, refusal.Error()
	}
	return w, nil
}

// mailboxDenied: the app may not work the mailbox, as opposed to one message of it.
func (e *apiError) mailboxDenied() bool {
	return e.status == http.StatusUnauthorized ||
		e.status == http.StatusForbidden && (strings.EqualFold(e.code, "ErrorAccessDenied") || strings.HasPrefix(strings.ToLower(e.code), "authorization"))
}

// list is what a message with those markers shall carry: people's as they are, in their order, then what is added.
func (k *marking) list(have []inbox.Marker) []inbox.Marker {
	out := make([]inbox.Marker, 0, len(have)+len(k.write.Add))
	for _, marker := range have {
		if !inbox.HasMarker(k.write.Remove, marker) || inbox.HasMarker(k.write.Add, marker) {
			out = append(out, marker)
		}
	}
	for _, marker := range k.write.Add {
		if !inbox.HasMarker(out, marker) {
			out = append(out, marker)
		}
	}
	return out
}

// ownOn are the markers of ours among list, folded and sorted to be compared.
func (m *Mailbox) ownOn(k *marking, list []inbox.Marker) []string {
	var own []string
	for _, marker := range list {
		if m.ours(marker) || inbox.HasMarker(k.write.Add, marker) || inbox.HasMarker(k.write.Remove, marker) {
			own = append(own, strings.ToLower(string(marker)))
		}
	}
	slices.Sort(own)
	return slices.Compact(own)
}
