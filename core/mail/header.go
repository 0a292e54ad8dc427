package mail

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"time"
)

// maxReferences bounds the ids of one mail; a longer list keeps its newest.
const maxReferences = 1000

type rawField struct{ name, value string }

// header is one header block: unfolded, not decoded.
type header []rawField

func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// splitHeader takes the header off the front of a mail or part. A line that is neither a field nor a
// continuation ends the header, as if the empty line had been forgotten.
func splitHeader(raw []byte) (header, []byte) {
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		raw = raw[3:]
	}
	if trimmed := bytes.TrimLeft(raw, "\r\n"); looksLikeField(trimmed) {
		raw = trimmed
	}
	var h header
	for first := true; len(raw) > 0; first = false {
		line, rest := cutLine(raw)
		if len(line) == 0 {
			return h, rest
		}
		if first && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))) {
			raw = rest
			continue
		}
		name, value, ok := cutField(line)
		if !ok {
			return h, raw
		}
		raw = rest
		if len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			h = append(h, rawField{name, strings.TrimSpace(string(value))})
			continue
		}
		var b strings.Builder
		b.Write(value)
		for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
			line, rest = cutLine(raw)
			if len(bytes.TrimSpace(line)) == 0 {
				// Blanks alone: the empty line as some gateways write it.
				if len(line) == 0 || !looksLikeHeader(rest) {
					break
				}
			}
			b.WriteByte(' ')
			b.Write(bytes.TrimLeft(line, " \t"))
			raw = rest
		}
		h = append(h, rawField{name, strings.TrimSpace(b.String())})
		if len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
			_, rest = cutLine(raw)
			return h, rest
		}
	}
	return h, nil
}

func looksLikeField(raw []byte) bool {
	line, _ := cutLine(raw)
	_, _, ok := cutField(line)
	return ok
}

func looksLikeHeader(raw []byte) bool {
	line, _ := cutLine(raw)
	return looksLikeField(raw) || len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && len(bytes.TrimSpace(line)) > 0
}

// cutLine returns the first line without its end, and what follows it.
func cutLine(raw []byte) (line, rest []byte) {
	i := bytes.IndexByte(raw, '\n')
	if i < 0 {
		return bytes.TrimSuffix(raw, []byte("\r")), nil
	}
	return bytes.TrimSuffix(raw[:i], []byte("\r")), raw[i+1:]
}

func cutField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return "", nil, false
	}
	n := bytes.TrimRight(line[:i], " \t")
	for _, c := range n {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(n), line[i+1:], len(n) > 0
}

// messageIDs returns the ids of a References or In-Reply-To field, which some clients fill with prose, with ids
// without angle brackets, or with ids run together.
func messageIDs(v string) []string {
	var ids []string
	for rest := v; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i:]
		j := strings.IndexByte(rest, '>')
		if j < 0 {
			break
		}
		if id := strings.Join(strings.Fields(rest[1:j]), ""); id != "" {
			ids = append(ids, clean("<"+id+">"))
		}
		rest = rest[j+1:]
	}
	if ids != nil {
		return ids
	}
	for _, id := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" \t\r\n,<>", r) }) {
		if strings.Contains(id, "@") {
			ids = append(ids, clean("<"+id+">"))
		}
	}
	return ids
}

func firstID(v string) string {
	if ids := messageIDs(v); len(ids) > 0 {
		return ids[0]
	}
	if id := strings.Trim(v, "<> \t"); id != "" && !strings.ContainsAny(id, " \t") {
		return clean("<" + id + ">")
	}
	return ""
}

// looseDates are forms seen in the wild that the standard's parser refuses.
var looseDates = []string{
	time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", time.ANSIC, time.UnixDate,
	"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Monday, 2 January 2006 15:04:05 -0700", "Mon, 2-Jan-2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15.04.05 -0700", "Mon Jan 2 15:04:05 2006 -0700",
}

func parseDate(v string) time.Time {
	if v == "" || len(v) > 200 {
		return time.Time{}
	}
	t, err := netmail.ParseDate(v)
	if err != nil {
		v, _, _ = strings.Cut(v, "(")
		v = strings.Join(strings.Fields(v), " ")
		for _, layout := range looseDates {
			if t, err = time.Parse(layout, v); err == nil {
				break
			}
		}
	}
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
