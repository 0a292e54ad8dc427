package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// claim notes the addresses of a mailbox, so that no other has them.
func (r *reader) claim(b box) {
	id, m, at := b.id, b.mailbox, b.at
	one := func(s string, p path, what string) {
		a, ok := r.address(s, p)
		if !ok {
			return
		}
		if other, doubled := r.mailboxAt[a]; doubled {
			text := fmt.Sprintf("the address %s is already one of mailbox %s", a, other)
			if other == string(a) && what == "alias" && other == strings.ToLower(id) {
				text = fmt.Sprintf("the alias %s is the mailbox itself", a)
			}
			r.add(r.name(p), text, "an address belongs to one mailbox; take it out in one place")
			return
		}
		r.mailboxAt[a] = strings.ToLower(id)
	}
	one(id, at, "mailbox")
	for i, alias := range m.Aliases {
		one(alias, at.key("aliases").item(i), "alias")
	}
	if m.Front.Group != "" {
		one(m.Front.Group, at.key("front").key("group"), "group")
	}
	if m.DelegateGroup != "" {
		one(m.DelegateGroup, at.key("delegate-group"), "group")
	}
}

func (r *reader) mailbox(id string, m mailbox, at path) Mailbox {
	out := Mailbox{Provider: Provider(m.Provider), Name: m.Name, Location: r.out.Location}
	if m.Name == "" {
		out.Name = strings.ToLower(id)
		r.addEmpty(at.key("name"))
	} else {
		r.shownName(m.Name, at.key("name"))
	}
	p := &out.Policy
	p.Mailbox = inbox.MailboxID(strings.ToLower(id))
	p.Addresses = []inbox.Address{inbox.Address(p.Mailbox)}
	for _, a := range m.Aliases {
		p.Addresses = append(p.Addresses, inbox.Address(strings.ToLower(a)))
	}
	p.Domains = r.out.Domains
	r.assignment(p, m, at)
	if m.Archive == nil || *m.Archive {
		p.CloseBy = inbox.Archive
	}
	p.Backlog = r.backlog(m.Backlog, at.key("backlog"))
	out.Styles = r.markers(p, m, at)
	if p.Markers.Closed == "" && p.CloseBy == "" {
		r.add(r.name(at), "nothing closes a conversation in this mailbox", "name a marker under markers: closed:, or take close-by-archiving: false out")
	}
	p.Rules = r.rules(m, at)
	out.Folders = r.folders(m, at)
	r.provisioned(&out, m, at)
	return out
}

func (r *reader) assignment(p *decide.Policy, m mailbox, at path) {
	p.Assign = assign.Config{Strategy: assign.LeastLoaded, Cap: m.Assign.Cap, Sticky: r.duration(m.Assign.Sticky, at.key("assign").key("sticky"))}
	if m.Assign.Strategy != "" {
		p.Assign.Strategy = assign.Strategy(m.Assign.Strategy)
	}
	p.Assign.Agents = r.team(m.Agents, at.key("agents"))
	p.Assign.Leads = r.team(m.Leads, at.key("leads"))
	if len(m.Agents) == 0 && p.Assign.Strategy != assign.Manual && !r.has(at.key("agents")) {
		r.add(r.name(at), fmt.Sprintf("nobody answers this mailbox, and its assignment is %s", p.Assign.Strategy), "write agents: [member, …], or assign: {strategy: manual}")
	}
	here := make(map[string]bool, len(m.Agents)+len(m.Leads))
	for _, id := range slices.Concat(m.Agents, m.Leads) {
		here[id] = true
	}
	for _, e := range r.doc.Members {
		if here[e.Key] {
			p.Members = append(p.Members, decide.Member{ID: inbox.MemberID(e.Key), Name: spaced(e.Value.Name), Address: inbox.Address(strings.ToLower(e.Value.Email))})
		}
	}
}

// team finds the members of a list.
func (r *reader) team(ids []string, at path) (out []assign.Member) {
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		p := at.item(i)
		n, ok := r.people[id]
		switch {
		case !ok:
			r.unknownMember(id, p)
			continue
		case seen[id]:
			r.add(r.at(p), fmt.Sprintf("the member %s is here a second time", id), "take one out")
			continue
		}
		seen[id] = true
		m := r.doc.Members[n].Value
		out = append(out, assign.Member{ID: inbox.MemberID(id), Name: spaced(m.Name), Skills: m.Skills, Cap: m.Cap, Away: r.absences[n]})
	}
	return out
}

func (r *reader) unknownMember(id string, p path) {
	if id == "" {
		r.addEmpty(p)
		return
	}
	fix := ""
	if !r.full() { // else nobody sees it, and to look through all members for each is long
		fix = r.suggest(id, r.doc.Members.keys())
	}
	for _, e := range r.doc.Members {
		if r.full() {
			break
		}
		if strings.EqualFold(e.Value.Email, id) || strings.EqualFold(e.Value.Name, id) {
			fix = fmt.Sprintf("write the member's key: %s", e.Key)
		}
	}
	r.add(r.at(p), fmt.Sprintf("there is no member %q", id), fix)
}

func (r *reader) folders(m mailbox, at path) []string {
	at = at.key("folders")
	if m.Provider == string(Gmail) && len(m.Folders) > 0 {
		r.add(r.name(at), "Gmail has no folders", "take the key out: all mail of a Gmail mailbox is watched")
	}
	if len(m.Folders) > maxFolders {
		r.add(r.name(at), fmt.Sprintf("%d folders are too many", len(m.Folders)), fmt.Sprintf("at most %d are watched", maxFolders))
		return nil
	}
	for i, f := range m.Folders {
		p := at.item(i)
		r.shownName(f, p)
		if slices.ContainsFunc(m.Folders[:i], func(o string) bool { return strings.EqualFold(o, f) }) {
			r.add(r.at(p), fmt.Sprintf("the folder %q is here a second time", f), "take one out")
		}
	}
	return m.Folders
}
