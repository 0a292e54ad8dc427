package provision

import (
	"slices"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// key names what one step leaves free or makes, and another step needs.
type key struct {
	what     string
	provider inbox.Provider
	mailbox  inbox.MailboxID
	name     string
}

// Why a key is needed.
const (
	keyPerson  = "person"  // nobody is given anything in a mailbox while they hold there what the file does not give them
	keyAddress = "address" // an address belongs to one mailbox at a time
	keyMailbox = "mailbox" // a mailbox has to be there
	keyKind    = "kind"    // and be of the kind that the manifest takes it for, lest somebody's own is worked as a shared one
	keyGroup   = "group"   // so has a group
	keyBehind  = "behind"  // a group takes no strangers' mail before the account behind it gets what comes
	keySender  = "sender"  // an address to send as has to be the mailbox's
	keyApp     = "app"     // Exchange has to know the app
	keyScope   = "scope"   // a role is given in a scope
	keyNarrow  = "narrow"  // the app is given nothing while it holds or would reach more than the file says
	keyLicence = "licence" // what needs a licence
	keyTaker   = "taker"   // an address that moves is not taken from where it is before somebody takes it over
)

// unlicensed is the size from which a shared mailbox needs a licence of its own ("About shared mailboxes").
const unlicensed = 50 << 30

// provides are the keys that exist once the step is done.
func (s *Step) provides(r *row) []key {
	k := func(what, name string) key { return key{what, s.Provider, s.Mailbox, name} }
	everywhere := func(what, name string) key { return key{what, s.Provider, "", name} }
	if r.access && (s.Verb == Remove || s.lowers()) {
		out := []key{k(keyPerson, s.person())}
		if s.Fact.Aspect == GroupMember { // whoever is in a group has what the group is given
			group, _ := splitMembership(fold(s.Fact.Subject))
			out = append(out, k(keyPerson, group))
		}
		return out
	}
	switch s.Fact.Aspect {
	case Existence:
		switch s.Verb {
		case Create:
			return []key{k(keyMailbox, "")}
		case Set:
			return []key{k(keyKind, "")}
		case Delete:
			out := []key{everywhere(keyAddress, string(s.Mailbox))}
			for _, v := range s.With {
				if v.Fact.Aspect == Reach {
					out = append(out, everywhere(keyNarrow, "reach"))
				} else {
					out = append(out, everywhere(keyAddress, fold(v.Fact.Subject)))
				}
			}
			return out
		}
	case Alias:
		if s.Verb == Remove {
			return []key{everywhere(keyAddress, fold(s.Fact.Subject))}
		}
		return []key{k(keySender, fold(s.Fact.Subject))}
	case Group:
		if s.Verb == Create {
			return []key{k(keyGroup, ""), k(keyGroup, fold(s.Fact.Subject)), k(keySender, fold(s.Fact.Subject))}
		}
	case GroupMember:
		if s.Verb == Add && s.person() == fold(string(s.Mailbox)) {
			return []key{k(keyBehind, "")}
		}
	case AppPrincipal:
		return []key{everywhere(keyApp, "")}
	case AppScope:
		return []key{everywhere(keyScope, fold(s.Fact.Subject))}
	case AppRole:
		switch s.Verb {
		case Remove:
			return []key{everywhere(keyNarrow, "role"), everywhere(keyNarrow, "removal")}
		case Set: // needs the scope itself
			return []key{everywhere(keyNarrow, "role")}
		}
	case Reach:
		if s.Verb == Remove {
			return []key{everywhere(keyNarrow, "reach")}
		}
	case Licence:
		if s.After != "" && (s.Provider == inbox.M365 || s.Before == "") {
			return []key{k(keyLicence, "")}
		}
	}
	return nil
}

// needs are the keys that have to exist before the step is done, where a step of the plan provides them.
func (s *Step) needs(r *row) []key {
	k := func(what, name string) key { return key{what, s.Provider, s.Mailbox, name} }
	everywhere := func(what, name string) key { return key{what, s.Provider, "", name} }
	var out []key
	if s.Fact.Aspect != Existence {
		out = append(out, k(keyKind, ""))
	}
	if s.Verb == Remove || s.Verb == Delete {
		if to := s.moves(); to != "" { // it stays where it is until it can go
			out = append(out, key{keyMailbox, s.Provider, inbox.MailboxID(to), ""})
		}
		return out
	}
	if s.lowers() {
		return out
	}
	if s.Mailbox != "" && !(s.Fact.Aspect == Existence && s.Verb == Create) {
		out = append(out, k(keyMailbox, ""))
	}
	if r.access {
		out = append(out, k(keyPerson, s.person()))
	}
	switch s.Fact.Aspect {
	case Existence:
		out = append(out, everywhere(keyAddress, string(s.Mailbox)))
	case Alias:
		out = append(out, everywhere(keyAddress, fold(s.Fact.Subject)))
	case Group:
		out = append(out, everywhere(keyAddress, fold(s.Fact.Subject)))
	case GroupSetting:
		out = append(out, k(keyGroup, ""), k(keyBehind, ""))
	case GroupMember:
		group, _ := splitMembership(fold(s.Fact.Subject))
		out = append(out, k(keyGroup, group))
	case Sender:
		out = append(out, k(keySender, fold(s.Fact.Subject)))
	case AppScope:
		if s.Verb == Set {
			out = append(out, everywhere(keyNarrow, "reach"), everywhere(keyNarrow, "removal"))
		}
	case AppRole:
		out = append(out, everywhere(keyApp, ""), everywhere(keyScope, fold(s.After)), everywhere(keyNarrow, "reach"))
		if s.Verb == Add {
			out = append(out, everywhere(keyNarrow, "role"))
		}
	case Reach:
		out = append(out, everywhere(keyNarrow, "role"))
	case Quota:
		if n, err := strconv.ParseInt(s.After, 10, 64); err == nil && n > unlicensed {
			out = append(out, k(keyLicence, ""))
		}
	}
	if s.Provider == inbox.Gmail {
		switch s.Fact.Aspect { // what is in Gmail is not there before its licence
		case Open, Sender, Signature, Language, AutoReply, Marker:
			out = append(out, k(keyLicence, ""))
		}
	}
	return out
}

// person is whom a right is of, without letter case.
func (s *Step) person() string {
	if s.Fact.Aspect == GroupMember {
		_, member := splitMembership(s.Fact.Subject)
		return fold(member)
	}
	return fold(s.Fact.Subject)
}

// lowers reports whether the step leaves somebody in a group with less to say there.
func (s *Step) lowers() bool {
	rank := func(role string) int { return slices.Index(groupRoles[:], strings.ToUpper(role)) }
	return s.Fact.Aspect == GroupMember && s.Verb == Set && rank(s.After) < rank(s.Before)
}

// groupRoles are from the least up ("members" of the Directory API).
var groupRoles = [...]string{"MEMBER", "MANAGER", "OWNER"}
