package sqssim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

func TestAttributesOfAMessage(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	sent := a.send("a1", "a", "1")
	a.pass(1500 * time.Millisecond)
	a.must(a.change(a.receive(1, "a1")[0], 0))
	a.pass(time.Second)
	m := a.receive(1, "a1")[0]
	want := map[string]string{
		"SenderId": "AROAEXAMPLE:function", "SentTimestamp": "1777896000000", "ApproximateReceiveCount": "2",
		"ApproximateFirstReceiveTimestamp": "1777896001500", "MessageGroupId": "a", "MessageDeduplicationId": "1",
		"SequenceNumber": *sent.SequenceNumber,
	}
	for k, v := range want {
		if m.Attributes[k] != v {
			t.Errorf("%s is %q, want %q", k, m.Attributes[k], v)
		}
	}
	if len(m.Attributes) != len(want) {
		t.Errorf("attributes %v", m.Attributes)
	}
	a.must(a.change(m, 0))
	out, err := a.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: a.url(name), MessageSystemAttributeNames: []types.MessageSystemAttributeName{"MessageGroupId"},
	})
	a.must(err)
	if len(out.Messages) != 1 || len(out.Messages[0].Attributes) != 1 {
		t.Errorf("asked for one attribute, got %+v", out.Messages)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	entry := func(id, group, body string) types.SendMessageBatchRequestEntry {
		e := types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body, MessageDeduplicationId: &id}
		if group != "" {
			e.MessageGroupId = &group
		}
		return e
	}
	sent, err := a.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: a.url(name), Entries: []types.SendMessageBatchRequestEntry{
		entry("one", "a", "a1"), entry("two", "", "a2"), entry("three", "no group", "a3"), entry("four", "a", "a4"), entry("five", "a", "\x01"),
	}})
	a.must(err)
	failed := map[string]string{}
	for _, f := range sent.Failed {
		failed[*f.Id] = *f.Code
		if !f.SenderFault {
			t.Errorf("%s is not the sender's fault", *f.Id)
		}
	}
	if len(sent.Successful) != 2 || failed["two"] != "MissingParameter" || failed["three"] != "InvalidParameterValue" || failed["five"] != "InvalidMessageContents" {
		t.Errorf("sent %+v, failed %v", sent.Successful, failed)
	}
	got := a.receive(10, "a1", "a4")

	changed, err := a.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: a.url(name), Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0},
		{Id: aws.String("2"), ReceiptHandle: aws.String("not one"), VisibilityTimeout: 5},
		{Id: aws.String("3"), ReceiptHandle: got[1].ReceiptHandle, VisibilityTimeout: 90000},
	}})
	a.must(err)
	if len(changed.Successful) != 1 || len(changed.Failed) != 2 || *changed.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("changed %+v", changed)
	}
	deleted, err := a.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: a.url(name), Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle},
		{Id: aws.String("2"), ReceiptHandle: got[1].ReceiptHandle},
	}})
	a.must(err)
	if len(deleted.Successful) != 1 || *deleted.Successful[0].Id != "2" || len(deleted.Failed) != 1 {
		t.Errorf("deleted %+v", deleted)
	}
	a.receive(10, "a1")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.Refuse("GetQueueUrl", "AccessDenied")
	queue := `"QueueUrl":"` + *a.url(name) + `"`
	eleven := strings.TrimSuffix(strings.Repeat(`{"Id":"1","ReceiptHandle":"x"},`, 11), ",")
	for _, tt := range []struct {
		action, body string
		status       int
		query        string // of x-amzn-query-error
	}{
		{"SendMessage", `{"QueueUrl":"http://x/1/none.fifo","MessageBody":"x","MessageGroupId":"a","MessageDeduplicationId":"1"}`, 400, "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"x","MessageGroupId":"a"}`, 400, "InvalidParameterValue;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"x","MessageDeduplicationId":"1"}`, 400, "MissingParameter;Sender"},
		{"SendMessage", `{` + queue + `,"MessageGroupId":"a","MessageDeduplicationId":"1"}`, 400, "MissingParameter;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"x","MessageGroupId":"a","MessageDeduplicationId":"1","DelaySeconds":5}`, 400, "InvalidParameterValue;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"x","MessageGroupId":"` + strings.Repeat("a", 129) + `","MessageDeduplicationId":"1"}`, 400, "InvalidParameterValue;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"` + strings.Repeat("a", 1<<20+1) + `","MessageGroupId":"a","MessageDeduplicationId":"1"}`, 400, "InvalidParameterValue;Sender"},
		{"SendMessage", `{` + queue + `,"MessageBody":"x","MessageAttributes":{}}`, 501, "NotSimulated;Sender"},
		{"SendMessage", `[]`, 400, "SerializationException;Sender"},
		{"SendMessageBatch", `{` + queue + `,"Entries":[]}`, 400, "AWS.SimpleQueueService.EmptyBatchRequest;Sender"},
		{"SendMessageBatch", `{` + queue + `,"Entries":[{"Id":"a b"}]}`, 400, "AWS.SimpleQueueService.InvalidBatchEntryId;Sender"},
		{"DeleteMessageBatch", `{` + queue + `,"Entries":[` + eleven + `]}`, 400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest;Sender"},
		{"DeleteMessageBatch", `{` + queue + `,"Entries":[{"Id":"1","ReceiptHandle":"x"},{"Id":"1","ReceiptHandle":"y"}]}`, 400, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct;Sender"},
		{"DeleteMessage", `{` + queue + `,"ReceiptHandle":"AQEBeA=="}`, 404, "ReceiptHandleIsInvalid;Sender"},
		{"ChangeMessageVisibility", `{` + queue + `,"ReceiptHandle":"x"}`, 400, "MissingParameter;Sender"},
		{"ReceiveMessage", `{` + queue + `,"MaxNumberOfMessages":11}`, 400, "InvalidParameterValue;Sender"},
		{"ReceiveMessage", `{` + queue + `,"WaitTimeSeconds":21}`, 400, "InvalidParameterValue;Sender"},
		{"GetQueueUrl", `{"QueueName":"q.fifo"}`, 403, "AccessDenied;Sender"},
		{"CreateQueue", `{"QueueName":"standard"}`, 501, "NotSimulated;Sender"},
		{"CreateQueue", `{"QueueName":"standard","Attributes":{"FifoQueue":"true"}}`, 400, "InvalidParameterValue;Sender"},
		{"CreateQueue", `{"QueueName":"x.fifo","Attributes":{"FifoQueue":"true","DelaySeconds":"5"}}`, 501, "NotSimulated;Sender"},
		{"CreateQueue", `{"QueueName":"x.fifo","Attributes":{"FifoQueue":"true","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:x\",\"maxReceiveCount\":3}"}}`, 400, "InvalidAttributeValue;Sender"},
		{"CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"}}`, 400, "QueueAlreadyExists;Sender"},
		{"StartMessageMoveTask", `{"SourceArn":"arn:x"}`, 404, "ResourceNotFoundException;Sender"},
		{"PurgeQueue", `{` + queue + `}`, 501, "NotSimulated;Sender"},
	} {
		status, header, answer := a.post(tt.action, tt.body)
		if status != tt.status || header.Get("X-Amzn-Query-Error") != tt.query || answer["__type"] == "" || answer["message"] == "" {
			t.Errorf("%s %.90s: %d %s %v, want %d %s", tt.action, tt.body, status, header.Get("X-Amzn-Query-Error"), answer, tt.status, tt.query)
		}
	}
	var missing *types.QueueDoesNotExist
	_, err := a.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: a.url("none.fifo")})
	if !errors.As(err, &missing) {
		t.Errorf("the SDK reads %v, want its QueueDoesNotExist", err)
	}
}

