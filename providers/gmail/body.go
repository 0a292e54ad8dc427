package gmail

import (
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf8"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/providers/google"
)

// Bounds of the MIME tree and of the text that is kept of it.
const (
	maxDepth    = 40
	maxParts    = 500
	maxText     = 32 << 10  // bytes of a message's text
	maxHTML     = 256 << 10 // bytes of HTML looked at to find it
	maxFileName = 400       // bytes of an attachment's name
)

// leaves gives the parts that hold something, in order, under the bounds.
func leaves(root *api.MessagePart) []*api.MessagePart {
	var out []*api.MessagePart
	n := 0
	var walk func(p *api.MessagePart, depth int)
	walk = func(p *api.MessagePart, depth int) {
		if p == nil || n >= maxParts {
			return
		}
		n++
		// An attached mail has parts too, but it is one attachment.
		if len(p.Parts) > 0 && depth < maxDepth && (depth == 0 || !attached(p)) {
			for _, child := range p.Parts {
				walk(child, depth+1)
			}
			return
		}
		out = append(out, p)
	}
	walk(root, 0)
	return out
}

// attached reports whether p is a file rather than text of the mail.
func attached(p *api.MessagePart) bool {
	kind := strings.ToLower(p.MimeType)
	if p.Filename != "" || strings.HasPrefix(kind, "message/") {
		return true
	}
	for _, h := range p.Headers {
		if h != nil && strings.EqualFold(h.Name, "Content-Disposition") &&
			strings.HasPrefix(strings.ToLower(strings.TrimSpace(h.Value)), "attachment") {
			return true
		}
	}
	return false
}

// mainText is the part with the mail's text: the first plain one, else the first of HTML; nil where there is none.
func mainText(root *api.MessagePart) *api.MessagePart {
	var html *api.MessagePart
	for _, p := range leaves(root) {
		if p.Body == nil || attached(p) {
			continue
		}
		switch strings.ToLower(p.MimeType) {
		case "text/plain":
			return p
		case "text/html":
			if html == nil {
				html = p
			}
		}
	}
	return html
}

// text is the beginning of what a reader sees: all plain parts, or of an HTML-only mail its text.
func text(root *api.MessagePart) string {
	var plain, html strings.Builder
	for _, p := range leaves(root) {
		if p.Body == nil || attached(p) {
			continue
		}
		switch strings.ToLower(p.MimeType) {
		case "text/plain":
			appendText(&plain, p, maxText)
		case "text/html":
			appendText(&html, p, maxHTML)
		}
	}
	return google.Clip(mail.Mail{Text: plain.String(), HTML: html.String()}.Plain(), maxText)
}

func appendText(b *strings.Builder, p *api.MessagePart, limit int) {
	if room := limit - b.Len(); room > 0 {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(google.Clip(partText(p, room), room))
	}
}

// partText decodes at most about limit bytes of a text part. Gmail sends text as UTF-8 whatever the part declares, or
// as the sender's bytes; which of them is not documented, so bytes that are UTF-8 count as such.
func partText(p *api.MessagePart, limit int) string {
	data := decodeBase64(p.Body.Data, limit)
	if utf8.Valid(data) && !strings.Contains(string(data), "\x1b") {
		return mail.Part{Body: data, Charset: "utf-8"}.UTF8()
	}
	charset := ""
	for _, h := range p.Headers {
		if h != nil && strings.EqualFold(h.Name, "Content-Type") {
			if _, params, err := mime.ParseMediaType(h.Value); err == nil {
				charset = params["charset"]
			}
		}
	}
	return mail.Part{Body: data, Charset: charset}.UTF8()
}

// decodeBase64 reads the beginning of s in either alphabet, with or without padding.
func decodeBase64(s string, limit int) []byte {
	if most := base64.RawURLEncoding.EncodedLen(limit + utf8.UTFMax); len(s) > most {
		s = s[:most]
	}
	s = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s)
	out := make([]byte, base64.RawURLEncoding.DecodedLen(len(s)))
	n, _ := base64.RawURLEncoding.Decode(out, []byte(s)) // what was read before a wrong character is kept
	out = out[:n]
	// The cut may have gone through a character.
	for i := 0; i < utf8.UTFMax && len(out) > limit-utf8.UTFMax && len(out) > 0; i++ {
		if r, size := utf8.DecodeLastRune(out); r != utf8.RuneError || size > 1 {
			break
		}
		out = out[:len(out)-1]
	}
	return out
}

// attachments are the parts that are files.
func attachments(root *api.MessagePart) []inbox.Attachment {
	var out []inbox.Attachment
	for _, p := range leaves(root) {
		kind := strings.ToLower(p.MimeType)
		if strings.HasPrefix(kind, "multipart/") || !attached(p) && (kind == "text/plain" || kind == "text/html" || kind == "") {
			continue
		}
		a := inbox.Attachment{Name: google.Clip(strings.ToValidUTF8(strings.ReplaceAll(p.Filename, "\x00", ""), "\uFFFD"), maxFileName), Type: google.Clip(kind, 100)}
		if p.Body != nil {
			a.Size = max(p.Body.Size, 0)
		}
		out = append(out, a)
	}
	return out
}
