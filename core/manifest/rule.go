package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// rules compiles the rules of a mailbox, and tells what is wrong with each where it stands.
func (r *reader) rules(m mailbox, at path) *rules.Set {
	if len(m.Rules) == 0 {
		return nil
	}
	at = at.key("rules")
	list := make([]rules.Rule, len(m.Rules))
	names := make(map[string]bool, len(m.Rules))
	for i, one := range m.Rules {
		p := at.item(i)
		name := one.Name
		if name == "" {
			name = fmt.Sprintf("rule %d", i+1)
			r.addEmpty(p.key("name"))
		} else {
			r.shownName(name, p.key("name"))
		}
		if names[name] {
			r.add(r.at(p.key("name")), fmt.Sprintf("there is another rule %q in this mailbox", name), "the timeline says which rule did what: give it a name of its own")
		}
		names[name] = true
		list[i] = rules.Rule{Name: name, When: r.when(one.When, p.key("when")), Then: r.then(m, one.Then, p.key("then"))}
	}
	set, err := rules.Compile(list)
	var wrong rules.Errors
	if errors.As(err, &wrong) {
		for _, e := range wrong {
			r.wrongRule(e, at.item(e.Rule))
		}
	}
	for _, f := range rules.Unreachable(list) {
		p, fix := at.item(f.Rule), ""
		if f.By >= 0 {
			above := r.at(at.item(f.By))
			fix = fmt.Sprintf("move it above the rule on line %d, or take stop: true out there", above.line)
			if above.source > 0 {
				fix = fmt.Sprintf("move it above the rule %q, or take stop: true out there", list[f.By].Name)
			}
		} else {
			p, fix = p.key("when").key(f.Key), "loosen one of the two, or take the rule out"
		}
		r.add(r.name(p), fmt.Sprintf("the rule %q is unreachable: %s", list[f.Rule].Name, f.Text), fix)
	}
	return set
}

func (r *reader) when(w when, at path) rules.When {
	if r.has(at) && r.emptyWhen(w, at) {
		r.add(r.name(at), "there are no conditions here", "write one, or take when out: a rule without it is for every mail")
	}
	like := func(c condition) rules.Condition { return rules.Condition(c) }
	out := rules.When{From: like(w.From), To: like(w.To), Cc: like(w.Cc), Subject: like(w.Subject), Body: like(w.Body),
		Attachment: like(w.Attachment), Size: like(w.Size), If: w.If}
	for _, h := range w.Header {
		out.Header = append(out.Header, rules.Header{Name: h.Key, Condition: like(h.Value)})
	}
	for key := range r.eachKey(at) {
		if p := at.key(key); key != "if" && key != "header" && r.emptyCondition(p) {
			r.add(r.name(p), fmt.Sprintf("%s asks for nothing", key), "write any: or not: into it")
		}
	}
	r.addEmpty(at.key("if"))
	return out
}

// eachKey gives the keys that the file has under at.
func (r *reader) eachKey(at path) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, f := range whenKeys {
			if r.has(at.key(f)) && !yield(f) {
				return
			}
		}
	}
}

func (r *reader) emptyWhen(w when, at path) bool {
	for range r.eachKey(at) {
		return false
	}
	return true
}

// emptyCondition reports whether the mapping at p was read and has neither any nor not.
func (r *reader) emptyCondition(p path) bool {
	return !r.has(p.key("any")) && !r.has(p.key("not")) && r.object[p]
}

func (r *reader) then(m mailbox, t then, at path) rules.Then {
	out := rules.Then{Priority: inbox.Priority(t.Priority), Stop: t.Stop, Skill: t.Assign.Skill, Strategy: t.Assign.Strategy}
	for i, name := range t.Tag {
		p := at.key("tag").item(i)
		n := slices.IndexFunc(m.Tags, func(e entry[tag]) bool { return strings.EqualFold(e.Key, name) })
		switch {
		case name == "":
			r.addEmpty(p)
		case n >= 0:
			out.Tags = append(out.Tags, m.Tags[n].Key)
		default:
			fix := r.suggest(name, m.Tags.keys())
			if !strings.HasPrefix(fix, "did you mean") {
				fix = fmt.Sprintf("add it to the tags of the mailbox: tags: {%s: blue}", name)
			}
			r.add(r.at(p), fmt.Sprintf("the mailbox has no tag %q", name), fix)
		}
	}
	r.assignTo(m, t.Assign, at.key("assign"))
	if t.Assign.Member != "" {
		out.Member = inbox.MemberID(t.Assign.Member)
	}
	if r.has(at) && r.object[at] && !slices.ContainsFunc(thenKeys, func(k string) bool { return r.has(at.key(k)) }) {
		r.add(r.name(at), "the rule does nothing", "write tag, priority, assign or stop: true")
	}
	return out
}

