package boot_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

func (s *site) tick() { s.clock.Tick(s.ctx) }

// watch is the one watch that is kept of a mailbox.
func (s *site) watch(id inbox.MailboxID) pipeline.Watch {
	s.Helper()
	list, err := s.watches.WatchesOf(s.ctx, id)
	s.must(err)
	if len(list) != 1 {
		s.Fatalf("%s has %d watches, want one: %v", id, len(list), list)
	}
	return list[0]
}

// subscribed is the one subscription that Graph has.
func (s *site) subscribed() graphsim.Subscription {
	s.Helper()
	list := s.Graph.Subscriptions()
	if len(list) != 1 {
		s.Fatalf("Graph has %d subscriptions, want one: %v", len(list), list)
	}
	return list[0]
}

// notified reports whether a mail that comes in now at a mailbox raises a hint without any tick.
func (s *site) notified(id inbox.MailboxID) bool {
	s.Helper()
	s.advance(2 * time.Second) // Gmail drops what is faster
	s.deliver()
	s.hinted()
	s.receive(id)
	s.deliver()
	return len(s.hinted()[id]) > 0
}

// receive lets a customer's mail come in.
func (s *site) receive(id inbox.MailboxID) inbox.MessageID {
	s.Helper()
	s.letters++
	letter := coretest.Letter{
		RFCID: fmt.Sprintf("<%d@customer.example>", s.letters), From: "ann@customer.example",
		Subject: fmt.Sprintf("Question %d", s.letters), At: s.now,
	}
	if id == hello {
		got, err := s.Gmail.Receive(string(id), raw(letter, string(id)))
		s.must(err)
		return inbox.MessageID(got)
	}
	got, err := s.Graph.Receive(string(id), raw(letter, string(id)))
	s.must(err)
	return inbox.MessageID(got)
}

func TestClockCreatesWatches(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	if got := fmt.Sprint(s.hinted()); got != "map[hello@contoso.com:[sweep] support@contoso.com:[sweep]]" {
		t.Errorf("what is there already needs a hint for each mailbox, got %s", got)
	}
	sub := s.subscribed()
	if sub.NotificationURL != siteURL+"/hooks/graph" || sub.LifecycleURL != siteURL+"/hooks/graph/lifecycle" {
		t.Errorf("Graph is to tell %s and %s", sub.NotificationURL, sub.LifecycleURL)
	}
	began := s.now
	for _, id := range []inbox.MailboxID{support, hello} {
		w := s.watch(id)
		if left := w.Expires.Sub(began); left < 6*24*time.Hour || left > 7*24*time.Hour || !w.Renewed.Equal(began) {
			t.Errorf("the watch of %s ends after %s and was made at %v", id, left, w.Renewed)
		}
		if !s.notified(id) {
			t.Errorf("a mail at %s raises no hint", id)
		}
	}
}

func TestClockKeepsOnlyTheHashOfASecret(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	secret, w := s.subscribed().ClientState, s.watch(support)
	if len(secret) < 40 {
		t.Fatalf("the secret has %d characters", len(secret))
	}
	if w.Secret != sha256.Sum256([]byte(secret)) {
		t.Error("what is kept is not the hash of the secret")
	}
	if strings.Contains(fmt.Sprintf("%+v", w), secret) || len(s.log.lines(secret)) > 0 {
		t.Error("the secret is kept or logged")
	}
	other := newSite(t, twoMailboxes)
	other.clock.Rand = strings.NewReader(strings.Repeat("another", 10))
	other.tick()
	if other.subscribed().ClientState == secret {
		t.Error("the secret does not come from Rand")
	}
}

func TestClockRenewsLongBeforeTheEnd(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	before := map[inbox.MailboxID]pipeline.Watch{support: s.watch(support), hello: s.watch(hello)}
	secret := s.subscribed().ClientState
	requests := func() int { return s.GraphTrips.RoundTrips() + s.GmailTrips.RoundTrips() }
	asked := requests()
	for s.now.Before(before[support].Expires.Add(-84 * time.Hour)) {
		s.tick()
		s.advance(time.Hour)
	}
	s.now = before[support].Expires.Add(-84 * time.Hour)
	s.tick()
	if n := requests() - asked; n > 0 {
		t.Errorf("%d requests although nothing was due", n)
	}
	s.now = before[hello].Expires.Add(-84*time.Hour + time.Second) // Gmail's lasts an hour longer than Graph's
	s.tick()
	if n := requests() - asked; n != 2 {
		t.Errorf("%d requests to renew two watches", n)
	}
	for id, old := range before {
		w := s.watch(id)
		if w.ID != old.ID || w.Secret != old.Secret || !w.Renewed.Equal(s.now) || w.Expires.Sub(s.now) < 6*24*time.Hour {
			t.Errorf("%s had the watch %v and now has %v", id, old, w)
		}
	}
	if sub := s.subscribed(); sub.ClientState != secret || !sub.Expires.Equal(s.watch(support).Expires) {
		t.Errorf("Graph has the subscription %+v", sub)
	}
	for range 60 { // the renewed ones go on and on
		s.advance(24 * time.Hour)
		s.tick()
	}
	if !s.notified(support) || !s.notified(hello) {
		t.Error("after two months mail raises no hints")
	}
}

