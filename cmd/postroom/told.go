package main

import (
	"fmt"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// told is one event as a sentence.
func (t *teller) told(e inbox.Event) string {
	who := t.actor(e.By)
	switch e.Kind {
	case inbox.EventReceived, inbox.EventAnswered, inbox.EventSent:
		return t.toldMail(e, who)
	case inbox.EventAssigned:
		if e.By == inbox.ByMember(e.Member) {
			return who + " took it" + t.from(e.From)
		}
		return fmt.Sprintf("%s gave it to %s%s", who, t.member(e.Member), t.from(e.From))
	case inbox.EventEscalated:
		return fmt.Sprintf("%s gave it to %s, a lead%s", who, t.member(e.Member), t.from(e.From))
	case inbox.EventReleased:
		return who + " released it" + t.from(e.From)
	case inbox.EventTagged:
		return fmt.Sprintf("%s put on the tag %s", who, printable(e.Tag, maxShown))
	case inbox.EventUntagged:
		return fmt.Sprintf("%s took off the tag %s", who, printable(e.Tag, maxShown))
	case inbox.EventPrioritised:
		return fmt.Sprintf("%s set the priority to %s", who, priority(e.Priority))
	case inbox.EventWaiting:
		return "it waits for the customer"
	case inbox.EventClosed:
		return who + " closed it"
	case inbox.EventReopened:
		return who + " reopened it"
	case inbox.EventMoved:
		if e.Was == "" {
			return fmt.Sprintf("%s restored a mail to %s", who, e.Place)
		}
		return fmt.Sprintf("%s moved a mail from %s to %s", who, e.Was, e.Place)
	case inbox.EventDeleted:
		return who + " deleted a mail"
	case inbox.EventRefused:
		return "the provider refused for good to set the markers of a mail"
	}
	return fmt.Sprintf("%s: %s", who, printable(string(e.Kind), maxShown))
}

// toldMail is a message that joined the conversation.
func (t *teller) toldMail(e inbox.Event, who string) string {
	if e.Mail == nil {
		return fmt.Sprintf("%s: a mail was %s", who, e.Kind)
	}
	subject := " without a subject"
	if s := printable(e.Mail.Subject, maxShown); s != "" {
		subject = fmt.Sprintf(": “%s”", s)
	}
	if e.Mail.Imported {
		subject += " (before Postroom)"
	}
	switch e.Kind {
	case inbox.EventReceived:
		return person(e.Mail.From) + " wrote" + subject
	case inbox.EventAnswered:
		return who + " answered" + subject
	}
	to := ""
	if p := person(e.Mail.To); p != "" {
		to = " to " + p
	}
	if e.Mail.Automated != "" {
		who = "the mailbox"
	}
	return who + " wrote" + to + subject
}

func (t *teller) actor(a inbox.Actor) string {
	switch a {
	case inbox.ByPostroom:
		return "Postroom"
	case inbox.ByCustomer:
		return "the customer"
	case inbox.ByTeam:
		return "somebody of the team"
	}
	if id, ok := strings.CutPrefix(string(a), string(inbox.ByMember(""))); ok {
		return t.member(inbox.MemberID(id))
	}
	return printable(string(a), maxShown)
}

func (t *teller) member(id inbox.MemberID) string {
	if name := t.names[id]; name != "" {
		return printable(name, maxShown)
	}
	return printable(string(id), maxShown) + " (not in the manifest)"
}

// from says who had the conversation before.
func (t *teller) from(id inbox.MemberID) string {
	if id == "" {
		return ""
	}
	return "; " + t.member(id) + " had it"
}

// person is a name as the mail claims it, and always the address beside it.
func person(p inbox.Person) string {
	name, address := printable(p.Name, maxShown), printable(string(p.Address), maxShown)
	switch {
	case name == "" || name == address:
		return address
	case address == "":
		return name
	}
	return fmt.Sprintf("%s <%s>", name, address)
}

func priority(p inbox.Priority) string {
	if p == inbox.PriorityNormal {
		return "normal"
	}
	return printable(string(p), maxShown)
}
