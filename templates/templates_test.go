package templates_test

import (
	"bytes"
	"fmt"
	"net/mail"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/templates"
)

const (
	fewestMails = 52
	maxBytes    = 12_000 // of one file
)

func TestEveryMailIsComplete(t *testing.T) {
	t.Parallel()
	all := readAll(t)
	if len(all) < fewestMails {
		t.Errorf("%d mails, want at least %d", len(all), fewestMails)
	}
	ids := map[string]string{}
	for _, m := range all {
		if len(m.raw) > maxBytes {
			t.Errorf("%s: %d bytes, more than %d", m.file, len(m.raw), maxBytes)
		}
		if n := bytes.Count(m.raw, []byte("\n")); n != bytes.Count(m.raw, []byte("\r\n")) || n != bytes.Count(m.raw, []byte("\r")) {
			t.Errorf("%s: line ends other than CRLF", m.file)
		}
		if m.id == "" || ids[m.id] != "" {
			t.Errorf("%s: Message-ID %q is empty or that of %s", m.file, m.id, ids[m.id])
		}
		ids[m.id] = m.file
		if m.header.Get("Content-Language") == "" {
			t.Errorf("%s: no Content-Language", m.file)
		}
		for _, p := range m.parts {
			if len(p.content) == 0 {
				t.Errorf("%s: empty %s part", m.file, p.mediaType)
			}
			if p.encoding == "7bit" && bytes.ContainsFunc(p.content, func(r rune) bool { return r > 127 }) {
				t.Errorf("%s: %s part says 7bit and is not", m.file, p.mediaType)
			}
		}
	}
}

func TestNumbersAndDatesGiveTheSameOrder(t *testing.T) {
	t.Parallel()
	copenhagen := time.FixedZone("CET", 3600)
	place := map[string]int{}
	last := map[string]time.Time{}
	for _, m := range readAll(t) {
		place[m.folder]++
		if want := fmt.Sprintf("%02d-", place[m.folder]); !strings.HasPrefix(path.Base(m.file), want) {
			t.Errorf("%s: name does not begin with %s", m.file, want)
		}
		if !m.date.After(last[m.folder]) {
			t.Errorf("%s: %v is not after the mail before it", m.file, m.date)
		}
		last[m.folder] = m.date
		at := m.date.In(copenhagen)
		if at.Format(time.DateOnly) != "2026-03-02" || at.Hour() < 8 || at.Hour() >= 17 {
			t.Errorf("%s: %v is outside the working day", m.file, at)
		}
	}
}

func TestThreadsResolve(t *testing.T) {
	t.Parallel()
	seen := map[string]map[string]demoMail{"m365": {}, "gmail": {}}
	roots := map[string]int{}
	for _, m := range readAll(t) {
		references := strings.Fields(m.header.Get("References"))
		for _, id := range references {
			earlier, ok := seen[m.folder][id]
			if !ok {
				t.Errorf("%s: references %s, which no earlier mail of %s has", m.file, id, m.folder)
			} else if senderDomain(t, earlier) != senderDomain(t, m) {
				t.Errorf("%s: references %s of another customer", m.file, earlier.file)
			}
		}
		reply := m.header.Get("In-Reply-To")
		if n := len(references); n > 0 && reply != references[n-1] || n == 0 && reply != "" {
			t.Errorf("%s: In-Reply-To %q does not end References %q", m.file, reply, references)
		}
		if len(references) > 0 {
			roots[m.folder+references[0]]++
		}
		seen[m.folder][m.id] = m
	}
	if len(roots) < 6 {
		t.Errorf("%d threads, want at least 6", len(roots))
	}
	for root, answers := range roots {
		if answers > 3 {
			t.Errorf("thread %s: %d mails, want 2 to 4", root, answers+1)
		}
	}
}

func senderDomain(t *testing.T, m demoMail) string {
	t.Helper()
	from, err := parser.Parse(m.header.Get("From"))
	if err != nil {
		t.Fatalf("%s: From: %v", m.file, err)
	}
	return from.Address[strings.LastIndexByte(from.Address, '@')+1:]
}

// reserved are the domains that belong to nobody (RFC 2606, RFC 6761) and those that Microsoft keeps for examples, with the
// invented shop of the invented company.
var reserved = []string{"example.com", "example.org", "example.net", "fabrikam.com", "adatum.com", "contoso.com", "contoso.shop", "northwind.example"}

func TestOnlyReservedDomains(t *testing.T) {
	t.Parallel()
	host := regexp.MustCompile(`(?i)(?:@|https?://)((?:[a-z0-9-]+\.)+[a-z]{2,})`)
	for _, m := range readAll(t) {
		from, err := parser.ParseList(m.header.Get("From"))
		if err != nil || len(from) != 1 {
			t.Errorf("%s: From: %v, %v", m.file, from, err)
		}
		for _, key := range []string{"To", "Cc", "Reply-To", "Sender"} {
			if value := m.header.Get(key); value != "" {
				if _, err := parser.ParseList(value); err != nil {
					t.Errorf("%s: %s: %v", m.file, key, err)
				}
			}
		}
		whole, _, _ := bytes.Cut(m.raw, []byte("\r\n\r\n"))
		for _, p := range m.parts {
			whole = append(append(whole[:len(whole):len(whole)], '\n'), p.content...)
		}
		hosts := host.FindAllSubmatch(whole, -1)
		if len(hosts) == 0 {
			t.Errorf("%s: no address found", m.file)
		}
		for _, found := range hosts {
			name := strings.ToLower(string(found[1]))
			if !slices.ContainsFunc(reserved, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) }) {
				t.Errorf("%s: %s is not a reserved domain", m.file, name)
			}
		}
	}
}

// parser reads addresses whose names are in charsets that the standard library does not know.
var parser = mail.AddressParser{WordDecoder: wordsInAnyCharset()}

func TestDemoManifestNamesBothMailboxes(t *testing.T) {
	t.Parallel()
	manifest := templates.DemoManifest()
	for _, want := range []string{
		"version: 1\n", "\n  support@contoso.com:\n    provider: m365\n", "\n  hello@contoso.shop:\n    provider: gmail\n",
		"strategy: least-loaded, cap: 3", "strategy: round-robin",
	} {
		if !bytes.Contains(manifest, []byte(want)) {
			t.Errorf("the manifest has no %q", want)
		}
	}
	clear(manifest)
	if bytes.Equal(manifest, templates.DemoManifest()) {
		t.Error("a caller's change reached the embedded manifest")
	}
}

// TestEveryRuleHasMail finds, for each rule that looks at the subject, a mail of its mailbox that has one of its words.
func TestEveryRuleHasMail(t *testing.T) {
	t.Parallel()
	all := readAll(t)
	list := regexp.MustCompile(`subject: (?:\[(.*?)\]|([^,}]+))`)
	folder, rules := "", 0
	for line := range strings.Lines(string(templates.DemoManifest())) {
		switch {
		case strings.Contains(line, "provider: m365"):
			folder = "m365"
		case strings.Contains(line, "provider: gmail"):
			folder = "gmail"
		}
		found := list.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		rules++
		words := strings.Split(found[1]+found[2], ",")
		if !slices.ContainsFunc(all, func(m demoMail) bool {
			return m.folder == folder && slices.ContainsFunc(words, func(w string) bool {
				return strings.Contains(strings.ToLower(m.subject), strings.Trim(w, ` "`))
			})
		}) {
			t.Errorf("%s: no subject has one of %q", folder, words)
		}
	}
	if rules < 8 {
		t.Errorf("found %d rules on the subject, want at least 8", rules)
	}
}
