package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// listenForQuestions opens the socket of a data directory. Only the process that has the database open may call it, so a
// socket that is there already was left by one that was killed, and is replaced.
func listenForQuestions(dir string) (net.Listener, error) {
	path, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replace the socket that was left behind: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for questions: %w", err)
	}
	// Until here only the umask and the directory's own permissions keep others out; both do by default.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("keep others from the socket: %w", err), l.Close())
	}
	return l, nil
}

// answerQuestions answers at l from what a keeps until ctx ends, and closes l.
func answerQuestions(ctx context.Context, l net.Listener, a answers) error {
	srv := &http.Server{
		Handler: questions(a), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer questions: %w", err)
	}
	return nil
}

// questions is the API that the top of ask.go describes.
func questions(a answers) http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, answer func(ctx context.Context, q url.Values) (any, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r.Context(), r.URL.Query())
			code := http.StatusOK
			if err != nil {
				v, code = refusal{err.Error()}, http.StatusInternalServerError
				if u := (*unknown)(nil); errors.As(err, &u) {
					code = http.StatusNotFound
				}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			json.NewEncoder(w).Encode(v) // a failure is that the asker has gone
		})
	}
	handle("/conversation", func(ctx context.Context, q url.Values) (any, error) { return a.conversation(ctx, q.Get("named")) })
	handle("/timeline", func(ctx context.Context, q url.Values) (any, error) {
		after, err := strconv.ParseInt(q.Get("after"), 10, 64)
		if err != nil {
			return nil, &unknown{"after must be the number of an event"}
		}
		return a.timeline(ctx, inbox.MailboxID(q.Get("mailbox")), inbox.ConversationID(q.Get("id")), after)
	})
	handle("/watches", func(ctx context.Context, q url.Values) (any, error) {
		return a.watches(ctx, inbox.MailboxID(q.Get("mailbox")))
	})
	handle("/status", func(ctx context.Context, _ url.Values) (any, error) { return a.standings(ctx) })
	return mux
}

// refusal is the body of an answer that is no 200.
type refusal struct {
	Error string `json:"error"`
}
