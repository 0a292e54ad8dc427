// Package web holds the HTTP faces of Postroom that others call: the hooks on which Microsoft Graph and Gmail tell
// that a mailbox has changed. The handlers are plain [http.Handler]s; a Lambda function and "postroom serve" mount the
// same ones.
//
// A hook verifies, enqueues and answers. It calls no provider and reads no mail, because both vendors count the
// seconds until the answer and slow or drop the endpoint that is late. A notification is a hint and nothing in it but
// the mailbox is used, so a forged, doubled or delayed one costs at most one cheap read.
//
// The two vendors want opposite answers to what cannot be used. Graph repeats whatever is not answered with 2xx for up to
// four hours; Pub/Sub repeats it for the whole retention, 4xx included. So 4xx is only for those who have not
// shown who they are, a notification that is genuine but of no use is acknowledged and counted, and 5xx is kept for
// what a repetition can mend: a queue, a store or a key server that does not answer.
//
// A request writes one log line at most. What anybody can cause for nothing (rubbish, unknown subscriptions, bad
// signatures) is counted and logged at debug level only, so that a stranger cannot fill the log. Tokens, secrets and
// addresses that are not mailboxes of ours are in no log line.
package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// The paths that [Mux] serves.
const (
	GraphPath          = "/hooks/graph"
	GraphLifecyclePath = "/hooks/graph/lifecycle"
	GmailPath          = "/hooks/gmail"
	HealthPath         = "/healthz" // answers 200 while the process serves; it asks nothing else
)

// maxBody bounds a request's body in bytes. A Graph notification without resource data is below 1 KiB and a Gmail push
// below 2 KiB, so this is room for hundreds in one POST.
const maxBody = 1 << 20

// Mux serves the hooks on their paths. A hook that is nil is not mounted: its path answers 404. Mux fails when a field
// that a hook cannot work without is not set.
func Mux(graph *Graph, gmail *Gmail) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	if graph != nil {
		if field := graph.missing(); field != "" {
			return nil, fmt.Errorf("web: the Graph hook needs %s", field)
		}
		mux.Handle(GraphPath, graph)
		mux.Handle(GraphLifecyclePath, graph)
	}
	if gmail != nil {
		if field := gmail.missing(); field != "" {
			return nil, fmt.Errorf("web: the Gmail hook needs %s", field)
		}
		mux.Handle(GmailPath, gmail)
	}
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		answer(w, http.StatusOK)
	})
	return mux, nil
}

// onlyPost answers 405 to anything but POST and says whether to go on.
func onlyPost(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPost {
		return true
	}
	w.Header().Set("Allow", http.MethodPost)
	answer(w, http.StatusMethodNotAllowed)
	return false
}

var errTooLarge = errors.New("the body is too large")

// readBody reads at most maxBody bytes and fails with errTooLarge when there is more.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close") // else the server would read the rest to keep the connection
		return nil, errTooLarge
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead) // so that ReadFrom sees the end without growing again
	}
	if _, err := io.Copy(&b, http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, errTooLarge
		}
		return nil, err
	}
	return b.Bytes(), nil
}

// answer writes a status with its own name as the text of an error, and nothing that came in.
func answer(w http.ResponseWriter, status int) {
	if status >= 400 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.WriteHeader(status)
}
