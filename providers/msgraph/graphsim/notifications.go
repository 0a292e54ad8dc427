package graphsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// NotificationFaults is what happens to notifications on their way. The chances
// are drawn from Sim.Rand; without it nothing is lost or doubled.
type NotificationFaults struct {
	Loss      float64 // chance that a notification never arrives
	Duplicate float64 // chance that it arrives twice
	Reorder   bool    // shuffles what one Deliver sends
}

// notification is one item on its way to a URL.
type notification struct {
	url  string
	item wireNotification
}

type wireNotification struct {
	SubscriptionID                 string        `json:"subscriptionId"`
	SubscriptionExpirationDateTime string        `json:"subscriptionExpirationDateTime"`
	ChangeType                     string        `json:"changeType,omitempty"`
	Resource                       string        `json:"resource,omitempty"`
	ResourceData                   *resourceData `json:"resourceData,omitempty"`
	ClientState                    *string       `json:"clientState"`
	TenantID                       string        `json:"tenantId"`
	LifecycleEvent                 string        `json:"lifecycleEvent,omitempty"`
}

type resourceData struct {
	Type string `json:"@odata.type"`
	ID   string `json:"@odata.id"`
	ETag string `json:"@odata.etag"`
	Key  string `json:"id"`
}

func (sub *subscription) notification(url string) notification {
	n := notification{url: url, item: wireNotification{
		SubscriptionID: sub.id, SubscriptionExpirationDateTime: timestamp(sub.expires), TenantID: guid(familyTenant, 1),
	}}
	if sub.clientState != "" {
		n.item.ClientState = &sub.clientState
	}
	return n
}

// notify queues what the subscriptions on a message's mailbox and folder are to
// hear. A move is a deletion in one folder and a creation in the other.
func (mb *mailbox) notify(kind string, m *message, f *folder, immutable, volatile string) {
	h := &mb.sim.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) == 0 {
		return
	}
	for _, sub := range h.live(mb.sim.now()) {
		if sub.mailbox != mb || sub.folder != nil && sub.folder != f || sub.unauthorised ||
			!slices.Contains(strings.Split(kinds(sub.changeType), ","), kind) {
			continue
		}
		id := volatile
		if sub.immutable {
			id = immutable
		}
		path := "Users/" + mb.id + "/Messages/" + id
		n := sub.notification(sub.notificationURL)
		n.item.ChangeType, n.item.Resource = kind, path
		n.item.ResourceData = &resourceData{Type: "#Microsoft.Graph.Message", ID: path, ETag: m.etag(), Key: id}
		h.pending = append(h.pending, n)
	}
}

// Lifecycle queues a lifecycle notification for a subscription, or for all with
// "": reauthorizationRequired, subscriptionRemoved or missed. After the first,
// notifications are lost until the subscription is reauthorised or renewed; with
// the second the subscription is gone. It fails for a subscription without a
// lifecycleNotificationUrl, which would never hear of it.
func (s *Sim) Lifecycle(subscriptionID, event string) error {
	if !slices.Contains([]string{"reauthorizationRequired", "subscriptionRemoved", "missed"}, event) {
		return fmt.Errorf("graphsim: lifecycle: no event %s", event)
	}
	h := &s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	hit := 0
	for _, sub := range slices.Clone(h.live(s.now())) {
		if subscriptionID != "" && sub.id != subscriptionID {
			continue
		}
		hit++
		if sub.lifecycleURL == "" {
			return fmt.Errorf("graphsim: lifecycle: subscription %s has no lifecycleNotificationUrl", sub.id)
		}
		n := sub.notification(sub.lifecycleURL)
		n.item.LifecycleEvent = event
		h.pending = append(h.pending, n)
		switch event {
		case "reauthorizationRequired":
			sub.unauthorised = true
		case "subscriptionRemoved":
			h.list = slices.DeleteFunc(h.list, func(x *subscription) bool { return x == sub })
		}
	}
	if hit == 0 {
		return fmt.Errorf("graphsim: lifecycle: no subscription %q", subscriptionID)
	}
	return nil
}

// Pending is how many notifications wait for Deliver.
func (s *Sim) Pending() int {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return len(s.hooks.pending)
}

// Deliver sends what is pending, all for one URL in one POST, and returns how
// many notifications were accepted with a 2xx. What an endpoint does not accept
// stays pending for the next call and is reported in the error, so a test decides
// when Graph would try again. Notifications lost by NotificationFaults are gone.
func (s *Sim) Deliver(ctx context.Context) (sent int, err error) {
	s.hooks.mu.Lock()
	pending := s.hooks.pending
	s.hooks.pending = nil
	s.hooks.mu.Unlock()

	pending = s.disturb(pending)
	var urls []string
	groups := map[string][]notification{}
	for _, n := range pending {
		if groups[n.url] == nil {
			urls = append(urls, n.url)
		}
		groups[n.url] = append(groups[n.url], n)
	}
	var errs []error
	for _, target := range urls {
		group := groups[target]
		if err := s.post(ctx, target, group); err != nil {
			errs = append(errs, err)
			s.hooks.mu.Lock()
			s.hooks.pending = append(group, s.hooks.pending...)
			s.hooks.mu.Unlock()
			continue
		}
		sent += len(group)
	}
	return sent, errors.Join(errs...)
}

func (s *Sim) disturb(list []notification) []notification {
	out := make([]notification, 0, len(list))
	for _, n := range list {
		if s.chance(s.NotificationFaults.Loss) {
			continue
		}
		out = append(out, n)
		if s.chance(s.NotificationFaults.Duplicate) {
			out = append(out, n)
		}
	}
	if s.NotificationFaults.Reorder {
		s.shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

func (s *Sim) post(ctx context.Context, target string, group []notification) error {
	items := make([]wireNotification, len(group))
	for i, n := range group {
		items[i] = n.item
	}
	body := mustJSON(map[string]any{"value": items})
	if s.OnNotification != nil {
		return s.OnNotification(target, body)
	}
	if s.Client == nil {
		return errors.New("graphsim: deliver: Sim.Client is not set")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("graphsim: deliver: %w", err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := s.Client.Do(req)
	if err != nil {
		return fmt.Errorf("graphsim: deliver: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("graphsim: deliver to %s: %s", req.URL.Host, resp.Status)
	}
	return nil
}

// validationTimeout is how long an endpoint may take to echo its token (Graph
// "Receive change notifications through webhooks").
const validationTimeout = 10 * time.Second

// validateEndpoint does the handshake: the endpoint must answer 200 with the
// decoded token, and nothing else, as plain text.
func (s *Sim) validateEndpoint(target string) error {
	if s.Client == nil {
		return errors.New("graphsim has no Client to call it with.")
	}
	s.hooks.mu.Lock()
	s.hooks.sent++
	token := "Validation: Testing client application reachability for subscription Request-Id: " + guid(familyRequest, 1<<40+s.hooks.sent)
	s.hooks.mu.Unlock()
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "validationToken=" + url.QueryEscape(token)
	ctx, cancel := context.WithTimeout(context.Background(), validationTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := s.Client.Do(req)
	if err != nil {
		return errors.New("The endpoint could not be reached.")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return errors.New("The answer could not be read.")
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("HTTP status code is '%d'.", resp.StatusCode)
	case !strings.EqualFold(strings.TrimSpace(kind), "text/plain"):
		return fmt.Errorf("The answer has content type %q, not text/plain.", kind)
	case string(body) != token:
		return errors.New("The validation token was not echoed.")
	}
	return nil
}
