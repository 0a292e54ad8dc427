package gmailsim_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	gmail "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

const topic = "projects/contoso-mail/topics/gmail"

func (d *desk) startWatch(req *gmail.WatchRequest) *gmail.WatchResponse {
	d.Helper()
	req.TopicName = topic
	return must(d.users.Watch("me", req).Do())(d)
}

// collect makes the simulator deliver to a slice.
func (d *desk) collect() *[]uint64 {
	got := &[]uint64{}
	d.sim.Push.Func = func(_ context.Context, mailbox string, historyID uint64) error {
		if mailbox != box {
			d.Errorf("push for %s", mailbox)
		}
		*got = append(*got, historyID)
		return nil
	}
	return got
}

func (d *desk) deliver(want int) {
	d.Helper()
	if n, err := d.sim.Deliver(d.Context()); err != nil || n != want {
		d.Errorf("delivered %d, %v, want %d", n, err, want)
	}
}

func TestWatch(t *testing.T) {
	d := newDesk(t)
	d.receive("0@x", "before any watch")
	w := d.startWatch(&gmail.WatchRequest{})
	if w.HistoryId != d.historyID() || w.Expiration != start.Add(7*24*time.Hour).UnixMilli() {
		t.Errorf("watch %+v", w)
	}
	got := d.collect()
	d.deliver(1) // a successful watch notifies at once
	if (*got)[0] != w.HistoryId {
		t.Errorf("first push %v", *got)
	}
	_, err := d.users.Watch("me", &gmail.WatchRequest{TopicName: topic + "2"}).Do()
	d.refused(err, 400, "Only one user push notification client allowed per developer (call /stop then try again)")
	d.startWatch(&gmail.WatchRequest{}) // the same topic renews
	d.deliver(1)
	for _, bad := range []string{"", "gmail", "projects/p/topics/x"} {
		_, err := d.users.Watch("me", &gmail.WatchRequest{TopicName: bad}).Do()
		d.refused(err, 400, "topicName")
	}
	d.clock.Advance(time.Minute)
	d.ok(d.users.Stop("me").Do())
	d.receive("1@x", "after stop")
	d.deliver(0)
	must(d.users.Watch("me", &gmail.WatchRequest{TopicName: topic + "2"}).Do())(d)
	d.deliver(1)
	d.clock.Advance(7 * 24 * time.Hour)
	d.receive("2@x", "after a week")
	d.deliver(0)
	d.startWatch(&gmail.WatchRequest{}) // an expired watch blocks no other topic
}

func TestOnePushASecond(t *testing.T) {
	d := newDesk(t)
	d.startWatch(&gmail.WatchRequest{})
	got := d.collect()
	d.deliver(1)
	d.clock.Advance(time.Second)
	a := d.receive("a@x", "a")
	d.receive("b@x", "b")
	d.clock.Advance(999 * time.Millisecond)
	d.receive("c@x", "c")
	d.deliver(1)
	d.clock.Advance(time.Millisecond)
	since := d.historyID()
	must(d.users.Messages.Modify("me", a, &gmail.ModifyMessageRequest{AddLabelIds: []string{"STARRED"}}).Do())(d)
	d.deliver(1) // our own write echoes
	if s := d.sim.Stats().Push; s.Dropped != 2 || s.Queued != 3 || s.Delivered != 3 {
		t.Errorf("stats %+v", s)
	}
	if (*got)[2] != d.historyID() {
		t.Errorf("pushes %v", *got)
	}
	d.wantChanges(since, "labelAdded "+a+" STARRED")
}

func TestWatchFilter(t *testing.T) {
	for behaviour, want := range map[string]int{"include": 1, "exclude": 2} {
		t.Run(behaviour, func(t *testing.T) {
			d := newDesk(t)
			d.startWatch(&gmail.WatchRequest{LabelIds: []string{"STARRED"}, LabelFilterBehavior: behaviour})
			d.collect()
			d.deliver(1)
			d.clock.Advance(time.Minute)
			id := d.receive("a@x", "a")
			d.clock.Advance(time.Minute)
			d.ok(d.sim.AddLabel(box, id, "STARRED"))
			d.clock.Advance(time.Minute)
			d.receive("b@x", "b")
			d.deliver(want)
		})
	}
	d := newDesk(t)
	_, err := d.users.Watch("me", &gmail.WatchRequest{TopicName: topic, LabelIds: []string{"none"}}).Do()
	d.refused(err, 400, "Invalid label")
	d.refusedRaw("POST", "/gmail/v1/users/me/watch", `{"topicName":"`+topic+`","labelFilterBehavior":"x"}`, 400, "label_filter_behavior")
}

