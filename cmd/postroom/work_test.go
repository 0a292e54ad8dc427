package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
	"github.com/rogpeppe/go-internal/testscript"
)

// began is when the work in a script's mailboxes begins: Monday morning in Copenhagen, winter time.
var began = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// hostile is a subject that clears the screen, writes backwards, and pretends to be a line of ours.
const hostile = "Hi\x1b[2J\u202egnp.exe\u202c\r\n2026-03-02 09:00:00 CET  Postroom closed it \x07\u009b31m"

// work [N] fills postroom-data with what the mailbox support@contoso.com of postroom.yaml has seen on a day, and N quiet
// conversations beside it. It sets $refund, $hostile and $german to conversations and $message to a message's id.
func work(ts *testscript.TestScript, neg bool, args []string) {
	quiet := 0
	if len(args) > 0 {
		var err error
		quiet, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	m, err := readManifest(ts.MkAbs("postroom.yaml"))
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs("postroom-data"), 0o700))
	db, err := bolt.Open(filepath.Join(ts.MkAbs("postroom-data"), databaseName), bolt.Options{})
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	d := &day{ts: ts, now: began, mailbox: &memory.Provider{Address: "support@contoso.com"}}
	entry := m.Mailboxes()[0]
	d.pipeline = &pipeline.Pipeline{
		Store: db, Hints: db, Now: func() time.Time { return d.now },
		Mailboxes: func(id inbox.MailboxID) (pipeline.Mailbox, bool) {
			return pipeline.Mailbox{Policy: &entry.Policy, Provider: d.mailbox}, id == entry.Policy.Mailbox
		},
	}
	d.put(inbox.Message{From: inbox.Person{Address: "old@example.com"}, Subject: "Long ago", At: began.Add(-48 * time.Hour)}, inbox.Archive)
	d.sync()
	refund := d.receive("Jane Roe", "jane@example.com", "I want a refund")
	ugly := d.receive("Mallory\u202e", "mallory@example.com", hostile)
	german := d.receive("Jörg Groß", "joerg@example.com", "Größe ändern, bitte")
	for n := range quiet {
		d.receive("", fmt.Sprintf("customer%d@example.com", n), fmt.Sprintf("Question %d", n))
	}
	d.sync()
	d.mailbox.Answer(refund, inbox.Person{Address: "two@contoso.com"}, d.now)
	d.sync()
	d.mailbox.Put(inbox.Message{
		Direction: inbox.In, Unread: true, From: inbox.Person{Name: "Jane Roe", Address: "jane@example.com"}, Subject: "Re: I want a refund",
		InReplyTo: fmt.Sprintf("<%s@memory.invalid>", refund), At: d.now,
	}, inbox.Inbox)
	d.sync()
	d.mailbox.PutMarker(german, "Closed")
	d.sync()
	known, err := db.Known(context.Background(), entry.Policy.Mailbox, []inbox.MessageID{refund, ugly, german})
	ts.Check(err)
	ts.Setenv("refund", string(known[refund].Conversation))
	ts.Setenv("hostile", string(known[ugly].Conversation))
	ts.Setenv("german", string(known[german].Conversation))
	ts.Setenv("message", string(refund))
	ts.Check(db.Enqueue(context.Background(), pipeline.Hint{Mailbox: entry.Policy.Mailbox, Source: "sweep", At: d.now}))
}

// day is a day in a mailbox. Everything in it happens a minute after what was before.
type day struct {
	ts       *testscript.TestScript
	now      time.Time
	mailbox  *memory.Provider
	pipeline *pipeline.Pipeline
}

func (d *day) put(m inbox.Message, place inbox.Place) inbox.MessageID {
	m.Direction, m.To = inbox.In, []inbox.Person{{Address: "support@contoso.com"}}
	return d.mailbox.Put(m, place)
}

func (d *day) receive(name, address, subject string) inbox.MessageID {
	d.now = d.now.Add(time.Minute)
	return d.put(inbox.Message{From: inbox.Person{Name: name, Address: inbox.Address(address)}, Subject: subject, At: d.now, Unread: true}, inbox.Inbox)
}

func (d *day) sync() {
	d.now = d.now.Add(time.Minute)
	_, err := d.pipeline.Sync(context.Background(), "support@contoso.com")
	d.ts.Check(err)
	d.now = d.now.Add(time.Minute)
}

// answer opens postroom-data as serve does, and answers questions until the script ends.
func answer(ts *testscript.TestScript, neg bool, args []string) {
	m, err := readManifest(ts.MkAbs("postroom.yaml"))
	ts.Check(err)
	data := ts.MkAbs("postroom-data")
	db, err := bolt.Open(filepath.Join(data, databaseName), bolt.Options{})
	ts.Check(err)
	l, err := listenForQuestions(data)
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- answerQuestions(ctx, l, &records{store: db, watch: db, mailboxes: mailboxIDs(m), waiting: db.Waiting})
	}()
	ts.Defer(func() {
		stop()
		ts.Check(<-done)
		ts.Check(db.Close())
	})
}

// crash leaves a socket in postroom-data that nobody listens at.
func crash(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("unix", filepath.Join(ts.MkAbs("postroom-data"), socketName))
	ts.Check(err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	ts.Check(l.Close())
}

// plain fails if stdout or stderr of the last command has anything that a terminal acts on.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range []string{"stdout", "stderr"} {
		for _, r := range strings.ReplaceAll(ts.ReadFile(file), "\n", "") {
			if !inert(r) {
				ts.Fatalf("%s has %U", file, r)
			}
		}
	}
}

// isJSON fails unless stdout of the last command is one JSON value.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if out := ts.ReadFile("stdout"); !json.Valid([]byte(out)) {
		ts.Fatalf("not JSON: %s", out)
	}
}
