package mail

import "strings"

// Part is one node of a mail's MIME tree.
type Part struct {
	// Header holds the part's own fields, decoded.
	Header []Field
	// ContentType is "type/subtype" in lower case, never empty; Name is the file name, if any.
	ContentType, Name string
	// Body is decoded from its transfer encoding, and nil where Parts is not.
	Body []byte
	// Charset is what a text part declares.
	Charset string
	Parts   []Part
}

// Structure reads a mail as the tree its sender built, under the same bounds as Parse: deeper or further parts
// are kept as leaves or dropped. Attached mails are leaves. Bodies that need no decoding share memory with raw.
func Structure(raw []byte) Part {
	n := 0
	h, body := splitHeader(raw)
	return structure(h, body, "", 0, &n)
}

func structure(h header, body []byte, parent string, depth int, n *int) Part {
	*n++
	kind, params := parseParams(h.get("Content-Type"))
	if kind == "" || !strings.Contains(kind, "/") {
		kind = "text/plain"
		if parent == "multipart/digest" {
			kind = "message/rfc822"
		}
	}
	p := Part{ContentType: kind, Charset: params["charset"], Header: make([]Field, 0, len(h))}
	for _, f := range h {
		p.Header = append(p.Header, Field{Name: clean(f.name), Value: decodeField(f.name, f.value, p.Charset)})
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		for _, raw := range splitParts(body, params["boundary"]) {
			if *n >= maxParts {
				break
			}
			ph, pb := splitHeader(raw)
			p.Parts = append(p.Parts, structure(ph, pb, kind, depth+1, n))
		}
		if p.Parts != nil {
			return p
		}
	}
	_, dparams := parseParams(h.get("Content-Disposition"))
	p.Name = strings.TrimSpace(decodeWords(firstOf(dparams["filename"], params["name"]), p.Charset))
	p.Body = decodeTransfer(body, h.get("Content-Transfer-Encoding"))
	return p
}

// UTF8 is the body of a text part converted from its character set.
func (p Part) UTF8() string { return toUTF8(p.Body, p.Charset) }
