package mail

import (
	"strings"
	"unicode"
)

// maxWord bounds one encoded word; the standard says 75, senders go far beyond.
const maxWord = 8 << 10

// decodeWords decodes RFC 2047 encoded words wherever they stand, also where the standard forbids them, and raw
// eight-bit text by the mail's own character set. Control characters become blanks: a line break hidden in an
// encoded word must not make a field of its own in whatever is written from the result.
func decodeWords(s, local string) string { return decode(s, local, false) }

// decodeField is decodeWords for the value of the named field. In address fields an encoded word that holds
// commas, at signs or angle brackets comes out quoted, so that reading the value again finds the same people.
func decodeField(name, s, local string) string {
	return decode(s, local, isAddressField(name))
}

// decode joins adjacent words of one character set before it converts them, because senders split them inside a
// character.
func decode(s, local string, addresses bool) string {
	if !strings.Contains(s, "=?") {
		if ascii(s) {
			return oneLine(clean(s))
		}
		return oneLine(toUTF8([]byte(s), localOrUTF8(s, local)))
	}
	var out strings.Builder
	var pending []byte // decoded bytes in charset, not yet converted
	charset := ""
	inQuotes := false
	flush := func() {
		word := toUTF8(pending, charset)
		if addresses && strings.ContainsAny(word, "()<>[]:;@\\,\"") {
			word = quoteEscaper.Replace(word)
			if !inQuotes {
				word = `"` + word + `"`
			}
		}
		out.WriteString(word)
		pending = pending[:0]
	}
	text := func(t string) {
		if t != "" {
			out.WriteString(toUTF8([]byte(t), localOrUTF8(t, local)))
			inQuotes = inQuotes != (strings.Count(strings.ReplaceAll(t, `\"`, ""), `"`)%2 == 1)
		}
	}
	afterWord := false
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		cs, data, rest, ok := cutWord(s[i:])
		if !ok {
			flush()
			text(s[:i+2])
			s, afterWord = s[i+2:], false
			continue
		}
		if gap := s[:i]; !afterWord || strings.Trim(gap, " \t\r\n") != "" {
			flush()
			text(gap)
		}
		if !strings.EqualFold(cs, charset) {
			flush()
			charset = cs
		}
		pending = append(pending, data...)
		s, afterWord = rest, true
	}
	flush()
	text(s)
	return oneLine(out.String())
}

var quoteEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func isAddressField(name string) bool {
	switch len(name) {
	case 2:
		return strings.EqualFold(name, "To") || strings.EqualFold(name, "Cc")
	case 3:
		return strings.EqualFold(name, "Bcc")
	case 4:
		return strings.EqualFold(name, "From")
	case 6:
		return strings.EqualFold(name, "Sender")
	case 8:
		return strings.EqualFold(name, "Reply-To")
	}
	return false
}

// oneLine puts blanks where control characters are.
func oneLine(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// localOrUTF8 prefers UTF-8 for raw header bytes that are valid UTF-8: mail in that form is far more often
// UTF-8 than what its body declares.
func localOrUTF8(s, local string) string {
	if clean(s) == s {
		return "utf-8"
	}
	return local
}

// cutWord reads the encoded word at the start of s.
func cutWord(s string) (charset string, data []byte, rest string, ok bool) {
	s = s[2:]
	i := strings.IndexByte(s, '?')
	if i <= 0 || i > 60 || i+2 >= len(s) || s[i+2] != '?' {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(s[:i], "*") // RFC 2231 language suffix
	kind, body := s[i+1], s[i+3:]
	j := strings.Index(body[:min(len(body), maxWord)], "?=")
	if j < 0 {
		return "", nil, "", false
	}
	switch kind {
	case 'B', 'b':
		data = decodeBase64([]byte(body[:j]))
	case 'Q', 'q':
		data = decodeQ(body[:j])
	default:
		return "", nil, "", false
	}
	return charset, data, body[j+2:], true
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
