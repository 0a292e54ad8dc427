package mail

import "strings"

// maxAddresses bounds one field's recipients; what follows is dropped.
const maxAddresses = 5000

// appendAddresses reads an address field, already decoded: names that hold commas are quoted by then. Commas inside quotes, comments and angle brackets do not separate;
// semicolons do, as some clients write them; a group's name is dropped and its members are kept.
func appendAddresses(list []Address, value string) []Address {
	var depth int
	var quoted, angle bool
	start := 0
	lastQuote, lastParen, lastAngle := strings.LastIndexByte(value, '"'), strings.LastIndexByte(value, ')'), strings.LastIndexByte(value, '>')
	for i := 0; i <= len(value) && len(list) < maxAddresses; i++ {
		if i == len(value) {
			return appendAddress(list, value[start:])
		}
		switch c := value[i]; {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			// A quote that is never closed is a stray one: it must not swallow the other recipients.
			quoted = !quoted && i < lastQuote
		case quoted:
		case c == '(' && (depth > 0 || i < lastParen):
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case (c == ',' || c == ';') && (!angle || i > lastAngle || c == ';'):
			list = appendAddress(list, value[start:i])
			start, angle = i+1, false
		case c == ':' && !angle:
			start = i + 1
		}
	}
	return list
}

func appendAddress(list []Address, s string) []Address {
	plain, comment := cutComments(s)
	name, addr := "", ""
	if i := strings.LastIndexByte(plain, '<'); i >= 0 {
		addr, _, _ = strings.Cut(plain[i+1:], ">")
		name = plain[:i]
		if j := strings.LastIndexByte(addr, ':'); j >= 0 && strings.HasPrefix(addr, "@") {
			addr = addr[j+1:] // source route
		}
	} else {
		plain = strings.TrimSpace(plain)
		if i := strings.LastIndexAny(plain, " \t"); strings.Contains(plain, "@") || i < 0 {
			// The last word with an at sign is the address; words before it are a name someone forgot to separate.
			if i >= 0 && strings.Contains(plain[i:], "@") && !strings.HasPrefix(plain, `"`) {
				name, addr = plain[:i], plain[i+1:]
			} else {
				addr = plain
			}
		} else {
			name = plain
		}
	}
	a := Address{Name: phrase(name), Address: addrSpec(addr)}
	if a.Name == "" {
		a.Name = phrase(comment)
	}
	if a.Address == "" && (a.Name == "" || strings.Trim(a.Name, "<> ") == "") {
		return list
	}
	return append(list, a)
}

func addrSpec(s string) string {
	s = strings.Trim(s, " \t'<>")
	if strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) && len(s) > 1 {
		s = s[1 : len(s)-1]
	}
	return strings.ToLower(clean(strings.Join(strings.Fields(s), "")))
}

// phrase turns a display name into text: quotes off, escapes resolved.
func phrase(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, `"\`) {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] != '"':
				b.WriteByte(s[i])
			}
		}
		s = b.String()
	}
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	return s
}

// cutComments takes the (comments) out of s and returns the last of them, which old clients use for the name.
func cutComments(s string) (plain, comment string) {
	if strings.IndexByte(s, '(') < 0 {
		return s, ""
	}
	var out, cur strings.Builder
	depth, quoted := 0, false
	lastQuote, lastParen := strings.LastIndexByte(s, '"'), strings.LastIndexByte(s, ')')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if depth > 0 {
				cur.WriteByte(s[i+1])
			} else {
				out.WriteString(s[i : i+2])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted && i < lastQuote
		case quoted:
		case c == '(' && (depth > 0 || i < lastParen):
			if depth++; depth == 1 {
				cur.Reset()
				continue
			}
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				comment = cur.String()
				continue
			}
		}
		if depth > 0 {
			cur.WriteByte(c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String(), comment
}
