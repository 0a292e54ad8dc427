package gmailsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/google/googlesim"
)

func invalid(format string, args ...any) error {
	return googlesim.Fail(400, "invalidArgument", "INVALID_ARGUMENT", fmt.Sprintf(format, args...))
}

func precondition(format string, args ...any) error {
	return googlesim.Fail(400, "failedPrecondition", "FAILED_PRECONDITION", fmt.Sprintf(format, args...))
}

func conflict(message string) error {
	return googlesim.Fail(409, "aborted", "ALREADY_EXISTS", message)
}

var (
	errNotFound   = googlesim.Fail(404, "notFound", "NOT_FOUND", "Requested entity was not found.")
	errNoRoute    = googlesim.Fail(404, "notFound", "NOT_FOUND", "The requested URL was not found on this server.")
	errNoLogin    = googlesim.Fail(401, "authError", "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
	errNoMailbox  = googlesim.Fail(400, "failedPrecondition", "FAILED_PRECONDITION", "Mail service not enabled")
	errConcurrent = googlesim.Fail(429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Too many concurrent requests for user")
	errQuota403   = googlesim.Fail(403, "userRateLimitExceeded", "PERMISSION_DENIED", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'")
	errQuota429   = googlesim.Fail(429, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'")
)

// refuse answers for a fault of the dial. The time to wait goes into the header and, as Gmail does for its own
// limits, into the message.
func (s *Sim) refuse(w http.ResponseWriter, r *http.Request, status int, retryAfter time.Duration) {
	f := googlesim.Fail(status, "backendError", "UNAVAILABLE", "The service is currently unavailable.")
	if status == http.StatusTooManyRequests {
		s.count.throttle()
		f = googlesim.Fail(status, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "User-rate limit exceeded.")
		if retryAfter > 0 {
			f.Message += "  Retry after " + s.now().Add(retryAfter).UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	f.Write(w)
}
