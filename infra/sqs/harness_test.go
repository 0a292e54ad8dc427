package sqs_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/sqs"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

const (
	hints = "hints.fifo"
	dead  = "dead.fifo"

	support = inbox.MailboxID("support@contoso.com")
	sales   = inbox.MailboxID("sales@contoso.com")

	visibility  = 3 * time.Minute
	maxReceives = 4
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// site is a simulator behind a socket, the SDK's client to it and a Queue over that.
type site struct {
	testing.TB
	clock  *clock.Clock
	sim    *sqssim.Sim
	client *sdk.Client
	queue  *sqs.Queue
	waits  *clock.Clock // keeps the waits between the tries of a batch; nobody reads its time
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{TB: t, clock: clock.At(noon), waits: clock.At(noon)}
	s.sim = &sqssim.Sim{Now: s.clock.Now, Dial: &fault.Dial{}}
	s.must(s.sim.AddQueue(sqssim.Queue{Name: dead, PerGroup: true, Retention: 14 * 24 * time.Hour}))
	s.must(s.sim.AddQueue(sqssim.Queue{Name: hints, PerGroup: true, Visibility: visibility, DeadLetters: dead, MaxReceives: maxReceives}))
	server := httptest.NewServer(s.sim)
	t.Cleanup(server.Close)
	s.client = newClient(server.URL, server.Client())
	s.queue = &sqs.Queue{Client: s.client, URL: sqssim.URL(server.URL, hints), Wait: s.waits.Wait}
	return s
}

// newClient tries again as often as the SDK does, but at once.
func newClient(url string, transport sdk.HTTPClient) *sdk.Client {
	return sdk.New(sdk.Options{
		Region:       sqssim.Region,
		BaseEndpoint: &url,
		HTTPClient:   transport,
		Credentials:  credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = unlimited{}
		}),
	})
}

// unlimited is a retry budget that never ends.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func hint(mailbox inbox.MailboxID, source string) pipeline.Hint {
	return pipeline.Hint{Mailbox: mailbox, Source: source, At: noon}
}

func (s *site) enqueue(mailbox inbox.MailboxID, source string) {
	s.Helper()
	s.must(s.queue.Enqueue(s.Context(), hint(mailbox, source)))
}

// receive is one poll of an event source mapping: up to ten messages, as the event that a function gets.
func (s *site) receive() []sqs.Delivery {
	s.Helper()
	return sqs.Deliveries(s.records(hints))
}

func (s *site) records(queue string) []events.SQSMessage {
	s.Helper()
	messages, err := s.sim.Receive(queue, 10)
	s.must(err)
	return recordsOf(messages)
}

func recordsOf(messages []sqssim.Message) []events.SQSMessage {
	var records []events.SQSMessage
	for _, m := range messages {
		records = append(records, m.Record(hints))
	}
	return records
}

// receiveOf is receive where one delivery, for that mailbox, must come.
func (s *site) receiveOf(mailbox inbox.MailboxID) sqs.Delivery {
	s.Helper()
	got := s.receive()
	if len(got) != 1 || got[0].Batch.Mailbox != mailbox || got[0].Err != nil {
		s.Fatalf("received %+v, want one delivery of %s", got, mailbox)
	}
	return got[0]
}

func (s *site) nothing() {
	s.Helper()
	if got := s.receive(); len(got) != 0 {
		s.Fatalf("received %+v, want nothing", got)
	}
}

// done deletes a delivery's messages, as Lambda does with what is no batch item failure.
func (s *site) done(d sqs.Delivery) {
	s.Helper()
	for _, m := range d.Messages {
		s.must(s.sim.Delete(hints, m.Receipt))
	}
}

func (s *site) counts(queue string) sqssim.Counts {
	s.Helper()
	c, err := s.sim.Counts(queue)
	s.must(err)
	return c
}

// mailboxes lists whose hints are in the queue, sorted, each as often as it has some.
func (s *site) mailboxes() []string {
	s.Helper()
	messages, err := s.sim.Peek(hints)
	s.must(err)
	var out []string
	for _, m := range messages {
		out = append(out, m.Group)
	}
	slices.Sort(out)
	return out
}

func sources(d sqs.Delivery) []string {
	var out []string
	for _, h := range d.Batch.Hints {
		out = append(out, h.Source)
	}
	return out
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
