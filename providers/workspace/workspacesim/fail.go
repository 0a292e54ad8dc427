package workspacesim

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
	message string
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.code, f.reason, f.message) }

func bad(message string) *failure { return &failure{http.StatusBadRequest, "invalid", message} }

var (
	noUser        = &failure{404, "notFound", "Resource Not Found: userKey"}
	noGroup       = &failure{404, "notFound", "Resource Not Found: groupKey"}
	noMember      = &failure{404, "notFound", "Resource Not Found: memberKey"}
	noRoute       = &failure{404, "notFound", "Not Found"}
	duplicate     = &failure{409, "duplicate", "Entity already exists."}
	incomplete    = &failure{412, "conditionNotMet", "User creation is not complete."}
	forbiddenHere = &failure{403, "forbidden", "Not Authorized to access this resource/api"}
	noLogin       = &failure{401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."}
	noScope       = &failure{403, "insufficientPermissions", "Request had insufficient authentication scopes."}
	tooFast       = &failure{429, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per second'"}
)

// wireFailure is the older form of an error, without a status, as these APIs have it.
type wireFailure struct {
	Error struct {
		Code    int               `json:"code"`
		Message string            `json:"message"`
		Errors  []wireFailureItem `json:"errors"`
	} `json:"error"`
}

type wireFailureItem struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

func (f *failure) write(w http.ResponseWriter) {
	domain := "global"
	if f.reason == "rateLimitExceeded" {
		domain = "usageLimits"
	}
	var out wireFailure
	out.Error.Code, out.Error.Message = f.code, f.message
	out.Error.Errors = []wireFailureItem{{Message: f.message, Domain: domain, Reason: f.reason}}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.code)
	_ = json.NewEncoder(w).Encode(out)
}

// refuse answers for a fault of the dial.
func (s *Sim) refuse(w http.ResponseWriter, _ *http.Request, status int, retryAfter time.Duration) {
	f := &failure{status, "backendError", "Service unavailable. Please try again"}
	if status == http.StatusTooManyRequests {
		f = &failure{status, "rateLimitExceeded", "Rate Limit Exceeded"}
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(retryAfter)))
	}
	f.write(w)
}
