package mail

import (
	"html"
	"strings"
)

// Plain returns the mail's text: Text, or when that is blank, what a reader would see of HTML. It is meant for
// matching and for previews, not for showing: the result is as hostile as the mail.
func (m Mail) Plain() string {
	if strings.TrimSpace(m.Text) != "" || m.HTML == "" {
		return m.Text
	}
	return stripTags(m.HTML)
}

// hidden elements hold no text a reader sees.
var hidden = map[string]bool{"style": true, "script": true, "head": true, "title": true, "template": true}

// block elements begin a new line.
var block = map[string]bool{
	"p": true, "div": true, "br": true, "tr": true, "li": true, "ul": true, "ol": true, "table": true, "blockquote": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "hr": true, "pre": true, "section": true,
}

// stripTags is linear in its input whatever that is: an element that is never closed is text.
func stripTags(s string) string {
	var b strings.Builder
	lower := asciiLower(s)
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(html.UnescapeString(s))
			break
		}
		b.WriteString(html.UnescapeString(s[:i]))
		s, lower = s[i:], lower[i:]
		if strings.HasPrefix(s, "<!--") {
			j := strings.Index(s, "-->")
			if j < 0 {
				break
			}
			s, lower = s[j+3:], lower[j+3:]
			continue
		}
		j := strings.IndexByte(s, '>')
		if j < 0 {
			b.WriteString(html.UnescapeString(s))
			break
		}
		name := tagName(lower[1:j])
		s, lower = s[j+1:], lower[j+1:]
		if hidden[name] {
			end := strings.Index(lower, "</"+name)
			if end < 0 {
				break
			}
			s, lower = s[end:], lower[end:]
			continue
		}
		if block[strings.TrimPrefix(name, "/")] {
			b.WriteByte('\n')
		}
	}
	lines := strings.Split(b.String(), "\n")
	kept := lines[:0]
	for _, l := range lines {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			kept = append(kept, l)
		}
	}
	return clean(strings.Join(kept, "\n"))
}

func tagName(tag string) string {
	if i := strings.IndexAny(tag, " \t\r\n"); i >= 0 {
		tag = tag[:i]
	}
	return strings.TrimSuffix(tag, "/")
}

// asciiLower keeps the length, which strings.ToLower does not.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