func TestQueuesOverTheWire(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	in := &sqs.CreateQueueInput{QueueName: aws.String("new.fifo"), Attributes: map[string]string{
		"FifoQueue": "true", "VisibilityTimeout": "180", "MessageRetentionPeriod": "345600", "DeduplicationScope": "messageGroup",
		"FifoThroughputLimit": "perMessageGroupId", "RedrivePolicy": `{"deadLetterTargetArn":"` + sqssim.ARN(dead) + `","maxReceiveCount":"20"}`,
	}}
	made, err := a.client.CreateQueue(t.Context(), in)
	a.must(err)
	again, err := a.client.CreateQueue(t.Context(), in)
	a.must(err)
	found, err := a.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: in.QueueName})
	a.must(err)
	if *made.QueueUrl != *a.url("new.fifo") || *again.QueueUrl != *made.QueueUrl || *found.QueueUrl != *made.QueueUrl {
		t.Errorf("urls %s, %s, %s", *made.QueueUrl, *again.QueueUrl, *found.QueueUrl)
	}
	got, err := a.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
	a.must(err)
	for k, v := range map[string]string{
		"VisibilityTimeout": "180", "MessageRetentionPeriod": "345600", "DeduplicationScope": "messageGroup", "FifoQueue": "true", "QueueArn": sqssim.ARN("new.fifo"),
		"RedrivePolicy": `{"deadLetterTargetArn":"` + sqssim.ARN(dead) + `","maxReceiveCount":20}`,
	} {
		if got.Attributes[k] != v {
			t.Errorf("%s is %q, want %q", k, got.Attributes[k], v)
		}
	}
	a.send("a1", "a", "1")
	a.send("b1", "b", "2")
	a.receive(1, "a1")
	got, err = a.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: a.url(name), AttributeNames: []types.QueueAttributeName{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
	}})
	a.must(err)
	if len(got.Attributes) != 2 || got.Attributes["ApproximateNumberOfMessages"] != "1" || got.Attributes["ApproximateNumberOfMessagesNotVisible"] != "1" {
		t.Errorf("attributes %v", got.Attributes)
	}
}

