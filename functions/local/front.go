package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// Front is an API Gateway in front of a function: it turns HTTP requests into events and answers with what the function
// says.
type Front struct {
	Function *Function
	// REST makes it a REST API with events of payload version 1, as behind a web application firewall; else it is an HTTP
	// API with version 2.
	REST bool
	// Base64 encodes every body, also text, as either API does for what it takes to be binary.
	Base64 bool
	// Timeout is after how long the caller is answered that the function is late; 0 is 30 s, the most that HTTP APIs allow.
	Timeout time.Duration
}

// requestLimit is how large a request may be, in bytes ("Quotas for configuring and running an HTTP API").
const requestLimit = 10 << 20

// ServeHTTP takes one request through the function.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, requestLimit))
	if err != nil {
		gatewayError(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	var event any
	if f.REST {
		event = f.version1(r, body)
	} else {
		event = f.version2(r, body)
	}
	timeout := f.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	type end struct {
		Result
		err error
	}
	done := make(chan end, 1)
	go func() { // the function goes on when the caller has been answered or has gone
		result, err := f.Function.Invoke(context.WithoutCancel(r.Context()), event)
		done <- end{result, err}
	}()
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case e := <-done:
		f.finish(w, e.Payload, e.err)
	case <-late.C:
		if f.REST {
			gatewayError(w, http.StatusGatewayTimeout, "Endpoint request timed out")
			return
		}
		gatewayError(w, http.StatusServiceUnavailable, "Service Unavailable")
	}
}

func (f *Front) failed(w http.ResponseWriter) {
	if f.REST {
		gatewayError(w, http.StatusBadGateway, "Internal server error")
		return
	}
	gatewayError(w, http.StatusInternalServerError, "Internal Server Error")
}

func gatewayError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// proxyAnswer is what a function says, in either version.
type proxyAnswer struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// finish writes what the function said. An HTTP API takes JSON without a status code for the body itself; here that is a
// failure as it is with REST, for no function of ours means it.
func (f *Front) finish(w http.ResponseWriter, payload []byte, failed error) {
	var a proxyAnswer
	if err := json.Unmarshal(payload, &a); failed != nil || err != nil || a.StatusCode < 100 || a.StatusCode > 599 {
		f.failed(w)
		return
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			f.failed(w)
			return
		}
	}
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	if f.REST {
		for name, values := range a.MultiValueHeaders {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
	}
	for _, c := range a.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", map[bool]string{true: "application/json", false: "text/plain; charset=utf-8"}[f.REST])
	}
	w.WriteHeader(a.StatusCode)
	w.Write(body) // the caller may have gone
}

// encode gives a body as the event has it: text as it is, anything else in base64.
func (f *Front) encode(r *http.Request, body []byte) (text string, encoded bool) {
	kind := strings.ToLower(r.Header.Get("Content-Type"))
	isText := kind == "" || strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") ||
		strings.HasPrefix(kind, "application/xml") || strings.HasPrefix(kind, "application/javascript")
	if f.Base64 || !isText || !utf8.Valid(body) {
		return base64.StdEncoding.EncodeToString(body), true
	}
	return string(body), false
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}
