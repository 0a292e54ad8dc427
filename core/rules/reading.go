package rules

import (
	"strings"

	"github.com/postroom/postroom/core/inbox"
)

// value is one text of a message: folded for comparing, and as the mail has it for the reason.
type value struct{ folded, raw string }

// reading is a message while its rules are tried. Each part is folded once, when the first rule looks at it.
type reading struct {
	m       *inbox.Message
	parts   map[place][]value
	seen    *Message // for expressions
	trouble []Trouble
}

// place names one part of a message.
type place struct{ key, header string }

// values are the texts that a condition on key looks at; empty texts are none.
func (r *reading) values(key, header string) []value {
	id := place{key, header}
	if v, ok := r.parts[id]; ok {
		return v
	}
	var v []value
	switch key {
	case "from":
		v = addresses([]inbox.Person{r.m.From})
	case "to":
		v = append(addresses(r.m.To), r.delivered()...)
	case "cc":
		v = addresses(r.m.Cc)
	case "subject":
		v = texts(r.m.Subject)
	case "body":
		v = texts(r.m.Body)
	case "line":
		for line := range strings.SplitSeq(clip(r.m.Body, maxText), "\n") {
			v = append(v, texts(line)...)
		}
	case "header":
		for _, f := range r.m.Header {
			if strings.EqualFold(f.Name, header) && len(v) < maxPeople {
				v = append(v, texts(f.Value)...)
			}
		}
	case "attachment":
		for _, a := range r.m.Attachments[:min(len(r.m.Attachments), maxParts)] {
			v = append(v, value{folded: Fold(clip(a.Name, maxText)), raw: a.Name})
		}
	case "media":
		for _, a := range r.m.Attachments[:min(len(r.m.Attachments), maxParts)] {
			v = append(v, value{folded: foldCase(clip(a.Type, MaxPattern)), raw: a.Type})
		}
	}
	if r.parts == nil {
		r.parts = make(map[place][]value)
	}
	r.parts[id] = v
	return v
}

// delivered are the addresses that the receiving servers noted: an alias or a list may stand nowhere else.
func (r *reading) delivered() []value {
	var v []value
	for _, f := range r.m.Header {
		switch strings.ToLower(f.Name) {
		case "delivered-to", "x-original-to", "envelope-to", "x-envelope-to":
			for one := range strings.SplitSeq(clip(f.Value, MaxPattern), ",") {
				if a := inbox.NewAddress(one); a != "" && len(v) < maxPeople {
					v = append(v, value{folded: string(a), raw: string(a)})
				}
			}
		}
	}
	return v
}

func addresses(people []inbox.Person) []value {
	var v []value
	for _, p := range people[:min(len(people), maxPeople)] {
		if p.Address != "" {
			a := clip(string(p.Address), MaxPattern)
			v = append(v, value{folded: foldCase(a), raw: a})
		}
	}
	return v
}

func texts(s string) []value {
	s = clip(s, maxText)
	if f := Fold(s); f != "" {
		return []value{{folded: f, raw: s}}
	}
	return nil
}
