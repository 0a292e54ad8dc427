package mail

import (
	"bytes"
	"strings"
)

// Bounds on what a hostile mail may make us do.
const (
	maxDepth = 20
	maxParts = 1000
)

// walker collects the bodies and attachments of one mail.
type walker struct {
	mail  *Mail
	parts int
	text  []string
	html  []string
}

// part takes one part, already split from its header. Parts beyond maxParts are dropped; a multipart nested
// deeper than maxDepth is kept unread as an attachment.
func (w *walker) part(h header, body []byte, parent string, depth int) {
	if w.parts++; w.parts > maxParts {
		return
	}
	kind, params := parseParams(h.get("Content-Type"))
	if kind == "" || !strings.Contains(kind, "/") {
		kind = "text/plain"
		if parent == "multipart/digest" {
			kind = "message/rfc822"
		}
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		if parts := splitParts(body, params["boundary"]); len(parts) > 0 {
			for _, p := range parts {
				ph, pb := splitHeader(p)
				if len(ph) == 0 && len(p) > 0 && p[0] != '\n' && p[0] != '\r' {
					pb = p
				}
				w.part(ph, pb, kind, depth+1)
			}
			return
		}
		kind = "text/plain" // no part could be found: show what there is
	}
	disposition, dparams := parseParams(h.get("Content-Disposition"))
	name := firstOf(dparams["filename"], params["name"])
	if name != "" {
		name = strings.TrimSpace(decodeWords(name, params["charset"]))
	}
	data := decodeTransfer(body, h.get("Content-Transfer-Encoding"))
	if disposition != "attachment" && name == "" {
		switch kind {
		case "text/plain", "text":
			w.text = append(w.text, toUTF8(data, params["charset"]))
			return
		case "text/html":
			w.html = append(w.html, toUTF8(data, params["charset"]))
			return
		}
	}
	id := strings.Trim(clean(h.get("Content-ID")), "<> \t")
	w.mail.Attachments = append(w.mail.Attachments, Attachment{
		Name: name, ContentType: kind, ContentID: id,
		Inline: disposition == "inline" || disposition != "attachment" && id != "" && parent == "multipart/related",
		Size:   len(data), Data: data,
	})
}

// splitParts cuts a multipart body at its boundary lines; preamble and epilogue are dropped. Without a declared
// boundary the first line that looks like one is taken.
func splitParts(body []byte, boundary string) [][]byte {
	boundary = strings.TrimRight(boundary, " \t")
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary)) {
		if boundary = guessBoundary(body); boundary == "" {
			return nil
		}
	}
	mark := []byte("--" + boundary)
	var parts [][]byte
	start := -1
	for at := 0; at < len(body) && len(parts) <= maxParts; {
		i := bytes.Index(body[at:], mark)
		if i < 0 {
			break
		}
		if i += at; i > 0 && body[i-1] != '\n' {
			at = i + len(mark)
			continue
		}
		line, rest := cutLine(body[i:])
		next := len(body) - len(rest)
		tail := bytes.TrimRight(line[len(mark):], " \t")
		last := bytes.HasPrefix(tail, []byte("--")) && len(bytes.Trim(tail, "- \t")) == 0
		if len(tail) > 0 && !last {
			at = i + len(mark)
			continue
		}
		if start >= 0 {
			parts = append(parts, trimLineEnd(body[start:max(i, start)]))
		}
		start, at = next, next
		if last {
			return parts
		}
	}
	if start >= 0 && start < len(body) {
		parts = append(parts, body[start:]) // the closing boundary is missing
	}
	return parts
}

// guessBoundary looks at the first lines only, so that prose with dashes far down is not taken apart.
func guessBoundary(body []byte) string {
	for n := 0; n < 20 && len(body) > 0; n++ {
		var line []byte
		line, body = cutLine(body)
		line = bytes.TrimRight(line, " \t")
		if len(line) > 6 && len(line) < 80 && bytes.HasPrefix(line, []byte("--")) && bytes.IndexByte(line, ' ') < 0 &&
			len(bytes.Trim(line, "-")) > 4 && looksLikeHeader(body) {
			return string(line[2:])
		}
	}
	return ""
}

func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

func tidyText(pieces []string) string {
	s := strings.Join(pieces, "\n")
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return s
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
