package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// Set is the compiled rules of one mailbox, in order. It may be used by any number of goroutines at once.
type Set struct {
	rules []compiled
	needs Needs
}

type compiled struct {
	name      string
	tests     []test
	size      *sized
	condition *condition
	then      Then
}

// Needs says which parts of a message the rules look at that cost extra to read.
type Needs struct{ Body, Attachments, Size bool }

// Compile reads all the rules. Where any of them is wrong the error is an Errors with everything that is.
func Compile(list []Rule) (*Set, error) {
	if len(list) > MaxRules {
		return nil, Errors{{Rule: MaxRules, Name: list[MaxRules].Name, Text: fmt.Sprintf("%d rules are too many", len(list)),
			Fix: fmt.Sprintf("at most %d fit one mailbox", MaxRules)}}
	}
	var errs Errors
	set := &Set{}
	for i, r := range list {
		c := compile(r, func(e *Error) {
			e.Rule, e.Name = i, r.Name
			errs = append(errs, e)
		})
		set.rules = append(set.rules, c)
		set.needs = set.needs.or(c.needs())
	}
	if errs != nil {
		return nil, errs
	}
	return set, nil
}

func compile(r Rule, report func(*Error)) compiled {
	c := compiled{name: r.Name, then: r.Then}
	add := func(key, header string, k kind, cond Condition) {
		if !cond.Zero() {
			c.tests = append(c.tests, compileTest(key, header, k, cond, report))
		}
	}
	w := r.When
	add("from", "", address, w.From)
	add("to", "", address, w.To)
	add("cc", "", address, w.Cc)
	add("subject", "", text, w.Subject)
	for _, h := range w.Header {
		if strings.Trim(h.Name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || h.Name == "" {
			report(&Error{Key: "header", Header: h.Name, Text: "this is not the name of a header field", Fix: "write it as in List-Id, without the colon"})
			continue
		}
		add("header", h.Name, text, h.Condition)
	}
	add("attachment", "", part, w.Attachment)
	if !w.Size.Zero() {
		c.size = compileSize(w.Size, report)
	}
	add("body", "", text, w.Body)
	if strings.TrimSpace(w.If) != "" {
		cond, err := compileExpression(w.If)
		if err != nil {
			err.Key, err.Pattern = "if", w.If
			report(err)
		}
		c.condition = cond
	}
	return c
}

func (c compiled) needs() (n Needs) {
	for _, t := range c.tests {
		n.Body = n.Body || t.key == "body"
		n.Attachments = n.Attachments || t.key == "attachment"
	}
	n.Size = c.size != nil
	if c.condition != nil {
		n = n.or(c.condition.needs)
	}
	return n
}

func (n Needs) or(o Needs) Needs {
	return Needs{n.Body || o.Body, n.Attachments || o.Attachments, n.Size || o.Size}
}

// Needs of a nil Set are none.
func (s *Set) Needs() Needs {
	if s == nil {
		return Needs{}
	}
	return s.needs
}

// Len is the number of rules; a nil Set has none.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.rules)
}

// Fields names the header fields that the rules look at, as they write them; some providers send only those asked for. It
// is never nil. A rule that works out the name of a field needs the message whole, and Needs says so.
func (s *Set) Fields() []string {
	out := []string{}
	if s == nil {
		return out
	}
	for _, c := range s.rules {
		for _, t := range c.tests {
			if t.key == "header" {
				out = append(out, t.header)
			}
		}
		if c.condition != nil {
			out = append(out, c.condition.headers...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Match gives the rules that match m, in order, up to the first with Stop. A nil Set matches nothing.
func (s *Set) Match(m inbox.Message) []Hit {
	hits, _ := s.Try(m)
	return hits
}

// Try is Match, and tells besides which rules could not be tried: their expression failed on this message. Such a rule
// counts as no match, so it does not stop the later ones.
func (s *Set) Try(m inbox.Message) ([]Hit, []Trouble) {
	if s == nil {
		return nil, nil
	}
	r := &reading{m: &m}
	var hits []Hit
	for _, c := range s.rules {
		if !c.holds(r) {
			continue
		}
		hits = append(hits, Hit{Rule: c.name, Why: c.why(r), Then: c.then})
		if c.then.Stop {
			break
		}
	}
	return hits, r.trouble
}

func (c compiled) holds(r *reading) bool {
	for _, t := range c.tests {
		if !t.holds(r) {
			return false
		}
	}
	if c.size != nil && !c.size.holds(r.m.Size) {
		return false
	}
	if c.condition == nil {
		return true
	}
	yes, err := c.condition.holds(r)
	if err != nil {
		r.trouble = append(r.trouble, Trouble{Rule: c.name, Text: shown(strings.ReplaceAll(err.Error(), "\n", " "))})
	}
	return yes && err == nil
}

func (c compiled) why(r *reading) (why []string) {
	for _, t := range c.tests {
		why = append(why, t.why(r)...)
	}
	if c.size != nil {
		why = append(why, c.size.why(r.m.Size))
	}
	if c.condition != nil {
		why = append(why, "if: "+shown(strings.Join(strings.Fields(c.condition.source), " ")))
	}
	if why == nil {
		why = []string{"the rule has no conditions"}
	}
	return why
}
