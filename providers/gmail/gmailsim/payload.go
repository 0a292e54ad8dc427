package gmailsim

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/mail"
)

// metadata is format=metadata: the header of the mail alone, all fields or the named ones.
func metadata(raw []byte, names []string) *wirePart {
	m, err := mail.ParseHeader(raw)
	if err != nil {
		return &wirePart{MimeType: "text/plain"}
	}
	kind, _, _ := strings.Cut(m.Get("Content-Type"), ";")
	if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" {
		kind = "text/plain"
	}
	return &wirePart{MimeType: kind, Headers: wireHeaders(m.Header, names)}
}

func wireHeaders(fields []mail.Field, names []string) []wireHeader {
	list := make([]wireHeader, 0, len(fields))
	for _, f := range fields {
		if len(names) == 0 || containsFold(names, f.Name) {
			list = append(list, wireHeader{f.Name, f.Value})
		}
	}
	return list
}

func containsFold(list []string, s string) bool {
	for _, v := range list {
		if strings.EqualFold(v, s) {
			return true
		}
	}
	return false
}

// payload is format=full.
func (s *Sim) payload(m *message) *wirePart {
	return s.wirePart(m, mail.Structure(m.raw), "")
}

func (s *Sim) wirePart(m *message, p mail.Part, id string) *wirePart {
	w := &wirePart{PartID: id, MimeType: p.ContentType, Filename: p.Name, Headers: wireHeaders(p.Header, nil), Body: &wireBody{}}
	prefix := ""
	if id != "" {
		prefix = id + "."
	}
	for i, sub := range p.Parts {
		w.Parts = append(w.Parts, s.wirePart(m, sub, prefix+strconv.Itoa(i)))
	}
	if len(p.Parts) > 0 {
		return w
	}
	data, text := content(p)
	w.Body.Size = len(data)
	switch inline := text && (s.InlineLimit == 0 || len(data) <= s.InlineLimit); {
	case len(data) == 0:
	case inline:
		w.Body.Data = data
	default:
		w.Body.AttachmentID = s.attachmentID(m.id, id)
	}
	return w
}

// content is what a leaf holds. Gmail converts the mail's own text to UTF-8 and leaves the Content-Type field as it
// was; a text file keeps its bytes.
func content(p mail.Part) (data []byte, text bool) {
	if p.Name == "" && strings.HasPrefix(p.ContentType, "text/") {
		return []byte(p.UTF8()), true
	}
	return p.Body, false
}

// attachmentID differs on every read, as field reports say Gmail's does: only the part id is stable.
func (s *Sim) attachmentID(messageID, partID string) string {
	nonce := strconv.FormatUint(s.count.nonce.Add(1), 36)
	return "ANGjdJ" + base64.RawURLEncoding.EncodeToString([]byte(messageID+"/"+partID+"/"+nonce))
}

func (c *call) getAttachment() (any, error) {
	m, err := c.message(c.vars["messageId"])
	if err != nil {
		return nil, err
	}
	code, ok := strings.CutPrefix(c.vars["id"], "ANGjdJ")
	plain, err := base64.RawURLEncoding.DecodeString(code)
	pieces := strings.Split(string(plain), "/")
	if !ok || err != nil || len(pieces) != 3 || pieces[0] != m.id {
		return nil, invalid("Invalid attachment token")
	}
	part := mail.Structure(m.raw)
	for _, i := range strings.Split(pieces[1], ".") {
		if i == "" {
			break
		}
		n, err := strconv.Atoi(i)
		if err != nil || n < 0 || n >= len(part.Parts) {
			return nil, invalid("Invalid attachment token")
		}
		part = part.Parts[n]
	}
	data, _ := content(part)
	return wireBody{Size: len(data), Data: data}, nil
}
