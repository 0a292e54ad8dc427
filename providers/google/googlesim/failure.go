// Package googlesim is what every simulated API of Google's does in the same way: how an error is written, a path is
// matched and a body is read. It shares nothing with the client's package, so that neither can hide a mistake of the
// other's.
package googlesim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Failure is an error as Google words it.
type Failure struct {
	Code    int    // HTTP status
	Reason  string // of errors[0]
	Status  string // canonical name such as NOT_FOUND; empty in APIs that answer in the older form
	Message string
}

// Fail is a failure of these words.
func Fail(code int, reason, status, message string) *Failure {
	return &Failure{Code: code, Reason: reason, Status: status, Message: message}
}

// Error is for the simulator's own use; the wire has it by Write.
func (f *Failure) Error() string { return fmt.Sprintf("%d %s: %s", f.Code, f.Reason, f.Message) }

type wireFailure struct {
	Error wireFailureBody `json:"error"`
}

type wireFailureBody struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Errors  []wireFailureItem `json:"errors"`
	Status  string            `json:"status,omitempty"`
}

type wireFailureItem struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

// Write answers a request with it.
func (f *Failure) Write(w http.ResponseWriter) {
	domain := "global"
	if f.Reason == "userRateLimitExceeded" || f.Reason == "rateLimitExceeded" {
		domain = "usageLimits"
	}
	if f.Code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.Code)
	_ = json.NewEncoder(w).Encode(wireFailure{wireFailureBody{
		Code: f.Code, Message: f.Message, Status: f.Status,
		Errors: []wireFailureItem{{Message: f.Message, Domain: domain, Reason: f.Reason}},
	}})
}
