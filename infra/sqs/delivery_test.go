package sqs_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/infra/sqs"
)

// record is one as Lambda gives it, received that often.
func record(id, group, body, received string) events.SQSMessage {
	return events.SQSMessage{
		MessageId: id, ReceiptHandle: "receipt of " + id, Body: body,
		Attributes: map[string]string{"MessageGroupId": group, "ApproximateReceiveCount": received},
	}
}

func body(mailbox string) string {
	return `{"mailbox":"` + mailbox + `","source":"graph","at":"2026-05-04T12:00:00Z"}`
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	got := sqs.Deliveries([]events.SQSMessage{
		record("1", "b@x", body("b@x"), "1"),
		record("2", "a@x", body("a@x"), "3"),
		record("3", "b@x", body("b@x"), "2"), // its tries are not the oldest's
		record("4", "b@x", "poison", "7"),
		record("5", "a@x", body("a@x"), "1"),
		record("6", "a@x", `{"mailbox":"c@x","source":"graph","at":"2026-05-04T12:00:00Z","reason":"of a later version"}`, "1"),
		record("7", "c@x", `{"mailbox":"c@x","source":"graph","at":"2026-05-04T12:00:00Z","reason":"of a later version"}`, ""),
	})
	type brief struct {
		mailbox  inbox.MailboxID
		messages string
		tries    int
		err      bool
	}
	var out []brief
	for _, d := range got {
		var ids []string
		for _, m := range d.Messages {
			ids = append(ids, m.ID)
			if m.Receipt != "receipt of "+m.ID {
				t.Errorf("message %s has %q", m.ID, m.Receipt)
			}
		}
		if d.Err == nil && (d.Batch.Receipt != ids[0] || len(d.Batch.Hints) != len(ids)) {
			t.Errorf("delivery %+v", d)
		}
		out = append(out, brief{d.Batch.Mailbox, strings.Join(ids, " "), d.Batch.Tries, d.Err != nil})
	}
	equal(t, "deliveries", out, []brief{
		{"b@x", "1 3", 0, false},
		{"a@x", "2 5", 2, false},
		{"", "4", 0, true},
		{"", "6", 0, true}, // of another group's mailbox
		{"c@x", "7", 0, false},
	})
}

func TestWhatIsNoHint(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":         "",
		"no object":     `"support@contoso.com"`,
		"null":          "null",
		"no mailbox":    `{"source":"graph","at":"2026-05-04T12:00:00Z"}`,
		"empty mailbox": body(""),
		"no time":       `{"mailbox":"a@x","at":"yesterday"}`,
		"wrong type":    `{"mailbox":["a@x"]}`,
		"cut off":       body("a@x")[:20],
		"two":           body("a@x") + body("a@x"),
		"not UTF-8":     "{\"mailbox\":\"\xff@x\",\"at\":\"2026-05-04T12:00:00Z\"}",
		"too long":      body(strings.Repeat("a", 17<<10)),
		"deep":          strings.Repeat("[", 12000),
		"a secret":      `{"mailbox":tok3n`,
	} {
		got := sqs.Deliveries([]events.SQSMessage{record("1", "", text, "1")})
		if len(got) != 1 || got[0].Err == nil || got[0].Batch.Mailbox != "" || len(got[0].Messages) != 1 {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if e := got[0].Err.Error(); !strings.Contains(e, `"1"`) || strings.Contains(e, "tok3n") {
			t.Errorf("%s: error %s, want one that names the message and quotes nothing of it", name, e)
		}
	}
}

// An event as "Using Lambda with Amazon SQS" shows it.
func TestDeliveriesOfACapturedEvent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var event events.SQSEvent
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatal(err)
	}
	got := sqs.Deliveries(event.Records)
	if len(got) != 1 || got[0].Err != nil || got[0].Batch.Mailbox != support || got[0].Batch.Tries != 1 {
		t.Fatalf("%+v", got)
	}
	equal(t, "sources", sources(got[0]), []string{"graph", "tick"})
	if m := got[0].Messages[0]; m.ID != "059f36b4-87a3-44ab-83d2-661975830a7d" || m.Receipt != "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a..." {
		t.Errorf("message %+v", m)
	}
}

// Whatever comes, each record is in exactly one delivery, in order, and none of them is taken for done by being left out.
func FuzzDeliveries(f *testing.F) {
	f.Add(body("a@x"), body("b@x"), body("a@x"), "a@x", "2")
	f.Add("", "null", `{"mailbox":1}`, "b@x", "-1")
	f.Add(body("ä@x"), "{\"mailbox\":\"\xff\"}", body("a@x")+"x", "", "999999999999999999999")
	f.Fuzz(func(t *testing.T, one, two, three, group, received string) {
		in := []events.SQSMessage{record("1", group, one, received), {MessageId: "2", Body: two}, record("3", group, three, received)}
		seen := map[string]bool{}
		boxes := map[inbox.MailboxID]bool{}
		for _, d := range sqs.Deliveries(in) {
			last := ""
			for _, m := range d.Messages {
				if seen[m.ID] || m.ID <= last {
					t.Errorf("message %s twice or out of order", m.ID)
				}
				seen[m.ID], last = true, m.ID
			}
			if d.Err != nil {
				if len(d.Messages) != 1 || d.Batch.Mailbox != "" || d.Batch.Hints != nil {
					t.Errorf("unreadable, but %+v", d)
				}
				continue
			}
			if boxes[d.Batch.Mailbox] || d.Batch.Mailbox == "" || len(d.Batch.Hints) != len(d.Messages) || d.Batch.Tries < 0 {
				t.Errorf("delivery %+v", d)
			}
			boxes[d.Batch.Mailbox] = true
			for _, h := range d.Batch.Hints {
				if h.Mailbox != d.Batch.Mailbox {
					t.Errorf("hint for %s in a delivery of %s", h.Mailbox, d.Batch.Mailbox)
				}
			}
		}
		if len(seen) != len(in) {
			t.Errorf("only %d of %d records delivered", len(seen), len(in))
		}
	})
}
