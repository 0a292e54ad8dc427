package sqs_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

func TestHintsOfAMailboxAreOneDelivery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	s.enqueue(sales, "gmail")
	s.enqueue(support, "tick")
	got := s.receive()
	if len(got) != 2 || got[0].Batch.Mailbox != support || got[1].Batch.Mailbox != sales {
		t.Fatalf("received %+v", got)
	}
	equal(t, "sources", sources(got[0]), []string{"graph", "tick"})
	equal(t, "sources", sources(got[1]), []string{"gmail"})
	if h := got[0].Batch.Hints[0]; !h.At.Equal(noon) || h.Mailbox != support {
		t.Errorf("hint %+v", h)
	}
	for _, d := range got {
		s.done(d)
	}
	if c := s.counts(hints); c != (sqssim.Counts{}) {
		t.Errorf("left over: %+v", c)
	}
}

// A hint that comes within five minutes of one just like it, while that is out or after it is done, must be delivered: what
// it tells of may have come after the first one's sync.
func TestNoHintIsSwallowed(t *testing.T) {
	t.Parallel()
	for _, q := range []sqssim.Queue{
		{Name: "a.fifo"},
		{Name: "b.fifo", PerGroup: true},
		{Name: "c.fifo", ContentBased: true, PerGroup: true}, // even where somebody has turned it on
	} {
		s := newSite(t)
		s.must(s.sim.AddQueue(q))
		s.queue.URL = strings.Replace(s.queue.URL, hints, q.Name, 1)
		receive := func() []sqs.Delivery { return sqs.Deliveries(s.records(q.Name)) }

		s.enqueue(support, "graph")
		first := receive()
		if len(first) != 1 {
			t.Fatalf("%s: received %+v", q.Name, first)
		}
		s.enqueue(support, "graph") // while the first is out
		s.must(s.sim.Delete(q.Name, first[0].Messages[0].Receipt))
		second := receive()
		if len(second) != 1 || second[0].Messages[0].ID == first[0].Messages[0].ID {
			t.Fatalf("%s: the second hint was swallowed: %+v", q.Name, second)
		}
		s.must(s.sim.Delete(q.Name, second[0].Messages[0].Receipt))
		s.clock.Advance(time.Second)
		s.enqueue(support, "graph") // after both are done
		if third := receive(); len(third) != 1 {
			t.Fatalf("%s: the third hint was swallowed", q.Name)
		}
	}
}

// The answer to a send is lost, and the SDK sends again: the same deduplication id makes it one message.
func TestARetriedSendIsOneMessage(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Lost, fault.Reset, fault.Throttle, fault.Unavailable} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.sim.Dial.Add(fault.Rule{Kind: kind, Path: "/SendMessage", Times: 2}) // also a part of /SendMessageBatch
			s.enqueue(support, "graph")
			equal(t, "after Enqueue", s.mailboxes(), []string{string(support)})
			s.sim.Dial.Clear()
			s.sim.Dial.Add(fault.Rule{Kind: kind, Path: "/SendMessageBatch", Times: 2})
			s.must(s.queue.EnqueueAll(t.Context(), []pipeline.Hint{hint(sales, "tick"), hint(support, "tick")}))
			equal(t, "after EnqueueAll", s.mailboxes(), []string{string(sales), string(support), string(support)})
		})
	}
}

func TestEnqueueSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(s *site)
		fix   string // "": throttled
	}{
		{"no such queue", func(s *site) { s.queue.URL += "x" }, "POSTROOM_QUEUE"},
		{"no permission", func(s *site) {
			s.sim.Refuse("SendMessage", "AccessDenied")
			s.sim.Refuse("SendMessageBatch", "AccessDenied")
		}, "allow sqs:SendMessage"},
		{"no permission for the key", func(s *site) {
			s.sim.Refuse("SendMessage", "KMS.AccessDeniedException")
			s.sim.Refuse("SendMessageBatch", "KMS.AccessDeniedException")
		}, "kms:GenerateDataKey"},
		{"key disabled", func(s *site) {
			s.sim.Refuse("SendMessage", "KMS.DisabledException")
			s.sim.Refuse("SendMessageBatch", "KMS.DisabledException")
		}, "enable the queue's KMS key"},
		{"throttled", func(s *site) { s.sim.Dial.Add(fault.Rule{Kind: fault.Throttle}) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			tt.spoil(s)
			one := s.queue.Enqueue(t.Context(), hint(support, "graph"))
			all := s.queue.EnqueueAll(t.Context(), []pipeline.Hint{hint(support, "graph")})
			for _, err := range []error{one, all} {
				if err == nil || !strings.Contains(err.Error(), string(support)) {
					t.Fatalf("error %v, want one that names the mailbox", err)
				}
				var permanent *pipeline.Permanent
				var throttled *pipeline.Throttled
				switch {
				case tt.fix == "" && (!errors.As(err, &throttled) || throttled.After <= 0):
					t.Errorf("%v is not *Throttled", err)
				case tt.fix != "" && (!errors.As(err, &permanent) || !strings.Contains(permanent.Fix, tt.fix)):
					t.Errorf("%v does not say %q", err, tt.fix)
				}
				if strings.Contains(err.Error(), "operation error") || strings.Contains(err.Error(), "secret") {
					t.Errorf("%v tells of the request", err)
				}
			}
			if got := s.mailboxes(); len(got) != 0 {
				t.Errorf("enqueued %v", got)
			}
		})
	}
}

