package rules

import (
	"strings"
	"unicode"
)

// kind says how the patterns of a condition are read and what they are compared with.
type kind int

const (
	text    kind = iota // found anywhere, or a glob on the whole value
	address             // an address, a domain, or a glob on the whole address
	part                // an attachment: file name, extension or media type
)

// pattern is a glob on a folded text, ready to match: literals with any run of characters between them.
type pattern struct {
	source   string
	literals []string
	skeleton string // the literals with a sign for each star between them
	anywhere bool   // a text without a star of its own: found inside the value
	domain   bool   // an address pattern that names a domain
	media    bool   // a part pattern that names a media type
}

const (
	literalStar = "\uE000" // stands for an escaped star while a pattern is folded; private use, so no text means it
	anything    = "\x00"   // stands for a star when one pattern is compared with another; folding takes it out of texts
)

// newPattern reads source. fault is empty when it is well.
func newPattern(source string, k kind) (p pattern, fault, fix string) {
	if len(source) > MaxPattern {
		return p, "the pattern is too long", "write at most 500 bytes; a star stands for the rest"
	}
	s := strings.ReplaceAll(source, `\*`, literalStar)
	p.source = source
	switch k {
	case text:
		s = Fold(s)
		if p.anywhere = !strings.Contains(s, "*"); p.anywhere && s != "" {
			s = "*" + s + "*"
		}
	case address:
		s = foldCase(s)
		bare := strings.TrimPrefix(s, "@")
		switch star, at := strings.Contains(s, "*"), strings.Contains(bare, "@"); {
		case strings.ContainsAny(s, " <>,;") || strings.ContainsFunc(s, unicode.IsControl):
			return p, "this is not an address", "write only the address, as in bob@contoso.com, one in each item of a list"
		case star || at || s == "":
		case strings.Contains(bare, "."):
			p.domain, s = true, "*@"+bare
		default:
			return p, "this is neither an address nor a domain", `write bob@contoso.com, contoso.com, or a pattern such as "` + bare + `@*"`
		}
	case part:
		if p.media = strings.Contains(s, "/"); p.media {
			s = foldCase(s)
		} else {
			s = Fold(s)
		}
		if strings.HasPrefix(s, ".") {
			s = "*" + s
		}
	}
	if s == "" {
		return p, "the pattern is empty", `write what to look for, or "*" for anything at all`
	}
	for lit := range strings.SplitSeq(s, "*") {
		p.literals = append(p.literals, strings.ReplaceAll(lit, literalStar, "*"))
	}
	p.skeleton = strings.Join(p.literals, anything)
	return p, "", ""
}

// match reports whether the whole of folded is as the pattern. Its cost is that of searching each literal once: with
// nothing but stars, taking the leftmost place for each literal is always right.
func (p pattern) match(folded string) bool {
	first, rest := p.literals[0], p.literals[1:]
	if len(rest) == 0 {
		return folded == first
	}
	last := rest[len(rest)-1]
	if !strings.HasPrefix(folded, first) || !strings.HasSuffix(folded[len(first):], last) {
		return false
	}
	folded = folded[len(first) : len(folded)-len(last)]
	for _, lit := range rest[:len(rest)-1] {
		i := strings.Index(folded, lit)
		if i < 0 {
			return false
		}
		folded = folded[i+len(lit):]
	}
	return true
}

// within reports whether every text that p matches is matched by q too. It errs on the side of no.
func (p pattern) within(q pattern) bool {
	return p.media == q.media && q.match(p.skeleton)
}
