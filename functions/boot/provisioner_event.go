package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/postroom/postroom/core/inbox"
)

// What an event asks the function provision to do.
const (
	doReport   = "report"   // look for drift, change nothing; so do the events of EventBridge Scheduler
	doPlan     = "plan"     // say what would be done
	doApply    = "apply"    // do the plan with the digest that is given
	doStatus   = "status"   // say how far an apply has come
	doContinue = "continue" // go on with a task; from the function itself
	doResource = "resource" // a custom resource of CloudFormation; told by its RequestType
)

// provisionEvent is one event, read.
type provisionEvent struct {
	Do   string `json:"do"`
	Task string `json:"task"` // of status and continue
	Leg  int    `json:"leg"`  // of continue
	request
	resource *resourceEvent
}

// request is what may be asked for beside "do".
type request struct {
	// AllowRemove lets the plan take away access, addresses and data.
	AllowRemove bool `json:"allowRemove,omitempty"`
	// Only names the mailboxes; empty: all, and the tenants themselves.
	Only []inbox.MailboxID `json:"only,omitempty"`
	// Plan is the digest of the plan that was shown; apply needs it.
	Plan string `json:"plan,omitempty"`
	// By is who asks, for the timeline. It is what they say of themselves.
	By string `json:"by,omitempty"`
}

// whose is who has asked, for the timeline: CloudTrail knows who has made the request, where it logs the invocations.
func (r request) whose(id string) string {
	text := "the function provision on request"
	if r.By != "" {
		text = r.By + ", by the function provision"
	}
	if id != "" {
		text += " (request " + id + ")"
	}
	return text
}

// maxEvent is how large an asynchronous event may be ("Lambda quotas"), and no event of ours is larger.
const maxEvent = 1 << 20

func readProvisionEvent(raw json.RawMessage) (e provisionEvent, err error) {
	if len(raw) > maxEvent {
		return e, fmt.Errorf("an event of %d KB", len(raw)>>10)
	}
	var kind struct {
		RequestType, Source string
		Do                  *string
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return e, fmt.Errorf("no event of ours: %w", shortened(err))
	}
	switch {
	case kind.RequestType != "":
		e.Do = doResource
		e.resource, err = readResourceEvent(raw)
		return e, err
	case kind.Do == nil && kind.Source == "aws.scheduler":
		return provisionEvent{Do: doReport}, nil
	case kind.Do == nil:
		return e, errors.New(`no event of ours: write {"do": "report"}, {"do": "plan"} or {"do": "apply", "plan": "…"}`)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields() // a misspelt "only" must not become everything
	if err := d.Decode(&e); err != nil {
		return e, fmt.Errorf("no event of ours: %w", shortened(err))
	}
	for i, id := range e.Only {
		e.Only[i] = inbox.MailboxID(strings.ToLower(strings.TrimSpace(string(id))))
	}
	if len(e.By) > 100 || strings.ContainsFunc(e.By, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return e, errors.New("by is longer than 100 bytes, or not text in one line: write who asks")
	}
	switch e.Do {
	case doReport, doPlan:
	case doApply:
		if len(e.Plan) != 64 {
			return e, errors.New(`apply needs the digest of the plan that was shown: ask for {"do": "plan"} and give its "digest" as "plan"`)
		}
	case doStatus, doContinue:
		if e.Task == "" {
			return e, fmt.Errorf("%s needs the task", e.Do)
		}
	default:
		return e, fmt.Errorf("do is %.40q: write report, plan, apply or status", e.Do)
	}
	return e, nil
}

// shortened keeps an error about somebody's JSON from being as long as that.
func shortened(err error) error {
	if s := err.Error(); len(s) > 200 {
		return errors.New(strings.ToValidUTF8(s[:200], "") + "…")
	}
	return err
}

// taskID names the work that an event asks for: the same when Lambda delivers the event again, which it does with the same
// request id ("Error handling for asynchronous invocations").
func taskID(ctx context.Context, event json.RawMessage) string {
	if id := requestID(ctx); id != "" {
		return digest([]byte(id))[:32]
	}
	return digest(event)[:32]
}

// requestID names the invocation, the same when Lambda tries it again.
func requestID(ctx context.Context) string {
	if of, ok := lambdacontext.FromContext(ctx); ok {
		return of.AwsRequestID
	}
	return ""
}
