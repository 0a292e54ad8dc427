package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
)

// One process has the database open at a time. While that is "serve", why, status and doctor put their questions to it through
// a socket beside the file, which only the user who runs it may use. The questions are GETs with JSON answers:
//
//	/conversation?named=WORDS                the conversation of that id, of a prefix of it, or of a message's id
//	/timeline?mailbox=M&id=ID&after=SEQ      a page of its events
//	/status                                  how each mailbox stands
//	/watches?mailbox=M                       the watches of a mailbox, without what proves a notification
//
// An answer that is no 200 is {"error": "…"}, in words for a person.

const socketName = "postroom.sock"

// maxSocketPath is the longest path, in bytes, that every Unix takes for a socket: 104 on macOS and 108 on Linux, less
// the byte that ends it.
const maxSocketPath = 103

// answers are the answers to the questions of why, status and doctor.
type answers interface {
	// conversation fails with an *unknown where words name none, or several.
	conversation(ctx context.Context, words string) (inbox.Conversation, error)
	// timeline gives the events after one, at most a page of them. An empty page ends the timeline.
	timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64) ([]inbox.Event, error)
	// standings are in the order of the manifest.
	standings(ctx context.Context) ([]standing, error)
	// watches leave out what proves a notification.
	watches(ctx context.Context, mailbox inbox.MailboxID) ([]pipeline.Watch, error)
}

// unknown says that a question names nothing that is there.
type unknown struct{ text string }

func (u *unknown) Error() string { return u.text }

// openAnswers finds who can answer for a data directory: the process that serves it, else the database itself. What it
// gives must be closed.
func openAnswers(ctx context.Context, dir string, mailboxes []inbox.MailboxID) (answers, io.Closer, error) {
	socket, err := socketPath(dir)
	if err == nil {
		c, err := dialAnswers(ctx, socket)
		if err == nil {
			return c, c, nil
		}
		// Without a socket, or with one that a killed process has left, the database is free to be read.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOTSOCK) {
			return nil, nil, fmt.Errorf("ask the process that serves %s: %w", dir, err)
		}
	}
	path := filepath.Join(dir, databaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no %s yet: name the directory that serve was given with --data, or run postroom serve first", path)
	} else if err != nil {
		return nil, nil, err
	}
	db, err := bolt.OpenToRead(path, bolt.Options{})
	if err != nil {
		// A process that was about to serve may have the file now, and can be asked.
		if socket != "" {
			if c, err := dialAnswers(ctx, socket); err == nil {
				return c, c, nil
			}
		}
		return nil, nil, err
	}
	return &records{store: db, watch: db, mailboxes: mailboxes, waiting: db.Waiting}, db, nil
}

// socketPath is the shorter one of the ways to write the socket's path.
func socketPath(dir string) (string, error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	here, err := os.Getwd()
	if err == nil {
		if shorter, err := filepath.Rel(here, path); err == nil && len(shorter) <= maxSocketPath {
			return shorter, nil
		}
	}
	return "", fmt.Errorf("the path of the socket %s is longer than the %d bytes that the system allows: use a data directory with a shorter path", path, maxSocketPath)
}

// asker puts the questions to a process that serves.
type asker struct{ http *http.Client }

var _ answers = (*asker)(nil)

// dialAnswers fails where nobody answers at the socket.
func dialAnswers(ctx context.Context, socket string) (*asker, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: 2 * time.Second}
		return d.DialContext(ctx, "unix", socket)
	}
	probe, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := probe.Close(); err != nil {
		return nil, err
	}
	return &asker{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}, nil
}

// Close lets go of the connection.
func (c *asker) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// maxAnswer bounds an answer in bytes, far above any page of events.
const maxAnswer = 64 << 20

func (c *asker) ask(ctx context.Context, path string, q url.Values, answer any) error {
	// The host is only there for the form of it; every connection goes to the socket.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://postroom"+path+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the process that serves: %w", err)
	}
	defer resp.Body.Close()
	body := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode != http.StatusOK {
		var r refusal
		if err := body.Decode(&r); err != nil || r.Error == "" {
			return fmt.Errorf("ask the process that serves: it answers %s", resp.Status)
		}
		return errors.New(r.Error)
	}
	if err := body.Decode(answer); err != nil {
		return fmt.Errorf("ask the process that serves: read its answer: %w", err)
	}
	return nil
}

func (c *asker) conversation(ctx context.Context, words string) (out inbox.Conversation, err error) {
	err = c.ask(ctx, "/conversation", url.Values{"named": {words}}, &out)
	return out, err
}

func (c *asker) timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64) (out []inbox.Event, err error) {
	q := url.Values{"mailbox": {string(mailbox)}, "id": {string(id)}, "after": {strconv.FormatInt(after, 10)}}
	err = c.ask(ctx, "/timeline", q, &out)
	return out, err
}

func (c *asker) standings(ctx context.Context) (out []standing, err error) {
	err = c.ask(ctx, "/status", nil, &out)
	return out, err
}

func (c *asker) watches(ctx context.Context, mailbox inbox.MailboxID) (out []pipeline.Watch, err error) {
	err = c.ask(ctx, "/watches", url.Values{"mailbox": {string(mailbox)}}, &out)
	return out, err
}
