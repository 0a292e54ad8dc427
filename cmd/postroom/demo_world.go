package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/fault"
)

// Where the simulated vendors reach the demo's hooks, and the names of Google's side of it.
const (
	demoURL          = "http://postroom.simulated"
	demoTopic        = "projects/contoso-demo/topics/gmail"
	demoSubscription = "projects/contoso-demo/subscriptions/postroom"
	demoPushAccount  = "push@contoso-demo.iam.gserviceaccount.com"
)

// demoSweep is how often a mailbox is read without a notification, in the demo's time.
const demoSweep = 15 * time.Minute

// toldStore tells of every commit.
type toldStore struct {
	*memory.Store
	told func(inbox.MailboxID, []pipeline.Unit)
}

func (s *toldStore) Commit(ctx context.Context, mailbox inbox.MailboxID, units []pipeline.Unit) error {
	if err := s.Store.Commit(ctx, mailbox, units); err != nil {
		return err
	}
	s.told(mailbox, units)
	return nil
}

// demoBox is one mailbox of the demo.
type demoBox struct {
	id       inbox.MailboxID
	provider manifest.Provider
	name     string
	short    string // what the story calls it
	policy   decide.Policy

	delivered int // mails put into it from outside
	// arrived holds, for every mail whose markers are not known to be set, when it arrived by the machine's clock.
	arrived map[inbox.MessageID]time.Time
}

// member finds a member of the mailbox.
func (b *demoBox) member(id inbox.MemberID) (decide.Member, bool) {
	for _, m := range b.policy.Members {
		if m.ID == id {
			return m, true
		}
	}
	return decide.Member{}, false
}

// demoWorld is the whole product in one process: both vendors simulated, their notifications delivered to the hooks,
// the hooks' hints in a queue, and a worker on it. It is used by one goroutine.
type demoWorld struct {
	manifest  *manifest.Manifest
	sim       *boot.Simulation
	clock     *clock.Clock
	store     *toldStore
	queue     *memory.Queue
	mailboxes *boot.Mailboxes
	worker    *boot.Worker
	ticker    *boot.Clock
	graphHook *web.Graph
	gmailHook *web.Gmail

	boxes   []*demoBox
	wall    func() time.Time // the machine's clock, for latencies
	latency []time.Duration
	failed  error // of the last sync that failed
}

// newDemoWorld builds the world. The mailboxes are empty and nothing has been read yet.
func newDemoWorld(m *manifest.Manifest, start time.Time, wall func() time.Time, log io.Writer) (*demoWorld, error) {
	w := &demoWorld{manifest: m, clock: clock.At(start), queue: &memory.Queue{}, wall: wall}
	w.store = &toldStore{Store: &memory.Store{}, told: func(inbox.MailboxID, []pipeline.Unit) {}}
	options := boot.SimulationOptions{Now: w.clock.Now, Sleep: w.clock.Advance}
	var err error
	if w.sim, err = boot.Simulate(m, options); err != nil {
		return nil, err
	}
	clients, err := w.sim.Clients(m)
	if err != nil {
		return nil, err
	}
	if w.mailboxes, err = boot.Open(m, clients); err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.worker = &boot.Worker{
		Queue: w.queue, Mailboxes: w.mailboxes, Now: w.clock.Now, Log: logger, Synced: w.synced,
		Pipeline: &pipeline.Pipeline{Store: w.store, Hints: w.queue, Mailboxes: w.mailboxes.Get, Now: w.clock.Now},
	}
	watches := &memory.Watches{}
	w.ticker = &boot.Clock{
		Mailboxes: w.mailboxes, Hints: w.queue, Watches: watches, Clients: clients, Now: w.clock.Now, Log: logger,
		Sweep: demoSweep, URL: demoURL, Topic: demoTopic, Rand: rand.Reader,
	}
	if err := w.mount(watches, logger); err != nil {
		return nil, err
	}
	for _, mb := range m.Mailboxes() {
		id := mb.Policy.Mailbox
		short, _, _ := strings.Cut(string(id), "@")
		w.boxes = append(w.boxes, &demoBox{
			id: id, provider: mb.Provider, name: mb.Name, short: short, policy: mb.Policy, arrived: map[inbox.MessageID]time.Time{},
		})
	}
	return w, nil
}

