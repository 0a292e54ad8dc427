package graphsim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Life of a subscription to messages without resource data (Graph "subscription
// resource type").
const (
	maxSubscription = 10080 * time.Minute
	minSubscription = 45 * time.Minute
	maxClientState  = 128
)

// subscriptions is the tenant's change tracking. Its mutex may be taken while a
// mailbox's is held, never the other way round.
type subscriptions struct {
	mu      sync.Mutex
	list    []*subscription
	count   uint64
	pending []notification
	sent    uint64
}

type subscription struct {
	id, resource, changeType, notificationURL, lifecycleURL, clientState string

	expires   time.Time
	mailbox   *mailbox
	folder    *folder // nil: the whole mailbox
	immutable bool    // ids in notifications, from the header at creation
	// unauthorised is true from a reauthorizationRequired until it is answered:
	// notifications are lost meanwhile.
	unauthorised bool
}

type wireSubscription struct {
	Context                  string  `json:"@odata.context,omitempty"`
	ID                       string  `json:"id"`
	Resource                 string  `json:"resource"`
	ApplicationID            string  `json:"applicationId"`
	ChangeType               string  `json:"changeType"`
	ClientState              *string `json:"clientState"`
	NotificationURL          string  `json:"notificationUrl"`
	LifecycleNotificationURL *string `json:"lifecycleNotificationUrl"`
	ExpirationDateTime       string  `json:"expirationDateTime"`
	CreatorID                string  `json:"creatorId"`
	IncludeResourceData      *bool   `json:"includeResourceData"`
	LatestSupportedTLS       string  `json:"latestSupportedTlsVersion"`
}

func (sub *subscription) wire(withState bool) wireSubscription {
	w := wireSubscription{
		ID: sub.id, Resource: sub.resource, ApplicationID: guid(familyApp, 1), ChangeType: sub.changeType,
		NotificationURL: sub.notificationURL, ExpirationDateTime: timestamp(sub.expires), CreatorID: guid(familyApp, 2),
		LatestSupportedTLS: "v1_2",
	}
	if sub.lifecycleURL != "" {
		w.LifecycleNotificationURL = &sub.lifecycleURL
	}
	// Only the answer to the creation shows the secret.
	if withState && sub.clientState != "" {
		w.ClientState = &sub.clientState
	}
	return w
}

// live is the subscriptions that have not expired; the caller holds mu.
func (h *subscriptions) live(now time.Time) []*subscription {
	h.list = slices.DeleteFunc(h.list, func(sub *subscription) bool { return !now.Before(sub.expires) })
	return h.list
}

func (h *subscriptions) find(id string, now time.Time) *subscription {
	for _, sub := range h.live(now) {
		if strings.EqualFold(sub.id, id) {
			return sub
		}
	}
	return nil
}

// Subscription is what a test sees of a subscription.
type Subscription struct {
	ID, Mailbox, Resource, ChangeType, NotificationURL, LifecycleURL, ClientState string

	Expires time.Time
}

// Subscriptions lists the subscriptions that have not expired.
func (s *Sim) Subscriptions() []Subscription {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	var out []Subscription
	for _, sub := range s.hooks.live(s.now()) {
		out = append(out, Subscription{sub.id, sub.mailbox.address, sub.resource, sub.changeType, sub.notificationURL, sub.lifecycleURL, sub.clientState, sub.expires})
	}
	return out
}

// handleSubscriptions routes /subscriptions.
func (s *Sim) handleSubscriptions(r *request) response {
	if r.segment(1) == "" {
		switch r.method {
		case http.MethodPost:
			return s.createSubscription(r)
		case http.MethodGet:
			return s.listSubscriptions(r)
		}
		return s.wrongMethod()
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	sub := s.hooks.find(r.segments[1], s.now())
	if sub == nil {
		return s.fail(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
	}
	if r.segment(2) == "reauthorize" && r.method == http.MethodPost {
		sub.unauthorised = false
		return empty(http.StatusNoContent)
	}
	if r.segment(2) != "" {
		return s.noRoute()
	}
	switch r.method {
	case http.MethodGet:
	case http.MethodDelete:
		s.hooks.list = slices.DeleteFunc(s.hooks.list, func(x *subscription) bool { return x == sub })
		return empty(http.StatusNoContent)
	case http.MethodPatch:
		var body map[string]any
		if err := r.decode(&body); err != nil {
			return s.badRequest(err.Error())
		}
		for k := range body {
			if !strings.Contains(k, "@odata.") && !strings.EqualFold(k, "expirationDateTime") {
				return s.fail(http.StatusBadRequest, "InvalidRequest", "Only expirationDateTime of a subscription can be updated here; "+k+" needs a new subscription.")
			}
		}
		text, _ := body["expirationDateTime"].(string)
		expires, err := s.expiry(text)
		if err != nil {
			return s.fail(http.StatusBadRequest, "ValidationError", err.Error())
		}
		sub.expires, sub.unauthorised = expires, false
	default:
		return s.wrongMethod()
	}
	w := sub.wire(false)
	w.Context = r.origin + "/$metadata#subscriptions/$entity"
	return ok(mustJSON(w))
}

func (s *Sim) listSubscriptions(r *request) response {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	list := []wireSubscription{}
	for _, sub := range s.hooks.live(s.now()) {
		list = append(list, sub.wire(false))
	}
	return ok(mustJSON(map[string]any{"@odata.context": r.origin + "/$metadata#subscriptions", "value": list}))
}

// expiry reads an expirationDateTime: at most 10,080 minutes ahead, and raised
// to 45 minutes if shorter.
func (s *Sim) expiry(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, errors.New("expirationDateTime is required, as an RFC 3339 time")
	}
	now := s.now()
	switch left := at.Sub(now); {
	case left <= 0:
		return at, errors.New("Subscription expiration must be in the future.")
	case left > maxSubscription:
		return at, errors.New("Subscription expiration can only be 10080 minutes in the future.")
	case left < minSubscription:
		return now.Add(minSubscription), nil
	}
	return at.UTC(), nil
}

type newSubscription struct {
	ChangeType               string  `json:"changeType"`
	NotificationURL          string  `json:"notificationUrl"`
	LifecycleNotificationURL *string `json:"lifecycleNotificationUrl"`
	Resource                 string  `json:"resource"`
	ExpirationDateTime       string  `json:"expirationDateTime"`
	ClientState              *string `json:"clientState"`
	IncludeResourceData      *bool   `json:"includeResourceData"`
}

func (s *Sim) createSubscription(r *request) response {
	var body newSubscription
	if err := r.decode(&body); err != nil {
		return s.badRequest(err.Error())
	}
	if body.IncludeResourceData != nil && *body.IncludeResourceData {
		return s.notSimulated("notifications with resource data")
	}
	sub, failed := s.readSubscription(r, body)
	if failed != nil {
		return *failed
	}
	if taken := s.equal(sub); taken != nil {
		return *taken
	}
	// The endpoint is called while the client waits for its answer, and may call
	// back, so nothing is locked here.
	for _, target := range []string{sub.notificationURL, sub.lifecycleURL} {
		if target == "" {
			continue
		}
		if err := s.validateEndpoint(target); err != nil {
			return s.fail(http.StatusBadRequest, "ValidationError", "Subscription validation request failed. "+err.Error())
		}
	}
	s.hooks.mu.Lock()
	s.hooks.count++
	sub.id = guid(familySubscription, s.hooks.count)
	s.hooks.mu.Unlock()
	if taken := s.equal(sub); taken != nil {
		return *taken
	}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.list = append(s.hooks.list, sub)
	w := sub.wire(true)
	w.Context = r.origin + "/$metadata#subscriptions/$entity"
	return created(mustJSON(w))
}

// readSubscription checks a new subscription against the documented rules and
// the app's scope.
func (s *Sim) readSubscription(r *request, body newSubscription) (*subscription, *response) {
	invalid := func(message string) (*subscription, *response) {
		resp := s.fail(http.StatusBadRequest, "InvalidRequest", message)
		return nil, &resp
	}
	sub := &subscription{
		resource: body.Resource, changeType: body.ChangeType, notificationURL: body.NotificationURL, immutable: r.immutable(),
	}
	if body.LifecycleNotificationURL != nil {
		sub.lifecycleURL = *body.LifecycleNotificationURL
	}
	if body.ClientState != nil {
		sub.clientState = *body.ClientState
	}
	if len(sub.clientState) > maxClientState {
		return invalid("clientState is longer than 128 characters.")
	}
	for kind := range strings.SplitSeq(sub.changeType, ",") {
		if !slices.Contains([]string{"created", "updated", "deleted"}, strings.TrimSpace(kind)) {
			return invalid("changeType must be a list of created, updated and deleted.")
		}
	}
	for _, target := range []string{sub.notificationURL, sub.lifecycleURL} {
		u, err := url.Parse(target)
		if target == "" && target != sub.notificationURL {
			continue
		}
		if err != nil || u.Host == "" || u.Scheme != "https" && !(s.PlainHTTP && u.Scheme == "http") {
			return invalid("notificationUrl and lifecycleNotificationUrl must be https URLs.")
		}
	}
	var err error
	if sub.expires, err = s.expiry(body.ExpirationDateTime); err != nil {
		return invalid(err.Error())
	}
	if strings.Contains(sub.resource, "?") {
		resp := s.notSimulated("a subscription with query options")
		return nil, &resp
	}
	if failed := s.target(sub); failed != nil {
		return nil, failed
	}
	return sub, nil
}

// target finds the mailbox and folder that the resource names.
func (s *Sim) target(sub *subscription) *response {
	fail := func(status int, code, message string) *response {
		resp := s.fail(status, code, message)
		return &resp
	}
	segments, err := parsePath(sub.resource)
	word := func(i int, want string) bool { return i < len(segments) && strings.EqualFold(segments[i], want) }
	mailboxWide := len(segments) == 3 && word(2, "messages")
	folderOnly := len(segments) == 5 && word(2, "mailFolders") && word(4, "messages")
	if err != nil || !word(0, "users") || !mailboxWide && !folderOnly {
		return fail(http.StatusBadRequest, "InvalidRequest", "The resource "+sub.resource+" is not supported.")
	}
	mb := s.find(segments[1])
	if mb == nil || !mb.shown() {
		return fail(http.StatusNotFound, "ResourceNotFound", "Operation: Create; Exception: [Status Code: NotFound; Reason: The requested user is invalid.]")
	}
	reached := mb.reached()
	mb.mu.Lock()
	defer mb.mu.Unlock()
	if mb.refused || !reached {
		return fail(http.StatusForbidden, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access is denied. Check credentials and try again.]")
	}
	sub.mailbox = mb
	if folderOnly {
		if sub.folder = mb.folder(segments[3]); sub.folder == nil {
			return fail(http.StatusNotFound, "ResourceNotFound", "Operation: Create; Exception: [Status Code: NotFound; Reason: The specified folder could not be found.]")
		}
	}
	return nil
}

// equal answers 409 when another subscription has the same resource and kinds
// of change.
func (s *Sim) equal(sub *subscription) *response {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	for _, other := range s.hooks.live(s.now()) {
		if strings.EqualFold(other.resource, sub.resource) && kinds(other.changeType) == kinds(sub.changeType) {
			resp := s.fail(http.StatusConflict, "Conflict", fmt.Sprintf("Subscription Id <%s> already exists for the requested combination", other.id))
			return &resp
		}
	}
	return nil
}

// kinds puts a changeType into one order.
func kinds(changeType string) string {
	list := strings.Split(strings.ReplaceAll(changeType, " ", ""), ",")
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ",")
}
