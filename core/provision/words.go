package provision

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
)

// fill completes a step with all that follows from what it does.
func (s *Step) fill(r *row) {
	s.ID = stepID(s)
	s.Takes = s.taking(r)
	s.Delay = r.delay
	switch s.Verb {
	case Create, Add:
		s.What, s.Why, s.Undo = s.expand(r.add), r.why, s.expand(r.undoAdd)
	case Set:
		s.What, s.Why, s.Undo = s.expand(r.set), r.why, s.expand(r.undoSet)
		if r.undoSet == setBack && s.Before == "" {
			s.Undo = otherValue
		}
	default:
		s.What, s.Why, s.Undo = s.expand(r.remove), r.whyNot, s.expand(r.undoRemove)
	}
	if s.Verb == Create && s.Fact.Aspect == Existence {
		if name := s.with(Fact{Aspect: Name}); name != "" {
			s.What += " " + quoted(name)
		}
	}
	if s.lessRoom() {
		s.What += ", now " + s.value(s.Before) + ": if it holds more, mail to it bounces"
	}
	if to := s.moves(); to != "" {
		if s.Verb == Remove {
			s.What = "take away the alias " + subject(s.Fact.Subject) + ", which goes to " + subject(to)
		} else {
			s.What += ", which comes from " + subject(to)
		}
	}
}

// taking reports whether the step takes away access, an address or data.
func (s *Step) taking(r *row) bool {
	switch s.Verb {
	case Remove, Delete:
		return true
	case Set:
		if s.Fact.Aspect == GroupSetting {
			return s.Before != "" && (s.Fact.Subject == "whoCanJoin" || s.Fact.Subject == "whoCanViewGroup")
		}
		if s.lowers() || s.lessRoom() {
			return true
		}
		// A role without a scope has no value, and is the widest of all.
		return r.replaces && (s.Before != "" || s.Fact.Aspect == AppRole)
	}
	return false
}

// lessRoom reports whether the step lets a mailbox hold less than before. What is no number is no limit.
func (s *Step) lessRoom() bool {
	if s.Fact.Aspect != Quota || s.Verb != Set || s.Before == "" {
		return false
	}
	will, err := strconv.ParseInt(s.After, 10, 64)
	had, err2 := strconv.ParseInt(s.Before, 10, 64)
	return err == nil && (err2 != nil || will < had)
}

// with is the value of a fact among the step's With.
func (s *Step) with(f Fact) string {
	for _, v := range s.With {
		if v.Fact == f {
			return v.Value
		}
	}
	return ""
}

// moves is the mailbox that an alias goes to or comes from, where this step is one half of a move.
func (s *Step) moves() string {
	if s.Fact.Aspect != Alias {
		return ""
	}
	return s.with(s.Fact)
}

// stepID names the change: verb, mailbox, aspect and subject, the last without letter case.
func stepID(s *Step) string {
	h := sha256.New()
	var buf []byte
	for _, part := range [...]string{string(s.Verb), string(s.Provider), string(s.Mailbox), string(s.Fact.Aspect), fold(s.Fact.Subject)} {
		buf = binary.AppendUvarint(buf[:0], uint64(len(part)))
		h.Write(append(buf, part...))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:10]))
}

// fold makes subjects comparable: neither provider tells addresses or markers apart by letter case.
func fold(subject string) string { return strings.ToLower(subject) }

// expand puts the step's own words in place of the braces, each once: a value that looks like a brace stays what it is.
func (s *Step) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		switch name {
		case "it":
			b.WriteString(s.subject())
		case "was":
			b.WriteString(s.value(s.Before))
		case "is":
			b.WriteString(s.value(s.After))
		case "group":
			group, _ := splitMembership(s.Fact.Subject)
			b.WriteString(subject(group))
		case "colour":
			if s.After != "" && s.After != "none" {
				b.WriteString(" in " + s.value(s.After))
			}
		}
		text = after
	}
}

func (s *Step) subject() string {
	switch s.Fact.Aspect {
	case SentCopies:
		if s.Fact.Subject == "on-behalf" {
			return "on behalf of"
		}
		return clean(s.Fact.Subject)
	case GroupMember:
		_, member := splitMembership(s.Fact.Subject)
		return subject(member)
	case Marker:
		return quoted(s.Fact.Subject)
	}
	return subject(s.Fact.Subject)
}

// splitMembership is the reverse of GroupMembership.
func splitMembership(subject string) (group, member string) {
	group, member, _ = strings.Cut(subject, "/")
	return group, member
}

func (s *Step) value(v string) string {
	switch s.Fact.Aspect {
	case Quota:
		return size(v)
	case Name, Signature, Group:
		return quoted(v)
	case AppRole:
		if v == "" {
			return "the whole tenant"
		}
	case GroupMember:
		return clean(strings.ToLower(v))
	}
	if v == "" {
		return "none"
	}
	return subject(v)
}

// size is a number of bytes as Exchange writes it, where 1 GB is 2^30.
func size(v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	switch {
	case err != nil:
		return subject(v)
	case n > 0 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GB", n>>30)
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// maxShown is how many characters of a value the words of a step show.
const maxShown = 80

// subject is a name as it stands within a line. One that could be taken for something else is quoted.
func subject(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return !inert(r) || unicode.IsSpace(r) && r != ' ' || strings.ContainsRune(`"\`, r)
	}) {
		return quoted(s)
	}
	return clip(s)
}

// quoted is a name in quotation marks, with whatever a terminal or a page would act on in escapes.
func quoted(s string) string { return strconv.QuoteToGraphic(clip(strings.Map(tame, s))) }

// tame replaces format characters that QuoteToGraphic would let through.
func tame(r rune) rune {
	if r == '\n' || r == '\t' || inert(r) {
		return r
	}
	return unicode.ReplacementChar
}

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	n := 0
	for i := range s {
		if n++; n > maxShown {
			return s[:i] + "…"
		}
	}
	return s
}

// clean is text in one line for people, with nothing in it that a terminal acts on.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return tame(r)
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// cleanBlock is clean for text of several lines.
func cleanBlock(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' {
			return -1
		}
		return tame(r)
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// inert reports whether a terminal only shows r. Of the format characters the joiners and the soft hyphen are inert:
// Persian, Hindi and emoji cannot be written without them.
func inert(r rune) bool {
	const softHyphen, nonJoiner, joiner = '\u00ad', '\u200c', '\u200d'
	if r == softHyphen || r == nonJoiner || r == joiner {
		return true
	}
	return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// where is the mailbox for people.
func where(provider inbox.Provider, mailbox inbox.MailboxID) string {
	if mailbox == "" {
		return "the tenant (" + clean(string(provider)) + ")"
	}
	return subject(string(mailbox)) + " (" + clean(string(provider)) + ")"
}