// What SQS is down for is neither throttling nor for somebody to mend.
func TestAnOutageIsAPlainError(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sim.Dial.Add(fault.Rule{Kind: fault.Unavailable})
	err := s.queue.Enqueue(t.Context(), hint(support, "graph"))
	if permanent, throttled := (*pipeline.Permanent)(nil), (*pipeline.Throttled)(nil); err == nil || errors.As(err, &permanent) || errors.As(err, &throttled) {
		t.Errorf("error %v", err)
	}
}

func TestNothingIsSentWithoutAnID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	broken := errors.New("no entropy")
	s.queue.Random = iotest.ErrReader(broken)
	if err := s.queue.Enqueue(t.Context(), hint(support, "graph")); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := s.queue.EnqueueAll(t.Context(), []pipeline.Hint{hint(support, "graph")}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	s.queue.Random = bytes.NewReader(make([]byte, 15)) // a short read must not make ids alike
	if err := s.queue.Enqueue(t.Context(), hint(support, "graph")); err == nil {
		t.Error("sent with half an id")
	}
	if got := s.mailboxes(); len(got) != 0 {
		t.Errorf("enqueued %v", got)
	}
}

func TestEnqueueRefusesWhatCannotBeReadBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, h := range map[string]pipeline.Hint{
		"no mailbox": {Source: "graph", At: noon},
		"too long":   hint(inbox.MailboxID(strings.Repeat("a", 20<<10)), "graph"),
		"a time that JSON has no form for": {
			Mailbox: support, At: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	} {
		if err := s.queue.Enqueue(t.Context(), h); err == nil {
			t.Errorf("%s: enqueued", name)
		}
	}
	if got := s.mailboxes(); len(got) != 0 {
		t.Errorf("enqueued %v", got)
	}
}

func TestAMailboxThatIsNoGroupID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	long := inbox.MailboxID(strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + ".contoso.com")
	boxes := []inbox.MailboxID{long, long + "x", "büro@contoso.com", "a b@contoso.com", "\"@\x7f\"@contoso.com", "o'neil+x@contoso.com"}
	groups := map[string]bool{}
	for _, m := range boxes {
		s.enqueue(m, "graph")
		groups[sqs.Group(m)] = true
	}
	if len(groups) != len(boxes) {
		t.Errorf("%d groups for %d mailboxes", len(groups), len(boxes))
	}
	got := s.receive()
	if len(got) != len(boxes) {
		t.Fatalf("%d deliveries of %d", len(got), len(boxes))
	}
	for i, d := range got {
		if d.Err != nil || d.Batch.Mailbox != boxes[i] {
			t.Errorf("delivery %+v, want one of %s", d, boxes[i])
		}
	}
	if g := sqs.Group("o'neil+x@contoso.com"); g != "o'neil+x@contoso.com" {
		t.Errorf("an address that fits is not its own group but %s", g)
	}
	if g := sqs.Group(long); len(g) > 128 {
		t.Errorf("group %s has %d characters", g, len(g))
	}
}

// A mailbox whose hints are out or wait for their retry does not keep another one's from coming.
func TestMailboxesSideBySide(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(support, "graph")
	failing := s.receiveOf(support)
	s.must(s.queue.Delay(t.Context(), failing, time.Hour))
	for range 25 {
		s.enqueue(support, "graph")
	}
	s.enqueue(sales, "graph")
	s.done(s.receiveOf(sales))
	s.nothing()
	s.clock.Advance(time.Hour)
	if d := s.receiveOf(support); d.Batch.Tries != 1 || len(d.Messages) != 10 {
		t.Errorf("%d tries, %d messages", d.Batch.Tries, len(d.Messages))
	}
}

func TestACancelledEnqueue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.queue.Enqueue(ctx, hint(support, "graph")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := s.queue.EnqueueAll(ctx, []pipeline.Hint{hint(support, "graph")}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
