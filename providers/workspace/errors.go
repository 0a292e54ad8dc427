package workspace

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

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/provision"
)

// trouble is a failure that a person has to do something about: what was tried, what stood against it, and the fix.
type trouble struct {
	what string
	err  error
	fix  string
}

func (t *trouble) Error() string {
	s := t.what
	if t.err != nil {
		s += ": " + t.err.Error()
	}
	return s + "; " + t.fix
}

func (t *trouble) Unwrap() error { return t.err }

// answer is what Google said, without its types: none of them leaves the package.
type answer struct {
	code            int
	reason, message string
}

func (f *answer) Error() string {
	s := strconv.Itoa(f.code)
	if f.reason != "" {
		s += " " + f.reason
	}
	if f.message != "" {
		s += ": " + f.message
	}
	return s
}

const (
	// maxMessage bounds what is kept of a text in an answer, in bytes.
	maxMessage = 300
	// maxRetryAfter is the longest time believed of a Retry-After.
	maxRetryAfter = time.Hour
)

// explain turns what a client returned into one of provision's errors, or one that says what stands against it. what says
// what was tried, with its subject: "create support@contoso.com".
func (a *Admin) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	what = "workspace: " + what
	var unsigned *tokenError
	if errors.As(err, &unsigned) {
		return explainToken(what, unsigned)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	var e *googleapi.Error
	if !errors.As(err, &e) {
		// No answer, or none that can be read: whether it has happened shows when it is done again.
		return &provision.NotYet{Err: fmt.Errorf("%s: %w", what, err)}
	}
	f := summary(e)
	if e.Code == http.StatusNotFound && f.reason == "" && f.message == "" {
		// Google says what it does not find. A proxy or a wrong address does not, and nothing follows from that.
		return &provision.NotYet{Err: fmt.Errorf("%s: 404, and not by Google; check that nothing on the way takes these requests", what)}
	}
	switch {
	case throttled(f):
		return &provision.NotYet{After: retryAfter(e, a.config.Now()), Err: fmt.Errorf("%s: %w", what, f)}
	case e.Code >= 500:
		return &provision.NotYet{After: retryAfter(e, a.config.Now()), Err: fmt.Errorf("%s: %w", what, f)}
	case e.Code == http.StatusPreconditionFailed && strings.Contains(f.message, "creation is not complete"):
		return &provision.NotYet{Err: fmt.Errorf("%s: %w", what, f)}
	}
	if fix := closed(f); fix != "" {
		return &provision.Refused{Err: &trouble{what, f, fix}}
	}
	if fix := objection(f); fix != "" {
		return &trouble{what, f, fix}
	}
	return fmt.Errorf("%s: %w", what, f)
}