func TestClockReauthorizes(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	before := s.watch(support)
	s.advance(time.Hour)
	s.must(s.Graph.Lifecycle("", "reauthorizationRequired"))
	if s.notified(support) {
		t.Fatal("Graph should keep silent until it is authorized again")
	}
	s.tick()
	w := s.watch(support)
	if w.ID != before.ID || !w.Renewed.Equal(s.now) || !w.Expires.After(before.Expires) {
		t.Errorf("the watch was %v and is %v", before, w)
	}
	if !s.notified(support) {
		t.Error("mail raises no hint")
	}
}

func TestClockReplacesARemovedSubscription(t *testing.T) {
	for name, told := range map[string]bool{"told of it": true, "not told of it": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, twoMailboxes)
			s.tick()
			before := s.watch(support)
			s.must(s.Graph.Lifecycle("", "subscriptionRemoved"))
			if told {
				s.deliver()
			} else {
				s.now = before.Expires.Add(-time.Hour) // found out when it is to be renewed
			}
			s.hinted()
			s.tick()
			if w := s.watch(support); w.ID == before.ID || w.ID != s.subscribed().ID {
				t.Errorf("the watch was %v and is %v", before, w)
			}
			if len(s.hinted()[support]) == 0 {
				t.Error("nobody reads what has happened meanwhile")
			}
			if !s.notified(support) {
				t.Error("mail raises no hint")
			}
		})
	}
}

// TestClockAdopts: the state is lost, but Graph still has the subscription and answers 409 to another one.
func TestClockAdopts(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	before := s.subscribed()
	*s.watches = memory.Watches{}
	s.advance(time.Minute)
	s.tick()
	sub, w := s.subscribed(), s.watch(support)
	if sub.ID == before.ID || w.ID != sub.ID || w.Secret != sha256.Sum256([]byte(sub.ClientState)) {
		t.Errorf("Graph has %+v, kept is %v", sub, w)
	}
	if !s.notified(support) {
		t.Error("mail raises no hint")
	}
}

// TestClockFollowsItsURL: a pilot's first URL is seldom its last, and a renewal leaves a subscription where it is.
func TestClockFollowsItsURL(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	const elsewhere, otherTopic = "https://postroom.adatum.com", "projects/contoso/topics/another"
	s.clock.URL, s.clock.Topic = elsewhere, otherTopic
	s.Graph.Client = &http.Client{Transport: s.hooks}
	s.advance(time.Minute)
	s.tick()
	if sub := s.subscribed(); sub.NotificationURL != elsewhere+"/hooks/graph" || s.watch(support).ID != sub.ID {
		t.Errorf("Graph is to tell %s; the watch is %+v", sub.NotificationURL, s.watch(support))
	}
	if got := s.watch(hello).Target; got != otherTopic {
		t.Errorf("Gmail is to tell %q", got)
	}
	if lines := s.log.lines("level=WARN"); len(lines) > 0 {
		t.Errorf("in the log: %v", lines)
	}
	asked := s.GraphTrips.RoundTrips() + s.GmailTrips.RoundTrips()
	s.advance(time.Minute)
	s.tick()
	if n := s.GraphTrips.RoundTrips() + s.GmailTrips.RoundTrips() - asked; n > 0 {
		t.Errorf("%d requests although nothing was due", n)
	}
}

// TestClockDoesNotWaitForEachWatch: a provider that cannot be reached must not hold up the sweeps of the other one.
func TestClockDoesNotWaitForEachWatch(t *testing.T) {
	s := newSite(t, severalMailboxes(3))
	s.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "/subscriptions"})
	for range 4 {
		asked := s.GraphTrips.RoundTrips()
		s.tick()
		if n := s.GraphTrips.RoundTrips() - asked; n > 1 {
			t.Errorf("in one tick %d subscriptions were waited for", n)
		}
		s.advance(time.Second)
	}
	if got := s.hinted(); len(got) != 6 {
		t.Errorf("hints are there for %v", got)
	}
	for n := range 3 {
		s.watch(inbox.MailboxID(fmt.Sprintf("gmail%d@contoso.com", n)))
	}
}

