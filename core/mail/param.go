package mail

import (
	"sort"
	"strconv"
	"strings"
)

// maxParams bounds the parameters of one field.
const maxParams = 100

// parseParams reads "value; name=value; …" as Content-Type and Content-Disposition have it. Of a doubled
// parameter the first counts. RFC 2231 continuations and character sets are resolved.
func parseParams(s string) (value string, params map[string]string) {
	value, rest := cutParam(s)
	value = strings.ToLower(strings.Trim(clean(value), " \t\"'"))
	if rest == "" {
		return value, nil
	}
	params = map[string]string{}
	pieces := map[string][]piece{}
	for n := 0; rest != "" && n < maxParams; n++ {
		var p string
		p, rest = cutParam(rest)
		name, v, ok := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" {
			continue
		}
		v = unquote(strings.TrimSpace(v))
		base, order, extended := splitParamName(name)
		if base == name {
			if _, twice := params[name]; !twice {
				params[name] = v
			}
			continue
		}
		pieces[base] = append(pieces[base], piece{order, v, extended})
	}
	for base, list := range pieces {
		params[base] = joinPieces(list)
	}
	return value, params
}

// piece is one part of an RFC 2231 continued parameter.
type piece struct {
	order    int
	value    string
	extended bool
}

// splitParamName takes "filename*1*" apart.
func splitParamName(name string) (base string, order int, extended bool) {
	base, suffix, ok := strings.Cut(name, "*")
	if !ok || base == "" {
		return name, 0, false
	}
	if suffix == "" {
		return base, 0, true
	}
	extended = strings.HasSuffix(suffix, "*")
	order, err := strconv.Atoi(strings.TrimSuffix(suffix, "*"))
	if err != nil {
		return name, 0, false
	}
	return base, order, extended
}

func joinPieces(list []piece) string {
	sort.SliceStable(list, func(i, j int) bool { return list[i].order < list[j].order })
	charset := ""
	var out []byte
	for i, p := range list {
		v := p.value
		if p.extended {
			if i == 0 {
				if cs, rest, ok := strings.Cut(v, "'"); ok {
					if _, text, ok := strings.Cut(rest, "'"); ok {
						charset, v = cs, text
					}
				}
			}
			out = append(out, unpercent(v)...)
			continue
		}
		out = append(out, v...)
	}
	return toUTF8(out, charset)
}

func unpercent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

// cutParam cuts at the first semicolon outside quotes.
func cutParam(s string) (first, rest string) {
	quoted, lastQuote := false, strings.LastIndexByte(s, '"')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted && i < lastQuote
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func unquote(s string) string {
	if len(s) == 0 || s[0] != '"' {
		s, _, _ = strings.Cut(s, " (") // trailing comment
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String()
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
