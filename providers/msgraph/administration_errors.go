package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// What a person may do, besides to wait, about what an administration meets.
const (
	whyNoMailbox = "Graph shows no mailbox %s yet; a new one takes some minutes, now and then hours, and one that should " +
		"be there has another main address"
	whyNoReach = "Graph does not let the app to %s: a change of its scope or of its consent takes 30 minutes, and up to two " +
		"hours for an app that is in use. If it has been longer, " + fixPermission
)

// steer turns the error of an administration's request into what steers an apply. what is the mailbox it was about.
func (c *Client) steer(ctx context.Context, what string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if says, fix := closed(err); fix != "" {
		return &provision.Refused{Err: fmt.Errorf("%s: %s", says, fix)}
	}
	var api *apiError
	if errors.As(err, &api) {
		return c.steerRefusal(what, api)
	}
	if token, ok := tokenRefused(err); ok {
		notYet := &provision.NotYet{Err: token}
		if token.throttled() {
			notYet.After = c.wait(token.after)
		}
		return notYet
	}
	return &provision.NotYet{Err: err} // a connection that broke, an answer cut off, a list that kept changing
}

func (c *Client) steerRefusal(what string, api *apiError) error {
	switch {
	case api.throttled():
		return &provision.NotYet{After: c.wait(api.after), Err: api}
	case api.noMailbox():
		return &provision.NotYet{Err: fmt.Errorf("%w: "+whyNoMailbox, api, what)}
	case api.status == http.StatusForbidden:
		return &provision.NotYet{Err: fmt.Errorf("%w: "+whyNoReach, api, what, mailboxSettings, what)}
	case api.status >= 500:
		return &provision.NotYet{Err: api}
	}
	return api
}

// closed says what keeps the app out as a whole, and what a person has to do about it. The fix is empty where the error is
// about one mailbox, or passes.
func closed(err error) (says, fix string) {
	var credential *pipeline.Permanent
	var api *apiError
	switch {
	case errors.As(err, &credential):
		says = credential.What
		if credential.Err != nil {
			says += ": " + credential.Err.Error()
		}
		return says, credential.Fix
	case errors.As(err, &api) && api.status == http.StatusUnauthorized:
		return api.Error(), fixApp
	case errors.As(err, &api) && api.noRole():
		return api.Error(), fmt.Sprintf("the app has no permission at all in Graph: have an administrator consent to %s and %s, or declare m365.app "+
			"in the manifest, so that apply gives it Exchange roles", mailReadWrite, mailboxSettings)
	}
	if token, ok := tokenRefused(err); ok {
		return token.Error(), token.fix
	}
	return err.Error(), ""
}

// noRole: the token carries no permission that Graph could go by, for any mailbox.
func (e *apiError) noRole() bool {
	return e.status == http.StatusForbidden &&
		(strings.EqualFold(e.code, "Authorization_RequestDenied") || strings.Contains(e.message, "roles claim"))
}

// throttledFor reports whether the error is Graph's wish to be left alone, and for how long.
func (c *Client) throttledFor(err error) (time.Duration, bool) {
	var api *apiError
	if errors.As(err, &api) && api.throttled() {
		return c.wait(api.after), true
	}
	return 0, false
}

func refused(err error) bool {
	var r *provision.Refused
	return errors.As(err, &r)
}
