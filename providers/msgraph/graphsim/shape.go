package graphsim

import (
	"errors"
	"fmt"
	"strings"
)

// subquery is what stands in the parentheses of an $expand.
type subquery struct {
	fields []string // $select, lower case
}

// shape reads $select, $expand and the Prefer headers that say how messages are
// written.
func (r *request) shape(sel, expand string) (*render, error) {
	out := &render{immutable: r.immutable()}
	if v, ok := r.prefers("outlook.body-content-type"); ok {
		out.textBody = strings.EqualFold(v, "text")
	}
	if sel != "" {
		out.fields = []field{}
		var asked [64]bool
		for name := range strings.SplitSeq(sel, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "id" {
				continue
			}
			i, ok := fieldByName[name]
			if !ok {
				return nil, fmt.Errorf("could not find a property named '%s' on type 'microsoft.graph.message'", name)
			}
			if !asked[i] {
				asked[i] = true
				out.fields = append(out.fields, messageFields[i])
			}
		}
	}
	if expand == "" {
		return out, nil
	}
	for _, item := range splitTop(expand, ',') {
		name, options, err := cutOptions(item)
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(name) {
		case "attachments":
			out.attachments = attachmentFields(options["$select"])
		case "singlevalueextendedproperties":
			ids, err := extendedIDs(options["$filter"])
			if err != nil {
				return nil, err
			}
			out.extended = ids
		default:
			return nil, fmt.Errorf("%w: $expand=%s", errUnsimulated, name)
		}
	}
	return out, nil
}

// cutOptions splits "attachments($select=id;$top=1)".
func cutOptions(item string) (name string, options map[string]string, err error) {
	item = strings.TrimSpace(item)
	name, rest, ok := strings.Cut(item, "(")
	if !ok {
		return name, nil, nil
	}
	rest, ok = strings.CutSuffix(rest, ")")
	if !ok {
		return "", nil, errors.New("syntax error: missing ) in $expand")
	}
	options = map[string]string{}
	for _, o := range splitTop(rest, ';') {
		k, v, _ := strings.Cut(o, "=")
		options[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(v)
	}
	return name, options, nil
}

// splitTop splits at a separator outside parentheses and quotes.
func splitTop(s string, sep byte) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sep && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// extendedIDs reads "id eq 'Integer 0x0E08' or id eq 'String {…} Name x'".
func extendedIDs(filter string) ([]string, error) {
	p := &filterParser{rest: filter}
	var ids []string
	for {
		if err := p.expect("id"); err != nil {
			return nil, fmt.Errorf("extended properties are expanded with $filter=id eq '…': %w", err)
		}
		if err := p.expect("eq"); err != nil {
			return nil, err
		}
		literal := p.take()
		if !strings.HasPrefix(literal, "'") {
			return nil, fmt.Errorf("the id of an extended property is a string, found %q", literal)
		}
		ids = append(ids, literal[1:])
		switch w := strings.ToLower(p.take()); w {
		case "":
			return ids, nil
		case "or":
		default:
			return nil, fmt.Errorf("syntax error at %q", w)
		}
	}
}

// invalid answers a query that cannot be served.
func (s *Sim) invalid(err error) response {
	if errors.Is(err, errUnsimulated) {
		return s.notSimulated(strings.TrimPrefix(err.Error(), errUnsimulated.Error()+": "))
	}
	return s.badRequest(err.Error())
}
