package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/pipeline"
)

// failure is an answer of Google's that is none of the typed errors: no vendor type leaves the package.
type failure struct {
	code            int
	reason, message string
}

func (f *failure) Error() string {
	s := strconv.Itoa(f.code)
	if f.reason != "" {
		s += " " + f.reason
	}
	if f.message != "" {
		s += ": " + f.message
	}
	return s
}

// maxMessage bounds what is kept of a text in an answer, in bytes.
const maxMessage = 300

// Longest time believed of a Retry-After; the limit on sending mail is known to last hours.
const maxRetryAfter = 24 * time.Hour

// explain turns what the client returned into an error of the pipeline's: *Throttled, *Permanent, or one that may be
// tried again. what says what was tried, such as "list history".
func (a *account) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf("gmail: %s of %s", what, a.address)
	var unsigned *tokenError
	if errors.As(err, &unsigned) {
		return explainToken(what, unsigned, a.scopes)
	}
	var typed *pipeline.Permanent
	var limited *pipeline.Throttled
	if errors.As(err, &typed) || errors.As(err, &limited) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", what, err)
	}
	f := summary(answer)
	if throttled(answer.Code, f.reason, answer.Header) {
		after, named := retryAfter(answer, a.now())
		if !named {
			after = a.pause.next()
		}
		return &pipeline.Throttled{After: after, What: what + ": " + f.Error()}
	}
	if fix := fixFor(f, a.scopes); fix != "" {
		return &pipeline.Permanent{What: what, Fix: fix, Err: f}
	}
	return fmt.Errorf("%s: %w", what, f)
}

// throttled: the answers that mean "later" come as 429 or as 403, and 503 may name a time.
func throttled(code int, reason string, h http.Header) bool {
	switch code {
	case http.StatusTooManyRequests:
		return reason != "dailyLimitExceeded"
	case http.StatusForbidden:
		return reason == "rateLimitExceeded" || reason == "userRateLimitExceeded" || reason == "quotaExceeded" || reason == "RATE_LIMIT_EXCEEDED"
	case http.StatusServiceUnavailable:
		return h.Get("Retry-After") != ""
	}
	return false
}

// fixFor is what a person must do about an answer that trying again cannot change, "" for any other answer.
// The reasons are those of "Resolve errors" in Google's Gmail guide.
func fixFor(f *failure, scopes string) string {
	switch {
	case f.reason == "dailyLimitExceeded":
		return "the project's own daily cap is used up; raise it in the Cloud console under Gmail API > Quotas"
	case f.reason == "domainPolicy":
		return "switch Gmail on for this account in the Admin console under Apps > Google Workspace > Gmail"
	case f.reason == "insufficientPermissions" || f.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "authorise " + scopes + " for the service account in the Admin console under Security > API controls > Domain-wide delegation"
	case f.reason == "accessNotConfigured" || f.reason == "SERVICE_DISABLED":
		return "enable the Gmail API in the service account's Cloud project"
	case f.code == http.StatusBadRequest && strings.Contains(f.message, "Mail service not enabled"):
		return "give the account a licence with Gmail; a new one takes some minutes until its mailbox exists"
	case f.code == http.StatusUnauthorized:
		return "Google refused a fresh token; check that the account exists and is not suspended, and that the service account's key is enabled"
	case f.code == http.StatusForbidden:
		return "check the service account's domain-wide delegation and that the mailbox belongs to the same organisation"
	}
	return ""
}

func summary(e *googleapi.Error) *failure {
	f := &failure{code: e.Code, message: clip(e.Message, maxMessage)}
	if len(e.Errors) > 0 {
		f.reason = clip(e.Errors[0].Reason, 80)
	}
	// The newer form of an error names its reason in an ErrorInfo.
	for _, d := range e.Details {
		if m, ok := d.(map[string]any); ok && f.reason == "" {
			if r, ok := m["reason"].(string); ok {
				f.reason = clip(r, 80)
			}
		}
	}
	return f
}

// inMessage is how Gmail's own limits name their time.
var inMessage = regexp.MustCompile(`(?i)retry after (\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))`)

func retryAfter(e *googleapi.Error, now time.Time) (time.Duration, bool) {
	var d time.Duration
	value := strings.TrimSpace(e.Header.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	} else if m := inMessage.FindStringSubmatch(e.Message); m != nil {
		if at, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			d = at.Sub(now)
		}
	}
	return min(d, maxRetryAfter), d > 0
}

// hasCode reports whether Google answered with one of these status codes.
func hasCode(err error, codes ...int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// tooLarge reports whether an answer was cut off at maxAnswer.
func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}

// unknownLabel reports whether Google refused a label id, as it does when somebody has deleted the label. It answers
// "Invalid label: Label_1" or "labelId not found" with 400, and nothing else of ours in such a request can be wrong.
func unknownLabel(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && (e.Code == http.StatusBadRequest || e.Code == http.StatusNotFound) &&
		strings.Contains(strings.ToLower(e.Message), "label")
}

// clip cuts s to at most n bytes without breaking a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// hasInvalidID reports whether Google does not even take the id of a message for one.
func hasInvalidID(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusBadRequest && strings.Contains(e.Message, "Invalid id")
}
