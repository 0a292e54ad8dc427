package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
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

// maxRetryAfter is the longest time believed of a Retry-After.
const maxRetryAfter = time.Hour

// explain turns what a client returned into one of provision's errors, or one that says what stands against it. what says
// what was tried, with its subject: "create support@contoso.com".
func (a *Admin) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	what = "workspace: " + what
	var unsigned *google.TokenError
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
	f := google.NewAnswer(e)
	if e.Code == http.StatusNotFound && f.Reason == "" && f.Message == "" {
		// Google says what it does not find. A proxy or a wrong address does not, and nothing follows from that.
		return &provision.NotYet{Err: fmt.Errorf("%s: 404, and not by Google; check that nothing on the way takes these requests", what)}
	}
	after, _ := google.RetryAfter(e.Header, a.config.Now(), maxRetryAfter)
	switch {
	case f.Throttled():
		return &provision.NotYet{After: after, Err: fmt.Errorf("%s: %w", what, f)}
	case e.Code >= 500:
		return &provision.NotYet{After: after, Err: fmt.Errorf("%s: %w", what, f)}
	case e.Code == http.StatusPreconditionFailed && strings.Contains(f.Message, "creation is not complete"):
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

// closed is the fix where the whole of an API is closed to us, "" for any other answer.
func closed(f *google.Answer) string {
	switch f.Reason {
	case "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "authorise the scopes of provisioning for the service account in the Admin console under Security > Access and data control > API controls > Manage domain-wide delegation"
	case "accessNotConfigured", "SERVICE_DISABLED":
		return "enable the Admin SDK API, the Enterprise License Manager API and the Groups Settings API in the service account's Cloud project, as far as they are used"
	case "domainCannotUseApis":
		return "let the Admin SDK be used in the Admin console under Security > Access and data control > API controls > Google services"
	case "dailyLimitExceeded":
		return "the project's own daily cap is used up; raise it in the Cloud console under APIs & Services > Quotas"
	}
	if f.Code == http.StatusUnauthorized {
		return "Google refused a fresh token; check that the administrator to act for is not suspended and has the privileges Users, Groups and License Management, and that the service account's key is enabled"
	}
	return ""
}

// objection is the fix where Google takes offence at this one request.
func objection(f *google.Answer) string {
	switch {
	case strings.Contains(strings.ToUpper(f.Message), "INVALID_OU_ID"):
		return "create the organizational unit in the Admin console under Directory > Organizational units, with exactly that path, and apply again"
	case strings.Contains(f.Message, "Resource Not Found: domain") || strings.Contains(f.Message, "Domain not found"):
		return "the address's domain is none of this Workspace's; add it in the Admin console under Account > Domains > Manage domains, or correct the address"
	case strings.Contains(f.Message, "Domain user limit reached") || f.Reason == "limitExceeded":
		return "the subscription has no place left for another account; add licences in the Admin console under Billing > Subscriptions"
	case f.Code == http.StatusForbidden:
		return "give the administrator to act for a role that may do this (Admin console: Account > Admin roles; Users, Groups, License Management); only a super administrator may change other administrators"
	}
	return ""
}

// forbidden: the administrator may not do this, as against a spent quota or a closed API.
func forbidden(err error) bool {
	var f *google.Answer
	return errors.As(err, &f) && f.Code == http.StatusForbidden
}

// tokenCode finds the code of OAuth 2.0 in the words of a source whose errors have no type we know.
var tokenCode = regexp.MustCompile(`\b(unauthorized_client|access_denied|invalid_scope|invalid_grant|invalid_client)\b`)

// explainToken says why there is no token. A refusal closes what the scope is for.
func explainToken(what string, e *google.TokenError) error {
	code, reason := "", e.Err
	var refused *oauth2.RetrieveError
	if errors.As(e.Err, &refused) {
		// Its own text quotes the whole answer.
		code = refused.ErrorCode
		reason = errors.New(strings.TrimSpace(google.Clip(refused.ErrorCode, google.MaxReason) + " " + google.Clip(refused.ErrorDescription, google.MaxMessage)))
		if status := refused.Response; status != nil && (status.StatusCode >= 500 || status.StatusCode == http.StatusTooManyRequests) {
			return &provision.NotYet{Err: fmt.Errorf("%s: get a token: %d %w", what, status.StatusCode, reason)}
		}
	} else {
		code = tokenCode.FindString(e.Err.Error())
	}
	what += ": get a token for " + e.Scope
	switch code {
	case "unauthorized_client", "access_denied", "invalid_scope":
		return &provision.Refused{Err: &trouble{what, reason, "authorise the service account's client id with the scope " + e.Scope +
			" in the Admin console under Security > Access and data control > API controls > Manage domain-wide delegation; it takes some minutes to act"}}
	case "invalid_grant":
		return &provision.Refused{Err: &trouble{what, reason, "check that the administrator to act for is an account of the organisation and not suspended, that the service account's key is not deleted, and that this machine's clock is right"}}
	case "invalid_client":
		return &provision.Refused{Err: &trouble{what, reason, "the service account or its key does not exist any more; create a new key"}}
	}
	return &provision.NotYet{Err: fmt.Errorf("%s: %w", what, reason)}
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
