package gmailsim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Push is the Pub/Sub subscription behind every watch.
type Push struct {
	// Func takes the notifications instead of URL. It runs inside Deliver, outside of all locks.
	Func func(ctx context.Context, mailbox string, historyID uint64) error
	// URL gets the wrapped messages by POST through Client (nil is http.DefaultClient), with Token's result as
	// bearer token if set.
	URL    string
	Client *http.Client
	Token  func() string
	// Subscription is named in each message; "" is projects/sim/subscriptions/postroom.
	Subscription string
	// StringHistoryID writes historyId as the push guide shows it; by default it is a number, as captured.
	StringHistoryID bool
	// Base64URL encodes data as the push guide says; by default it is standard base64, as captured.
	Base64URL bool
	// Loss and Duplicate are chances per notification; Reorder shuffles what one Deliver sends.
	Loss, Duplicate float64
	Reorder         bool
}

// PushStats counts notifications since the start.
type PushStats struct {
	Queued, Dropped, Lost, Duplicated, Delivered, Refused, Waiting int
}

// notification is one message in the topic.
type notification struct {
	id        uint64
	mailbox   string
	historyID uint64
	at        time.Time
}

type pushQueue struct {
	mu      sync.Mutex
	waiting []notification
	stats   PushStats
	lastID  uint64
}

func (q *pushQueue) add(mailbox string, historyID uint64, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastID++
	q.stats.Queued++
	q.waiting = append(q.waiting, notification{7_500_000_000_000_000 + q.lastID, mailbox, historyID, at})
}

func (q *pushQueue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Dropped++
}

// take empties the queue and throws the dice for each notification.
func (q *pushQueue) take(p Push, random **rand.Rand) []notification {
	q.mu.Lock()
	defer q.mu.Unlock()
	if *random == nil {
		*random = rand.New(rand.NewPCG(1, 1))
	}
	r := *random
	var out []notification
	for _, n := range q.waiting {
		if p.Loss > 0 && r.Float64() < p.Loss {
			q.stats.Lost++
			continue
		}
		out = append(out, n)
		if p.Duplicate > 0 && r.Float64() < p.Duplicate {
			q.stats.Duplicated++
			out = append(out, n)
		}
	}
	if p.Reorder {
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	q.waiting = nil
	return out
}

func (q *pushQueue) settle(delivered int, refused []notification) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.Delivered += delivered
	q.stats.Refused += len(refused)
	q.waiting = append(refused, q.waiting...)
}

// Deliver sends the waiting notifications, one after the other. A refused one waits for the next Deliver, as
// Pub/Sub delivers at least once; err tells of the last refusal. Without Func and URL the notifications go
// nowhere.
func (s *Sim) Deliver(ctx context.Context) (sent int, err error) {
	list := s.pushes.take(s.Push, &s.Rand)
	var refused []notification
	for i, n := range list {
		if ctx.Err() != nil {
			refused, err = append(refused, list[i:]...), ctx.Err()
			break
		}
		if failed := s.deliver(ctx, n); failed != nil {
			refused, err = append(refused, n), failed
			continue
		}
		sent++
	}
	s.pushes.settle(sent, refused)
	if err != nil {
		err = fmt.Errorf("gmailsim: deliver %d of %d notifications: %w", sent, len(list), err)
	}
	return sent, err
}

// wirePush is the wrapped form of Pub/Sub push, with the doubled names of the real capture.
type wirePush struct {
	Message struct {
		Data         string `json:"data"`
		MessageID    string `json:"messageId"`
		MessageID2   string `json:"message_id"`
		PublishTime  string `json:"publishTime"`
		PublishTime2 string `json:"publish_time"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

func (s *Sim) deliver(ctx context.Context, n notification) error {
	p := s.Push
	if p.Func != nil {
		return p.Func(ctx, n.mailbox, n.historyID)
	}
	if p.URL == "" {
		return nil
	}
	body, err := p.wrap(n)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
	req.Header.Set("From", "noreply@google.com")
	if p.Token != nil {
		req.Header.Set("Authorization", "Bearer "+p.Token())
	}
	client := p.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	switch resp.StatusCode { // what Pub/Sub takes for an acknowledgement (push subscriptions guide)
	case 102, 200, 201, 202, 204:
		return nil
	}
	return errors.New("the endpoint answered " + resp.Status)
}

func (p Push) wrap(n notification) ([]byte, error) {
	var historyID any = n.historyID
	if p.StringHistoryID {
		historyID = strconv.FormatUint(n.historyID, 10)
	}
	data, err := json.Marshal(map[string]any{"emailAddress": n.mailbox, "historyId": historyID})
	if err != nil {
		return nil, err
	}
	encoding := base64.StdEncoding
	if p.Base64URL {
		encoding = base64.URLEncoding
	}
	var w wirePush
	w.Message.Data = encoding.EncodeToString(data)
	w.Message.MessageID = strconv.FormatUint(n.id, 10)
	w.Message.MessageID2 = w.Message.MessageID
	w.Message.PublishTime = n.at.UTC().Format("2006-01-02T15:04:05.000Z")
	w.Message.PublishTime2 = w.Message.PublishTime
	w.Subscription = p.Subscription
	if w.Subscription == "" {
		w.Subscription = "projects/sim/subscriptions/postroom"
	}
	return json.Marshal(w)
}