// mount puts the hooks where the vendors' notifications go.
func (w *demoWorld) mount(watches pipeline.Watches, log *slog.Logger) error {
	signer, err := newDemoSigner(w.clock.Now)
	if err != nil {
		return err
	}
	w.graphHook = &web.Graph{Watches: watches, Hints: w.queue, Now: w.clock.Now, Log: log}
	w.gmailHook = &web.Gmail{
		Keys: signer.keys(), Audience: demoURL + web.GmailPath, Account: demoPushAccount, Subscription: demoSubscription,
		Mailbox: w.mailboxes.Ours, Hints: w.queue, Now: w.clock.Now, Log: log,
	}
	mux, err := web.Mux(w.graphHook, w.gmailHook)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &fault.Transport{Handler: mux}}
	w.sim.Graph.Client = client
	w.sim.Gmail.Push.URL, w.sim.Gmail.Push.Client = demoURL+web.GmailPath, client
	w.sim.Gmail.Push.Subscription, w.sim.Gmail.Push.Token = demoSubscription, signer.token
	return nil
}

func (w *demoWorld) box(id inbox.MailboxID) *demoBox {
	for _, b := range w.boxes {
		if b.id == id {
			return b
		}
	}
	return nil
}

// at gives the first mailbox at a provider.
func (w *demoWorld) at(p manifest.Provider) *demoBox {
	for _, b := range w.boxes {
		if b.provider == p {
			return b
		}
	}
	return nil
}

// deliver puts a mail into a mailbox, as it comes in from outside now.
func (w *demoWorld) deliver(b *demoBox, raw []byte) (inbox.MessageID, error) {
	arrived := w.wall()
	var id string
	var err error
	if b.provider == manifest.M365 {
		id, err = w.sim.Graph.Receive(string(b.id), raw)
	} else {
		id, err = w.sim.Gmail.Receive(string(b.id), raw)
	}
	if err != nil {
		return "", err
	}
	b.delivered++
	b.arrived[inbox.MessageID(id)] = arrived
	return inbox.MessageID(id), nil
}

// deliverOld puts a mail into a mailbox as it was there before Postroom, read.
func (w *demoWorld) deliverOld(b *demoBox, raw []byte, at time.Time) error {
	b.delivered++
	var err error
	if b.provider == manifest.M365 {
		_, err = w.sim.Graph.ReceiveAt(string(b.id), "inbox", raw, at, true)
	} else {
		_, err = w.sim.Gmail.ReceiveAt(string(b.id), raw, at, "INBOX")
	}
	return err
}

// maxStalls bounds how often settle moves the clock on for a mailbox that keeps failing.
const maxStalls = 60

// settle lets everything that has happened take its way: notifications to the hooks, hints through the queue, syncs.
// It returns when all is quiet, and fails when a mailbox does not come right.
func (w *demoWorld) settle(ctx context.Context) error {
	for stalls := 0; ; {
		graph, err1 := w.sim.Graph.Deliver(ctx)
		gmail, err2 := w.sim.Gmail.Deliver(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		worked := false
		for {
			one, err := w.worker.Step(ctx)
			if err != nil {
				return err
			}
			if !one {
				break
			}
			worked = true
		}
		switch {
		case worked || graph+gmail > 0:
		case w.queue.Waiting() == 0:
			return nil
		case stalls == maxStalls:
			return fmt.Errorf("a mailbox does not come right: %w", w.failed)
		default: // a failed sync waits for its time
			stalls++
			w.clock.Advance(time.Minute)
		}
	}
}

// tick is what EventBridge or the server's ticker does each minute.
func (w *demoWorld) tick(ctx context.Context) { w.ticker.Tick(ctx) }

// synced notes which mails have all their markers now.
func (w *demoWorld) synced(batch pipeline.Batch, _ pipeline.Report, err error) {
	b := w.box(batch.Mailbox)
	if err != nil {
		w.failed = err
		return
	}
	if len(b.arrived) == 0 {
		return
	}
	now, ctx := w.wall(), context.Background()
	ids := make([]inbox.MessageID, 0, len(b.arrived))
	for id := range b.arrived {
		ids = append(ids, id)
	}
	known, err := w.store.Known(ctx, b.id, ids)
	if err != nil {
		return
	}
	for id, k := range known {
		conversations, err := w.store.Conversations(ctx, b.id, []inbox.ConversationID{k.Conversation})
		if err != nil {
			return
		}
		if add, remove := b.policy.Difference(k.State.Markers, b.policy.Shown(conversations[k.Conversation])); len(add)+len(remove) == 0 {
			w.latency = append(w.latency, now.Sub(b.arrived[id]))
			delete(b.arrived, id)
		}
	}
}
