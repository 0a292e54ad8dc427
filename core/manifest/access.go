package manifest

import (
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Values of Open at Microsoft 365.
const (
	mapped   = "mapped"
	unmapped = "unmapped"
)

// access gives the people and groups of a mailbox their rights: each member those of their role, and whoever stands under
// access those that stand there, in place of the role's.
func (r *reader) access(out *Mailbox, m mailbox, at path) {
	facts := out.wish.Facts
	give := func(a inbox.Address, aspect provision.Aspect, value string) {
		facts[provision.Fact{Aspect: aspect, Subject: string(a)}] = value
	}
	said := r.explicit(m, out.Policy.Addresses, at.key("access"), give)
	open := mapped
	if m.AutoMap != nil && !*m.AutoMap {
		open = unmapped
	}
	if m.Provider == string(Gmail) {
		open = ""
	}
	for _, a := range addressesOf(out.Policy.Members) {
		switch {
		case said[a]:
		case m.DelegateGroup != "":
			give(inbox.Address(provision.GroupMembership(addressOf(m.DelegateGroup), a)), provision.GroupMember, "MEMBER")
		default:
			give(a, provision.Open, open)
			switch {
			case m.Provider == string(Gmail):
			case m.AnswerAs == "member":
				give(a, provision.SendOnBehalf, "")
			default:
				give(a, provision.SendAs, "")
			}
		}
	}
	out.Readers = r.readers(m, at.key("readers"))
	out.wish.Names = map[inbox.Address]string{}
	for _, one := range slices.Concat(out.Policy.Members, out.Readers) {
		if one.Address != "" {
			out.wish.Names[one.Address] = one.Name
		}
	}
	for _, a := range addressesOf(out.Readers) {
		if !said[a] {
			give(a, provision.Read, "")
		}
	}
}

func addressesOf(list []decide.Member) (out []inbox.Address) {
	for _, m := range list {
		if m.Address != "" {
			out = append(out, m.Address)
		}
	}
	return out
}

// readers finds the members who only see the mailbox.
func (r *reader) readers(m mailbox, at path) (out []decide.Member) {
	answers := make(map[string]bool, len(m.Agents)+len(m.Leads))
	for _, id := range slices.Concat(m.Agents, m.Leads) {
		answers[id] = true
	}
	for _, one := range r.team(m.Readers, at) {
		if answers[string(one.ID)] {
			i := slices.Index(m.Readers, string(one.ID))
			r.add(r.at(at.item(i)), fmt.Sprintf("the member %s answers in this mailbox", one.ID), "who is agent or lead sees it anyway; take them out of the readers")
		}
		e := r.doc.Members[r.people[string(one.ID)]]
		out = append(out, decide.Member{ID: one.ID, Name: one.Name, Address: addressOf(e.Value.Email)})
	}
	return out
}

// rights are the aspects behind the words of access.
var rights = []struct {
	word   string
	aspect provision.Aspect
}{{"open", provision.Open}, {"read", provision.Read}, {"send-as", provision.SendAs}, {"send-on-behalf", provision.SendOnBehalf}}

// explicit reads what stands under access, and gives whose rights that settles.
func (r *reader) explicit(m mailbox, own []inbox.Address, at path, give func(inbox.Address, provision.Aspect, string)) map[inbox.Address]bool {
	said := make(map[inbox.Address]bool)
	if len(m.Access) > maxAccess {
		r.add(r.name(at), fmt.Sprintf("%d addresses are too many", len(m.Access)), fmt.Sprintf("at most %d have access to one mailbox; give it to a group", maxAccess))
		return said
	}
	for _, e := range m.Access {
		p := at.key(e.Key)
		if n, ok := r.people[e.Key]; ok {
			r.add(r.name(p), fmt.Sprintf("%q is a member's key, not an address", e.Key), "write their address: "+r.doc.Members[n].Value.Email)
			continue
		}
		a, ok := r.address(e.Key, p)
		if !ok {
			continue
		}
		switch {
		case said[a]:
			r.add(r.name(p), fmt.Sprintf("the address %s is here a second time", a), "letter case does not count; make them one")
			continue
		case slices.Contains(own, a):
			r.add(r.name(p), fmt.Sprintf("the address %s is the mailbox's own", a), "write the address of a person or a group")
			continue
		case m.DelegateGroup != "" && a == addressOf(m.DelegateGroup):
			r.add(r.name(p), fmt.Sprintf("the group %s is a delegate already", a), "delegate-group says so; take it out here")
			continue
		}
		said[a] = true
		has := func(word string) bool { return slices.Contains(e.Value, word) }
		for i, word := range e.Value {
			item := p.item(i)
			switch {
			case slices.Contains(e.Value[:i], word):
				r.add(r.at(item), fmt.Sprintf("%s is here a second time", word), "take one out")
			case word == "":
				r.addEmpty(item)
			case word == "none" && len(e.Value) > 1:
				r.add(r.at(item), "none stands beside rights", "take none out, or all else")
			case word == "unmapped" && !has("open"):
				r.add(r.at(item), "unmapped says how the mailbox is opened, and there is no right to open it", "write [open, unmapped]")
			case m.Provider == string(Gmail) && word != "open" && word != "none":
				r.add(r.at(item), fmt.Sprintf("Gmail has no right %q", word), "a delegate sees and answers everything: write open, or none")
			}
		}
		for _, right := range rights {
			if !has(right.word) {
				continue
			}
			value := ""
			if right.aspect == provision.Open && m.Provider != string(Gmail) {
				value = mapped
				if has("unmapped") || m.AutoMap != nil && !*m.AutoMap {
					value = unmapped
				}
			}
			give(a, right.aspect, value)
		}
	}
	return said
}
