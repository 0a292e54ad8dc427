package sqssim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// ServeHTTP answers one request of the AWS JSON 1.0 protocol, at any path.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if !ok || r.Method != http.MethodPost {
		writeError(w, &apiError{Code: "InvalidAction", Type: "UnknownOperationException", Status: 400, Message: "X-Amz-Target names no action of AmazonSQS"})
		return
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, action) })
	if s.Dial == nil {
		next(w, r)
		return
	}
	named := r.Clone(r.Context()) // for the dial's rules
	named.URL.Path = "/" + action
	s.Dial.Wrap(next, func(w http.ResponseWriter, _ *http.Request, status int, _ time.Duration) {
		if status == http.StatusTooManyRequests {
			writeError(w, errThrottled)
			return
		}
		writeError(w, errUnavailable)
	}).ServeHTTP(w, named)
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request, action string) {
	s.mu.Lock()
	code := s.refused[action]
	s.mu.Unlock()
	var out any
	var err error
	if code != "" {
		err = refusal(action, code)
	} else if act := actions[action]; act == nil {
		err = notSimulated(action)
	} else {
		out, err = act(s, r)
	}
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = &apiError{Code: "InternalFailure", Type: "InternalFailure", Status: 500, Message: err.Error(), Server: true}
		}
		writeError(w, e)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

var actions = map[string]func(s *Sim, r *http.Request) (any, error){
	"SendMessage":                  with((*Sim).sendMessage),
	"SendMessageBatch":             with((*Sim).sendMessageBatch),
	"ReceiveMessage":               (*Sim).receiveMessage,
	"DeleteMessage":                with((*Sim).deleteMessage),
	"DeleteMessageBatch":           with((*Sim).deleteMessageBatch),
	"ChangeMessageVisibility":      with((*Sim).changeMessageVisibility),
	"ChangeMessageVisibilityBatch": with((*Sim).changeMessageVisibilityBatch),
	"GetQueueUrl":                  (*Sim).getQueueURL,
	"GetQueueAttributes":           with((*Sim).getQueueAttributes),
	"CreateQueue":                  (*Sim).createQueue,
	"StartMessageMoveTask":         with((*Sim).startMessageMoveTask),
	"ListMessageMoveTasks":         with((*Sim).listMessageMoveTasks),
}

// with decodes the request and holds the simulator's lock during the action.
func with[In any](act func(*Sim, *In) (any, error)) func(*Sim, *http.Request) (any, error) {
	return func(s *Sim, r *http.Request) (any, error) {
		in, err := read[In](r)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return act(s, in)
	}
}

// read decodes a request. A parameter that is not simulated is an error rather than ignored.
func read[In any](r *http.Request) (*In, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	var in In
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		if strings.HasPrefix(err.Error(), "json: unknown field") {
			return nil, notSimulated("parameter " + strings.TrimPrefix(err.Error(), "json: unknown field "))
		}
		return nil, &apiError{Code: "SerializationException", Type: "SerializationException", Status: 400, Message: err.Error()}
	}
	return &in, nil
}
