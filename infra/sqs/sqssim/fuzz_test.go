package sqssim_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/infra/sqs/sqssim"
)

// Whatever is asked, the answer is JSON, an error names its code both ways, and no request breaks the simulator.
func FuzzServe(f *testing.F) {
	const queue = `"QueueUrl":"http://x/000000000000/q.fifo"`
	f.Add("SendMessage", `{`+queue+`,"MessageBody":"x","MessageGroupId":"a","MessageDeduplicationId":"1"}`)
	f.Add("SendMessageBatch", `{`+queue+`,"Entries":[{"Id":"1","MessageBody":"x","MessageGroupId":"a","MessageDeduplicationId":"1"}]}`)
	f.Add("ReceiveMessage", `{`+queue+`,"MaxNumberOfMessages":10,"VisibilityTimeout":0,"AttributeNames":["All"]}`)
	f.Add("DeleteMessageBatch", `{`+queue+`,"Entries":[{"Id":"1","ReceiptHandle":"AQEBMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxIDE="}]}`)
	f.Add("ChangeMessageVisibility", `{`+queue+`,"ReceiptHandle":"AQEB","VisibilityTimeout":9223372036854775807}`)
	f.Add("CreateQueue", `{"QueueName":"y.fifo","Attributes":{"FifoQueue":"true","VisibilityTimeout":"1","RedrivePolicy":"{\"maxReceiveCount\":\"1\"}"}}`)
	f.Add("GetQueueAttributes", `{`+queue+`,"AttributeNames":["All"]}`)
	f.Add("StartMessageMoveTask", `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo"}`)
	f.Add("ListMessageMoveTasks", `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","MaxResults":-1}`)
	f.Add("", `null`)
	f.Fuzz(func(t *testing.T, action, body string) {
		sim := &sqssim.Sim{Now: func() time.Time { return noon }}
		for _, q := range []sqssim.Queue{{Name: dead}, {Name: name, DeadLetters: dead, MaxReceives: 1}} {
			if err := sim.AddQueue(q); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := sim.Send(name, "there", "a", "0"); err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context()) // so that no receive waits
		cancel()
		r := httptest.NewRequestWithContext(gone, "POST", "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		if w.Code != 200 && (w.Header().Get("X-Amzn-Query-Error") == "" || answer["__type"] == nil || w.Code >= 500 && w.Code != 501) {
			t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
		}
		if left, err := sim.Peek(name); err != nil || action != "DeleteMessage" && action != "DeleteMessageBatch" && len(left) == 0 {
			t.Errorf("%s lost a message: %v", action, err)
		}
	})
}
