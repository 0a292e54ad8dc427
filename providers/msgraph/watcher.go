package msgraph

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/subscriptions"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// watchLife is how long a subscription is asked for: an hour under Graph's 10,080 minutes, so that no difference of
// clocks makes it too long ("subscription resource type", maximum length of subscription).
const watchLife = 7*24*time.Hour - time.Hour

// Watcher keeps the change subscription of one mailbox: the whole mailbox, created, updated and deleted messages,
// immutable ids. One mailbox's Watcher is used by one goroutine at a time.
type Watcher struct {
	Client  *Client
	Mailbox inbox.MailboxID
	// NotificationURL gets the notifications and LifecycleURL what concerns the subscription itself. Graph validates
	// both while it creates the subscription, so they must answer during Ensure.
	NotificationURL, LifecycleURL string
	// Rand gives the secrets; it must be unpredictable, as crypto/rand.Reader is.
	Rand io.Reader
	Now  func() time.Time
}

// Ensure creates the subscription. One that is there already for the same mailbox, of an earlier run that died before
// it stored it, is deleted first: its secret is known to nobody. The secret of the new one is in the answer only as its
// SHA-256.
func (w *Watcher) Ensure(ctx context.Context) (pipeline.Watch, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	watch, err := w.create(ctx)
	if refusal := asRefusal(err); refusal != nil && refusal.status == http.StatusConflict {
		if err = w.clear(ctx); err == nil {
			watch, err = w.create(ctx)
		}
	}
	if err != nil {
		return pipeline.Watch{}, w.explain("subscribe to", err)
	}
	return watch, nil
}

// Renew puts off the end of a subscription, which also answers a reauthorizationRequired. One that is gone is created
// anew; the answer then has another id, and what happened meanwhile has to be read by delta.
func (w *Watcher) Renew(ctx context.Context, watch pipeline.Watch) (pipeline.Watch, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	now := w.Now()
	expires := now.Add(watchLife).Truncate(time.Second).UTC()
	body := models.NewSubscription()
	body.SetExpirationDateTime(&expires)
	_, err := w.subscriptions().BySubscriptionId(watch.ID).Patch(ctx, body, nil)
	if refusal := asRefusal(err); refusal != nil && refusal.status == http.StatusNotFound {
		return w.Ensure(ctx)
	}
	if err != nil {
		return pipeline.Watch{}, w.explain("renew the subscription of", err)
	}
	watch.Expires, watch.Renewed = expires, now.UTC()
	return watch, nil
}

// Reauthorize lets a subscription go on that asked for it, without putting off its end.
func (w *Watcher) Reauthorize(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := w.subscriptions().BySubscriptionId(id).Reauthorize().Post(ctx, nil); err != nil {
		return w.explain("reauthorize the subscription of", err)
	}
	return nil
}

// Delete ends a subscription. One that is gone is no error.
func (w *Watcher) Delete(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := w.subscriptions().BySubscriptionId(id).Delete(ctx, nil)
	if refusal := asRefusal(err); refusal != nil && refusal.status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return w.explain("delete the subscription of", err)
	}
	return nil
}

func (w *Watcher) resource() string {
	return "users/" + strings.ToLower(string(w.Mailbox)) + "/messages"
}

func (w *Watcher) create(ctx context.Context) (pipeline.Watch, error) {
	var random [32]byte
	if _, err := io.ReadFull(w.Rand, random[:]); err != nil {
		return pipeline.Watch{}, fmt.Errorf("draw a secret: %w", err)
	}
	secret := base64.RawURLEncoding.EncodeToString(random[:])
	now := w.Now()
	expires := now.Add(watchLife).Truncate(time.Second).UTC()
	resource, changes := w.resource(), "created,updated,deleted"
	body := models.NewSubscription()
	body.SetResource(&resource)
	body.SetChangeType(&changes)
	body.SetNotificationUrl(&w.NotificationURL)
	body.SetLifecycleNotificationUrl(&w.LifecycleURL)
	body.SetClientState(&secret)
	body.SetExpirationDateTime(&expires)
	// Only a subscription that was created with the header tells immutable ids ("Obtain immutable identifiers").
	created, err := w.subscriptions().Post(ctx, body, &subscriptions.SubscriptionsRequestBuilderPostRequestConfiguration{Headers: prefer()})
	if err != nil {
		return pipeline.Watch{}, err
	}
	if created == nil || created.GetId() == nil || *created.GetId() == "" {
		return pipeline.Watch{}, errors.New("the created subscription has no id")
	}
	if at := created.GetExpirationDateTime(); at != nil {
		expires = at.UTC()
	}
	return pipeline.Watch{
		ID: *created.GetId(), Mailbox: w.Mailbox, Secret: sha256.Sum256([]byte(secret)), Expires: expires, Renewed: now.UTC(),
	}, nil
}

// clear deletes this app's subscriptions to the mailbox.
func (w *Watcher) clear(ctx context.Context) error {
	all, err := w.Client.subscribed(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if !strings.EqualFold(s.resource, w.resource()) {
			continue
		}
		err := w.subscriptions().BySubscriptionId(s.id).Delete(ctx, nil)
		if refusal := asRefusal(err); err != nil && (refusal == nil || refusal.status != http.StatusNotFound) {
			return err
		}
	}
	return nil
}

func (w *Watcher) subscriptions() *subscriptions.SubscriptionsRequestBuilder {
	return w.Client.subscriptions()
}

func (w *Watcher) explain(what string, err error) error {
	if refusal := asRefusal(err); refusal != nil {
		err = refusal
	}
	return w.Client.explain(what+" "+string(w.Mailbox), string(w.Mailbox), mailRead, err)
}

// asRefusal reads the refusal out of an error of the SDK's typed methods; nil when it is none.
func asRefusal(err error) *apiError {
	var typed *odataerrors.ODataError
	if errors.As(err, &typed) {
		e := &apiError{status: typed.GetStatusCode(), after: retryAfter(typed.GetResponseHeaders())}
		if main := typed.GetErrorEscaped(); main != nil {
			if s := main.GetCode(); s != nil {
				e.code = cut(*s, 80)
			}
			if s := main.GetMessage(); s != nil {
				e.message = cut(*s, maxErrorText)
			}
		}
		return e
	}
	var bare *abstractions.ApiError
	if errors.As(err, &bare) && bare.ResponseStatusCode != 0 {
		return &apiError{status: bare.ResponseStatusCode, after: retryAfter(bare.ResponseHeaders)}
	}
	return nil
}

func retryAfter(h *abstractions.ResponseHeaders) string {
	if h == nil {
		return ""
	}
	if values := h.Get("Retry-After"); len(values) > 0 {
		return values[0]
	}
	return ""
}
