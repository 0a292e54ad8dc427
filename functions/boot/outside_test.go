package boot_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	refused = "ceo@contoso.com"     // at Microsoft 365, outside the app's scope
	allowed = "payroll@contoso.com" // at Microsoft 365, inside the scope by mistake
	private = "board@contoso.com"   // at Google, where domain-wide delegation reaches every mailbox
)

// town is a site whose tenants have more mailboxes than the manifest, with mail in them.
type town struct {
	*site
	minted map[inbox.MailboxID]bool // for whom a token was asked of Google
	before string                   // what the outsiders' mailboxes held
}

func newTown(t *testing.T) *town {
	tn := &town{site: newSite(t, twoMailboxes), minted: map[inbox.MailboxID]bool{}}
	for _, address := range []string{refused, allowed} {
		tn.must(tn.Graph.AddMailbox(graphsim.Mailbox{Address: address}))
	}
	tn.must(tn.Graph.RefuseMailbox(refused))
	tn.Gmail.AddMailbox(private)
	client, err := gmail.NewClient(gmail.Config{
		Endpoint: "http://gmail.simulated/", Transport: tn.GmailTrips, Mailboxes: []inbox.MailboxID{hello}, Now: tn.time,
		Tokens: func(id inbox.MailboxID) (oauth2.TokenSource, error) {
			tn.minted[id] = true
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(id)}), nil
		},
	})
	tn.must(err)
	tn.clients.Gmail = client
	tn.open(parse(t, twoMailboxes))
	letter := coretest.Letter{RFCID: "<secret@customer.example>", From: "ann@customer.example", Subject: "Not yours", At: tn.now}
	for _, address := range []string{refused, allowed} {
		_, err := tn.Graph.Receive(address, raw(letter, address))
		tn.must(err)
	}
	_, err = tn.Gmail.Receive(private, raw(letter, private))
	tn.must(err)
	tn.before = tn.outside()
	return tn
}

// outside is all that a reader or writer could have changed at the outsiders.
func (tn *town) outside() string {
	tn.Helper()
	var all []any
	for _, address := range []string{refused, allowed} {
		messages, err := tn.Graph.Messages(address)
		tn.must(err)
		categories, err := tn.Graph.Categories(address)
		tn.must(err)
		all = append(all, messages, categories)
	}
	messages, err := tn.Gmail.Messages(private)
	tn.must(err)
	labels, err := tn.Gmail.Labels(private)
	tn.must(err)
	return fmt.Sprintf("%+v", append(all, messages, labels))
}

// live lets the site live for a while, with mail coming in at the mailboxes of the manifest.
func (tn *town) live(d time.Duration) {
	for end := tn.now.Add(d); tn.now.Before(end); tn.advance(10 * time.Second) {
		tn.receive(support)
		tn.receive(hello)
		tn.tick()
		tn.deliver()
		tn.work()
	}
}

// untouched fails the test if anybody but the given mailboxes was asked for anything.
func (tn *town) untouched(ours ...inbox.MailboxID) {
	tn.Helper()
	for address, stats := range tn.Graph.Stats().Mailboxes {
		if !slices.Contains(ours, inbox.MailboxID(address)) && stats.Requests+stats.RoundTrips > 0 {
			tn.Errorf("Graph was asked for %s: %+v", address, stats)
		}
	}
	for address, stats := range tn.Gmail.Stats().Mailboxes {
		if !slices.Contains(ours, inbox.MailboxID(address)) && stats.Requests > 0 {
			tn.Errorf("Gmail was asked for %s: %+v", address, stats)
		}
	}
	for id := range tn.minted {
		if !slices.Contains(ours, id) {
			tn.Errorf("Google was asked for a token of %s", id)
		}
	}
	for _, sub := range tn.Graph.Subscriptions() {
		if !slices.Contains(ours, inbox.MailboxID(sub.Mailbox)) {
			tn.Errorf("%s is watched: %+v", sub.Mailbox, sub)
		}
	}
	if tn.outside() != tn.before {
		tn.Error("something has changed in a mailbox that is not ours")
	}
}

// TestOutsidersAreNeverAsked: in a day of work, whatever notifications say.
func TestOutsidersAreNeverAsked(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	outsiders := []string{refused, allowed, private, "SUPPORT@contoso.com.evil.example", "nobody@contoso.com"}
	forge := map[string]func(address string){
		"hints in the queue": func(address string) { tn.hint(inbox.MailboxID(address)) },
		"pushes that Google has signed": func(address string) {
			if got := tn.post(web.GmailPath, tn.token(nil), push(address, subscription)); got != http.StatusNoContent {
				t.Errorf("a push for %s was answered %d", address, got)
			}
		},
		"pushes of a stranger": func(address string) {
			if got := tn.post(web.GmailPath, "", push(address, subscription)); got != http.StatusUnauthorized {
				t.Errorf("an unsigned push for %s was answered %d", address, got)
			}
		},
		"notifications with our subscription": func(address string) { // the resource that an item names decides nothing
			for _, sub := range tn.Graph.Subscriptions() {
				tn.post(web.GraphPath, "", fmt.Sprintf(`{"value":[{"subscriptionId":%q,"clientState":%q,"changeType":"created",
					"resource":"Users/%s/Messages/AAMk","resourceData":{"id":"AAMk"}}]}`, sub.ID, sub.ClientState, address))
			}
		},
		"notifications with another one": func(address string) {
			tn.post(web.GraphPath, "", `{"value":[{"subscriptionId":"`+address+`","changeType":"created","resource":"Users/`+address+`/Messages/AAMk"}]}`)
		},
	}
	tn.live(time.Minute)
	for _, what := range slices.Sorted(maps.Keys(forge)) {
		for _, address := range outsiders {
			forge[what](address)
		}
		tn.live(20 * time.Second)
	}
	tn.live(16 * time.Minute) // what failed for good would be tried again after 15
	tn.untouched(support, hello)
	stats := tn.Graph.Stats().Mailboxes
	if stats[support].Requests == 0 || tn.Gmail.Stats().Mailboxes[hello].Requests == 0 || !tn.minted[hello] {
		t.Errorf("the mailboxes of the manifest were not worked: %v", stats)
	}
}

