package gmailsim_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	gmail "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

func TestQuotaIsCounted(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "s")
	must(d.users.Messages.Get("me", id).Do())(d)
	must(d.users.Messages.List("me").Do())(d)
	must(d.users.Threads.Modify("me", id, &gmail.ModifyThreadRequest{AddLabelIds: []string{"STARRED"}}).Do())(d)
	d.ok(d.users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: []string{id}, RemoveLabelIds: []string{"STARRED"}}).Do())
	d.historyID()
	d.sim.AddMailbox("sales@contoso.com")
	s := d.sim.Stats()
	if s.Requests != 5 || s.QuotaUnits != 20+5+10+50+1 || s.Methods["messages.get"] != 1 || s.Throttled != 0 || s.MaxInFlight != 1 {
		t.Errorf("stats %+v", s)
	}
	if m := s.Mailboxes[box]; len(s.Mailboxes) != 1 || m.QuotaUnits != s.QuotaUnits || m.MinuteUnits != s.QuotaUnits || m.Methods["threads.modify"] != 1 {
		t.Errorf("mailbox %+v", s.Mailboxes)
	}
	d.clock.Advance(time.Minute)
	d.historyID()
	if m := d.sim.Stats().Mailboxes[box]; m.QuotaUnits != 87 || m.MinuteUnits != 86 {
		t.Errorf("a minute later %+v", m)
	}
}

func TestQuotaIsEnforced(t *testing.T) {
	for quota, code := range map[gmailsim.Quota]int{gmailsim.QuotaForbidden: 403, gmailsim.QuotaTooMany: 429} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			d := newDesk(t)
			d.sim.Quota, d.sim.UnitsPerMinute = quota, 10
			must(d.users.Messages.List("me").Do())(d)
			must(d.users.Messages.List("me").Do())(d)
			_, err := d.users.Messages.List("me").Do()
			d.refused(err, code, "Quota exceeded")
			if s := d.sim.Stats(); s.Throttled != 1 {
				t.Errorf("throttled %d", s.Throttled)
			}
			d.clock.Advance(time.Minute)
			must(d.users.Messages.List("me").Do())(d)
		})
	}
}

func TestFaults(t *testing.T) {
	d := newDesk(t)
	dial := &fault.Dial{}
	d.sim.Dial = dial
	id := d.receive("1@x", "s")
	star := func() error {
		_, err := d.users.Messages.Modify("me", id, &gmail.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}}).Do()
		return err
	}
	dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/modify", RetryAfter: 90 * time.Second, Times: 1})
	d.refused(star(), 429, "Retry after 2026-11-03T09:01:30.000Z")
	dial.Add(fault.Rule{Kind: fault.Unavailable, Path: "/modify", Times: 1})
	d.refused(star(), 503, "unavailable")
	dial.Add(fault.Rule{Kind: fault.Reset, Path: "/modify", Times: 1})
	if err := star(); err == nil || d.labels(id) != "INBOX UNREAD" {
		t.Errorf("reset: %v, %s", err, d.labels(id))
	}
	dial.Add(fault.Rule{Kind: fault.Lost, Path: "/modify", Times: 1})
	if err := star(); err == nil || d.labels(id) != "INBOX STARRED UNREAD" {
		t.Errorf("failed but happened: %v, %s", err, d.labels(id))
	}
	if s := d.sim.Stats(); s.Requests != 4 || s.Throttled != 1 || s.QuotaUnits != 5 {
		t.Errorf("stats %+v", s)
	}
}

// TestConcurrencyLimit holds requests inside the dial's latency until all have come.
func TestConcurrencyLimit(t *testing.T) {
	d := newDesk(t)
	const limit = gmailsim.DefaultMaxConcurrent
	release, entered := make(chan struct{}), make(chan struct{}, limit)
	d.sim.Dial = &fault.Dial{Latency: time.Millisecond, Sleep: func(time.Duration) {
		entered <- struct{}{}
		<-release
	}}
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			if _, err := d.users.GetProfile("me").Do(); err != nil {
				t.Error(err)
			}
		})
	}
	for range limit {
		<-entered
	}
	_, err := d.users.GetProfile("me").Do()
	d.refused(err, 429, "Too many concurrent requests for user")
	close(release)
	wg.Wait()
	if s := d.sim.Stats(); s.MaxInFlight != limit+1 || s.Throttled != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestManyAtOnce lets clients, people and pushes work in two mailboxes at the same time; the race detector and
// the counts afterwards judge.
func TestManyAtOnce(t *testing.T) {
	d := newDesk(t)
	d.sim.MaxConcurrent = -1
	d.sim.Push.Func = func(context.Context, string, uint64) error { return nil }
	d.sim.AddMailbox("sales@contoso.com")
	d.startWatch(&gmail.WatchRequest{})
	since := d.historyID()
	sales := d.service(&http.Client{Transport: bearer{&fault.Transport{Handler: d.handler}, "sales@contoso.com"}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				id, err := d.sim.Receive(box, rawMail(fmt.Sprint(i, "-", j, "@x"), "s"))
				if err == nil {
					_, err = d.users.Messages.Modify("me", id, &gmail.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}}).Do()
				}
				if err == nil {
					_, err = d.users.Messages.List("me").Do()
				}
				if err == nil {
					_, err = sales.Messages.Insert("me", &gmail.Message{Raw: encode(rawMail(fmt.Sprint(i, j), "t"))}).Do()
				}
				if err == nil {
					_, err = d.sim.Deliver(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
				d.clock.Advance(time.Second)
			}
		})
	}
	wg.Wait()
	if got := d.changes(since); len(got) != 400 {
		t.Errorf("%d changes", len(got))
	}
	if p := must(sales.GetProfile("me").Do())(d); p.MessagesTotal != 200 {
		t.Errorf("sales has %d mails", p.MessagesTotal)
	}
}
