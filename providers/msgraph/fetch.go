package msgraph

import (
	"context"
	"errors"
	"slices"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
)

// Fetch reads messages whole, twenty a round trip. Attachments come as name, type and size, never as content.
func (m *Mailbox) Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error) {
	out, err := m.read(ctx, ids, m.wholeRequest, m.observeWhole)
	if err != nil {
		return nil, m.explain("read messages of", err)
	}
	var broken []inbox.MessageID
	for i := range out {
		if !out[i].Gone && out[i].State == nil {
			broken = append(broken, out[i].ID)
		}
	}
	if len(broken) == 0 {
		return out, nil
	}
	// The content cannot be had; where the message lies and what it carries mostly can.
	states, err := m.read(ctx, broken, m.stateRequest, m.observeState)
	if err != nil {
		return nil, m.explain("read messages of", err)
	}
	for _, s := range states {
		i := slices.IndexFunc(out, func(o inbox.Observation) bool { return o.ID == s.ID })
		if s.Gone {
			out[i] = s
			continue
		}
		if s.State == nil {
			s.State = &inbox.State{Place: inbox.Elsewhere}
		}
		out[i].State, out[i].Thread, out[i].Message.Thread = s.State, s.Thread, s.Thread
	}
	return out, nil
}

type (
	requestFor func(context.Context, inbox.MessageID) (*abstractions.RequestInformation, error)
	observing  func(inbox.MessageID, *inner) (inbox.Observation, error)
)

// read gets messages one request each, a full $batch at a time. Doubled ids are read once.
func (m *Mailbox) read(ctx context.Context, ids []inbox.MessageID, request requestFor, observe observing) ([]inbox.Observation, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if err := m.needPlaces(ctx); err != nil {
		return nil, err
	}
	once := make([]inbox.MessageID, 0, len(ids))
	had := make(map[inbox.MessageID]bool, len(ids))
	for _, id := range ids {
		if !had[id] && id != "" {
			once, had[id] = append(once, id), true
		}
	}
	out := make([]inbox.Observation, 0, len(once))
	for some := range slices.Chunk(once, batchSize) {
		read, err := m.readSome(ctx, some, request, observe)
		if err != nil {
			return nil, err
		}
		out = append(out, read...)
	}
	return out, nil
}

// readSome reads at most batchSize messages in one round trip, or in more where they are too large together. One that is
// too large by itself is unreadable.
func (m *Mailbox) readSome(ctx context.Context, some []inbox.MessageID, request requestFor, observe observing) ([]inbox.Observation, error) {
	requests := make([]*abstractions.RequestInformation, len(some))
	for i, id := range some {
		r, err := request(ctx, id)
		if err != nil {
			return nil, err
		}
		requests[i] = r
	}
	answers, err := m.round(ctx, requests)
	switch {
	case errors.Is(err, errTooLong) && len(some) == 1:
		return []inbox.Observation{unreadable(some[0], err)}, nil
	case errors.Is(err, errTooLong):
		half := len(some) / 2
		out, err := m.readSome(ctx, some[:half], request, observe)
		if err != nil {
			return nil, err
		}
		rest, err := m.readSome(ctx, some[half:], request, observe)
		return append(out, rest...), err
	case err != nil:
		return nil, err
	}
	out := make([]inbox.Observation, 0, len(some))
	var failed error
	for i, id := range some {
		o, err := observe(id, &answers[i])
		if err != nil {
			failed = m.client.graver(failed, err)
			continue
		}
		out = append(out, o)
	}
	if failed != nil {
		return nil, failed
	}
	return out, nil
}

// unreadable is a message of which there is only its id.
func unreadable(id inbox.MessageID, why error) inbox.Observation {
	return inbox.Observation{ID: id, Message: &inbox.Message{ID: id, ThreadIsHint: true, Direction: inbox.In, Unreadable: why.Error()}}
}

// stateFields are what a State needs.
var stateFields = []string{"id", "conversationId", "categories", "parentFolderId", "lastModifiedDateTime"}

// stateRequest asks for what can change on a message.
func (m *Mailbox) stateRequest(ctx context.Context, id inbox.MessageID) (*abstractions.RequestInformation, error) {
	return m.messageRequest(ctx, id, prefer(), &users.ItemMessagesMessageItemRequestBuilderGetQueryParameters{Select: stateFields})
}

// messageSize is MAPI's PidTagMessageSize; Graph has no property of its own for it.
const messageSize = "Integer 0x0E08"

// wholeRequest asks for all that the rules need.
func (m *Mailbox) wholeRequest(ctx context.Context, id inbox.MessageID) (*abstractions.RequestInformation, error) {
	q := &users.ItemMessagesMessageItemRequestBuilderGetQueryParameters{Select: m.fields()}
	if m.needs.Attachments {
		q.Expand = append(q.Expand, "attachments($select=name,contentType,size)")
	}
	if m.needs.Size {
		q.Expand = append(q.Expand, "singleValueExtendedProperties($filter=id eq '"+messageSize+"')")
	}
	return m.messageRequest(ctx, id, prefer(m.bodyPreference()...), q)
}

func (m *Mailbox) messageRequest(ctx context.Context, id inbox.MessageID, headers *abstractions.RequestHeaders,
	query *users.ItemMessagesMessageItemRequestBuilderGetQueryParameters,
) (*abstractions.RequestInformation, error) {
	return m.client.users(m.address).Messages().ByMessageId(string(id)).ToGetRequestInformation(ctx,
		&users.ItemMessagesMessageItemRequestBuilderGetRequestConfiguration{Headers: headers, QueryParameters: query})
}

func (m *Mailbox) observeState(id inbox.MessageID, a *inner) (inbox.Observation, error) {
	if o, done, err := m.observeFailure(id, a); done {
		return o, err
	}
	o := m.observe(&a.body.wireItem, m.place(a.body.ParentFolder), false)
	o.ID, o.Message = id, nil
	return o, nil
}

func (m *Mailbox) observeWhole(id inbox.MessageID, a *inner) (inbox.Observation, error) {
	if o, done, err := m.observeFailure(id, a); done {
		return o, err
	}
	o := m.observe(&a.body.wireItem, m.place(a.body.ParentFolder), true)
	o.ID, o.Message.ID = id, id
	return o, nil
}

// observeFailure is done unless the message came.
func (m *Mailbox) observeFailure(id inbox.MessageID, a *inner) (o inbox.Observation, done bool, err error) {
	o.ID = id
	refusal := a.refusal()
	switch {
	case a.status == 0:
		return o, true, errNoAnswer
	case refusal == nil:
		return o, false, nil
	case refusal.gone():
		o.Gone = true
		return o, true, nil
	case refusal.unreadable():
		return unreadable(id, refusal), true, nil
	}
	return o, true, refusal
}
