package local_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/infra/sqs/sqssim"
	"github.com/postroom/postroom/providers/fault"
)

// watched is a site whose mailboxes tick has taken up and sync has read for the first time.
func watched(t testing.TB, text string) *site {
	t.Helper()
	s := newSite(t, text)
	s.minute()
	s.deliver() // Gmail tells of a new watch at once
	s.settle(2)
	s.clock.advance(5 * time.Second)
	return s
}

// TestWholePath goes the whole way with the real binaries: tick has the mailboxes watched, for which our own hook must pass
// the handshake; a notification of each vendor comes in over HTTP; in the end there is a category and a label.
func TestWholePath(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	subscriptions := s.Graph.Subscriptions()
	if len(subscriptions) != 1 || subscriptions[0].NotificationURL != s.url+web.GraphPath {
		t.Fatalf("tick made the subscriptions %+v\n%s", subscriptions, s.tick.Log.String())
	}
	mail := map[inbox.MailboxID][]inbox.MessageID{}
	for n, front := range []local.Front{{}, {REST: true}, {Base64: true}} {
		s.front.set(&front)
		for _, id := range []inbox.MailboxID{support, hello} {
			mail[id] = append(mail[id], s.receive(id, letter(n)))
		}
		s.deliver()
		if waiting := s.waiting(hints); waiting < 2 {
			t.Fatalf("after the notifications %d hints are in the queue\n%s", waiting, s.ingest.Log.String())
		}
		s.settle(2)
		s.clock.advance(5 * time.Second)
		for id, list := range mail {
			if m := list[n]; !s.marked(id, m) {
				markers, _ := s.markers(id, m)
				t.Errorf("mail %d of %s carries %v\n%s", n, id, markers, s.sync.Log.String())
			}
		}
	}
	s.settled(mail)
	for _, f := range []*local.Function{s.ingest, s.sync, s.tick} {
		for _, private := range []string{"@example.com", "Question", "Customer Number"} {
			if lines := f.Log.Lines(private); lines != nil {
				t.Errorf("%s logs what is a customer's: %s", f.Name, lines[0])
			}
		}
		if lines := f.Log.Lines(`"level":"ERROR"`); lines != nil {
			t.Errorf("%s logs errors: %s", f.Name, lines[0])
		}
	}
}

// TestLostNotification lets a mail come in that nobody is told of. The sweep finds it, also when ticks were missed.
func TestLostNotification(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	mail := map[inbox.MailboxID][]inbox.MessageID{support: {s.receive(support, letter(1))}, hello: {s.receive(hello, letter(2))}}
	s.missed(20 * time.Minute)
	s.minute()
	s.settle(2)
	for id, list := range mail {
		if !s.marked(id, list[0]) {
			t.Errorf("the sweep of %s did not find its mail\n%s", id, s.tick.Log.String())
		}
	}
	s.settled(mail)
}

// missed lets tick believe that its last run was so long ago.
func (s *site) missed(d time.Duration) {
	s.Helper()
	value, version, err := s.table.Record(s.Context(), "tick")
	s.must(err)
	var state map[string]any
	s.must(json.Unmarshal(value, &state))
	state["last"] = time.Now().UTC().Add(-d)
	value, err = json.Marshal(state)
	s.must(err)
	s.must(s.table.SaveRecord(s.Context(), "tick", value, version))
}

// TestInitFailure takes one variable away from each function. Lambda shows the reason, and it names what to set.
func TestInitFailureOfOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoMailboxes)
	for _, tt := range []struct {
		f             *local.Function
		variable, set string
		want          string
	}{
		{s.ingest, "POSTROOM_TABLE", "", "POSTROOM_TABLE is not set"},
		{s.sync, "POSTROOM_QUEUE", "https://sqs.us-east-1.amazonaws.com/1/standard", "POSTROOM_QUEUE: write the URL of the FIFO queue"},
		{s.tick, "POSTROOM_MANIFEST", "", "POSTROOM_MANIFEST is not set"},
	} {
		f := &local.Function{Name: tt.f.Name, Binary: tt.f.Binary, Env: maps.Clone(tt.f.Env)}
		t.Cleanup(f.Close)
		f.Env[tt.variable] = tt.set
		_, err := f.Invoke(t.Context(), []byte(`{}`))
		failed := (*local.FunctionError)(nil)
		if !errors.As(err, &failed) || !strings.Contains(failed.Message, tt.want) {
			t.Errorf("%s without %s fails with %v, want %s", tt.f.Name, tt.variable, err, tt.want)
		}
		if lines := f.Log.Lines(tt.want); len(lines) == 0 {
			t.Errorf("%s without %s logs\n%s", tt.f.Name, tt.variable, f.Log.String())
		}
	}
}

// TestRubbish hands what is no event of theirs to the functions. They say so, and take the next event.
func TestRubbish(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoMailboxes)
	for _, f := range []*local.Function{s.ingest, s.sync} {
		for _, event := range []string{`[]`, `"x"`, `{"Records":7,"version":7}`} {
			if got, err := f.Invoke(t.Context(), []byte(event)); err == nil {
				t.Errorf("%s answers %s with %s", f.Name, event, got.Payload)
			}
		}
		if n := len(f.Inits()); n != 1 {
			t.Errorf("%s was started %d times", f.Name, n)
		}
	}
}

