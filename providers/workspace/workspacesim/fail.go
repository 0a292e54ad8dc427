package workspacesim

import (
	"net/http"
	"strconv"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/google/googlesim"
)

// fail is an error in the older form, without a status, as these APIs have it.
func fail(code int, reason, message string) *googlesim.Failure {
	return googlesim.Fail(code, reason, "", message)
}

func bad(message string) *googlesim.Failure { return fail(http.StatusBadRequest, "invalid", message) }

var (
	noUser        = fail(404, "notFound", "Resource Not Found: userKey")
	noGroup       = fail(404, "notFound", "Resource Not Found: groupKey")
	noMember      = fail(404, "notFound", "Resource Not Found: memberKey")
	noRoute       = fail(404, "notFound", "Not Found")
	duplicate     = fail(409, "duplicate", "Entity already exists.")
	incomplete    = fail(412, "conditionNotMet", "User creation is not complete.")
	forbiddenHere = fail(403, "forbidden", "Not Authorized to access this resource/api")
	noLogin       = fail(401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
	noScope       = fail(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
	tooFast       = fail(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per second'")
)

// refuse answers for a fault of the dial.
func (s *Sim) refuse(w http.ResponseWriter, _ *http.Request, status int, retryAfter time.Duration) {
	f := fail(status, "backendError", "Service unavailable. Please try again")
	if status == http.StatusTooManyRequests {
		f = fail(status, "rateLimitExceeded", "Rate Limit Exceeded")
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	f.Write(w)
}
