package msgraph

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// batchSize is how many requests Graph takes in one $batch ("Combine multiple HTTP requests using JSON batching").
const batchSize = 20

// round makes up to batchSize requests about the mailbox in one round trip; see [Client.round].
func (m *Mailbox) round(ctx context.Context, requests []*abstractions.RequestInformation) ([]inner, error) {
	return m.client.round(ctx, []string{m.address}, requests)
}

// round makes up to batchSize requests about the mailboxes of the addresses in one round trip: as a $batch, or plainly
// when there is one. The answers are in the order of the requests. An error is about the round as a whole; each answer
// has its own status.
func (c *Client) round(ctx context.Context, addresses []string, requests []*abstractions.RequestInformation) ([]inner, error) {
	release, err := c.enter(ctx, addresses)
	if err != nil {
		return nil, err
	}
	defer release()
	if len(requests) == 1 {
		return c.plain(ctx, requests[0])
	}
	envelope, err := c.envelope(ctx, requests)
	if err != nil {
		return nil, err
	}
	got, err := c.send(ctx, envelope)
	if err != nil {
		return nil, err
	}
	if refusal := got.refusal(); refusal != nil {
		return nil, refusal
	}
	answers, err := decodeBatch(got.body, len(requests))
	for i := range answers {
		answers[i].date = got.date
	}
	return answers, err
}

// enter takes the slots of the mailboxes, all in one order, so that two rounds never wait for one another.
func (c *Client) enter(ctx context.Context, addresses []string) (release func(), err error) {
	addresses = slices.Compact(slices.Sorted(slices.Values(addresses)))
	var held []chan struct{}
	release = func() {
		for _, gate := range held {
			<-gate
		}
	}
	for _, address := range addresses {
		gate := c.gate(address)
		select {
		case gate <- struct{}{}:
			held = append(held, gate)
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	return release, nil
}

func (c *Client) plain(ctx context.Context, request *abstractions.RequestInformation) ([]inner, error) {
	got, err := c.send(ctx, request)
	if err != nil {
		return nil, err
	}
	one := inner{status: got.status, after: got.after, date: got.date}
	switch {
	case got.status == http.StatusNoContent:
	case got.refusal() == nil:
		if one.body, err = decodeBody(got.body); err != nil {
			return nil, err
		}
	default:
		refusal := got.refusal()
		one.body.Error = &wireError{Code: refusal.code, Message: refusal.message}
	}
	return []inner{one}, nil
}

// envelope is the $batch request around requests. The ids of the inner requests are their places.
func (c *Client) envelope(ctx context.Context, requests []*abstractions.RequestInformation) (*abstractions.RequestInformation, error) {
	batch := graphcore.NewBatchRequest(c.adapter)
	for i, r := range requests {
		item, err := batch.AddBatchRequestStep(*r)
		if err != nil {
			return nil, err
		}
		id := strconv.Itoa(i)
		item.SetId(&id)
		if url := item.GetUrl(); url != nil {
			// Outside a $batch one of the SDK's handlers does this.
			plain := strings.ReplaceAll(*url, "%24", "$")
			item.SetUrl(&plain)
		}
	}
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.POST, "{+baseurl}/$batch", map[string]string{"baseurl": c.base.String()})
	info.Headers.Add("Accept", "application/json")
	if err := info.SetContentFromParsable(ctx, c.adapter, "application/json", batch); err != nil {
		return nil, err
	}
	return info, nil
}
