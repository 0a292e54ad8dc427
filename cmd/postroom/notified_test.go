package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/functions/boot"
)

const notifiedManifest = `version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: UTC}
members:
  one: {name: Agent One, email: one@contoso.com}
mailboxes:
  support@contoso.com: {provider: m365, name: Support, agents: [one], leads: [one]}
`

// TestNotifiedServe: with a URL of its own, serve subscribes, answers the handshake, and reads a mailbox when it is told to.
func TestNotifiedServe(t *testing.T) {
	t.Parallel()
	const mailbox = "support@contoso.com"
	m, err := manifest.Parse("postroom.yaml", []byte(notifiedManifest))
	if err != nil {
		t.Fatal(err)
	}
	world, err := boot.Simulate(m, boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	world.Graph.Client = http.DefaultClient
	graph := httptest.NewServer(world.Graph)
	defer graph.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	free.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "postroom.yaml")
	if err := os.WriteFile(config, []byte(notifiedManifest), 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	env := map[string]string{"POSTROOM_URL": "http://" + listen, "POSTROOM_LISTEN": listen, "GOGC": "100"}
	var out, log bytes.Buffer
	code := -1
	var group sync.WaitGroup
	group.Go(func() {
		code = run([]string{"serve", "--config", config, "--data", filepath.Join(dir, "data"), "--poll", "1h", "--graph-url", graph.URL + "/v1.0"},
			&app{ctx: ctx, stdout: &out, stderr: &log, env: func(name string) string { return env[name] }, now: time.Now})
	})
	// waitFor looks until something is so. Nothing but a notification makes serve read within the hour.
	waitFor := func(what string, so func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !so(); <-time.After(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				stop()
				group.Wait()
				t.Fatalf("%s: not within 20 s\n%s", what, log.String())
			}
		}
	}
	marked := func(id string) func() bool {
		return func() bool {
			m, err := world.Graph.Message(mailbox, id)
			return err == nil && len(m.Categories) > 0
		}
	}
	receive := func(raw string) string {
		t.Helper()
		id, err := world.Graph.Receive(mailbox, []byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	waitFor("a subscription", func() bool { return len(world.Graph.Subscriptions()) == 1 })
	first := receive("From: a@example.com\r\nSubject: first\r\nMessage-ID: <1@example.com>\r\n\r\nhello\r\n")
	for _, id := range []string{first, receive("From: b@example.com\r\nSubject: second\r\nMessage-ID: <2@example.com>\r\n\r\nhello\r\n")} {
		waitFor("a mail that Graph tells of", func() bool {
			_, err := world.Graph.Deliver(ctx)
			return err == nil && marked(id)()
		})
	}
	resp, err := http.Post("http://"+listen+"/hooks/gmail", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a topic the Gmail hook answers %d", resp.StatusCode)
	}
	stop()
	group.Wait()
	if code != exitOK || out.Len() > 0 {
		t.Errorf("exit code %d, stdout %q\n%s", code, out.String(), log.String())
	}
}
