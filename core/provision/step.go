package provision

import (
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// Verb is what a step does with its fact.
type Verb string

// The verbs.
const (
	Create Verb = "create" // the mailbox, the group
	Set    Verb = "set"    // a value
	Add    Verb = "add"    // a member of a set: an alias, a right, a category
	Remove Verb = "remove" // a member of a set
	Delete Verb = "delete" // the mailbox with all that is in it
)

// Step is one change of one fact.
type Step struct {
	ID       string          `json:"id"` // of verb, mailbox, aspect and subject: the same change has the same ID in every plan
	Mailbox  inbox.MailboxID `json:"mailbox,omitempty"`
	Provider inbox.Provider  `json:"provider"`
	Verb     Verb            `json:"verb"`
	Fact     Fact            `json:"fact"`
	Before   string          `json:"before,omitempty"` // the value now; empty also where the fact is not true now
	After    string          `json:"after,omitempty"`
	// With are facts that the administration needs at hand to do this one: the name a mailbox is created with.
	With []Value `json:"with,omitempty"`

	What   string        `json:"what"`             // in words
	Why    string        `json:"why"`              // what in the manifest asks for it
	Undo   string        `json:"undo,omitempty"`   // how to take it back; empty: it cannot be
	Delay  time.Duration `json:"delay,omitempty"`  // how long people may wait until they see it, at most
	Takes  bool          `json:"takes,omitempty"`  // it takes away access, an address or data: needs --allow-remove
	Manual string        `json:"manual,omitempty"` // what a person has to do, for no API can
}

// Value is a fact with its value.
type Value struct {
	Fact  Fact   `json:"fact"`
	Value string `json:"value,omitempty"`
}

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Good    Verdict = "good"
	Warning Verdict = "warning" // it works, but not for ever or not for everybody
	Bad     Verdict = "bad"
	Skipped Verdict = "skipped" // it could not be looked at; Says tells why
)

// Finding is what one check of doctor found. Says is one line; Fix, where there is something to be done, is exact.
type Finding struct {
	Check   string          `json:"check"` // such as "quota"
	Mailbox inbox.MailboxID `json:"mailbox,omitempty"`
	Verdict Verdict         `json:"verdict"`
	Says    string          `json:"says"`
	Fix     string          `json:"fix,omitempty"`
}
