package dynamo

import (
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// maxText is how many bytes of one text of a stranger's are kept, so that no mail can make an event that DynamoDB cannot
// keep: a mailbox would stand still for it. RFC 5322 limits a line to 998 characters.
const maxText = 4096

// fitting is an event with texts that can be kept. The caller's is not changed.
func fitting(e inbox.Event) inbox.Event {
	if m := e.Mail; m != nil && (len(m.Subject) > maxText || !fits(m.From) || !fits(m.To)) {
		short := *m
		short.Subject, short.From, short.To = cut(m.Subject), fittingPerson(m.From), fittingPerson(m.To)
		e.Mail = &short
	}
	if slices.ContainsFunc(e.Why, func(s string) bool { return len(s) > maxText }) {
		e.Why = slices.Clone(e.Why)
		for i, s := range e.Why {
			e.Why[i] = cut(s)
		}
	}
	return e
}

func fits(p inbox.Person) bool { return len(p.Name) <= maxText && len(p.Address) <= maxText }

func fittingPerson(p inbox.Person) inbox.Person {
	return inbox.Person{Name: cut(p.Name), Address: inbox.Address(cut(string(p.Address)))}
}

// cut shortens a text to maxText bytes and says so with an ellipsis.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:maxText-len(ellipsis)], "") + ellipsis
}
