package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
)

// Bounds of a plan that is read back.
const (
	maxPlan  = 64 << 20 // bytes
	maxSteps = 200_000
	maxText  = 64 << 10 // bytes of one value
)

// ReadPlan reads a plan that json.Marshal wrote. The file may have been edited by anybody, so everything that follows from
// a step's content, such as its words, its ID and whether it takes something away, is computed anew and has to be the same;
// and a plan that may not take anything away does not. Whether what it does is still called for, Apply finds out.
func ReadPlan(data []byte) (Plan, error) {
	p, err := decode(data)
	if err == nil {
		err = p.validate()
	}
	if err != nil {
		return Plan{}, fmt.Errorf("provision: read the plan: %w; make a new one", err)
	}
	return p, nil
}

func decode(data []byte) (p Plan, err error) {
	if len(data) > maxPlan {
		return p, fmt.Errorf("it is larger than %d MB", maxPlan>>20)
	}
	if !utf8.Valid(data) {
		return p, errors.New("it is not in UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := unambiguous(dec); err != nil {
		return p, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return p, errors.New("something follows it")
	}
	dec = json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return p, dec.Decode(&p)
}

// unambiguous reads one value and fails where an object has a key twice: one program may then see another plan than the
// next. The decoder takes keys without letter case, so this does too.
func unambiguous(dec *json.Decoder) error {
	const deepest = 8
	type level struct {
		object bool
		keys   map[string]bool
		value  bool // of an object: a value follows, not a key
	}
	var stack []level
	for {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].object {
			if key, ok := token.(string); ok && !stack[top].value {
				key = strings.ToLower(key)
				if stack[top].keys[key] {
					return fmt.Errorf("it has %s twice in one place", quoted(key))
				}
				stack[top].keys[key] = true
				stack[top].value = true
				continue
			}
			stack[top].value = false
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if len(stack) == deepest {
				return errors.New("it is nested too deep")
			}
			stack = append(stack, level{object: token == json.Delim('{'), keys: map[string]bool{}})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
		}
		if len(stack) == 0 {
			return nil
		}
	}
}

func (p *Plan) validate() error {
	if p.Format != planFormat {
		return fmt.Errorf("its format is %d, this version reads %d", p.Format, planFormat)
	}
	if len(p.Steps) > maxSteps || len(p.Held) > maxSteps || len(p.Unread) > maxSteps || len(p.Unseen) > maxSteps || len(p.Notes) > maxSteps || len(p.Only) > maxSteps {
		return fmt.Errorf("it has more than %d steps", maxSteps)
	}
	if !slices.IsSorted(p.Only) || len(slices.Compact(slices.Clone(p.Only))) != len(p.Only) {
		return errors.New("its mailboxes are out of order")
	}
	if p.Steps == nil {
		p.Steps = []Step{}
	}
	seen := make(map[string]bool, len(p.Steps)+len(p.Held))
	var before *draft
	for i := range p.Steps {
		d, err := p.check(&p.Steps[i], seen)
		if err != nil {
			return err
		}
		if d.Takes && !p.AllowRemove {
			return fmt.Errorf("%s, which the plan does not allow", d.sentence())
		}
		if i > 0 && order(before, d) >= 0 {
			return fmt.Errorf("%s is out of order", d.sentence())
		}
		before = d
	}
	for i := range p.Held {
		if _, err := p.check(&p.Held[i].Step, seen); err != nil {
			return err
		}
		if p.Held[i].Why == "" {
			return fmt.Errorf("%s is held back without a reason", p.Held[i].Step.sentence())
		}
	}
	for _, list := range [][]Unread{p.Unread, p.Unseen} {
		for _, u := range list {
			if err := place(u.Provider, u.Mailbox, u.Aspect); err != nil {
				return err
			}
		}
	}
	return nil
}

// place checks where something is said to be.
func place(provider inbox.Provider, mailbox inbox.MailboxID, aspect Aspect) error {
	if _, _, ok := find(provider, aspect); !ok {
		return fmt.Errorf("%s has no aspect %s", quoted(string(provider)), quoted(string(aspect)))
	}
	if strings.ToLower(string(mailbox)) != string(mailbox) || len(mailbox) > maxText {
		return fmt.Errorf("%s is no mailbox", quoted(string(mailbox)))
	}
	return nil
}

// check holds one step to what follows from its content.
func (p *Plan) check(s *Step, seen map[string]bool) (*draft, error) {
	if err := place(s.Provider, s.Mailbox, s.Fact.Aspect); err != nil {
		return nil, err
	}
	r, at, _ := find(s.Provider, s.Fact.Aspect)
	d := newDraft(*s, r, at)
	if (r.phase == ofTenant) != (s.Mailbox == "") {
		return d, fmt.Errorf("%s is not an aspect of %s", s.Fact.Aspect, where(s.Provider, s.Mailbox))
	}
	if !r.takes(s.Verb) {
		return d, fmt.Errorf("%s: nobody can %s %s", where(s.Provider, s.Mailbox), quoted(string(s.Verb)), s.Fact.Aspect)
	}
	if len(p.Only) > 0 && !slices.Contains(p.Only, s.Mailbox) {
		return d, fmt.Errorf("%s is not among its mailboxes", where(s.Provider, s.Mailbox))
	}
	if max(len(s.Fact.Subject), len(s.Before), len(s.After), len(s.Manual), len(s.With)) > maxText {
		return d, fmt.Errorf("a value of %s is too long", where(s.Provider, s.Mailbox))
	}
	d.fill(r)
	if seen[d.ID] {
		return d, fmt.Errorf("%s is in it twice", d.sentence())
	}
	seen[d.ID] = true
	if d.ID != s.ID || d.What != s.What || d.Why != s.Why || d.Undo != s.Undo || d.Delay != s.Delay || d.Takes != s.Takes {
		return d, fmt.Errorf("what it says of a step is not what the step does (%s): it was edited, or another version made it", d.sentence())
	}
	d.phase = d.Step.phase(r)
	return d, nil
}

// takes reports whether there can be a step of the verb.
func (r *row) takes(v Verb) bool {
	switch v {
	case Create, Add:
		return r.missing == v
	case Set:
		return r.set != ""
	case Remove:
		return r.kind == whole && r.aspect != Existence
	case Delete:
		return r.aspect == Existence
	}
	return false
}
