package gmail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// Longest time believed of a Retry-After; the limit on sending mail is known to last hours.
const maxRetryAfter = 24 * time.Hour

// explain turns what the client returned into an error of the pipeline's: *Throttled, *Permanent, or one that may be
// tried again. what says what was tried, such as "list history".
func (a *account) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf("gmail: %s of %s", what, a.address)
	var unsigned *google.TokenError
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
	f := google.NewAnswer(answer)
	if f.Throttled() || f.Code == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "" {
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

// fixFor is what a person must do about an answer that trying again cannot change, "" for any other answer.
// The reasons are those of "Resolve errors" in Google's Gmail guide.
func fixFor(f *google.Answer, scopes string) string {
	switch {
	case f.Reason == "dailyLimitExceeded":
		return "the project's own daily cap is used up; raise it in the Cloud console under Gmail API > Quotas"
	case f.Reason == "domainPolicy":
		return "switch Gmail on for this account in the Admin console under Apps > Google Workspace > Gmail"
	case f.Reason == "insufficientPermissions" || f.Reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return "authorise " + scopes + " for the service account in the Admin console under Security > API controls > Domain-wide delegation"
	case f.Reason == "accessNotConfigured" || f.Reason == "SERVICE_DISABLED":
		return "enable the Gmail API in the service account's Cloud project"
	case f.Code == http.StatusBadRequest && strings.Contains(f.Message, "Mail service not enabled"):
		return "give the account a licence with Gmail; a new one takes some minutes until its mailbox exists"
	case f.Code == http.StatusUnauthorized:
		return "Google refused a fresh token; check that the account exists and is not suspended, and that the service account's key is enabled"
	case f.Code == http.StatusForbidden:
		return "check the service account's domain-wide delegation and that the mailbox belongs to the same organisation"
	}
	return ""
}

// inMessage is how Gmail's own limits name their time.
var inMessage = regexp.MustCompile(`(?i)retry after (\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))`)

func retryAfter(e *googleapi.Error, now time.Time) (time.Duration, bool) {
	d, ok := google.RetryAfter(e.Header, now, maxRetryAfter)
	if ok {
		return d, d > 0
	}
	if m := inMessage.FindStringSubmatch(e.Message); m != nil {
		if at, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			d = at.Sub(now)
		}
	}
	return min(d, maxRetryAfter), d > 0
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

// hasInvalidID reports whether Google does not even take the id of a message for one.
func hasInvalidID(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusBadRequest && strings.Contains(e.Message, "Invalid id")
}
