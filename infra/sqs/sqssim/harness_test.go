package sqssim_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/postroom/postroom/infra/sqs/sqssim"
)

const (
	name = "q.fifo"
	dead = "dead.fifo"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// account is a simulator behind a socket and the SDK's client to it.
type account struct {
	*testing.T
	now    time.Time
	sim    *sqssim.Sim
	base   string
	client *sqs.Client
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{T: t, now: noon}
	a.sim = &sqssim.Sim{Now: func() time.Time { return a.now }}
	a.must(a.sim.AddQueue(sqssim.Queue{Name: dead, Retention: 10 * 24 * time.Hour}))
	a.must(a.sim.AddQueue(sqssim.Queue{Name: name, DeadLetters: dead, MaxReceives: 3}))
	server := httptest.NewServer(a.sim)
	t.Cleanup(server.Close)
	a.base = server.URL
	a.client = sqs.New(sqs.Options{
		Region: sqssim.Region, BaseEndpoint: &a.base, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	return a
}

func (a *account) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func (a *account) url(queue string) *string { return aws.String(sqssim.URL(a.base, queue)) }

func (a *account) send(body, group, id string) *sqs.SendMessageOutput {
	a.Helper()
	out, err := a.client.SendMessage(a.Context(), &sqs.SendMessageInput{QueueUrl: a.url(name), MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &id})
	a.must(err)
	return out
}

// receive takes up to n messages and checks their bodies, in order.
func (a *account) receive(n int32, want ...string) []types.Message {
	a.Helper()
	return a.receiveFrom(name, n, want...)
}

func (a *account) receiveFrom(queue string, n int32, want ...string) []types.Message {
	a.Helper()
	out, err := a.client.ReceiveMessage(a.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: a.url(queue), MaxNumberOfMessages: n, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	a.must(err)
	var got []string
	for _, m := range out.Messages {
		got = append(got, *m.Body)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		a.Fatalf("received %v, want %v", got, want)
	}
	return out.Messages
}

func (a *account) delete(m types.Message) error {
	_, err := a.client.DeleteMessage(a.Context(), &sqs.DeleteMessageInput{QueueUrl: a.url(name), ReceiptHandle: m.ReceiptHandle})
	return err
}

func (a *account) change(m types.Message, seconds int32) error {
	_, err := a.client.ChangeMessageVisibility(a.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: a.url(name), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

func (a *account) pass(d time.Duration) { a.now = a.now.Add(d) }

// code is the error code as the SDK has it.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// post sends a raw request.
func (a *account) post(action, body string) (status int, header http.Header, answer map[string]any) {
	a.Helper()
	req, err := http.NewRequestWithContext(a.Context(), "POST", a.base, strings.NewReader(body))
	a.must(err)
	req.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	resp, err := http.DefaultClient.Do(req)
	a.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a.must(err)
	if err := json.Unmarshal(text, &answer); err != nil {
		a.Fatalf("%s: %s: %v", action, text, err)
	}
	return resp.StatusCode, resp.Header, answer
}
