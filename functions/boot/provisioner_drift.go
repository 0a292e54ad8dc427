package boot

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// drift is what differed at the last look, by the keys of [provision.Plan.Drift]: the same difference has the same key.
type drift map[string]drifted

// drifted is one difference.
type drifted struct {
	Mailbox inbox.MailboxID  `json:"m,omitempty"`
	Aspect  provision.Aspect `json:"a"`
	Since   time.Time        `json:"s"`
	Told    bool             `json:"t,omitempty"`
}

// driftRecord is the record with it.
const driftRecord = "drift"

// after is what differs now. What was known keeps its beginning. What cannot be looked at is taken to be as it was, so that it
// is not told of again when it can.
func (d drift) after(entries []provision.Entry, unread []provision.Unread, now time.Time) drift {
	type place struct {
		mailbox inbox.MailboxID
		aspect  provision.Aspect
	}
	blind := map[place]bool{}
	for _, u := range unread {
		blind[place{u.Mailbox, u.Aspect}] = true
		if u.Aspect == provision.Existence { // then nothing of it can be read
			blind[place{u.Mailbox, ""}] = true
		}
	}
	next := drift{}
	for key, was := range d {
		if blind[place{was.Mailbox, was.Aspect}] || blind[place{was.Mailbox, ""}] {
			next[key] = was
		}
	}
	for _, e := range entries {
		is, ok := d[e.Key]
		if !ok {
			is = drifted{Mailbox: e.Mailbox, Aspect: e.Fact.Aspect, Since: now.UTC().Truncate(time.Second)}
		}
		next[e.Key] = is
	}
	return next
}

// maxNotice is how long a message may be, in bytes: SNS takes 262,144 ("Amazon SNS endpoints and quotas", message size).
const maxNotice = 240 << 10

// driftNotice is what people are told: everything that differs now, of which some is new.
func driftNotice(stack string, plan provision.Plan, all, fresh int) (subject, text string) {
	subject = fmt.Sprintf("Postroom %s: %d differences from the manifest, %d of them new", stack, all, fresh)
	var b bytes.Buffer
	fmt.Fprintf(&b, "The mailboxes differ from the manifest %s in %d points; %d of them are new.\n", plan.Manifest.Name, all, fresh)
	b.WriteString("Nothing was changed. This is what would make them as the manifest says:\n\n")
	plan.Table(&b, false) // a buffer takes everything
	b.WriteString("\nIf somebody meant the change, write it into the manifest. To undo it, look at the plan and apply it: docs/provisioning.md.\n")
	return oneSubject(subject), cutText(b.String(), maxNotice)
}

// manualNotice is what people are told when no API can do all that a resource needs.
func manualNotice(stack string, address inbox.MailboxID, left provision.Plan) (subject, text string) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "The mailbox %s is declared by a CloudFormation resource. What follows no API can do; a person has to:\n\n", address)
	left.Table(&b, false) // a buffer takes everything
	return oneSubject(fmt.Sprintf("Postroom %s: %d steps by hand for %s", stack, len(left.Steps), address)), cutText(b.String(), maxNotice)
}

// cutText cuts at the end of a line, and says so. Control characters but line feed are taken out: what people named things at
// the providers is in it.
func cutText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) && !(r >= 0x202a && r <= 0x202e) && !(r >= 0x2066 && r <= 0x2069) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "�"))
	if len(s) <= most {
		return s
	}
	const more = "\n… and more than a message holds: look at the whole plan.\n"
	cut := s[:most-len(more)]
	if i := strings.LastIndexByte(cut, '\n'); i > 0 {
		cut = cut[:i]
	}
	for !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return cut + more
}

// oneSubject is a subject as SNS takes it: ASCII, one line, at most 100 characters ("Publish", Subject).
func oneSubject(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}