func (r *reader) assignTo(m mailbox, a assignTo, at path) {
	for _, k := range []string{"member", "skill"} {
		r.addEmpty(at.key(k))
	}
	team := slices.Concat(m.Agents, m.Leads)
	if a.Member != "" {
		p := at.key("member")
		if _, known := r.people[a.Member]; !known {
			r.unknownMember(a.Member, p)
		} else if !slices.Contains(team, a.Member) {
			r.add(r.at(p), fmt.Sprintf("the member %s is neither agent nor lead of this mailbox", a.Member), "add them to agents, or choose another: "+strings.Join(team, ", "))
		}
		if a.Skill != "" || a.Strategy != "" {
			r.add(r.name(at), "a rule assigns to one member or chooses one, not both", "take member out, or skill and strategy")
		}
	}
	if a.Skill == "" {
		return
	}
	var skills []string
	for _, id := range m.Agents {
		if i, ok := r.people[id]; ok {
			skills = append(skills, r.doc.Members[i].Value.Skills...)
		}
	}
	slices.Sort(skills)
	skills = slices.Compact(skills)
	if !slices.ContainsFunc(skills, func(s string) bool { return strings.EqualFold(s, a.Skill) }) {
		r.add(r.at(at.key("skill")), fmt.Sprintf("no agent of this mailbox has the skill %q", a.Skill), r.suggest(a.Skill, skills))
	}
}

// wrongRule tells an error of the rules' compiler where its pattern or the part of its expression stands.
func (r *reader) wrongRule(e *rules.Error, at path) {
	if e.Key == "" {
		r.add(r.at(at), e.Text, e.Fix)
		return
	}
	p := at.key("when").key(e.Key)
	if e.Key == "if" {
		where := r.at(p)
		if inside, ok := r.inside(p, e.Line, e.Column); ok {
			where = inside
		}
		r.add(where, "the expression is wrong: "+e.Text, e.Fix)
		return
	}
	if e.Key == "header" {
		p = p.key(e.Header)
	}
	where := r.name(p)
	list := p.key("any")
	if e.Not {
		list = p.key("not")
	}
	for i := 0; r.has(list.item(i)); i++ {
		text, read := r.texts[list.item(i)]
		if !read && e.Pattern == "" {
			return // that it is no text has been told
		}
		if read && text == e.Pattern {
			where = r.at(list.item(i))
			break
		}
	}
	r.add(where, fmt.Sprintf("%s: %s", e.Key, e.Text), e.Fix)
}

// inside finds the place in the file of a line and column of the text at p. It fails where the text is written with
// escapes, so that it does not stand in the file as it reads.
func (r *reader) inside(p path, line, column int) (spot, bool) {
	start := r.at(p)
	if start.source > 0 {
		return spot{}, false
	}
	all := strings.Split(r.texts[p], "\n")
	if line < 1 || line > len(all) || column < 1 {
		return spot{}, false
	}
	text := strings.TrimRight(all[line-1], " ")
	for n := start.line; n <= len(r.lines) && n <= start.line+len(all)+1; n++ {
		source, from := r.lines[n-1], 0
		if n == start.line {
			from = len(string([]rune(source)[:min(start.column-1, utf8.RuneCountInString(source))]))
		}
		if i := strings.Index(source[from:], text); i >= 0 && text != "" {
			return spot{line: n, column: utf8.RuneCountInString(source[:from+i]) + column}, true
		}
	}
	return spot{}, false
}

var (
	whenKeys = keysOf[when]()
	thenKeys = keysOf[then]()
)