// endpoint is a push endpoint that keeps what it gets and answers with status.
type endpoint struct {
	status int
	header http.Header
	body   map[string]any
	data   string
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(b, &e.body)
	e.header = r.Header
	if m, ok := e.body["message"].(map[string]any); ok {
		e.data, _ = m["data"].(string)
	}
	w.WriteHeader(e.status)
}

func TestPushOverHTTP(t *testing.T) {
	d := newDesk(t)
	e := &endpoint{status: 204}
	d.sim.Push = gmailsim.Push{URL: "https://postroom.test/hooks/gmail", Client: &http.Client{Transport: &fault.Transport{Handler: e}}, Token: func() string { return "jwt" }}
	w := d.startWatch(&gmail.WatchRequest{})
	d.deliver(1)
	if e.header.Get("Authorization") != "Bearer jwt" || e.header.Get("Content-Type") != "application/json" || e.body["subscription"] != "projects/sim/subscriptions/postroom" {
		t.Errorf("request %v %v", e.header, e.body)
	}
	m := e.body["message"].(map[string]any)
	if m["messageId"] == "" || m["messageId"] != m["message_id"] || m["publishTime"] != "2026-11-03T09:00:00.000Z" {
		t.Errorf("message %v", m)
	}
	data, err := base64.StdEncoding.DecodeString(e.data)
	if want := fmt.Sprintf(`{"emailAddress":%q,"historyId":%d}`, box, w.HistoryId); err != nil || string(data) != want {
		t.Errorf("data %s, %v, want %s", data, err, want)
	}

	d.sim.Push.StringHistoryID, d.sim.Push.Base64URL, d.sim.Push.Subscription = true, true, "projects/p/subscriptions/s"
	e.status = 503
	d.clock.Advance(time.Minute)
	d.receive("a@x", "a")
	if n, err := d.sim.Deliver(t.Context()); n != 0 || err == nil {
		t.Errorf("a refusing endpoint: %d, %v", n, err)
	}
	first := e.body["message"].(map[string]any)["messageId"]
	e.status = 200
	d.deliver(1) // refused pushes come again, as the same message
	data, err = base64.URLEncoding.DecodeString(e.data)
	if want := fmt.Sprintf(`{"emailAddress":%q,"historyId":"%d"}`, box, d.historyID()); err != nil || string(data) != want || e.body["subscription"] != "projects/p/subscriptions/s" {
		t.Errorf("data %s, %v, want %s", data, err, want)
	}
	if again := e.body["message"].(map[string]any)["messageId"]; again != first {
		t.Errorf("redelivered as %v, was %v", again, first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.clock.Advance(time.Minute)
	d.receive("b@x", "b")
	if _, err := d.sim.Deliver(ctx); !errors.Is(err, context.Canceled) || d.sim.Stats().Push.Waiting != 1 {
		t.Errorf("cancelled: %v, %+v", err, d.sim.Stats().Push)
	}
}

func TestPushChances(t *testing.T) {
	d := newDesk(t)
	d.startWatch(&gmail.WatchRequest{})
	got := d.collect()
	d.deliver(1)
	*got = nil
	d.sim.Rand = rand.New(rand.NewPCG(7, 7))
	d.sim.Push.Loss, d.sim.Push.Duplicate, d.sim.Push.Reorder = 0.3, 0.3, true
	for i := range 100 {
		d.clock.Advance(time.Second)
		d.receive(fmt.Sprint(i, "@x"), fmt.Sprint(i))
	}
	if _, err := d.sim.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := d.sim.Stats().Push
	if s.Queued != 101 || s.Lost < 10 || s.Duplicated < 10 || len(*got) != 100-s.Lost+s.Duplicated {
		t.Errorf("stats %+v, got %d", s, len(*got))
	}
	backwards := 0
	for i := 1; i < len(*got); i++ {
		if (*got)[i] < (*got)[i-1] {
			backwards++
		}
	}
	if backwards < 10 {
		t.Errorf("only %d pushes out of order", backwards)
	}
}