// TestClockPollsWhatRefusesToBeWatched: a mailbox outside the app's scope beside one that is well.
func TestClockPollsWhatRefusesToBeWatched(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.must(s.Graph.RefuseMailbox(support))
	tries := 0
	s.GraphTrips.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		s.Graph.ServeHTTP(w, r)
	})
	hints := map[inbox.MailboxID]int{}
	const span, step = 30 * time.Minute, 5 * time.Second
	for range span / step {
		s.tick()
		for id := range s.hinted() {
			hints[id]++
		}
		s.advance(step)
	}
	if want := int(span / poll); hints[support] != want {
		t.Errorf("%d sweeps of the refused mailbox, want one each %s: %d", hints[support], poll, want)
	}
	if want := int(span / sweep); hints[hello] != want {
		t.Errorf("%d sweeps of the watched mailbox, want one each %s: %d", hints[hello], sweep, want)
	}
	if want := int(span / time.Minute); tries != want {
		t.Errorf("%d tries to watch it, want one a minute", tries)
	}
	if lines := s.log.lines("no notifications", support, "403", "scope"); len(lines) != tries {
		t.Errorf("%d lines in the log tell of %d tries", len(lines), tries)
	}
}

// TestClockHonoursRetryAfter: a provider that names a time is left alone as long.
func TestClockHonoursRetryAfter(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.GraphDial.Add(fault.Rule{Kind: fault.Throttle, Path: "/subscriptions", RetryAfter: 10 * time.Minute, Times: 1})
	s.tick()
	asked := s.GraphTrips.RoundTrips()
	for range 10*60/5 - 1 {
		s.advance(5 * time.Second)
		s.tick()
	}
	if n := s.GraphTrips.RoundTrips() - asked; n > 0 {
		t.Errorf("%d requests before the time that Graph named", n)
	}
	s.advance(5 * time.Second)
	s.tick()
	s.watch(support)
}

func TestClockWithoutAWayToBeTold(t *testing.T) {
	for name, test := range map[string]struct {
		url, topic       string
		support, helloAt time.Duration
	}{
		"no URL":   {"", topic, poll, poll},
		"no topic": {siteURL, "", sweep, poll},
		"both":     {siteURL, topic, sweep, sweep},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, twoMailboxes)
			s.clock.URL, s.clock.Topic = test.url, test.topic
			hints := map[inbox.MailboxID]int{}
			const span = 20 * time.Minute
			for range span / time.Second {
				s.tick()
				for id := range s.hinted() {
					hints[id]++
				}
				s.advance(time.Second)
			}
			if hints[support] != int(span/test.support) || hints[hello] != int(span/test.helloAt) {
				t.Errorf("swept %v, want each %s and %s", hints, test.support, test.helloAt)
			}
			if test.url == "" && s.GraphTrips.RoundTrips()+s.GmailTrips.RoundTrips() > 0 {
				t.Error("watches were asked for that nobody can hear")
			}
		})
	}
}

// TestClockMakesUpForAQueueThatFails: the hint that a new watch or a sweep needs is sent when the queue is well again.
func TestClockMakesUpForAQueueThatFails(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.clock.Poll, s.clock.Sweep = time.Hour, time.Hour
	s.GraphDial.Add(fault.Rule{Kind: fault.Reset, Path: "/subscriptions", Times: 1})
	s.tick() // polled, not watched
	s.hinted()
	s.advance(time.Minute)
	full := true
	s.queue.Fail = func(op string) (before, after error) {
		if full && op == "Enqueue" {
			return errors.New("the disk is full"), nil
		}
		return nil, nil
	}
	s.tick() // watched now; what came in before is known to nobody
	full = false
	s.watch(support)
	if lines := s.log.lines("level=ERROR", support, "the disk is full"); len(lines) != 1 {
		t.Errorf("the log tells %d times of the failed queue", len(lines))
	}
	s.advance(time.Second)
	s.tick()
	if len(s.hinted()[support]) == 0 {
		t.Error("the hint was never made up for")
	}
}

// TestClockMakesUpForAStoreThatFails: a subscription that could not be kept is replaced, for its secret is lost.
func TestClockMakesUpForAStoreThatFails(t *testing.T) {
	s := newSite(t, twoMailboxes)
	broken := true
	s.watches.Fail = func(op string) (before, after error) {
		if broken && op == "SaveWatch" {
			return errors.New("the disk is full"), nil
		}
		return nil, nil
	}
	s.tick()
	lost := s.subscribed()
	broken = false
	s.advance(time.Minute)
	s.tick()
	if w := s.watch(support); w.ID == lost.ID || w.ID != s.subscribed().ID {
		t.Errorf("kept is %v, Graph has %v", w, s.subscribed())
	}
	if !s.notified(support) {
		t.Error("mail raises no hint")
	}
}

// TestClockForgetsOldWatches: of several that are kept, the one that lasts longest is renewed and the others go.
func TestClockForgetsOldWatches(t *testing.T) {
	s := newSite(t, twoMailboxes)
	s.tick()
	live := s.watch(support)
	for _, id := range []string{"00000000-old", "zzzzzzzz-old"} {
		s.must(s.watches.SaveWatch(s.ctx, pipeline.Watch{ID: id, Mailbox: support, Expires: s.now.Add(time.Hour)}))
	}
	s.now = live.Expires.Add(-time.Hour)
	s.tick()
	if w := s.watch(support); w.ID != live.ID || !w.Renewed.Equal(s.now) {
		t.Errorf("the watch was %v and is %v", live, w)
	}
}
