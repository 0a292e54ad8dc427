package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/providers/fault"
)

func many(n int) (list []pipeline.Hint, mailboxes []string) {
	for i := range n {
		m := fmt.Sprintf("box%03d@contoso.com", i)
		list = append(list, hint(inbox.MailboxID(m), "tick"))
		mailboxes = append(mailboxes, m)
	}
	return list, mailboxes
}

func TestEnqueueAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 11, 237} {
		s := newSite(t)
		s.sim.Dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/SendMessage", Skip: (n + 9) / 10}) // so many requests and no more
		list, want := many(n)
		s.must(s.queue.EnqueueAll(t.Context(), list))
		equal(t, "mailboxes", s.mailboxes(), want)
	}
}

func TestEnqueueAllMergesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.must(s.queue.EnqueueAll(t.Context(), slices.Repeat([]pipeline.Hint{hint(support, "tick")}, 25)))
	if c := s.counts(hints); c.Waiting != 25 {
		t.Errorf("%d messages, want 25", c.Waiting)
	}
}

// Entries that a batch leaves out are sent again, and only those.
func TestAPartialBatchIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, want := many(23)
	s.sim.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/box004", Times: 2})
	s.sim.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/box007", Times: 1})
	spy := &spy{Client: s.client}
	s.queue.Client = spy
	s.must(s.queue.EnqueueAll(t.Context(), list))
	equal(t, "mailboxes", s.mailboxes(), want)
	if spy.sent["box004@contoso.com"] != 3 || spy.sent["box007@contoso.com"] != 2 || spy.sent["box005@contoso.com"] != 1 {
		t.Errorf("entries sent: %v", spy.sent)
	}
	equal(t, "waits", s.waits.Waits(), []time.Duration{200 * time.Millisecond, 400 * time.Millisecond})
}

func TestWhatCannotBeEnqueuedIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, want := many(23)
	s.sim.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/box020"})
	s.sim.Dial.Add(fault.Rule{Kind: fault.InnerThrottle, Path: "/box004"})
	err := s.queue.EnqueueAll(t.Context(), list)
	var missing *sqs.NotEnqueuedError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v", err)
	}
	equal(t, "named", missing.Hints, []pipeline.Hint{list[4], list[20]})
	if !strings.Contains(err.Error(), "2 of 23") || !strings.Contains(err.Error(), want[4]) || !strings.Contains(err.Error(), want[20]) || strings.Contains(err.Error(), want[5]) {
		t.Errorf("error %v", err)
	}
	equal(t, "enqueued", s.mailboxes(), slices.Concat(want[:4], want[5:20], want[21:]))
	s.sim.Dial.Clear()
	s.must(s.queue.EnqueueAll(t.Context(), missing.Hints)) // the error's hints are what to try again
	equal(t, "enqueued", s.mailboxes(), want)
}

func TestAnEntryOfOursThatIsRefusedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, want := many(3)
	spy := &spy{Client: s.client, in: func(in *sdk.SendMessageBatchInput) {
		for i, e := range in.Entries {
			if *e.MessageGroupId == want[1] {
				bad := "not a group"
				in.Entries[i].MessageGroupId = &bad
			}
		}
	}}
	s.queue.Client = spy
	err := s.queue.EnqueueAll(t.Context(), list)
	var missing *sqs.NotEnqueuedError
	if !errors.As(err, &missing) || len(missing.Hints) != 1 || missing.Hints[0] != list[1] {
		t.Fatalf("error %v", err)
	}
	if spy.sent[want[1]] != 1 {
		t.Errorf("entries sent: %v", spy.sent)
	}
	equal(t, "enqueued", s.mailboxes(), []string{want[0], want[2]})
}

// An answer that leaves an entry out says nothing of it, so it is sent again; its id keeps it one message.
func TestAnEntryThatTheAnswerLeavesOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, want := many(4)
	first := true
	s.queue.Client = &spy{Client: s.client, out: func(out *sdk.SendMessageBatchOutput) {
		if first {
			out.Successful = out.Successful[1:]
		}
		first = false
	}}
	s.must(s.queue.EnqueueAll(t.Context(), list))
	equal(t, "mailboxes", s.mailboxes(), want)
}

// A queue that is not there is not asked for each of a thousand batches.
func TestEnqueueAllStopsAtWhatCannotHelp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.queue.URL += "x"
	spy := &spy{Client: s.client}
	s.queue.Client = spy
	list, _ := many(2000)
	err := s.queue.EnqueueAll(t.Context(), list)
	var missing *sqs.NotEnqueuedError
	if !errors.As(err, &missing) || len(missing.Hints) != 2000 {
		t.Fatalf("error %v", err)
	}
	if spy.batches > 100 {
		t.Errorf("%d of 200 batches were tried", spy.batches)
	}
	if len(err.Error()) > 2000 {
		t.Errorf("a line of %d bytes for the log", len(err.Error()))
	}
}

func TestABrokenBatchDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	list, want := many(40)
	s.queue.Client = &spy{Client: s.client, fail: func(in *sdk.SendMessageBatchInput) error {
		if *in.Entries[0].MessageGroupId == want[10] {
			return errors.New("the line is dead")
		}
		return nil
	}}
	err := s.queue.EnqueueAll(t.Context(), list)
	var missing *sqs.NotEnqueuedError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v", err)
	}
	equal(t, "named", missing.Hints, list[10:20])
	equal(t, "enqueued", s.mailboxes(), slices.Concat(want[:10], want[20:]))
	if strings.Count(err.Error(), "the line is dead") != 1 {
		t.Errorf("error %v repeats itself", err)
	}
}

func TestWaitingForAnotherTryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.queue.Wait = nil
	s.sim.Dial.Add(fault.Rule{Kind: fault.InnerThrottle})
	ctx, cancel := context.WithCancelCause(t.Context())
	deadline := errors.New("the deadline is near")
	s.queue.Client = &spy{Client: s.client, out: func(*sdk.SendMessageBatchOutput) { cancel(deadline) }}
	if err := s.queue.EnqueueAll(ctx, []pipeline.Hint{hint(support, "tick")}); !errors.Is(err, deadline) {
		t.Errorf("error %v", err)
	}
}

// spy counts and bends what goes through the client.
type spy struct {
	sqs.Client
	in   func(*sdk.SendMessageBatchInput)
	fail func(*sdk.SendMessageBatchInput) error
	out  func(*sdk.SendMessageBatchOutput)

	mu      sync.Mutex
	sent    map[string]int // entries, by group
	batches int
}

func (s *spy) SendMessageBatch(ctx context.Context, in *sdk.SendMessageBatchInput, o ...func(*sdk.Options)) (*sdk.SendMessageBatchOutput, error) {
	s.mu.Lock()
	s.batches++
	if s.sent == nil {
		s.sent = map[string]int{}
	}
	for _, e := range in.Entries {
		s.sent[*e.MessageGroupId]++
	}
	s.mu.Unlock()
	if s.in != nil {
		s.in(in)
	}
	if s.fail != nil {
		if err := s.fail(in); err != nil {
			return nil, err
		}
	}
	out, err := s.Client.SendMessageBatch(ctx, in, o...)
	if err == nil && s.out != nil {
		s.out(out)
	}
	return out, err
}
