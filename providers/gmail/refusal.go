package gmail

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// tokenStep is what was asked of Google on the way to a token that acts for a mailbox.
type tokenStep int

const (
	exchange   tokenStep = iota // the process's own token, for its proof
	signing                     // the service account's signature
	delegation                  // the mailbox's token, for an assertion that the service account has signed
)

func (s tokenStep) String() string {
	return [...]string{"exchange the proof of the AWS role", "have the service account sign", "redeem the assertion"}[s]
}

// refusal is Google's answer that there is no token.
type refusal struct {
	at     tokenStep
	status int
	code   string // of OAuth 2.0, or the reason or status of a Google API
	text   string
}

func (r *refusal) Error() string {
	f := google.Answer{Code: r.status, Reason: r.code, Message: r.text}
	return f.Error()
}

// newRefusal reads the answer of a token endpoint, whose error is a word, or of a Google API, whose error is an object.
// A body that is neither, as a proxy sends, leaves the code empty.
func newRefusal(at tokenStep, status int, body []byte) *refusal {
	r := &refusal{at: at, status: status}
	var outer struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return r
	}
	var inner struct {
		Status, Message string
		Details         []struct{ Reason string }
	}
	switch {
	case json.Unmarshal(outer.Error, &r.code) == nil:
		r.text = outer.Description
	case json.Unmarshal(outer.Error, &inner) == nil:
		r.code, r.text = inner.Status, inner.Message
		for _, d := range inner.Details {
			if d.Reason != "" {
				r.code = d.Reason
				break
			}
		}
	}
	r.code, r.text = google.Clip(r.code, google.MaxReason), google.Clip(r.text, google.MaxMessage)
	return r
}

// fix is what a person must do about it, "" where trying again may help.
// scopes are those to authorise, in words.
func (r *refusal) fix(scopes string) string {
	if r.status >= 500 || r.status == http.StatusTooManyRequests {
		return ""
	}
	switch r.at {
	case exchange:
		return r.fixExchange()
	case signing:
		return r.fixSigning()
	}
	switch r.code {
	case "unauthorized_client", "access_denied", "invalid_scope":
		if r.restricted() {
			return "Google has restricted this account; see in the Admin console under Directory > Users what it is, and restore it"
		}
		return "authorise the service account's client id with " + scopes + " in the Admin console under Security > API controls > Domain-wide delegation; it takes some minutes to act"
	case "invalid_grant":
		return "check that the mailbox is a Workspace account of the organisation, that the service account's key is not deleted, and that this machine's clock is right"
	case "invalid_client":
		return "the service account or its key does not exist any more; create a new key"
	}
	return ""
}

// restricted: the account itself is closed, and no other ("Account restricted").
func (r *refusal) restricted() bool {
	return r.at == delegation && r.code == "access_denied" && strings.Contains(strings.ToLower(r.text), "account restricted")
}

// awsFailed finds in Google's words that AWS was not able to say whose proof it was, as against refusing it.
var awsFailed = regexp.MustCompile(`AWS response code was (429|5\d\d)\b`)

func (r *refusal) fixExchange() string {
	if awsFailed.MatchString(r.text) {
		return ""
	}
	switch r.code {
	case "invalid_target", "invalid_request":
		return "check the workload identity provider's name, that it begins with the project's number, and that pool and provider are enabled"
	case "unauthorized_client":
		return "the provider's attribute condition refuses the function's AWS role: let the condition take the role's name"
	case "invalid_grant":
		return "check that the workload identity provider is one for AWS with this account's id, and that this machine's clock is right"
	case "SERVICE_DISABLED", "access_denied":
		return "enable the Security Token Service API (sts.googleapis.com) in the provider's Cloud project"
	}
	return ""
}

func (r *refusal) fixSigning() string {
	switch {
	case r.code == "SERVICE_DISABLED":
		return "enable the IAM Service Account Credentials API (iamcredentials.googleapis.com) in the service account's Cloud project"
	case r.status == http.StatusNotFound:
		return "check the service account's e-mail address, and that it is enabled"
	case r.status == http.StatusForbidden:
		return "grant the role Service Account Token Creator on the service account itself to the function's AWS role: " +
			"principalSet://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/attribute.aws_role/" +
			"arn:aws:sts::ACCOUNT:assumed-role/ROLE; it takes some minutes to act"
	case r.status == http.StatusBadRequest:
		return "check the service account's e-mail address"
	}
	return ""
}

// explainToken turns the error of what could not be signed into *pipeline.Permanent or one that may be tried again.
func explainToken(what string, e *google.TokenError, scopes string) error {
	var typed *pipeline.Permanent
	if errors.As(e, &typed) {
		return &pipeline.Permanent{What: what + ": get a token: " + typed.What, Err: typed.Err, Fix: typed.Fix}
	}
	var refused *refusal
	var answer *oauth2.RetrieveError
	if !errors.As(e, &refused) && errors.As(e, &answer) {
		status := 0
		if answer.Response != nil {
			status = answer.Response.StatusCode
		}
		refused = newRefusal(delegation, status, answer.Body)
		if refused.code == "" {
			refused.code, refused.text = answer.ErrorCode, google.Clip(answer.ErrorDescription, google.MaxMessage)
		}
	}
	if refused == nil {
		return fmt.Errorf("%s: %w", what, e)
	}
	what += ": get a token"
	if refused.at != delegation {
		what += ": " + refused.at.String()
	}
	if fix := refused.fix(scopes); fix != "" {
		return &pipeline.Permanent{What: what, Fix: fix, Err: refused}
	}
	return fmt.Errorf("%s: %w", what, refused)
}
