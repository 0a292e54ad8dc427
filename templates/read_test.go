package templates_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/templates"
)

// demoMail is one file of the demo, read with the standard library alone.
type demoMail struct {
	file    string // "m365/01-….eml"
	folder  string // "m365"
	raw     []byte
	header  mail.Header
	date    time.Time
	id      string // with its angle brackets
	subject string // decoded; words in a charset that the standard library does not know stay encoded
	parts   []part // every leaf, in order
	types   map[string]bool
}

// part is one leaf of a mail's MIME tree, transfer encoding undone.
type part struct {
	mediaType string
	params    map[string]string
	encoding  string
	filename  string
	contentID string
	content   []byte
}

// readAll reads every demo mail in the order of its name, and fails the test on one that cannot be read.
func readAll(t *testing.T) []demoMail {
	t.Helper()
	files, err := fs.Glob(templates.DemoMail(), "*/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	var all []demoMail
	for _, file := range files {
		m, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, m)
	}
	return all
}

func read(file string) (demoMail, error) {
	m := demoMail{file: file, folder: path.Dir(file), types: map[string]bool{}}
	var err error
	if m.raw, err = fs.ReadFile(templates.DemoMail(), file); err != nil {
		return m, err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(m.raw))
	if err != nil {
		return m, err
	}
	m.header, m.id = msg.Header, msg.Header.Get("Message-Id")
	if m.date, err = msg.Header.Date(); err != nil {
		return m, err
	}
	m.subject = decodeWords(msg.Header.Get("Subject"))
	return m, m.walk(msg.Header.Get, msg.Body)
}

// walk adds the leaves under one MIME entity.
func (m *demoMail) walk(get func(string) string, body io.Reader) error {
	mediaType, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		return fmt.Errorf("Content-Type: %w", err)
	}
	m.types[mediaType] = true
	if strings.HasPrefix(mediaType, "multipart/") {
		reader := multipart.NewReader(body, params["boundary"])
		for {
			p, err := reader.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.walk(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	leaf := part{mediaType: mediaType, params: params, contentID: get("Content-Id")}
	switch leaf.encoding = get("Content-Transfer-Encoding"); leaf.encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "7bit", "8bit", "":
	default:
		return fmt.Errorf("transfer encoding %q", leaf.encoding)
	}
	if leaf.content, err = io.ReadAll(body); err != nil {
		return err
	}
	if disposition := get("Content-Disposition"); disposition != "" {
		_, dp, err := mime.ParseMediaType(disposition)
		if err != nil && dp == nil {
			return fmt.Errorf("Content-Disposition: %w", err)
		}
		// mime decodes RFC 2231 in UTF-8 and US-ASCII only; a name in another charset comes back empty.
		if leaf.filename = dp["filename"]; leaf.filename == "" {
			leaf.filename = "(undecoded)"
		}
	}
	m.parts = append(m.parts, leaf)
	return nil
}

// text returns the decoded bytes of the mail's text and report parts.
func (m demoMail) text() []byte {
	var all []byte
	for _, p := range m.parts {
		if p.filename == "" {
			all = append(append(all, p.content...), '\n')
		}
	}
	return all
}

func (m demoMail) attachments() (named []part) {
	for _, p := range m.parts {
		if p.filename != "" {
			named = append(named, p)
		}
	}
	return named
}

func (m demoMail) inCharset(charset string) bool {
	for _, p := range m.parts {
		if strings.EqualFold(p.params["charset"], charset) {
			return true
		}
	}
	return false
}

func decodeWords(s string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return decoded
	}
	return s
}