func TestMoveTasksOverTheWire(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.send("a1", "a", "1")
	for range 3 {
		a.must(a.change(a.receive(1, "a1")[0], 0))
	}
	a.receive(1)
	arn := aws.String(sqssim.ARN(dead))
	started, err := a.client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: arn})
	a.must(err)
	if started.TaskHandle == nil {
		t.Error("no handle")
	}
	list, err := a.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: arn})
	a.must(err)
	if len(list.Results) != 1 || *list.Results[0].Status != "COMPLETED" || list.Results[0].ApproximateNumberOfMessagesMoved != 1 {
		t.Errorf("tasks %+v", list.Results)
	}
	a.receive(1, "a1")
}

// A receive that waits is woken by a send, by a message given back, and by a visibility timeout that runs out.
func TestLongPolling(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.Now = nil // waiting takes real time
	got := make(chan string)
	poll := func() {
		out, err := a.client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: a.url(name), WaitTimeSeconds: 20, VisibilityTimeout: 1})
		if err != nil || len(out.Messages) != 1 {
			t.Errorf("received %+v, %v", out, err)
			got <- ""
			return
		}
		got <- *out.Messages[0].ReceiptHandle
	}
	began := time.Now()
	go poll()
	a.send("a1", "a", "1")
	first := <-got
	go poll()
	a.must(a.sim.ChangeVisibility(name, first, 0))
	<-got
	go poll()
	<-got // after the second that the last receive asked for
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s: nobody was woken", took)
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.sim.Dial = &fault.Dial{}
	a.sim.Dial.Add(fault.Rule{Kind: fault.Throttle, Path: "/SendMessage", Times: 1})
	a.sim.Dial.Add(fault.Rule{Kind: fault.Unavailable, Path: "/SendMessage", Times: 1})
	body, group, id := "a1", "a", "1"
	send := func() error {
		_, err := a.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: a.url(name), MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &id})
		return err
	}
	if got := code(send()); got != "RequestThrottled" {
		t.Errorf("throttled with %s", got)
	}
	if got := code(send()); got != "ServiceUnavailable" {
		t.Errorf("unavailable with %s", got)
	}
	a.receive(1) // other actions are not hit, and nothing has happened
	a.must(send())
	a.receive(1, "a1")
	if resp, err := http.Get(a.base); err != nil || resp.StatusCode != 400 {
		t.Errorf("a GET: %v %v", resp, err)
	}
}
