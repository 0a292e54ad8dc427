// Package rules matches messages against the rules of a mailbox and says in words why each matched.
//
// How texts are compared:
//
//   - Letter case never counts. In subject, body, header values and attachment names accents do not either: "Zażółć"
//     is "zazolc", "Straße" is "strasse", "Køb" is "kob", and Arabic or Hebrew vowel signs are as if not written. Any run
//     of white space is one space. Addresses and media types keep their accents, for there an accent means another address.
//   - In a pattern "*" stands for any run of characters, and a pattern with one is compared with the whole value; in the
//     body, with each whole line. "\*" is a star itself.
//   - Without a star, a pattern of subject, body or header is looked for anywhere, also inside longer words: there are no
//     words to find in Japanese, and in Danish or German they are written together.
//   - Without a star, a pattern of from, to or cc is a whole address (bob@contoso.com) or a domain (contoso.com or
//     @contoso.com, without its subdomains: those are *.contoso.com).
//   - A pattern of attachment is a media type where it has a slash (image/*), an extension where it begins with a dot
//     (.pdf), else a whole file name.
package rules

import (
	"fmt"

	"github.com/postroom/postroom/core/inbox"
)

// Bounds of what Compile accepts and of what Match looks at. They keep the cost of one message small whatever
// the rules and the message say.
const (
	MaxRules      = 500
	MaxPatterns   = 200     // of one condition
	MaxPattern    = 500     // bytes
	MaxExpression = 2000    // bytes
	maxText       = 1 << 17 // bytes of one text of a message; what follows is not looked at
	maxPeople     = 500     // of one address field
	maxParts      = 500     // attachments
)

// Rule is one rule of a mailbox as somebody wrote it.
type Rule struct {
	Name string
	When When
	Then Then
}

// When holds the conditions of a rule. All that are set must hold; with none set the rule matches every message.
type When struct {
	From       Condition
	To         Condition // who the mail is addressed to: the To field, and the alias it was delivered to
	Cc         Condition
	Subject    Condition
	Body       Condition
	Header     []Header
	Attachment Condition
	Size       Condition // such as "> 5MB", "<= 10 KB", "over 5MB"; 1 KB is 1024 bytes
	If         string    // an expression, see Expression
}

// Condition is what one part of the message must be: like any of Any (where there are any), and like none of Not.
// The zero value is no condition.
type Condition struct {
	Any []string
	Not []string
}

// Zero reports whether c asks for nothing.
func (c Condition) Zero() bool { return len(c.Any) == 0 && len(c.Not) == 0 }

// Header is a condition on the header fields of one name, letter case ignored.
type Header struct {
	Name string
	Condition
}

// Then is what a rule asks for. Zero fields ask for nothing.
type Then struct {
	Tags     []string
	Priority inbox.Priority
	Skill    string         // assign to a member with this skill
	Member   inbox.MemberID // assign to this member
	Strategy string         // assign by this strategy instead of the mailbox's
	Stop     bool           // no later rule is tried
}

// Hit is one rule that matched.
type Hit struct {
	Rule string   // its name
	Why  []string // one sentence a condition, such as: subject contains "refund"
	Then Then
}

// Trouble is a rule that could not be tried on a message and therefore counts as no match.
type Trouble struct {
	Rule string // its name
	Text string // what went wrong
}

// String is a reason in words for the timeline.
func (t Trouble) String() string {
	return fmt.Sprintf("rule %q could not be tried: %s", t.Rule, t.Text)
}
