package msgraph

import (
	"context"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/subscriptions"
)

// subscription is one that this app has at Graph.
type subscription struct {
	id       string
	resource string // without a slash in front
	notify   string // the URL that gets the notifications
	expires  time.Time
}

// subscribed lists the app's subscriptions in the tenant. The list shows no other app's.
func (c *Client) subscribed(ctx context.Context) ([]subscription, error) {
	var out []subscription
	list := c.subscriptions()
	for {
		page, err := list.Get(ctx, nil)
		if err != nil {
			return nil, err
		}
		for _, s := range page.GetValue() {
			if s.GetId() == nil || s.GetResource() == nil {
				continue
			}
			one := subscription{id: *s.GetId(), resource: strings.TrimPrefix(*s.GetResource(), "/")}
			if url := s.GetNotificationUrl(); url != nil {
				one.notify = *url
			}
			if at := s.GetExpirationDateTime(); at != nil {
				one.expires = *at
			}
			out = append(out, one)
		}
		next := page.GetOdataNextLink()
		if next == nil || *next == "" {
			return out, nil
		}
		rest, err := c.link(*next, "subscriptions")
		if err != nil {
			return nil, err
		}
		list = subscriptions.NewSubscriptionsRequestBuilder(c.base.String()+rest, c.adapter)
	}
}

func (c *Client) subscriptions() *subscriptions.SubscriptionsRequestBuilder {
	return subscriptions.NewSubscriptionsRequestBuilderInternal(map[string]string{"baseurl": c.base.String()}, c.adapter)
}
