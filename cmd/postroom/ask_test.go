package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
)

// shortDir is a directory whose path leaves room for a socket's name, which t.TempDir's need not.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postroom")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// listen opens a socket in dir and answers there until the test ends or stop is called.
func listen(t *testing.T, dir string, a answers) (stop func()) {
	t.Helper()
	l, err := listenForQuestions(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var failure error
	done := make(chan struct{})
	go func() {
		failure = answerQuestions(ctx, l, a)
		close(done)
	}()
	stop = func() {
		cancel()
		<-done
		if failure != nil {
			t.Error(failure)
		}
	}
	t.Cleanup(stop)
	return stop
}

// longCase is a store with one conversation of n events.
func longCase(t *testing.T, n int) (pipeline.Store, inbox.Conversation) {
	t.Helper()
	c := inbox.Conversation{ID: "abc", Mailbox: "support@contoso.com"}
	var events []inbox.Event
	for i := range n {
		e := inbox.Event{Seq: int64(i + 1), At: began.Add(time.Duration(i) * time.Second), Kind: inbox.EventTagged, By: inbox.ByTeam, Tag: fmt.Sprint(i % 3)}
		if i == 0 {
			e.Kind, e.Mail = inbox.EventReceived, &inbox.Mail{Thread: "t", Direction: inbox.In, At: e.At, Subject: hostile}
		}
		c = c.With(e)
		events = append(events, e)
	}
	store := &memory.Store{OnMisuse: func(err error) { t.Error(err) }}
	if err := store.Commit(context.Background(), c.Mailbox, []pipeline.Unit{{Conversation: c, Events: events}}); err != nil {
		t.Fatal(err)
	}
	return store, c
}

// TestAskerSaysTheSame compares every answer through a socket with the same answer without one.
func TestAskerSaysTheSame(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store, c := longCase(t, 2*timelinePage+7)
	here := &records{store: store, mailboxes: []inbox.MailboxID{c.Mailbox, "idle@contoso.com"}, waiting: func(inbox.MailboxID) int { return 3 }}
	dir := shortDir(t)
	listen(t, dir, here)
	there, closer, err := openAnswers(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if _, ok := there.(*asker); !ok {
		t.Fatalf("%T answers, want whoever listens at the socket", there)
	}
	ask := func(a answers) (c inbox.Conversation, all []inbox.Event, s []standing) {
		t.Helper()
		c, err := a.conversation(ctx, "AB")
		if err != nil {
			t.Fatal(err)
		}
		if err := eachPage(ctx, a, c, func(page []inbox.Event) error { all = append(all, page...); return nil }); err != nil {
			t.Fatal(err)
		}
		if s, err = a.standings(ctx); err != nil {
			t.Fatal(err)
		}
		return c, all, s
	}
	c1, events1, s1 := ask(here)
	c2, events2, s2 := ask(there)
	if !reflect.DeepEqual(c1, c2) || !reflect.DeepEqual(events1, events2) {
		t.Error("the conversation or its timeline is another through the socket")
	}
	if len(events1) != 2*timelinePage+7 {
		t.Errorf("%d events, want all", len(events1))
	}
	if fmt.Sprint(s1) != fmt.Sprint(s2) || len(s1) != 2 || s1[0].Open != 1 || s1[0].Hints != 3 {
		t.Errorf("standings %v, through the socket %v", s1, s2)
	}
	_, err1 := here.conversation(ctx, "zz\u202e")
	_, err2 := there.conversation(ctx, "zz\u202e")
	if err1 == nil || err2 == nil || err1.Error() != err2.Error() {
		t.Errorf("an unknown name is told as %v, through the socket as %v", err1, err2)
	}
}

func TestQuestionsAreNarrow(t *testing.T) {
	t.Parallel()
	store, c := longCase(t, 1)
	h := questions(&records{store: store, mailboxes: []inbox.MailboxID{c.Mailbox}})
	for _, tt := range []struct {
		method, target string
		want           int
	}{
		{"GET", "/status", http.StatusOK},
		{"GET", "/conversation?named=abc", http.StatusOK},
		{"GET", "/conversation?named=x", http.StatusNotFound},
		{"GET", "/conversation", http.StatusNotFound},
		{"GET", "/timeline?mailbox=support@contoso.com&id=abc&after=0", http.StatusOK},
		{"GET", "/timeline?mailbox=other@contoso.com&id=abc&after=0", http.StatusNotFound},
		{"GET", "/timeline?mailbox=support@contoso.com&id=abc&after=x", http.StatusNotFound},
		{"POST", "/status", http.StatusMethodNotAllowed},
		{"GET", "/", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, nil))
		if w.Code != tt.want {
			t.Errorf("%s %s is answered %d %s, want %d", tt.method, tt.target, w.Code, w.Body, tt.want)
		}
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	path := filepath.Join(dir, socketName)
	// As a process leaves it that was killed.
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	store, _ := longCase(t, 1)
	stop := listen(t, dir, &records{store: store})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v, want it for its owner only", info.Mode(), err)
	}
	stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket outlives its server")
	}
}

func TestSocketNeverReplacesAFile(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	path := filepath.Join(dir, socketName)
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := listenForQuestions(dir); err == nil {
		l.Close()
		t.Error("a file was taken for a socket")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

// TestLongPath is a directory whose socket no system could open: serving says so, and the file can still be read.
func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if l, err := listenForQuestions(dir); err == nil {
		l.Close()
		t.Error("a socket was opened")
	} else if !strings.Contains(err.Error(), "a data directory with a shorter path") {
		t.Errorf("got %v, want what to do about it", err)
	}
	if _, _, err := openAnswers(context.Background(), dir, nil); err == nil || !strings.Contains(err.Error(), "postroom serve") {
		t.Errorf("got %v, want that there is no database yet", err)
	}
}