// TestPanic lets a function panic with a batch in its hands: the batch comes back, and a new process works it.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	mail := map[inbox.MailboxID][]inbox.MessageID{support: {s.receive(support, letter(1))}}
	s.deliver()
	waiting := s.waiting(hints)
	s.mapping.Function = played(t, &local.Function{})
	s.sync.Kill()
	order := map[string]string{"PLAYED_ALWAYS": "panic"}
	s.mapping.Function.Env = order
	if _, err := s.mapping.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.mapping.Stats().Failures == 0 || s.waiting(hints) != waiting {
		t.Fatalf("after a panic %d of %d messages are there", s.waiting(hints), waiting)
	}
	s.mapping.Function = s.sync
	s.clock.advance(visibility)
	s.settle(1)
	s.settled(mail)
}

// TestDeadline gives sync so little time that a listing takes several invocations. Each goes on where the last one had come
// to. A request that the last one was cut off from may be under way still, and the provider refuse one more until it is
// over; being cut off is no failure itself.
func TestDeadline(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoMailboxes)
	mail := map[inbox.MailboxID][]inbox.MessageID{}
	for n := range 200 {
		mail[support] = append(mail[support], s.receive(support, letter(n)))
	}
	s.GraphDial.Latency = 200 * time.Millisecond
	s.sync.Timeout = 12500 * time.Millisecond // sync stops ten seconds before
	s.hint(support)
	s.settle(1)
	continued, failed := len(s.sync.Log.Lines("to be continued")), len(s.sync.Log.Lines("sync failed"))
	if throttled := len(s.sync.Log.Lines("sync failed", "throttled")); continued == 0 || failed > throttled {
		t.Errorf("continued %d times, failed %d times, %d of them throttled\n%s", continued, failed, throttled, s.sync.Log.String())
	}
	s.settled(mail)
}

// TestPoison has a mailbox that always fails beside one that does not. It holds up only itself, goes to the dead-letter
// queue in the end, and is worked once it is mended and the messages have been moved back.
func TestPoison(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	s.GraphDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "/users/"})
	s.GraphDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "$batch"})
	mail := map[inbox.MailboxID][]inbox.MessageID{support: {s.receive(support, letter(1))}, hello: {s.receive(hello, letter(2))}}
	s.deliver()
	if _, err := s.mapping.Step(t.Context()); err != nil { // one batch with both
		t.Fatal(err)
	}
	if st := s.mapping.Stats(); st.Failures == 0 {
		t.Fatalf("nothing failed: %+v", st)
	}
	if !s.marked(hello, mail[hello][0]) {
		t.Errorf("the mailbox beside the one that fails was not worked\n%s", s.sync.Log.String())
	}
	for range maxReceives + 1 {
		s.clock.advance(15 * time.Minute)
		s.work(1)
	}
	if s.waiting(hints) != 0 || s.waiting(deadLetters) == 0 {
		t.Fatalf("%d hints are in the queue and %d in the dead-letter queue", s.waiting(hints), s.waiting(deadLetters))
	}
	if lines := s.sync.Log.Lines("sync failed", support); len(lines) < maxReceives {
		t.Errorf("the log has %d lines of the failures", len(lines))
	}

	s.GraphDial.Clear()
	_, err := s.mapping.Client.StartMessageMoveTask(t.Context(), &awssqs.StartMessageMoveTaskInput{SourceArn: aws.String(sqssim.ARN(deadLetters))})
	s.must(err)
	s.settle(1)
	s.settled(mail)
}

// TestStranger puts into the queue what is no hint. It ends in the dead-letter queue and holds up nobody.
func TestStranger(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	for i, body := range []string{"not JSON", `{"mailbox":""}`, `{"mailbox":"` + support + `"}`} {
		_, err := s.mapping.Client.SendMessage(t.Context(), &awssqs.SendMessageInput{
			QueueUrl: &s.mapping.URL, MessageBody: &body, MessageGroupId: aws.String("stranger"), MessageDeduplicationId: aws.String(strings.Repeat("x", i+1)),
		})
		s.must(err)
	}
	for range maxReceives + 1 {
		s.clock.advance(15 * time.Minute)
		s.work(1)
	}
	if s.waiting(hints) != 0 || s.waiting(deadLetters) != 3 {
		t.Errorf("%d messages are in the queue and %d in the dead-letter queue", s.waiting(hints), s.waiting(deadLetters))
	}
}

// TestForged posts what anybody can post. Nothing of it becomes a hint.
func TestForged(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	for _, tt := range []struct {
		path, authorization, body string
		want                      int
	}{
		{web.GraphPath, "", `{"value":[{"subscriptionId":"` + s.Graph.Subscriptions()[0].ID + `","clientState":"guess","changeType":"created"}]}`, http.StatusAccepted},
		{web.GraphPath, "", `nothing`, http.StatusBadRequest},
		{web.GmailPath, "", `{}`, http.StatusUnauthorized},
		{web.GmailPath, "Bearer " + token("https://elsewhere.example"), `{}`, http.StatusUnauthorized},
		{"/elsewhere", "", ``, http.StatusNotFound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+tt.path, strings.NewReader(tt.body))
		s.must(err)
		req.Header.Set("Content-Type", "application/json")
		if tt.authorization != "" {
			req.Header.Set("Authorization", tt.authorization)
		}
		resp, err := http.DefaultClient.Do(req)
		s.must(err)
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s with %s is answered %d, want %d", tt.path, tt.body, resp.StatusCode, tt.want)
		}
	}
	if n := s.waiting(hints); n != 0 {
		t.Errorf("%d hints came of it", n)
	}
}
