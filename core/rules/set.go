package rules

import "github.com/postroom/postroom/core/inbox"

// Set is the compiled rules of one mailbox, in order. It may be used by any number of goroutines at once.
type Set struct{}

// Match gives the rules that match m, in order, up to the first with Stop. A nil Set matches nothing.
func (s *Set) Match(m inbox.Message) []Hit { return nil }

// Needs says which parts of a message the rules look at that cost extra to read.
type Needs struct{ Body, Attachments, Size bool }

// Needs of a nil Set are none.
func (s *Set) Needs() Needs { return Needs{} }
