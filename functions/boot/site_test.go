package boot_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	cryptorand "crypto/rand"

	"github.com/coreos/go-oidc/v3/oidc"
	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/fault"
)

const (
	support = "support@contoso.com" // at Microsoft 365
	hello   = "hello@contoso.com"   // at Google

	siteURL      = "https://hooks.contoso.example"
	topic        = "projects/contoso-mail/topics/postroom"
	subscription = "projects/contoso-mail/subscriptions/postroom"
	account      = "push@contoso-mail.iam.gserviceaccount.com"

	poll, sweep = 30 * time.Second, 5 * time.Minute
)

// site is one deployment: the real hooks, queue, worker and clock between simulated tenants and state in memory. Its time
// only goes on when a test says so or a part of it sleeps.
type site struct {
	rapid.TB
	*boot.Simulation
	now       time.Time
	ctx       context.Context
	clients   boot.Clients
	mailboxes *boot.Mailboxes
	store     *memory.Store
	watches   *memory.Watches
	queue     *memory.Queue
	clock     *boot.Clock
	worker    *boot.Worker
	hooks     http.RoundTripper
	graphHook *web.Graph
	gmailHook *web.Gmail
	log       *journal
	synced    []syncing
	letters   int
}

// syncing is what a worker told of one batch.
type syncing struct {
	pipeline.Batch
	at  time.Time
	err error
}

// newSite is a site for the mailboxes of a manifest. The seed drives what the simulated world leaves to chance.
func newSite(t rapid.TB, text string, seed ...uint64) *site {
	t.Helper()
	s := &site{
		TB: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), ctx: context.Background(), log: &journal{},
		watches: &memory.Watches{}, queue: &memory.Queue{},
		store: &memory.Store{OnMisuse: func(err error) { t.Errorf("misuse: %v", err) }},
	}
	m := parse(t, text)
	var err error
	s.Simulation, err = boot.Simulate(m, boot.SimulationOptions{Now: s.time, Sleep: s.advance, Rand: rand.New(rand.NewPCG(1, append(seed, 2)[0]))})
	s.must(err)
	s.clients, err = s.Simulation.Clients(m)
	s.must(err)
	s.open(m)

	s.graphHook = &web.Graph{Watches: s.watches, Hints: s.queue, Now: s.time, Log: s.log.logger()}
	s.gmailHook = &web.Gmail{
		Keys: &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{&signer().PublicKey}}, Audience: siteURL + web.GmailPath, Account: account,
		Subscription: subscription, Mailbox: func(ctx context.Context, id inbox.MailboxID) (bool, error) { return s.mailboxes.Ours(ctx, id) },
		Hints: s.queue, Now: s.time, Log: s.log.logger(),
	}
	mux, err := web.Mux(s.graphHook, s.gmailHook)
	s.must(err)
	s.hooks = &fault.Transport{Handler: mux}
	s.Graph.Client = &http.Client{Transport: s.hooks}
	push := &s.Gmail.Push
	push.URL, push.Client, push.Subscription = siteURL+web.GmailPath, &http.Client{Transport: s.hooks}, subscription
	var token string
	var signed time.Time
	push.Token = func() string { // signing is slow, and Google too sends a token more than once
		if token == "" || s.now.Sub(signed) > 50*time.Minute {
			token, signed = s.token(nil), s.now
		}
		return token
	}
	return s
}

// open wires the mailboxes of a manifest, as a process does that starts with it.
func (s *site) open(m *manifest.Manifest) {
	s.Helper()
	var err error
	s.mailboxes, err = boot.Open(m, s.clients)
	s.must(err)
	s.clock = &boot.Clock{
		Mailboxes: s.mailboxes, Hints: s.queue, Watches: s.watches, Clients: s.clients, Now: s.time, Log: s.log.logger(),
		Poll: poll, Sweep: sweep, URL: siteURL, Topic: topic, Rand: rand.NewChaCha8([32]byte{7}),
	}
	s.worker = &boot.Worker{
		Queue: s.queue, Mailboxes: s.mailboxes, Now: s.time, Log: s.log.logger(),
		Pipeline: &pipeline.Pipeline{Store: s.store, Hints: s.queue, Mailboxes: s.mailboxes.Get, Now: s.time},
		Synced: func(b pipeline.Batch, _ pipeline.Report, err error) {
			s.synced = append(s.synced, syncing{b, s.now, err})
		},
	}
}

func (s *site) time() time.Time         { return s.now }
func (s *site) advance(d time.Duration) { s.now = s.now.Add(d) }

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// hint asks for a sync of a mailbox.
func (s *site) hint(id inbox.MailboxID) {
	s.Helper()
	s.must(s.queue.Enqueue(s.ctx, pipeline.Hint{Mailbox: id, Source: "test", At: s.now}))
}

// work lets the worker do all that is to be done now, and gives what it synced.
func (s *site) work() []syncing {
	s.Helper()
	s.synced = nil
	for range 100 {
		worked, err := s.worker.Step(s.ctx)
		s.must(err)
		if !worked {
			return s.synced
		}
	}
	s.Fatal("the queue never gets empty")
	return nil
}

// deliver brings the notifications that are under way to the hooks. What is refused waits for the next call.
func (s *site) deliver() {
	_, _ = s.Graph.Deliver(s.ctx)
	_, _ = s.Gmail.Deliver(s.ctx)
}

// hinted takes the hints that wait out of the queue: their sources by mailbox.
func (s *site) hinted() map[inbox.MailboxID][]string {
	s.Helper()
	out := map[inbox.MailboxID][]string{}
	for {
		b, ok, err := s.queue.Receive(s.ctx, s.now)
		s.must(err)
		if !ok {
			return out
		}
		for _, h := range b.Hints {
			out[b.Mailbox] = append(out[b.Mailbox], h.Source)
		}
		s.must(s.queue.Done(s.ctx, b))
	}
}

// post sends a request to the hooks, as anybody can, and gives the status of the answer.
func (s *site) post(path, token, body string) int {
	s.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, siteURL+path, strings.NewReader(body))
	s.must(err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.hooks.RoundTrip(req)
	s.must(err)
	s.must(resp.Body.Close())
	return resp.StatusCode
}

// push is the body of a Pub/Sub push about a mailbox.
func push(mailbox, subscription string) string {
	data := base64.StdEncoding.EncodeToString([]byte(`{"emailAddress":"` + mailbox + `","historyId":4711}`))
	return `{"message":{"data":"` + data + `","messageId":"1"},"subscription":"` + subscription + `"}`
}

// signer stands for Google's key.
var signer = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// token is what Google sends with a push now, with some claims changed.
func (s *site) token(changed map[string]any) string {
	s.Helper()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": siteURL + web.GmailPath, "sub": "113774264463038321964",
		"email": account, "email_verified": true, "iat": s.now.Add(-time.Minute).Unix(), "exp": s.now.Add(time.Hour).Unix(),
	}
	for name, value := range changed {
		claims[name] = value
	}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		s.must(err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	head := encode(map[string]any{"alg": "RS256", "kid": "key-1", "typ": "JWT"}) + "." + encode(claims)
	sum := sha256.Sum256([]byte(head))
	signature, err := rsa.SignPKCS1v15(nil, signer(), crypto.SHA256, sum[:])
	s.must(err)
	return head + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// journal is a log to be read back.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes one line, as slog's handlers write it.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines are those that hold all of these words.
func (j *journal) lines(words ...string) (out []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.b.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		out = append(out, line)
	}
	return out
}

func parse(t rapid.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse("postroom.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
