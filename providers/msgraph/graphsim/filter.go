package graphsim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// condition is one comparison of a $filter; conditions are joined with and.
type condition struct {
	property string // lower case
	key      string // for an extended property: its id
	op       string
	value    string
	at       time.Time // value as a time, for dates
}

// errUnsimulated marks OData that Graph may well understand.
var errUnsimulated = errors.New("not simulated")

// parseFilter reads the part of OData's $filter that mail clients use:
// comparisons joined with and, categories/any(c:c eq 'x'), and
// singleValueExtendedProperties/any(e: e/id eq 'x' and e/value eq 'y').
func parseFilter(text string) ([]condition, error) {
	p := &filterParser{rest: text}
	var out []condition
	for {
		c, err := p.condition()
		if err != nil {
			return nil, fmt.Errorf("invalid filter clause: %w", err)
		}
		out = append(out, c)
		if p.word() == "" {
			return out, nil
		}
		switch w := strings.ToLower(p.take()); w {
		case "and":
		case "or":
			return nil, fmt.Errorf("%w: or in a filter", errUnsimulated)
		default:
			return nil, fmt.Errorf("invalid filter clause: syntax error at %q", w)
		}
	}
}

// filterParser splits a filter into words, quoted strings and punctuation.
type filterParser struct {
	rest string
	peek string // the next token; a string literal keeps its leading quote
}

func (p *filterParser) word() string {
	if p.peek == "" {
		p.peek = p.scan()
	}
	return p.peek
}

func (p *filterParser) take() string {
	w := p.word()
	p.peek = ""
	return w
}

func (p *filterParser) scan() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		return ""
	}
	switch c := p.rest[0]; {
	case c == '\'':
		var b strings.Builder
		b.WriteByte('\'')
		for i := 1; i < len(p.rest); i++ {
			if p.rest[i] != '\'' {
				b.WriteByte(p.rest[i])
				continue
			}
			if i+1 < len(p.rest) && p.rest[i+1] == '\'' {
				b.WriteByte('\'')
				i++
				continue
			}
			p.rest = p.rest[i+1:]
			return b.String()
		}
		p.rest = ""
		return "\x00unterminated string"
	case strings.IndexByte("():", c) >= 0:
		p.rest = p.rest[1:]
		return string(c)
	}
	end := strings.IndexAny(p.rest, " \t'()")
	// A time holds colons, a lambda's variable is followed by one.
	if i := strings.IndexByte(p.rest, ':'); i >= 0 && (end < 0 || i < end) && (p.rest[0] < '0' || p.rest[0] > '9') {
		end = i
	}
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

func (p *filterParser) expect(want string) error {
	if got := p.take(); !strings.EqualFold(got, want) {
		return fmt.Errorf("expected %q, found %q", want, got)
	}
	return nil
}

func (p *filterParser) condition() (condition, error) {
	name := strings.ToLower(p.take())
	if name == "" {
		return condition{}, errors.New("a comparison is missing")
	}
	if collection, ok := strings.CutSuffix(name, "/any"); ok {
		return p.any(collection)
	}
	c := condition{property: name, op: strings.ToLower(p.take())}
	literal := p.take()
	if literal == "" {
		return c, errors.New("a value is missing")
	}
	return c, c.setValue(literal)
}

// any reads the two lambdas that are simulated.
func (p *filterParser) any(collection string) (condition, error) {
	c := condition{property: collection, op: "any"}
	if err := p.expect("("); err != nil {
		return c, err
	}
	variable := p.take()
	if err := p.expect(":"); err != nil {
		return c, err
	}
	for {
		name := p.take()
		if err := p.expect("eq"); err != nil {
			return c, err
		}
		literal := p.take()
		if !strings.HasPrefix(literal, "'") {
			return c, fmt.Errorf("a string is missing, found %q", literal)
		}
		switch {
		case collection == "categories" && strings.EqualFold(name, variable):
			c.value = literal[1:]
		case collection == "singlevalueextendedproperties" && strings.EqualFold(name, variable+"/id"):
			c.key = literal[1:]
		case collection == "singlevalueextendedproperties" && strings.EqualFold(name, variable+"/value"):
			c.value = literal[1:]
		default:
			return c, fmt.Errorf("%w: any over %s with %s", errUnsimulated, collection, name)
		}
		switch w := strings.ToLower(p.take()); w {
		case ")":
			return c, nil
		case "and":
		default:
			return c, fmt.Errorf("syntax error at %q", w)
		}
	}
}

func (c *condition) setValue(literal string) error {
	str := strings.HasPrefix(literal, "'")
	switch c.property {
	case "conversationid", "internetmessageid", "subject", "from/emailaddress/address", "parentfolderid", "importance":
		if !str {
			return fmt.Errorf("%s is compared with a string", c.property)
		}
		c.value = literal[1:]
		return c.only("eq")
	case "isread", "isdraft", "hasattachments":
		if literal != "true" && literal != "false" {
			return fmt.Errorf("%s is compared with true or false", c.property)
		}
		c.value = literal
		return c.only("eq")
	case "receiveddatetime", "sentdatetime", "createddatetime", "lastmodifieddatetime":
		at, err := time.Parse(time.RFC3339, literal)
		if err != nil {
			return fmt.Errorf("%s is compared with a time, found %q", c.property, literal)
		}
		c.at = at
		return c.only("eq", "ge", "gt", "le", "lt")
	}
	return fmt.Errorf("%w: a filter on %s", errUnsimulated, c.property)
}

func (c *condition) only(ops ...string) error {
	for _, op := range ops {
		if c.op == op {
			return nil
		}
	}
	return fmt.Errorf("%w: operator %q on %s", errUnsimulated, c.op, c.property)
}

func (c *condition) holds(m *message) bool {
	switch c.property {
	case "conversationid":
		return m.conversation == c.value
	case "internetmessageid":
		return m.rfcID == c.value
	case "subject":
		return strings.EqualFold(m.subject, c.value)
	case "from/emailaddress/address":
		return strings.EqualFold(m.from.addr, c.value)
	case "parentfolderid":
		return m.folder.id == c.value
	case "importance":
		return m.importance == c.value
	case "isread":
		return m.read == (c.value == "true")
	case "isdraft":
		return m.draft == (c.value == "true")
	case "hasattachments":
		return m.hasAttachments() == (c.value == "true")
	case "receiveddatetime":
		return c.compare(m.received)
	case "sentdatetime":
		return c.compare(m.sent)
	case "createddatetime":
		return c.compare(m.created)
	case "lastmodifieddatetime":
		return c.compare(m.modified)
	case "categories":
		for _, name := range m.categories {
			if strings.EqualFold(name, c.value) {
				return true
			}
		}
	case "singlevalueextendedproperties":
		v, ok := m.extendedValue(c.key)
		return ok && v == c.value
	}
	return false
}

func (c *condition) compare(t time.Time) bool {
	switch d := t.Compare(c.at); c.op {
	case "ge":
		return d >= 0
	case "gt":
		return d > 0
	case "le":
		return d <= 0
	case "lt":
		return d < 0
	default:
		return d == 0
	}
}

func matches(m *message, filter []condition) bool {
	for i := range filter {
		if !filter[i].holds(m) {
			return false
		}
	}
	return true
}
