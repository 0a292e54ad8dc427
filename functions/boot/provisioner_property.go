package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/postroom/postroom/core/inbox"
)

// resourceEvent is what CloudFormation sends for a custom resource ("Custom resource request objects").
type resourceEvent struct {
	RequestType           string
	ResponseURL           string
	StackId               string // the names are CloudFormation's
	RequestId             string
	ResourceType          string
	LogicalResourceId     string
	PhysicalResourceId    string         `json:",omitempty"`
	ResourceProperties    map[string]any `json:",omitempty"`
	OldResourceProperties map[string]any `json:",omitempty"`
}

func readResourceEvent(raw []byte) (*resourceEvent, error) {
	e := &resourceEvent{}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("no request of CloudFormation: %w", shortened(err))
	}
	switch e.RequestType {
	case "Create", "Update", "Delete":
	default:
		return nil, fmt.Errorf("no request of CloudFormation: RequestType is %.40q", e.RequestType)
	}
	if e.StackId == "" || e.RequestId == "" || e.LogicalResourceId == "" || e.ResponseURL == "" {
		return nil, errors.New("no request of CloudFormation: StackId, RequestId, LogicalResourceId or ResponseURL is missing")
	}
	if e.RequestType != "Create" && e.PhysicalResourceId == "" {
		return nil, errors.New("no request of CloudFormation: PhysicalResourceId is missing")
	}
	return e, nil
}

// owner names the resource over all of its life.
func (e *resourceEvent) owner() string { return e.StackId + " " + e.LogicalResourceId }

// noMailbox is the physical id of a resource that never had a mailbox. Others have the mailbox's address.
const noMailbox = "none"

// deleted is the mailbox that a Delete is about; empty: none. CloudFormation makes an id up for a creation that it has called off
// or given up waiting for ("Custom resource request objects", PhysicalResourceId).
func (e *resourceEvent) deleted() inbox.MailboxID {
	switch id := e.PhysicalResourceId; {
	case id == noMailbox:
		return ""
	case strings.Contains(id, "@"):
		return inbox.MailboxID(id)
	}
	address, _ := e.ResourceProperties["Address"].(string)
	return inbox.MailboxID(strings.ToLower(address))
}

// stack is the stack's name, from its ARN, for people.
func (e *resourceEvent) stack() string {
	if part := strings.Split(e.StackId, "/"); len(part) > 1 {
		return part[1]
	}
	return e.StackId
}

// maxService is how long CloudFormation waits for a resource at most, and unless it is told otherwise
// ("AWS::CloudFormation::CustomResource", ServiceTimeout).
const maxService = time.Hour

// patience is how long the request may take, so that the answer comes in time.
func (e *resourceEvent) patience() time.Duration {
	wait := maxService
	if s, err := strconv.ParseFloat(fmt.Sprint(e.ResourceProperties["ServiceTimeout"]), 64); err == nil && s > 0 && s < wait.Seconds() {
		wait = time.Duration(s * float64(time.Second))
	}
	return wait * 19 / 20
}

// properties are a resource's: those that are about the resource, and the mailbox's keys as the manifest has them.
type properties struct {
	address     inbox.MailboxID
	remove      bool // Removal: delete
	allowRemove bool
	keys        map[string]any
}

// readProperties reads a resource's properties. A mailbox's keys are written as in the manifest (answer-as) or as
// CloudFormation writes names (AnswerAs); what they may hold, the manifest says.
func readProperties(all map[string]any) (p properties, err error) {
	p.keys = map[string]any{}
	var problems []error
	problem := func(name, fix string) { problems = append(problems, fmt.Errorf("property %s: %s", name, fix)) }
	for name, value := range all {
		text, isText := value.(string)
		switch name {
		case "ServiceToken", "ServiceTimeout":
		case "Address":
			parsed, err := mail.ParseAddress(text)
			if !isText || err != nil || parsed.Address != text || len(text) > 254 {
				problem(name, "write the mailbox's address, such as support@contoso.com")
			}
			p.address = inbox.MailboxID(strings.ToLower(text))
		case "Removal":
			if text != "retain" && text != "delete" {
				problem(name, "write retain, or delete for the mailbox to be deleted with the resource")
			}
			p.remove = text == "delete"
		case "AllowRemove":
			if b, ok := value.(bool); ok {
				text = fmt.Sprint(b)
			}
			if text != "true" && text != "false" {
				problem(name, "write true or false")
			}
			p.allowRemove = text == "true"
		default:
			key := manifestKey(name)
			if _, twice := p.keys[key]; twice {
				problem(name, "it is there twice, as "+key+" too")
			}
			p.keys[key] = value
		}
	}
	if _, ok := all["Address"]; !ok {
		problem("Address", "write the mailbox's address, such as support@contoso.com")
	}
	return p, errors.Join(problems...)
}

// manifestKey is a property's name as the manifest writes it: answer-as for AnswerAs.
func manifestKey(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
