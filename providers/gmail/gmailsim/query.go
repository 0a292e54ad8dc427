package gmailsim

import (
	"strconv"
	"strings"
	"time"
)

// parseQuery understands the part of Gmail's search language that programs use: rfc822msgid:, label:, in:, is:,
// from:, subject:, after:, before:, words, quotes and a minus before any of them. all tells that the query itself
// asks for spam or trash.
func (t *txn) parseQuery(q string) (matches func(*message) bool, all bool, err error) {
	var terms []func(*message) bool
	for _, word := range queryWords(q) {
		word, not := strings.CutPrefix(word, "-")
		term, wide, err := t.queryTerm(word)
		if err != nil {
			return nil, false, err
		}
		all = all || wide
		if not {
			positive := term
			term = func(m *message) bool { return !positive(m) }
		}
		terms = append(terms, term)
	}
	return func(m *message) bool {
		for _, term := range terms {
			if !term(m) {
				return false
			}
		}
		return true
	}, all, nil
}

func (t *txn) queryTerm(word string) (term func(*message) bool, all bool, err error) {
	key, value, ok := strings.Cut(word, ":")
	value = strings.Trim(value, `"`)
	lower := strings.ToLower(value)
	if ok {
		switch strings.ToLower(key) {
		case "rfc822msgid":
			id := "<" + strings.Trim(value, "<>") + ">"
			return func(m *message) bool { return m.rfcID == id }, false, nil
		case "in", "is", "label":
			return t.queryLabel(lower)
		case "from":
			return func(m *message) bool { return strings.Contains(m.from, lower) }, false, nil
		case "subject":
			return func(m *message) bool { return strings.Contains(strings.ToLower(m.subject), lower) }, false, nil
		case "after", "before":
			at, err := queryTime(value)
			if err != nil {
				return nil, false, err
			}
			after := strings.EqualFold(key, "after")
			return func(m *message) bool { return (m.date >= at.UnixMilli()) == after }, false, nil
		}
	}
	text := strings.ToLower(strings.Trim(word, `"`))
	return func(m *message) bool {
		return strings.Contains(strings.ToLower(m.subject), text) || strings.Contains(strings.ToLower(m.snippet), text)
	}, false, nil
}

func (t *txn) queryLabel(name string) (term func(*message) bool, all bool, err error) {
	switch name {
	case "anywhere":
		return func(*message) bool { return true }, true, nil
	case "read":
		return func(m *message) bool { return !m.has(labelUnread) }, false, nil
	case "drafts":
		name = "draft"
	}
	l := t.labelNamed(name)
	if l == nil {
		l = t.labelNamed(strings.ReplaceAll(name, "-", " "))
	}
	if l == nil {
		return func(*message) bool { return false }, false, nil
	}
	return func(m *message) bool { return m.has(l.id) }, l.id == labelTrash || l.id == labelSpam, nil
}

func queryTime(v string) (time.Time, error) {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	t, err := time.Parse("2006/1/2", v)
	if err != nil {
		return t, invalid("Invalid query: %q is no time", v)
	}
	return t, nil
}

// queryWords splits at blanks outside quotes.
func queryWords(q string) []string {
	quoted := false
	return strings.FieldsFunc(q, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}