// TestAMailboxThatLeavesTheManifest is not asked any more after the start that follows, though its subscription goes on.
func TestAMailboxThatLeavesTheManifest(t *testing.T) {
	t.Parallel()
	for id, stays := range map[inbox.MailboxID]inbox.MailboxID{support: hello, hello: support} {
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			tn := newTown(t)
			tn.live(10 * time.Minute)
			var text strings.Builder
			for line := range strings.Lines(twoMailboxes) {
				if !strings.Contains(line, string(id)+":") {
					text.WriteString(line)
				}
			}
			tn.open(parse(t, text.String()))
			asked := func(id inbox.MailboxID) int {
				return tn.Graph.Stats().Mailboxes[string(id)].Requests + tn.Gmail.Stats().Mailboxes[string(id)].Requests
			}
			gone, other := asked(id), asked(stays)
			tn.live(20 * time.Minute)
			if n := asked(id) - gone; n > 0 {
				t.Errorf("%d requests for a mailbox that has left the manifest", n)
			}
			if asked(stays) == other {
				t.Error("the other mailbox is not worked any more")
			}
			if n := tn.queue.Waiting(); n > 0 {
				t.Errorf("%d mailboxes have hints that wait for ever", n)
			}
			// The subscription that Graph still has runs out, and is not renewed.
			tn.advance(8 * 24 * time.Hour)
			tn.live(time.Minute)
			for _, sub := range tn.Graph.Subscriptions() {
				if inbox.MailboxID(sub.Mailbox) == id {
					t.Errorf("it is watched still: %+v", sub)
				}
			}
		})
	}
}

// TestGoogleClientRefusesOutsiders: even a mistake in the wiring reaches no mailbox that is not on the client's list.
func TestGoogleClientRefusesOutsiders(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	_, err := tn.clients.Gmail.Mailbox(gmail.Options{Address: private})
	if permanent := (*pipeline.Permanent)(nil); !errors.As(err, &permanent) {
		t.Errorf("a mailbox outside the list is opened: %v", err)
	}
	tn.untouched(support, hello)
}

// TestSimulatedClientsKnowTheirOwnProvidersMailboxes: Google's list holds nothing of Microsoft's.
func TestSimulatedClientsKnowTheirOwnProvidersMailboxes(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoMailboxes)
	if _, err := s.clients.Gmail.Mailbox(gmail.Options{Address: support}); err == nil {
		t.Error("the client for Google may work a mailbox at Microsoft 365")
	}
	if _, err := s.clients.Gmail.Mailbox(gmail.Options{Address: hello}); err != nil {
		t.Error(err)
	}
}

// written is a store that counts what is written to it.
type written struct {
	memory.Store
	n int
}

func (w *written) SaveProgress(ctx context.Context, id inbox.MailboxID, p pipeline.Progress) error {
	w.n++
	return w.Store.SaveProgress(ctx, id, p)
}

func (w *written) Commit(ctx context.Context, id inbox.MailboxID, units []pipeline.Unit) error {
	w.n++
	return w.Store.Commit(ctx, id, units)
}

func (w *written) Settle(ctx context.Context, id inbox.MailboxID, keys []string, seen []inbox.Known) error {
	w.n++
	return w.Store.Settle(ctx, id, keys, seen)
}

func TestPipelineRefusesOutsiders(t *testing.T) {
	t.Parallel()
	for _, id := range []inbox.MailboxID{refused, allowed, private, "", "Support@Contoso.com", support + "\n"} {
		tn := newTown(t)
		store := &written{}
		p := &pipeline.Pipeline{Store: store, Hints: tn.queue, Mailboxes: tn.mailboxes.Get, Now: tn.time}
		_, errSync := p.Sync(tn.ctx, id)
		cmd := decide.Command{Verb: decide.Close, By: inbox.ByMember("one")}
		_, errCommand := p.Command(tn.ctx, id, inbox.NewConversationID(id, "thread", "message"), cmd)
		for what, err := range map[string]error{"Sync": errSync, "Command": errCommand} {
			if permanent := (*pipeline.Permanent)(nil); !errors.As(err, &permanent) || permanent.Fix == "" {
				t.Errorf("%s of %q: %v", what, id, err)
			}
		}
		if store.n > 0 || tn.queue.Waiting() > 0 {
			t.Errorf("%q: %d writes to the store, %d hints", id, store.n, tn.queue.Waiting())
		}
		if err := tn.mailboxes.Prepare(tn.ctx, id); err != nil {
			t.Errorf("Prepare of %q: %v", id, err)
		}
		tn.untouched()
	}
}
