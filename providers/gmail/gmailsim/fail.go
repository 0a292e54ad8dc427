package gmailsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// failure is an error as Google words it.
type failure struct {
	code    int
	reason  string // of errors[0]
	status  string // canonical name
	message string
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.code, f.status, f.message) }

func invalid(format string, args ...any) error {
	return &failure{400, "invalidArgument", "INVALID_ARGUMENT", fmt.Sprintf(format, args...)}
}

func precondition(format string, args ...any) error {
	return &failure{400, "failedPrecondition", "FAILED_PRECONDITION", fmt.Sprintf(format, args...)}
}

func conflict(message string) error {
	return &failure{409, "aborted", "ALREADY_EXISTS", message}
}

var (
	errNotFound   = &failure{404, "notFound", "NOT_FOUND", "Requested entity was not found."}
	errNoRoute    = &failure{404, "notFound", "NOT_FOUND", "The requested URL was not found on this server."}
	errNoLogin    = &failure{401, "authError", "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."}
	errNoMailbox  = &failure{400, "failedPrecondition", "FAILED_PRECONDITION", "Mail service not enabled"}
	errConcurrent = &failure{429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Too many concurrent requests for user"}
	errQuota403   = &failure{403, "userRateLimitExceeded", "PERMISSION_DENIED", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'"}
	errQuota429   = &failure{429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'"}
)

type wireFailure struct {
	Error wireFailureBody `json:"error"`
}

type wireFailureBody struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Errors  []wireFailureItem `json:"errors"`
	Status  string            `json:"status"`
}

type wireFailureItem struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

func (f *failure) write(w http.ResponseWriter) {
	domain := "global"
	if f.reason == "userRateLimitExceeded" || f.reason == "rateLimitExceeded" {
		domain = "usageLimits"
	}
	if f.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.code)
	_ = json.NewEncoder(w).Encode(wireFailure{wireFailureBody{
		Code: f.code, Message: f.message, Status: f.status,
		Errors: []wireFailureItem{{Message: f.message, Domain: domain, Reason: f.reason}},
	}})
}

// refuse answers for a fault of the dial. The time to wait goes into the header and, as Gmail does for its own
// limits, into the message.
func (s *Sim) refuse(w http.ResponseWriter, r *http.Request, status int, retryAfter time.Duration) {
	f := &failure{status, "backendError", "UNAVAILABLE", "The service is currently unavailable."}
	if status == http.StatusTooManyRequests {
		s.count.throttle()
		f = &failure{status, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "User-rate limit exceeded."}
		if retryAfter > 0 {
			f.message += "  Retry after " + s.now().Add(retryAfter).UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	f.write(w)
}
