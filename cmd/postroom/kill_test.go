package main_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/bolt"
)

// program builds the program once for all tests that run it as a process of its own.
var program = sync.OnceValues(func() (string, error) {
	name := filepath.Join(os.Getenv("POSTROOM_BUILD_DIR"), "postroom") // TestMain removes it
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %v\n%s", err, out)
	}
	return name, nil
})

// serving starts "postroom serve" as a process of its own, again and again on the same data, against simulators in this one.
type serving struct {
	t        *testing.T
	args     []string
	database string // the file with its state
	output   io.Writer
}

func serveOn(t *testing.T, world *boot.Simulation, config, poll string, output io.Writer) *serving {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	graph, google := httptest.NewServer(world.Graph), httptest.NewServer(world.Gmail)
	t.Cleanup(graph.Close)
	t.Cleanup(google.Close)
	dir := t.TempDir()
	file, data := filepath.Join(dir, "postroom.yaml"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return &serving{t: t, output: output, database: filepath.Join(data, "postroom.db"), args: []string{
		binary, "serve", "--config", file, "--data", data, "--poll", poll, "--graph-url", graph.URL + "/v1.0", "--gmail-url", google.URL,
	}}
}

// process starts one.
func (s *serving) process() *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

const killedManifest = `
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}
members:
  one: {name: Anna Berg, email: anna@contoso.com}
  two: {name: Bo Dahl, email: bo@contoso.com}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [one, two], leads: [one], assign: {strategy: least-loaded}, backlog: triage unread}
  hello@contoso.com: {provider: gmail, name: Hello, agents: [one, two], leads: [two], assign: {strategy: round-robin}, backlog: triage unread}
`

// TestKilledServe kills the real program with SIGKILL again and again while mail comes in and people work, and starts it
// again on the same file. In the end every message must be in one conversation, once, with the right markers.
func TestKilledServe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program many times")
	}
	m, err := manifest.Parse("postroom.yaml", []byte(killedManifest))
	if err != nil {
		t.Fatal(err)
	}
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	start := serveOn(t, world, killedManifest, "50ms", &log)
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 0
	for range 25 {
		cmd := start.process()
		for range 3 {
			n++
			deliver(t, world, n)
			<-time.After(time.Duration(rnd.IntN(60)) * time.Millisecond) // real processes race with real time
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // killed
	}
	cmd := start.process()
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	deadline := time.Now().Add(60 * time.Second)
	for !settled(world) {
		if time.Now().After(deadline) {
			t.Fatalf("not every mail is marked after a minute\n%s", log.String())
		}
		<-time.After(50 * time.Millisecond)
	}
	// Whoever holds the file now must let go before it is read.
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("interrupted, it ended with %v\n%s", err, log.String())
	}
	db, err := bolt.Open(start.database, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := messagesOnce(t, db, m); got != n*2 {
		t.Errorf("%d messages in conversations, %d delivered", got, n*2)
	}
}

// deliver lets the nth mail come in at both mailboxes.
func deliver(t *testing.T, world *boot.Simulation, n int) {
	t.Helper()
	raw := fmt.Appendf(nil, "From: c%d@example.com\r\nTo: support@contoso.com\r\nSubject: Question %d\r\nMessage-ID: <%d@example.com>\r\n\r\nHello\r\n", n, n, n)
	if _, err := world.Graph.Receive("support@contoso.com", raw); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Gmail.Receive("hello@contoso.com", raw); err != nil {
		t.Fatal(err)
	}
}

// settled reports whether every received mail carries just one member's marker.
func settled(world *boot.Simulation) bool {
	graph, err := world.Graph.Messages("support@contoso.com")
	if err != nil {
		return false
	}
	for _, m := range graph {
		if len(m.Categories) != 1 {
			return false
		}
	}
	google, err := world.Gmail.Messages("hello@contoso.com")
	if err != nil {
		return false
	}
	for _, m := range google {
		if !slices.ContainsFunc(m.Labels, func(l string) bool { return l[0] == '@' }) {
			return false
		}
	}
	return true
}

// messagesOnce counts the messages of all conversations and holds each to one conversation, one arrival and one assignment.
func messagesOnce(t *testing.T, db *bolt.DB, m *manifest.Manifest) int {
	t.Helper()
	seen := map[inbox.MessageID]bool{}
	for _, mb := range m.Mailboxes() {
		id := mb.Policy.Mailbox
		list, err := db.List(t.Context(), id, "", 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			messages, err := db.Messages(t.Context(), id, c.ID, "", 10_000)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range messages {
				if seen[k.ID] {
					t.Errorf("message %s is in two conversations", k.ID)
				}
				seen[k.ID] = true
			}
			events, err := db.Timeline(t.Context(), id, c.ID, 0, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			count := map[inbox.EventKind]int{}
			for _, e := range events {
				count[e.Kind]++
			}
			if count[inbox.EventReceived] != 1 || count[inbox.EventAssigned] != 1 || len(events) > 3 {
				t.Errorf("conversation %s: %v", c.ID, count)
			}
		}
		if actions, err := db.Pending(t.Context(), id, 0); err != nil || len(actions) > 0 {
			t.Errorf("%s: still pending %v %v", id, actions, err)
		}
	}
	return len(seen)
}
