package msgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/pipeline"
)

// defaultWait is how long to leave Graph alone where a 429 names no time. Mail is documented to name one; it does not
// always.
const defaultWait = 10 * time.Second

// maxErrorText bounds what of an error's message is passed on, in bytes.
const maxErrorText = 300

// apiError is a refusal by Graph, of a request or of one request inside a $batch.
type apiError struct {
	status  int
	code    string
	message string
	after   string // Retry-After as it came
}

func (e *apiError) Error() string {
	s := "Graph answered " + strconv.Itoa(e.status)
	if e.code != "" {
		s += " " + e.code
	}
	if e.message != "" {
		s += ": " + e.message
	}
	return s
}

// refusal reads the error out of an answer; nil when the answer is none.
func (a answer) refusal() *apiError {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	var body wireBody
	// A body that is no JSON, as a proxy sends, leaves code and message empty.
	_ = json.Unmarshal(a.body, &body)
	return body.refusal(a.status, a.after)
}

func (b *wireBody) refusal(status int, after string) *apiError {
	if status >= 200 && status < 300 {
		return nil
	}
	e := &apiError{status: status, after: after}
	if b.Error != nil {
		e.code, e.message = b.Error.Code, b.Error.Message
	}
	e.code, e.message = cut(e.code, 80), cut(e.message, maxErrorText)
	return e
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// throttled: Graph asks to be left alone. 503 and 504 are its other ways to say so ("Microsoft Graph error responses
// and resource types").
func (e *apiError) throttled() bool {
	return e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable || e.status == http.StatusGatewayTimeout
}

// stale: the delta token is no longer known, and the folder has to be read anew ("Use delta query", synchronization
// reset).
func (e *apiError) stale() bool {
	if e.status == http.StatusGone {
		return true
	}
	switch strings.ToLower(e.code) {
	case "syncstatenotfound", "syncstateinvalid", "resyncrequired":
		return e.status >= 400 && e.status < 500
	}
	return false
}

// noMailbox: the address has no mailbox in Exchange Online, so that a 404 is about the mailbox and not about an item.
func (e *apiError) noMailbox() bool {
	switch strings.ToLower(e.code) {
	case "errorinvaliduser", "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "request_resourcenotfound",
		"resourcenotfound", "errornonexistentmailbox":
		return e.status == http.StatusNotFound || e.status == http.StatusForbidden
	}
	return false
}

// gone: the item does not exist, or never did.
func (e *apiError) gone() bool {
	return e.status == http.StatusNotFound && !e.noMailbox() ||
		e.status == http.StatusBadRequest && strings.EqualFold(e.code, "ErrorInvalidIdMalformed")
}

// conflict: somebody changed the item since its etag was read.
func (e *apiError) conflict() bool {
	return e.status == http.StatusConflict || e.status == http.StatusPreconditionFailed
}

// unreadable: the item is there and cannot be given out, today or later.
func (e *apiError) unreadable() bool {
	switch strings.ToLower(e.code) {
	case "errorcorruptdata", "erroritemcorrupt", "errorcontentconversionfailed", "errormimecontentconversionfailed",
		"errormimecontentinvalid", "erroritempropertyrequestfailed":
		return true
	}
	return false
}

// wait is how long a throttled request has to wait: what Retry-After names, exactly, else the default.
func (c *Client) wait(after string) time.Duration {
	if s, err := strconv.Atoi(strings.TrimSpace(after)); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return defaultWait + c.jitter()
}

// permission is an application permission of Graph.
type permission string

const (
	mailReadWrite   permission = "Mail.ReadWrite"
	mailboxSettings permission = "MailboxSettings.ReadWrite"
	mailRead        permission = "Mail.Read"
)

// What to do about a permanent error.
const (
	fixPermission = "check that the app has the application permission %s and that the scope of its Exchange role assignment " +
		"(RBAC for Applications) holds %s; a change there takes up to two hours"
	fixApp     = "check the tenant id, the client id, and that the secret or certificate has not expired"
	fixMailbox = "check the address in the manifest, and that it is a mailbox in Exchange Online"
)

// explain turns the error of an operation on a mailbox into what steers the pipeline. what names the operation with
// its mailbox; need is the permission it takes.
func (c *Client) explain(what, mailbox string, need permission, err error) error {
	var api *apiError
	if !errors.As(err, &api) {
		var credential *pipeline.Permanent
		if errors.As(err, &credential) {
			return &pipeline.Permanent{What: "graph: " + what + ": " + credential.What, Err: credential.Err, Fix: credential.Fix}
		}
		if refused, ok := tokenRefused(err); ok {
			return c.explainToken("graph: "+what, refused)
		}
		return fmt.Errorf("graph: %s: %w", what, err)
	}
	switch {
	case api.throttled():
		return &pipeline.Throttled{After: c.wait(api.after), What: "graph: " + what}
	case api.noMailbox():
		return &pipeline.Permanent{What: "graph: " + what, Err: api, Fix: fixMailbox}
	case api.status == http.StatusUnauthorized:
		return &pipeline.Permanent{What: "graph: " + what, Err: api, Fix: fixApp}
	case api.status == http.StatusForbidden:
		return &pipeline.Permanent{What: "graph: " + what, Err: api, Fix: fmt.Sprintf(fixPermission, need, mailbox)}
	}
	return fmt.Errorf("graph: %s: %w", what, err)
}

// explainToken is explain for what Entra refused.
func (c *Client) explainToken(what string, r *tokenRefusal) error {
	switch {
	case r.fix != "":
		return &pipeline.Permanent{What: what, Err: r, Fix: r.fix}
	case r.throttled():
		return &pipeline.Throttled{After: c.wait(r.after), What: what + ": get a token"}
	}
	return fmt.Errorf("%s: %w", what, r)
}
