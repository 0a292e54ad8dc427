package templates_test

import (
	"bytes"
	"io"
	"mime"
	"path"
	"strings"
	"testing"
)

// wordsInAnyCharset decodes RFC 2047 words, and lets through the bytes of a charset it does not know: enough to read the
// addresses.
func wordsInAnyCharset() *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(_ string, in io.Reader) (io.Reader, error) { return in, nil }}
}

// TestEverySpecialityIsThere counts what the demo promises to show, so that an edit of the mails cannot lose it unseen.
func TestEverySpecialityIsThere(t *testing.T) {
	t.Parallel()
	all := readAll(t)
	header := func(key, value string) func(demoMail) bool {
		return func(m demoMail) bool { return strings.EqualFold(m.header.Get(key), value) }
	}
	subject := func(words ...string) func(demoMail) bool {
		return func(m demoMail) bool {
			for _, w := range words {
				if strings.Contains(strings.ToLower(m.subject), w) {
					return true
				}
			}
			return false
		}
	}
	raw := func(s string) func(demoMail) bool {
		return func(m demoMail) bool { return bytes.Contains(m.raw, []byte(s)) }
	}
	from := func(domain string) func(demoMail) bool {
		return func(m demoMail) bool { return senderDomain(t, m) == domain }
	}
	attached := func(ext string) func(demoMail) bool {
		return func(m demoMail) bool {
			for _, p := range m.attachments() {
				if path.Ext(p.filename) == ext {
					return true
				}
			}
			return false
		}
	}
	encoded := func(encoding string) func(demoMail) bool {
		return func(m demoMail) bool {
			for _, p := range m.parts {
				if p.encoding == encoding && strings.HasPrefix(p.mediaType, "text/") && p.filename == "" {
					return true
				}
			}
			return false
		}
	}
	both := func(a, b func(demoMail) bool) func(demoMail) bool {
		return func(m demoMail) bool { return a(m) && b(m) }
	}
	tests := []struct {
		name  string
		least int
		has   func(demoMail) bool
	}{
		{"m365", 20, func(m demoMail) bool { return m.folder == "m365" }},
		{"gmail", 20, func(m demoMail) bool { return m.folder == "gmail" }},

		{"attachment", 10, func(m demoMail) bool { return len(m.attachments()) > 0 }},
		{"PDF", 3, attached(".pdf")},
		{"PNG", 3, attached(".png")},
		{"calendar file", 2, attached(".ics")},
		{"CSV", 2, attached(".csv")},
		{"HTML", 10, func(m demoMail) bool { return m.types["text/html"] }},
		{"alternative", 8, func(m demoMail) bool { return m.types["multipart/alternative"] }},
		{"inline image", 2, inlineImage},

		{"windows-1252", 1, func(m demoMail) bool { return m.inCharset("windows-1252") }},
		{"iso-8859-1", 1, func(m demoMail) bool { return m.inCharset("iso-8859-1") }},
		{"windows-1256", 1, func(m demoMail) bool { return m.inCharset("windows-1256") }},
		{"iso-2022-jp", 1, func(m demoMail) bool { return m.inCharset("iso-2022-jp") }},
		{"koi8-r", 1, func(m demoMail) bool { return m.inCharset("koi8-r") }},
		{"quoted-printable text", 3, encoded("quoted-printable")},
		{"base64 text", 3, encoded("base64")},
		{"8-bit text", 1, encoded("8bit")},
		{"RFC 2047 subject", 8, func(m demoMail) bool { return strings.Contains(m.header.Get("Subject"), "=?") }},
		{"RFC 2047 name", 8, func(m demoMail) bool { return strings.Contains(m.header.Get("From"), "=?") }},
		{"RFC 2231 filename", 2, raw("filename*=")},
		{"RFC 2231 filename in pieces", 1, raw("filename*1*=")},

		{"out of office", 2, both(header("Auto-Submitted", "auto-replied"), func(m demoMail) bool { return !m.types["multipart/report"] })},
		{"bounce", 2, func(m demoMail) bool { return m.types["multipart/report"] && m.types["message/delivery-status"] }},
		{"list", 2, both(header("Precedence", "bulk"), func(m demoMail) bool { return m.header.Get("List-Id") != "" })},
		{"invitation", 1, func(m demoMail) bool {
			return m.types["text/calendar"] && bytes.Contains(m.text(), []byte("METHOD:REQUEST"))
		}},
		{"contact form", 1, both(header("Auto-Submitted", "auto-generated"), from("contoso.com"))},

		{"very long subject", 1, func(m demoMail) bool { return len(m.subject) > 250 }},
		{"no subject", 1, func(m demoMail) bool { _, ok := m.header["Subject"]; return !ok }},
		{"many in Cc", 1, func(m demoMail) bool { cc, err := m.header.AddressList("Cc"); return err == nil && len(cc) >= 10 }},
		{"alias", 1, header("To", "returns@contoso.com")},
		{"same subject from strangers", 2, func(m demoMail) bool {
			return m.folder == "m365" && m.subject == "Invoice" && m.header.Get("References") == ""
		}},
		{"fabrikam", 2, from("fabrikam.com")},
		{"adatum", 2, from("adatum.com")},
		{"English refund", 1, subject("money back", "refund ")},
		{"Danish refund", 2, both(header("Content-Language", "da"), subject("refundering"))},
		{"French refund", 2, both(header("Content-Language", "fr"), subject("remboursement"))},
		{"spoofed", 1, raw("dmarc=fail")},
		{"angry", 1, subject("unacceptable")},
		{"urgent", 2, subject("urgent", "haster")},
		{"quoted history", 3, raw("\r\n> ")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var n int
			for _, m := range all {
				if test.has(m) {
					n++
				}
			}
			if n < test.least {
				t.Errorf("%d mails, want at least %d", n, test.least)
			}
		})
	}
	for _, language := range []string{"en", "da", "fr", "ar", "de", "es", "ja", "pl", "he", "ru"} {
		t.Run("language "+language, func(t *testing.T) {
			for _, m := range all {
				if header("Content-Language", language)(m) {
					return
				}
			}
			t.Error("no mail")
		})
	}
}

// inlineImage reports whether the HTML of m shows an image that m carries.
func inlineImage(m demoMail) bool {
	for _, p := range m.parts {
		id := strings.Trim(p.contentID, "<>")
		if id != "" && strings.HasPrefix(p.mediaType, "image/") && bytes.Contains(m.text(), []byte("cid:"+id)) {
			return true
		}
	}
	return false
}
