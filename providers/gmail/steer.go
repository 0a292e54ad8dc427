package gmail

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// notThere reports whether Google knows no such account, or none with a mailbox.
func notThere(err error) bool {
	var r *refusal
	if errors.As(err, &r) {
		return r.at == delegation && r.code == "invalid_grant" && strings.Contains(r.text, "Invalid email or User ID")
	}
	return mailServiceMissing(err)
}

// mailServiceMissing: an account without Gmail, or a new one whose mailbox is being made still.
func mailServiceMissing(err error) bool {
	var f *google.Answer
	return errors.As(err, &f) && f.Code == http.StatusBadRequest && strings.Contains(f.Message, "Mail service not enabled")
}

// steer turns an error of the client into the one by which provisioning goes on: *provision.NotYet for what only time can
// help, *provision.Refused for what every mailbox would meet. Any other ends the mailbox's steps.
func steer(err error) error {
	var limited *pipeline.Throttled
	var r *refusal
	var f *google.Answer
	var byHand *provision.ByHand
	var permanent *pipeline.Permanent
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &byHand):
		return err
	case errors.As(err, &limited):
		return &provision.NotYet{After: limited.After, Err: err}
	case errors.As(err, &r):
		if r.fix("") == "" || notThere(err) {
			return &provision.NotYet{Err: err}
		}
		if r.code == "invalid_grant" && r.at == delegation || r.restricted() {
			return err // the subject's own: suspended, restricted, or of another organisation
		}
		return &provision.Refused{Err: err}
	case errors.As(err, &f):
		if f.Code >= http.StatusInternalServerError || mailServiceMissing(err) {
			return &provision.NotYet{Err: err}
		}
		if slices.Contains(ofTheProject, f.Reason) {
			return &provision.Refused{Err: err}
		}
		return err
	case errors.As(err, &permanent):
		return err
	case unanswered(err):
		return &provision.NotYet{Err: err}
	}
	return err
}

// ofTheProject are the reasons that do not depend on the mailbox.
var ofTheProject = []string{"dailyLimitExceeded", "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "accessNotConfigured", "SERVICE_DISABLED"}

// unanswered: the request or its answer was lost on the way.
func unanswered(err error) bool {
	var lost *url.Error
	return errors.As(err, &lost)
}
