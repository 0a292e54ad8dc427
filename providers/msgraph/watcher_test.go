package msgraph_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	notifyURL    = "https://hooks.contoso.com/graph"
	lifecycleURL = "https://hooks.contoso.com/graph/lifecycle"
)

// echo answers Graph's validation as our hook does.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
})

func watching(t *testing.T) (*tenant, *msgraph.Watcher) {
	t.Helper()
	tn := newTenant(t, func(s *graphsim.Sim) { s.Client = &http.Client{Transport: &fault.Transport{Handler: echo}} })
	return tn, &msgraph.Watcher{
		Client: tn.client, Mailbox: support, NotificationURL: notifyURL, LifecycleURL: lifecycleURL,
		Rand: rand.NewChaCha8([32]byte{1}), Now: func() time.Time { return tn.now },
	}
}

func TestWatcherSubscribes(t *testing.T) {
	t.Parallel()
	tn, w := watching(t)
	watch, err := w.Ensure(context.Background())
	must(t, err)
	subs := tn.Subscriptions()
	if len(subs) != 1 {
		t.Fatalf("%d subscriptions", len(subs))
	}
	s := subs[0]
	equal(t, "id", watch.ID, s.ID)
	equal(t, "mailbox", watch.Mailbox, support)
	equal(t, "resource", s.Resource, "users/support@contoso.com/messages")
	equal(t, "change types", s.ChangeType, "created,updated,deleted")
	equal(t, "notification URL", s.NotificationURL, notifyURL)
	equal(t, "lifecycle URL", s.LifecycleURL, lifecycleURL)
	equal(t, "hash of the secret", watch.Secret, sha256.Sum256([]byte(s.ClientState)))
	equal(t, "end", watch.Expires, s.Expires)
	if life := s.Expires.Sub(tn.now); life < 6*24*time.Hour || life >= 7*24*time.Hour {
		t.Errorf("it lives for %s", life)
	}
	if len(s.ClientState) < 40 || len(s.ClientState) > 128 {
		t.Errorf("the secret has %d characters", len(s.ClientState))
	}

	var posted []byte
	tn.OnNotification = func(_ string, body []byte) error { posted = append(posted, body...); return nil }
	id := tn.receive(1)
	_, err = tn.Deliver(context.Background())
	must(t, err)
	if !bytes.Contains(posted, []byte(id)) {
		t.Errorf("the notification does not carry the immutable id: %s", posted)
	}
}

func TestWatcherTakesOverWhatAnEarlierRunLeft(t *testing.T) {
	t.Parallel()
	tn, w := watching(t)
	must(t, tn.AddMailbox(graphsim.Mailbox{Address: "sales@contoso.com"}))
	other := *w
	other.Mailbox = "sales@contoso.com"
	kept, err := other.Ensure(context.Background())
	must(t, err)
	lost, err := w.Ensure(context.Background())
	must(t, err)
	found, err := w.Ensure(context.Background())
	must(t, err)
	if found.ID == lost.ID || found.Secret == lost.Secret {
		t.Error("a subscription whose secret nobody knows is kept")
	}
	var ids []string
	for _, s := range tn.Subscriptions() {
		ids = append(ids, s.ID)
	}
	equalSet(t, "subscriptions", ids, kept.ID, found.ID)
}

func TestWatcherRenews(t *testing.T) {
	t.Parallel()
	tn, w := watching(t)
	watch, err := w.Ensure(context.Background())
	must(t, err)
	must(t, tn.Lifecycle(watch.ID, "reauthorizationRequired"))
	tn.now = tn.now.Add(3 * 24 * time.Hour)
	later, err := w.Renew(context.Background(), watch)
	must(t, err)
	equal(t, "id", later.ID, watch.ID)
	equal(t, "secret", later.Secret, watch.Secret)
	equal(t, "end", later.Expires.Sub(watch.Expires), 3*24*time.Hour)
	equal(t, "end at Graph", tn.Subscriptions()[0].Expires, later.Expires)
	equal(t, "renewed", later.Renewed, tn.now)
	before := tn.Pending()
	tn.receive(1)
	if tn.Pending() == before {
		t.Error("notifications do not go on")
	}
}

func TestWatcherReauthorizes(t *testing.T) {
	t.Parallel()
	tn, w := watching(t)
	watch, err := w.Ensure(context.Background())
	must(t, err)
	must(t, tn.Lifecycle(watch.ID, "reauthorizationRequired"))
	tn.now = tn.now.Add(time.Hour)
	must(t, w.Reauthorize(context.Background(), watch.ID))
	equal(t, "end", tn.Subscriptions()[0].Expires, watch.Expires)
	before := tn.Pending()
	tn.receive(1)
	if tn.Pending() == before {
		t.Error("notifications do not go on")
	}
}

func TestWatcherRecreatesWhatIsGone(t *testing.T) {
	t.Parallel()
	tn, w := watching(t)
	watch, err := w.Ensure(context.Background())
	must(t, err)
	must(t, tn.Lifecycle(watch.ID, "subscriptionRemoved"))
	next, err := w.Renew(context.Background(), watch)
	must(t, err)
	if next.ID == watch.ID || next.Secret == watch.Secret {
		t.Errorf("%+v is no new subscription", next)
	}
	equal(t, "id", tn.Subscriptions()[0].ID, next.ID)
	must(t, w.Delete(context.Background(), next.ID))
	must(t, w.Delete(context.Background(), next.ID))
	equal(t, "subscriptions", len(tn.Subscriptions()), 0)
}

func TestWatcherErrors(t *testing.T) {
	t.Parallel()
	t.Run("throttled", func(t *testing.T) {
		t.Parallel()
		tn, w := watching(t)
		tn.Dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/subscriptions", RetryAfter: 33 * time.Second, Times: 1})
		_, err := w.Ensure(context.Background())
		var throttled *pipeline.Throttled
		if !errors.As(err, &throttled) || throttled.After != 33*time.Second {
			t.Errorf("%v, want to be throttled for 33 s", err)
		}
	})
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		tn, w := watching(t)
		must(t, tn.RefuseMailbox(support))
		_, err := w.Ensure(context.Background())
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "Mail.Read") {
			t.Errorf("%v, want a permanent error that names Mail.Read", err)
		}
	})
	t.Run("no mailbox", func(t *testing.T) {
		t.Parallel()
		_, w := watching(t)
		w.Mailbox = "nobody@contoso.com"
		_, err := w.Ensure(context.Background())
		var permanent *pipeline.Permanent
		if !errors.As(err, &permanent) || !strings.Contains(permanent.Fix, "check the address") {
			t.Errorf("%v, want a permanent error that says to check the address", err)
		}
	})
	t.Run("no randomness", func(t *testing.T) {
		t.Parallel()
		tn, w := watching(t)
		w.Rand = strings.NewReader("short")
		if _, err := w.Ensure(context.Background()); err == nil {
			t.Error("a subscription with a guessable secret was made")
		}
		equal(t, "subscriptions", len(tn.Subscriptions()), 0)
	})
}