// throttled: Google answers a spent quota with 429 or with 403.
func throttled(f *answer) bool {
	switch f.code {
	case http.StatusTooManyRequests:
		return f.reason != "dailyLimitExceeded"
	case http.StatusForbidden:
		return slices.Contains([]string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"}, f.reason)
	}
	return false
}

// closed is the fix where the whole of an API is closed to us, "" for any other answer.
func closed(f *answer) string {
	switch f.reason {
	case "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "authorise the scopes of provisioning for the service account in the Admin console under Security > Access and data control > API controls > Manage domain-wide delegation"
	case "accessNotConfigured", "SERVICE_DISABLED":
		return "enable the Admin SDK API, the Enterprise License Manager API and the Groups Settings API in the service account's Cloud project, as far as they are used"
	case "domainCannotUseApis":
		return "let the Admin SDK be used in the Admin console under Security > Access and data control > API controls > Google services"
	case "dailyLimitExceeded":
		return "the project's own daily cap is used up; raise it in the Cloud console under APIs & Services > Quotas"
	}
	if f.code == http.StatusUnauthorized {
		return "Google refused a fresh token; check that the administrator to act for is not suspended and has the privileges Users, Groups and License Management, and that the service account's key is enabled"
	}
	return ""
}

// objection is the fix where Google takes offence at this one request.
func objection(f *answer) string {
	switch {
	case strings.Contains(strings.ToUpper(f.message), "INVALID_OU_ID"):
		return "create the organizational unit in the Admin console under Directory > Organizational units, with exactly that path, and apply again"
	case strings.Contains(f.message, "Resource Not Found: domain") || strings.Contains(f.message, "Domain not found"):
		return "the address's domain is none of this Workspace's; add it in the Admin console under Account > Domains > Manage domains, or correct the address"
	case strings.Contains(f.message, "Domain user limit reached") || f.reason == "limitExceeded":
		return "the subscription has no place left for another account; add licences in the Admin console under Billing > Subscriptions"
	case f.code == http.StatusForbidden:
		return "give the administrator to act for a role that may do this (Admin console: Account > Admin roles; Users, Groups, License Management); only a super administrator may change other administrators"
	}
	return ""
}

// forbidden: the administrator may not do this, as against a spent quota or a closed API.
func forbidden(err error) bool {
	var f *answer
	return errors.As(err, &f) && f.code == http.StatusForbidden
}

func summary(e *googleapi.Error) *answer {
	f := &answer{code: e.Code, message: clip(e.Message, maxMessage)}
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

func retryAfter(e *googleapi.Error, now time.Time) time.Duration {
	var d time.Duration
	value := strings.TrimSpace(e.Header.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil {
		d = time.Duration(max(0, min(n, int(maxRetryAfter/time.Second)))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return max(0, min(d, maxRetryAfter))
}

// tokenCode finds the code of OAuth 2.0 in the words of a source whose errors have no type we know.
var tokenCode = regexp.MustCompile(`\b(unauthorized_client|access_denied|invalid_scope|invalid_grant|invalid_client)\b`)

// explainToken says why there is no token. A refusal closes what the scope is for.
func explainToken(what string, e *tokenError) error {
	code, reason := "", e.err
	var refused *oauth2.RetrieveError
	if errors.As(e.err, &refused) {
		// Its own text quotes the whole answer.
		code = refused.ErrorCode
		reason = errors.New(strings.TrimSpace(clip(refused.ErrorCode, 80) + " " + clip(refused.ErrorDescription, maxMessage)))
		if status := refused.Response; status != nil && (status.StatusCode >= 500 || status.StatusCode == http.StatusTooManyRequests) {
			return &provision.NotYet{Err: fmt.Errorf("%s: get a token: %d %w", what, status.StatusCode, reason)}
		}
	} else {
		code = tokenCode.FindString(e.err.Error())
	}
	what += ": get a token for " + e.scope
	switch code {
	case "unauthorized_client", "access_denied", "invalid_scope":
		return &provision.Refused{Err: &trouble{what, reason, "authorise the service account's client id with the scope " + e.scope +
			" in the Admin console under Security > Access and data control > API controls > Manage domain-wide delegation; it takes some minutes to act"}}
	case "invalid_grant":
		return &provision.Refused{Err: &trouble{what, reason, "check that the administrator to act for is an account of the organisation and not suspended, that the service account's key is not deleted, and that this machine's clock is right"}}
	case "invalid_client":
		return &provision.Refused{Err: &trouble{what, reason, "the service account or its key does not exist any more; create a new key"}}
	}
	return &provision.NotYet{Err: fmt.Errorf("%s: %w", what, reason)}
}

// hasCode reports whether Google answered with one of these status codes.
func hasCode(err error, codes ...int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// says reports whether Google's answer has this text in it.
func says(err error, text string) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && strings.Contains(e.Message, text)
}

// fixOf splits an error into what it says and the fix, as findings want them.
func fixOf(err error) (says, fix string) {
	var t *trouble
	if !errors.As(err, &t) {
		return err.Error(), ""
	}
	says = strings.TrimPrefix(t.what, "workspace: ")
	if t.err != nil {
		says += ": " + t.err.Error()
	}
	return says, t.fix
}

// clip cuts s to at most n bytes without breaking a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
