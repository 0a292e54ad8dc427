package gmail

import (
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
)

// throughFront undoes what the group in front of the account has done to a customer's mail on its way. Groups makes mail of a
// list of it, which nobody answers by themselves, and where the customer's domain has a strict DMARC policy it puts its own
// address into From and the customer's into X-Original-From. Fields of the same names that others have set stay: a
// newsletter to the group is one still. A stranger who writes such fields gets no more than by writing any other From.
func throughFront(m *inbox.Message, front inbox.Address) {
	if front == "" || m.Direction != inbox.In || !listOf(m.Get("List-Id"), front) {
		return
	}
	if m.From.Address == front {
		if from := customer(m); from.Address != "" && from.Address != front {
			if from.Name == "" { // Groups writes 'Jane Doe' via Contoso
				name, _, _ := strings.Cut(m.From.Name, " via ")
				from.Name = strings.Trim(name, "' ")
			}
			m.From = from
		}
	}
	m.Header = slices.DeleteFunc(m.Header, func(f inbox.Field) bool {
		value := strings.ToLower(f.Value)
		switch strings.ToLower(f.Name) {
		case "list-id":
			return listOf(value, front)
		case "list-post", "list-unsubscribe":
			return strings.Contains(value, "groups.google.com/") || strings.Contains(value, "@googlegroups.com") || strings.Contains(value, "mailto:"+string(front))
		case "precedence":
			return strings.TrimSpace(value) == "list"
		}
		return false
	})
}

// listOf reports whether the List-Id is that of the group: its address with a dot for the @.
func listOf(id string, group inbox.Address) bool {
	return strings.Contains(strings.ToLower(id), "<"+strings.Replace(string(group), "@", ".", 1)+">")
}

// customer is who wrote a mail that bears the group's address.
func customer(m *inbox.Message) inbox.Person {
	for _, field := range []string{"X-Original-From", "X-Original-Sender", "Reply-To"} {
		value := m.Get(field)
		if value == "" {
			continue
		}
		if h, err := mail.ParseHeader([]byte("From: " + oneLine.Replace(value) + "\r\n\r\n")); err == nil {
			if list := people(h.From); len(list) > 0 && list[0].Address != "" {
				return list[0]
			}
		}
	}
	return inbox.Person{}
}
