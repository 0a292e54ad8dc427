// Package rules matches messages against the rules of a mailbox and says in words why each matched.
package rules

import "github.com/postroom/postroom/core/inbox"

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
